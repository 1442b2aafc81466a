"""The one cause for which a study shows nothing: found from predictions, losses and the score of a constant."""

import math

import numpy as np

from bridle.report._diagnoses import DOMINATES, learned_nothing, penalty_share, piloted
from bridle.report._facts import decimals_for, leading_arm, recorded
from bridle.results import StudyResult
from bridle.stats import Evidence, nan_mean
from bridle.wording import decimal_text, setting_name, strengths_text

CLOSE = 0.01
"""Scores and losses that differ by less than this share are the same."""
SCALED = 10.0
"""A target whose mean or standard deviation is beyond this is not scaled."""
RARE = 0.2
"""Where all other classes together have less than this share of the rows, an accuracy hardly sees them."""


def cause(result: StudyResult, evidence: Evidence) -> str:
    """Return the first cause that applies; later ones would follow from it, or contradict it."""
    if 0 not in evidence.choices:
        return ""
    return no_better(result, evidence) or constant(result, evidence) or too_weak(result, evidence)


def no_better(result: StudyResult, evidence: Evidence) -> str:
    """Where the network without a penalty is no better than a constant: the constant's score, and why."""
    none, digits = evidence.choices[0].best, decimals_for(result, evidence)
    value = recorded(result, "constant").get(result.score.measure)
    flat = learned_nothing(result, evidence)
    if value is None or _beats(result, float(evidence.validation.mean[none]), value):
        if flat:
            return "Without a penalty the network predicts the same for every row: it has not learned anything."
        return ""
    what = "the largest class" if _is_accuracy(result) else "the best constant"
    return (
        f"Without a penalty, validation {result.score.name} is "
        f"{decimal_text(float(evidence.validation.mean[none]), digits)}, "
        f"and {decimal_text(value, digits)} where {what} is predicted for every row: no better than a constant. "
        f"{_why(result, evidence, value, flat)}"
    )


def _beats(result: StudyResult, score: float, value: float) -> bool:
    """Whether a score is better than a constant's by more than half a row, or one in a hundred."""
    rows = float(result.fold_rows.sum(axis=1).max())
    margin = 0.5 / rows if _is_accuracy(result) else CLOSE * (abs(value) or 1.0)
    return result.score.better(score - value) > margin


def _is_accuracy(result: StudyResult) -> bool:
    """Whether the score is an accuracy: of the scores of constants in the record, only those count rows."""
    return "acc" in result.score.name.lower()


def _why(result: StudyResult, evidence: Evidence, value: float, flat: bool) -> str:
    target, train = recorded(result, "target"), float(evidence.train.mean[evidence.choices[0].best])
    mean, deviation = target.get("mean", 0.0), target.get("standard deviation", 1.0)
    learned = math.isfinite(train) and _beats(result, train, value)
    if target and not learned and (max(abs(mean), deviation) > SCALED or not deviation * SCALED > 1):
        return (
            f"The target is not scaled (mean {mean:.3g}, standard deviation {deviation:.3g}): scale it, for example "
            "with target_preprocessor=StandardScaler()."
        )
    if _is_accuracy(result) and 1 - value < RARE:
        return (
            "Such an accuracy hardly sees the other classes: choose a score that does, such as score='loss' or an AUC, "
            "or weigh the classes with class_weight='balanced'."
        )
    if flat:
        return "The network predicts the same for every row: it has not learned anything."
    if learned:
        return "On the rows that it is trained on, it is better: what it learns there does not hold on other rows."
    return "Neither is it on the rows that it is trained on: train longer, or with another learning rate."


def constant(result: StudyResult, evidence: Evidence) -> str:
    """From which strength on the network predicts the same for every row."""
    first, said = leading_arm(result, evidence), []
    for arm in [arm for arm in evidence.choices if arm != 0]:
        path = result.path(arm)
        flat = evidence.constant[path]
        if flat.all():
            said.append(f"{result.arms[arm].name} at every strength tried")
        elif arm == first and evidence.constant[evidence.choices[arm].best]:
            said.append(f"{setting_name(result, evidence.choices[arm].best)}, the best of its arm")
        elif flat.any() and len(result.arms[arm].slots) == 1 and not piloted(result, arm):
            said.append(f"{result.arms[arm].name} from {strengths_text(result, int(path[np.argmax(flat)]))} on")
    if not said:
        return ""
    return f"The penalty is so strong that the network predicts the same for every row: {'; '.join(said)}."


def too_weak(result: StudyResult, evidence: Evidence) -> str:
    """Where every strength of the leading arm scores exactly as no penalty does."""
    arm = leading_arm(result, evidence)
    if arm is None:
        return ""
    none, path = evidence.choices[0].best, result.path(arm)
    means = evidence.validation.mean
    if not np.all(means[path] == means[none]) or evidence.constant[path].any():
        return ""
    name = result.arms[arm].name
    losses = nan_mean(result.scores_of("validation/loss"), (1, 2)) if "validation/loss" in result.quantities else means
    moved = float(np.nanmax(np.abs(losses[path] - losses[none]), initial=0.0))
    if moved <= CLOSE * abs(float(losses[none])) and not (penalty_share(result)[path] > DOMINATES).any():
        return f"{name} changes the score at no strength tried: they are too weak to matter."
    return (
        f"{name} changes validation {result.score.name} at no strength tried, though it changes the network: so few "
        "rows do not show it. Choose a score that moves, such as score='loss'."
    )

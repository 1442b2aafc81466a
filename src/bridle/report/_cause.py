"""The cause if a study shows no effect: from predictions, losses and the score of a constant."""

import math
from dataclasses import dataclass

import numpy as np

from bridle.report._diagnoses import DOMINANT_SHARE, has_auto_range, learned_nothing, nearly_perfect, penalty_share
from bridle.report._facts import decimals_for, handed_over, recorded
from bridle.results import StudyResult
from bridle.stats import Evidence, nan_mean
from bridle.wording import decimal_text, leading_arm, setting_name, strengths_text

CLOSE_SHARE = 0.01
"""Scores and losses that differ by less than this share count as equal."""
UNSCALED_TARGET = 10.0
"""A target is not scaled if its mean or standard deviation exceeds this, or the inverse of the latter does."""
RARE_SHARE = 0.2
"""An accuracy is insensitive to the smaller classes if they are together less than this share of the rows."""

PEAK_FACTOR = 5.0
"""Weights and training rows are about as many if neither is more than this multiple of the other."""
FITTED_SHARE = 0.05
"""Training rows are fitted almost exactly if their loss is below this share of the loss of the best constant."""

TRAIN = "train longer or with another learning rate, since the network has not learned yet"
"""The next step for a network that has not learned."""


@dataclass(frozen=True)
class Cause:
    """Cause of a study without effect: the code of its diagnosis, a sentence, and the next step."""

    code: str
    sentence: str
    step: str = ""


def cause(result: StudyResult, evidence: Evidence) -> str:
    """Return the sentence of the first cause that applies."""
    first = find_cause(result, evidence)
    return "" if first is None else first.sentence


def find_cause(result: StudyResult, evidence: Evidence) -> Cause | None:
    """Return the first cause that applies; later ones would follow from it or contradict it."""
    if 0 not in evidence.choices:
        return None
    return no_better(result, evidence) or constant(result, evidence) or too_weak(result, evidence)


def no_better(result: StudyResult, evidence: Evidence) -> Cause | None:
    """Return why the network without a penalty is no better than a constant, with the constant's score."""
    none, digits = evidence.choices[0].best, decimals_for(result, evidence)
    value = _score_of_constant(result)
    flat = learned_nothing(result, evidence)
    if value is None or _beats(result, float(evidence.validation.mean[none]), value):
        if flat:
            sentence = "Without a penalty the network predicts the same for every row: it has learned nothing."
            return Cause("BR002", sentence, TRAIN)
        return None
    what = "the largest class" if _is_accuracy(result) else "the best constant"
    score = decimal_text(float(evidence.validation.mean[none]), digits)
    why = _why(result, evidence, value, flat)
    sentence = (
        f"Without a penalty, validation {result.score.name} is {score}, "
        f"and {decimal_text(value, digits)} where {what} is predicted for every row: no better than a constant. "
        f"{why.sentence}"
    )
    return Cause(why.code, sentence, why.step)


def constant_score(result: StudyResult, evidence: Evidence) -> float | None:
    """Return the score of the best constant if the trained network is no better; None if it is, or if it is unknown."""
    value = _score_of_constant(result)
    if value is None or 0 not in evidence.choices or _beats(result, handed_over(result, evidence)[1], value):
        return None
    return value


def _score_of_constant(result: StudyResult) -> float | None:
    """Return the score of the best constant: of all rows, or of the baseline on the same folds; None if unknown."""
    value = recorded(result, "constant").get(result.score.measure)
    if value is not None or result.score.pooled:
        return value
    means = [float(nan_mean(one.scores, 0)) for one in result.baselines if one.name == "constant"]
    return means[0] if means and math.isfinite(means[0]) else None


def _beats(result: StudyResult, score: float, value: float) -> bool:
    """Return True if a score is better than a constant's by more than half a row, or by one percent."""
    rows = float(result.fold_rows.sum(axis=1).max())
    margin = 0.5 / rows if _is_accuracy(result) else CLOSE_SHARE * (abs(value) or 1.0)
    return result.score.better(score - value) > margin


def _is_accuracy(result: StudyResult) -> bool:
    """Return True if the score is an accuracy: only then the recorded score of a constant counts rows."""
    return "acc" in result.score.name.lower()


def _why(result: StudyResult, evidence: Evidence, value: float, flat: bool) -> Cause:
    target, train = recorded(result, "target"), float(evidence.train.mean[evidence.choices[0].best])
    mean, deviation = target.get("mean", 0.0), target.get("standard deviation", 1.0)
    learned = math.isfinite(train) and _beats(result, train, value)
    if target and not learned and (max(abs(mean), deviation) > UNSCALED_TARGET or not deviation * UNSCALED_TARGET > 1):
        return Cause(
            "BR005",
            f"The target is not scaled (mean {mean:.3g}, standard deviation {deviation:.3g}): scale it, for example "
            "with target_preprocessor=StandardScaler().",
            "scale the target, for example with target_preprocessor=StandardScaler()",
        )
    if _is_accuracy(result) and 1 - value < RARE_SHARE:
        return Cause(
            "BR003",
            "Such an accuracy hardly depends on the other classes. Choose a score that does, such as score='loss' "
            "or an AUC, or weigh the classes with class_weight='balanced'.",
            "choose a score such as 'loss', since predicting the largest class does as well",
        )
    if flat:
        return Cause("BR002", "The network predicts the same for every row: it has learned nothing.", TRAIN)
    peak = interpolates(result, evidence) if target and learned else None
    if peak is not None:
        return peak
    if learned:
        return Cause(
            "BR004",
            "On its training rows it is better: what it learns there does not hold on other rows.",
            "collect more rows or other columns, since a constant prediction does as well",
        )
    return Cause(
        "BR004", "On its training rows it is no better either: train longer, or with another learning rate.", TRAIN
    )


def interpolates(result: StudyResult, evidence: Evidence) -> Cause | None:
    """Return the interpolation peak: the training rows are fitted exactly, with about as many weights as rows.

    Source: Belkin, Hsu, Ma and Mandal, "Reconciling modern machine-learning practice and the classical bias-variance
    trade-off", PNAS 116, 2019.
    """
    weights = sum(array.size for array in next(iter(result.weights.values()), ()))
    rows, worst = float(result.fold_rows[:, 0].mean()), recorded(result, "constant").get("loss")
    if not weights or worst is None or not 1 / PEAK_FACTOR <= weights / rows <= PEAK_FACTOR:
        return None
    none = evidence.choices[0].best
    loss = float(nan_mean(result.scores_of("train/loss"), (1, 2))[none])
    if not loss < FITTED_SHARE * worst:
        return None
    sentence = (
        f"It fits its {rows:,.0f} training rows almost exactly with {weights:,} weights: near the number of rows, the "
        "error on other rows has a peak."
    )
    return Cause("BR021", sentence, "try stronger penalties, since the network fits its training rows exactly")


def constant(result: StudyResult, evidence: Evidence) -> Cause | None:
    """Return the strengths from which on the network predicts the same for every row."""
    first = leading_arm(result, evidence)
    collapses = []
    for arm in [arm for arm in evidence.choices if arm != 0]:
        path = result.path(arm)
        flat = evidence.constant[path]
        if flat.all():
            collapses.append(f"{result.arms[arm].name} at every strength tried")
        elif arm == first and evidence.constant[evidence.candidate(arm)]:
            collapses.append(f"{setting_name(result, evidence.candidate(arm))}, the best of its arm")
        elif flat.any() and len(result.arms[arm].slots) == 1 and not has_auto_range(result, arm):
            collapses.append(f"{result.arms[arm].name} from {strengths_text(result, int(path[np.argmax(flat)]))} on")
    if not collapses:
        return None
    sentence = f"The penalty is so strong that the network predicts the same for every row: {'; '.join(collapses)}."
    at_best = first is not None and bool(evidence.constant[evidence.candidate(first)])
    return Cause("BR001", sentence, "try weaker strengths, since these make all predictions the same" * at_best)


def too_weak(result: StudyResult, evidence: Evidence) -> Cause | None:
    """Return a warning if every strength of the leading arm scores exactly as no penalty does."""
    arm = leading_arm(result, evidence)
    if arm is None:
        return None
    none, path = evidence.choices[0].best, result.path(arm)
    means = evidence.validation.mean
    if not np.all(means[path] == means[none]) or evidence.constant[path].any():
        return None
    name = result.arms[arm].name
    losses = nan_mean(result.scores_of("validation/loss"), (1, 2)) if "validation/loss" in result.quantities else means
    moved = float(np.nanmax(np.abs(losses[path] - losses[none]), initial=0.0))
    if moved <= CLOSE_SHARE * abs(float(losses[none])) and not (penalty_share(result)[path] > DOMINANT_SHARE).any():
        sentence = f"{name} does not change the score at any strength tried: they are too weak to matter."
        return Cause("BR008", sentence, "try much stronger ones, since these change nothing")
    sentence = (
        f"{name} does not change validation {result.score.name} at any strength tried, although it changes the "
        "network: there are too few rows to show it. Choose a finer score, such as score='loss'."
    )
    step = "choose a finer score, such as 'loss', since this one shows no difference"
    return Cause("BR009", sentence, "" if nearly_perfect(result, evidence, 0) else step)

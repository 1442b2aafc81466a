"""The network that a study hands over, in a report: the mean of the refits or a single one, with its scores."""

import math
from functools import partial

import numpy as np
from jaxtyping import Int

from bridle.report._facts import decimals_for
from bridle.results import StudyResult
from bridle.stats import Evidence, HandOver, choose_hand_over, nan_mean
from bridle.wording import decimal_text


def hand_over_note(result: StudyResult, evidence: Evidence) -> str:
    """Return which network is handed over, with its scores; empty for one seed and for older studies."""
    choice = _choice(result, evidence)
    if choice is None or result.seed_mean is None:
        return ""
    digits, name, count = decimals_for(result, evidence), result.score.name, len(choice.refits)
    known = math.isfinite(choice.mean)
    scores = (
        f"{decimal_text(choice.mean, digits)} against {decimal_text(choice.single, digits)} for one" if known else ""
    )
    if count < 2:
        scores = f" (validation {name} {scores})" if known and not result.seed_mean.obstacle else ""
        return f"The model handed over is a single refit, not the mean over seeds: {choice.obstacle}{scores}."
    text = f"The model handed over is the mean of the refits of {count} seeds"
    text += f": validation {name} {scores}." if known else "."
    return " ".join([text, *_gain_of_mean(result, evidence, digits), *_held_out(result, evidence, digits)])


def _gain_of_mean(result: StudyResult, evidence: Evidence, digits: int) -> list[str]:
    """Return the score of the mean without a penalty, since a mean gains less by one than a single network."""
    if not evidence.winner or result.seed_mean is None:
        return []
    candidates = [evidence.candidate(arm) for arm in (0, evidence.winner)]
    scores = result.seed_mean.scores[candidates]
    if not np.isfinite(scores).all() or (_seeds(result, candidates[0]) != _seeds(result, candidates[1])).any():
        return []
    (without, mean), digits_of = scores.mean(1).tolist(), partial(decimal_text, decimals=digits)
    text = f"Without a penalty, the mean of as many scores {digits_of(without)}"
    worse = result.score.better(mean - without) < 0 and digits_of(mean) != digits_of(without)
    return [f'{text}, which is better: `result.model("none")` is that model.' if worse else f"{text}."]


def _seeds(result: StudyResult, candidate: int) -> Int[np.ndarray, "fold"]:
    """Return the number of finished seeds of a candidate in each fold."""
    return np.isfinite(result.scores()[candidate]).sum(0)


def _held_out(result: StudyResult, evidence: Evidence, digits: int) -> list[str]:
    """Return the score of the mean on each held-out part."""
    candidate, texts = evidence.candidate(evidence.winner or 0), []
    for name, scores in result.seed_mean.held_out.items() if result.seed_mean else ():
        mean, single = float(scores[candidate]), float(nan_mean(result.held_out_scores(name)[candidate], 0))
        if math.isfinite(mean):
            values = f"{decimal_text(mean, digits)} against {decimal_text(single, digits)} for one"
            texts.append(f"On the {result.held_out_rows[name]:,} {name} rows it is {values}.")
    return texts


def hand_over_facts(result: StudyResult, evidence: Evidence) -> dict[str, object] | None:
    """Return the choice for a program; None if no refit finished.

    `seeds` that are averaged; the validation scores of a `single` seed and of the `mean`; `mean_held_out`, the score of
    the mean on each held-out part; the `obstacle` for a mean of several seeds.
    """
    choice = _choice(result, evidence)
    if choice is None:
        return None
    candidate = evidence.candidate(evidence.winner or 0)
    held_out = {} if result.seed_mean is None else result.seed_mean.held_out
    return {
        "seeds": result.members.seed[choice.refits],
        "single": choice.single,
        "mean": choice.mean,
        "mean_held_out": {name: scores[candidate] for name, scores in held_out.items()},
        "obstacle": choice.obstacle,
    }


def _choice(result: StudyResult, evidence: Evidence) -> HandOver | None:
    if evidence.winner is None:
        return None
    return choose_hand_over(result, evidence.candidate(evidence.winner))

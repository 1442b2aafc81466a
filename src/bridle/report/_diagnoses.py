"""What is wrong with a network or a study, in words: one function per diagnosis, empty where there is none."""

import math

import numpy as np

from bridle.report._facts import decimals_for, leading_arm, measured_tensors, recorded
from bridle.results import StudyResult
from bridle.stats import COLLAPSE_SHARE, Evidence, nan_mean, prediction_spread
from bridle.wording import decimal_text, strengths_text

DOMINATES = 0.5
"""A penalty that is a larger share of the loss than this dominates it."""
FLAT = 1e-6
"""Predictions that differ by no more than this between rows are the same, up to single precision."""
FALLING = 0.05
"""A loss that still falls by more than this share over the last tenth of the epochs has not converged."""
RISES = 0.1
"""A validation loss that ends by more than this share above its minimum overfits."""
DEAD = 0.05
"""More dead units than without a penalty, as a share, that are worth saying."""
FEWEST_POINTS = 20
"""Points of a curve without which nothing is said about its course."""


def piloted(result: StudyResult, arm: int) -> bool:
    """Whether the arm's strengths reach, by design, to where the network collapses."""
    return any(name.startswith(f"{result.arms[arm].name}: ") for name in result.provenance.get("ranges", {}))


def dominates(result: StudyResult, evidence: Evidence) -> str:
    """From which strength on the penalty is the larger part of the loss."""
    arm = leading_arm(result, evidence)
    if arm is None:
        return ""
    share = penalty_share(result)[result.path(arm)]
    over = np.flatnonzero(share > DOMINATES)
    if not len(over):
        return ""
    path, best = result.path(arm), evidence.choices[arm].best
    own = float(penalty_share(result)[best])
    if own > DOMINATES:
        return (
            f"At its best strength {result.arms[arm].name} is {100 * own:.0f} % of the loss: the penalty dominates "
            "what the network is trained for."
        )
    if piloted(result, arm):
        return ""
    said = strengths_text(result, int(path[over[0]]))
    return f"From {said} on, {result.arms[arm].name} is more than half of the loss." if said else ""


def penalty_share(result: StudyResult) -> np.ndarray:
    """The share of the penalties in the loss of the last epoch, for every setting, over seeds and folds."""
    total = result.quantity("fit/loss")[:, -1]
    names = [name for name in result.quantities if name.startswith("penalty/")]
    charged = sum((result.quantity(name)[:, -1] for name in names), start=np.zeros(len(total)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return nan_mean(result.by_candidate(np.where(total > 0, charged / total, np.nan)), (1, 2))


def learned_nothing(result: StudyResult, evidence: Evidence) -> bool:
    """Whether even the network without a penalty predicts the same for every row."""
    spread = prediction_spread(result)[evidence.choices[0].best]
    deviation = recorded(result, "target").get("standard deviation", 0.0)
    return bool(spread <= max(FLAT, COLLAPSE_SHARE * deviation))


def unconverged(result: StudyResult, evidence: Evidence) -> str:
    """Where the loss of the leading setting, or without a penalty, still falls."""
    loss, said = result.quantity("fit/loss"), []
    if loss.shape[1] < FEWEST_POINTS or (result.members.kept < result.members.epochs).any():
        return ""
    for arm in dict.fromkeys((0, leading_arm(result, evidence))):
        if arm is None or arm not in evidence.choices:
            continue
        setting = evidence.choices[arm].best
        rows = (result.members.setting == setting) & result.members.finished
        course = nan_mean(loss[rows], 0)
        tenth = max(1, len(course) // 10)
        early, late = course[-2 * tenth : -tenth].mean(), course[-tenth:].mean()
        fell = (early - late) / abs(early) if early else 0.0
        if fell > FALLING:
            said.append(f"{'without a penalty' if arm == 0 else f'with {result.arms[arm].name}'} by {100 * fell:.0f} %")
    if not said:
        return ""
    return f"The loss still falls in the last tenth of the epochs ({', '.join(said)}): more may change the answer."


def overfits(result: StudyResult, evidence: Evidence) -> str:
    """From which epoch on validation rows get worse without a penalty."""
    if 0 not in evidence.choices or "validation/loss" not in result.quantities or learned_nothing(result, evidence):
        return ""
    rows = (result.members.setting == evidence.choices[0].best) & result.members.finished & (result.members.fold >= 0)
    course = nan_mean(result.quantity("validation/loss")[rows], 0)
    if len(course) < FEWEST_POINTS or not np.isfinite(course).all():
        return ""
    lowest = int(np.argmin(course))
    if lowest > 0.9 * len(course) or course[-1] <= (1 + RISES) * course[lowest]:
        return ""
    digits = decimals_for(result, evidence)
    return (
        f"Without a penalty the network overfits from epoch {result.epochs[lowest]}: its validation loss rises from "
        f"{decimal_text(float(course[lowest]), digits)} to {decimal_text(float(course[-1]), digits)}."
    )


def dead(result: StudyResult, evidence: Evidence) -> str:
    """How many units of a penalized activation are zero in every row."""
    arm = leading_arm(result, evidence)
    if arm is None or 0 not in evidence.choices:
        return ""
    said = []
    for tensor in measured_tensors(result, "dead"):
        share = nan_mean(result.by_candidate(result.diagnostic(f"dead/{tensor}")), (1, 2))
        here, none = (float(share[evidence.choices[each].best]) for each in (arm, 0))
        if here > none + DEAD:
            said.append(f"{100 * here:.0f} % of the units of {tensor} ({100 * none:.0f} % without a penalty)")
    name = result.arms[arm].name
    return f"With {name}, some units are zero in every row, and could be cut out: {'; '.join(said)}." if said else ""


def too_few(result: StudyResult, evidence: Evidence) -> str:
    """How many rows an undecided difference of this size would need."""
    arm = leading_arm(result, evidence)
    gain = evidence.gains.get(arm) if arm is not None else None
    if gain is None or gain.clear or not math.isfinite(gain.low) or not gain.difference > 0 or gain.over != "folds":
        return ""
    rows = int(result.fold_rows.sum(axis=1).max())
    half = (gain.high - gain.low) / 2
    wanted = rows * (half / gain.difference) ** 2
    if wanted > 1e6:
        return f"These {rows:,} rows are too few to tell such a difference, and so would a million be."
    rounded = int(float(f"{wanted:.1g}"))
    return (
        f"These {rows:,} rows are too few to tell: for an interval as narrow as this difference, about {rounded:,} "
        "rows would be needed (its width falls with the root of their number)."
    )

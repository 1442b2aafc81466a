"""Diagnoses of a network or a study: one function each, which returns a sentence or an empty text."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bridle.report._facts import decimals_for, is_rate, lead, network_call, recorded
from bridle.results import StudyResult
from bridle.stats import COLLAPSE_SHARE, Evidence, nan_mean, prediction_spread
from bridle.wording import decimal_text, leading_arm, measured_tensors, strengths_text

DOMINANT_SHARE = 0.5
"""A penalty dominates the loss if it is a larger share of it than this."""
EQUAL_PREDICTIONS = 1e-6
"""Predictions that differ between rows by at most this are equal, up to single precision."""
UNCONVERGED_SHARE = 0.05
"""A loss has not converged if it falls by more than this share over the last tenth of the epochs."""
OVERFIT_SHARE = 0.1
"""A network overfits if its validation loss ends by more than this share above its minimum."""
DEAD_SHARE = 0.05
"""Dead units are reported if their share exceeds that without a penalty by this."""
MAX_NEEDED_ROWS = 1e6
"""The largest number of rows that is named as one that would do."""
NEARLY_PERFECT = 0.995
"""A share of right predictions from which on more training cannot raise it by much."""
MIN_CURVE_POINTS = 20
"""The fewest points of a curve that is diagnosed."""


def has_auto_range(result: StudyResult, arm: int) -> bool:
    """Return True if the arm's range was measured, so that by design it reaches to where the network collapses."""
    ranges = result.provenance.get("ranges")
    return isinstance(ranges, Mapping) and any(name.startswith(f"{result.arms[arm].name}: ") for name in ranges)


def dominates(result: StudyResult, evidence: Evidence) -> str:
    """Return the strength from which on the penalty is the larger part of the loss."""
    arm = leading_arm(result, evidence)
    if arm is None:
        return ""
    share = penalty_share(result)[result.path(arm)]
    over = np.flatnonzero(share > DOMINANT_SHARE)
    if not len(over):
        return ""
    path, best = result.path(arm), evidence.candidate(arm)
    share_at_best = float(penalty_share(result)[best])
    if share_at_best > DOMINANT_SHARE:
        return (
            f"At its best strength, {result.arms[arm].name} accounts for "
            f"{100 * share_at_best:.0f} % of the loss: the penalty dominates the training."
        )
    if has_auto_range(result, arm):
        return ""
    strengths = strengths_text(result, int(path[over[0]]))
    return f"From {strengths} on, {result.arms[arm].name} is more than half of the loss." if strengths else ""


def penalty_share(result: StudyResult) -> np.ndarray:
    """Return the share of the penalties in the loss of the last epoch for every candidate, over seeds and folds."""
    total = result.quantity("fit/loss")[:, -1]
    names = [name for name in result.quantities if name.startswith("penalty/")]
    charged = sum((result.quantity(name)[:, -1] for name in names), start=np.zeros(len(total)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return nan_mean(result.by_candidate(np.where(total > 0, charged / total, np.nan)), (1, 2))


def learned_nothing(result: StudyResult, evidence: Evidence) -> bool:
    """Return True if even the network without a penalty predicts the same for every row."""
    spread = prediction_spread(result)[evidence.choices[0].best]
    deviation = recorded(result, "target").get("standard deviation", 0.0)
    return bool(spread <= max(EQUAL_PREDICTIONS, COLLAPSE_SHARE * deviation))


def nearly_perfect(result: StudyResult, evidence: Evidence, arm: int) -> bool:
    """Return True if nearly every row is right at the best strength of an arm, so that there is nothing to gain."""
    score = float(evidence.validation.mean[evidence.candidate(arm)])
    return is_rate(result, evidence) and score >= NEARLY_PERFECT


def unconverged(result: StudyResult, evidence: Evidence) -> str:
    """Return a warning if the loss of the leading candidate, or without a penalty, still falls."""
    falls = still_falling(result, evidence)
    if not falls:
        return ""
    words = (f"{f'with {result.arms[arm].name}' if arm else 'without a penalty'} by {share}" for arm, share in falls)
    return f"The loss still falls in the last tenth of the epochs ({', '.join(words)}): more may change the answer."


def still_falling(result: StudyResult, evidence: Evidence) -> list[tuple[int, str]]:
    """Return the arms, of none and the leading one, whose loss still falls, with its fall in the last tenth.

    The log loss of a network that is nearly always right falls for as long as it trains, so such an arm is left out.
    """
    loss, falls = result.quantity("fit/loss"), []
    if loss.shape[1] < MIN_CURVE_POINTS:
        return []
    stopped = result.setting_arm[result.members.setting[result.members.kept < result.members.epochs]]
    for arm in dict.fromkeys((0, leading_arm(result, evidence))):
        if arm is None or arm not in evidence.choices or arm in stopped or nearly_perfect(result, evidence, arm):
            continue
        setting = evidence.candidate(arm)
        rows = (result.members.setting == setting) & result.members.finished
        curve = nan_mean(loss[rows], 0)
        tenth = max(1, len(curve) // 10)
        early, late = curve[-2 * tenth : -tenth].mean(), curve[-tenth:].mean()
        fall = (early - late) / abs(early) if early else 0.0
        if fall > UNCONVERGED_SHARE:
            falls.append((arm, f"{100 * fall:.0f} %"))
    return falls


def overfits(result: StudyResult, evidence: Evidence) -> str:
    """Return the epoch from which on the validation loss rises without a penalty."""
    if 0 not in evidence.choices or "validation/loss" not in result.quantities or learned_nothing(result, evidence):
        return ""
    rows = (result.members.setting == evidence.choices[0].best) & result.members.finished & (result.members.fold >= 0)
    curve = nan_mean(result.quantity("validation/loss")[rows], 0)
    if len(curve) < MIN_CURVE_POINTS or not np.isfinite(curve).all():
        return ""
    lowest = int(np.argmin(curve))
    if lowest > 0.9 * len(curve) or curve[-1] <= (1 + OVERFIT_SHARE) * curve[lowest]:
        return ""
    digits = decimals_for(result, evidence)
    return (
        f"Without a penalty the network overfits from epoch {result.epochs[lowest]}: its validation loss rises from "
        f"{decimal_text(float(curve[lowest]), digits)} to {decimal_text(float(curve[-1]), digits)}."
    )


def dead(result: StudyResult, evidence: Evidence) -> str:
    """Return the shares of units of a penalized activation that are zero in every row."""
    arm = leading_arm(result, evidence)
    if arm is None or 0 not in evidence.choices:
        return ""
    shares = []
    for tensor in measured_tensors(result, "dead"):
        share = nan_mean(result.by_candidate(result.diagnostic(f"dead/{tensor}")), (1, 2))
        here, none = (float(share[evidence.candidate(index)]) for index in (arm, 0))
        if here > none + DEAD_SHARE:
            shares.append(f"{100 * here:.0f} % of the units of {tensor} ({100 * none:.0f} % without a penalty)")
    name = result.arms[arm].name
    return f"With {name}, some units are zero in every row and could be removed: {'; '.join(shares)}." if shares else ""


@dataclass(frozen=True)
class NeededRows:
    """Number of rows that would decide a difference, as a sentence and as a next step."""

    sentence: str
    step: str


def too_few(result: StudyResult, evidence: Evidence) -> str:
    """Return the number of rows that would decide a difference of this size."""
    needed = needed_rows(result, evidence)
    return "" if needed is None else needed.sentence


def needed_rows(result: StudyResult, evidence: Evidence) -> NeededRows | None:
    """Return the rows that would decide the difference of the leading arm; None if it is decided or not better."""
    arm = leading_arm(result, evidence)
    gain = lead(result, evidence)[0] if arm in evidence.gains else None
    if gain is None or gain.clear or not math.isfinite(gain.low) or not gain.difference > 0 or gain.over == "seeds":
        return None
    rows = int(result.fold_rows.sum(axis=1).max())
    half = gain.difference - gain.low
    needed = rows * (half / gain.difference) ** 2
    with_it = "with it" if evidence.winner else "without a penalty"
    network = f"use the network {with_it} ({network_call(result)})"
    if needed > max(MAX_NEEDED_ROWS, 10 * rows):
        many = "a million rows" if 10 * rows <= MAX_NEEDED_ROWS else "ten times as many rows"
        return NeededRows(
            f"These {rows:,} rows are too few to detect this difference. Even {many} would be too few.",
            f"{network}; even {many} would not settle it",
        )
    digits = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    rounded = digits * math.ceil(needed / digits)
    sentence = (
        f"These {rows:,} rows are too few to detect this difference: an interval as narrow as that would need about "
        f"{rounded:,} rows (its width falls with the square root of their number)."
    )
    return NeededRows(sentence, f"{network}; about {rounded:,} rows instead of {rows:,} rows would settle it")

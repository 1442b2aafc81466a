"""How the answer was chosen: selection and its optimism, nested cross-validation, races, what was screened before."""

import math

import numpy as np

from bridle.report._facts import decimals_for, interval, leading_arm
from bridle.results import StudyResult
from bridle.stats import Evidence, compare_all, is_share, nan_mean, widest_difference
from bridle.wording import decimal_text, join_names, setting_name

MOST = 3
"""So many strengths that a race stopped are named."""


def selection(result: StudyResult, evidence: Evidence) -> str:
    """Which numbers the selection saw."""
    tried = int((result.setting_arm != 0).sum())
    if not evidence.choices or tried == 0:
        return ""
    names = [f"{result.held_out_rows[name]:,} {name}" for name in result.held_out]
    after = f" The {join_names(names)} rows were used once, after it." if names else ""
    if tried == 1:
        return "One strength was tried, so nothing was selected."
    if result.folds == 1:
        return (
            f"The strength was chosen on the same {result.fold_rows[0, 1]:,} validation rows that give the validation "
            "score, so that score and its interval are optimistic for the one chosen. "
            f"The selection saw validation scores only.{after}"
        )
    return f"{_optimism(result, evidence)} The selection saw validation scores only.{after}"


def handed_over(result: StudyResult, evidence: Evidence) -> str:
    """Return which model follows, where the answer in one sentence does not say it."""
    first, winner = leading_arm(result, evidence), evidence.winner
    if first not in evidence.gains or winner is None or (winner and evidence.gains[winner].low > 0):
        return ""
    if winner:
        return (
            f"The model that is handed over is that of {setting_name(result, evidence.choices[winner].best)}, "
            "whose score is the better one, if not by a clear margin."
        )
    text = "The model that is handed over is the one without a penalty."
    means, (best, none) = evidence.validation.mean, (evidence.choices[arm].best for arm in (first, 0))
    if result.folds > 1 and result.score.better(float(means[best] - means[none])) > 0:
        text += (
            f" {setting_name(result, best)} has the better mean over all folds, but that mean chose its strength; on "
            "rows that had no say in it, the arm is no better than no penalty."
        )
    return text


def _optimism(result: StudyResult, evidence: Evidence) -> str:
    """How the score that is quoted differs from the one that chose."""
    arm, digits = leading_arm(result, evidence), decimals_for(result, evidence)
    said = "Scores are quoted with each fold's strength chosen by the other folds."
    if arm is None or len(result.path(arm)) == 1:
        return said
    best, quoted = (
        decimal_text(float(score), digits)
        for score in (evidence.validation.mean[evidence.choices[arm].best], evidence.quoted[arm])
    )
    if best == quoted:
        return f"{said} At the strength that all folds choose, {result.arms[arm].name} has the same."
    better = result.score.better(float(evidence.validation.mean[evidence.choices[arm].best]) - evidence.quoted[arm])
    why = f": the best of {len(result.path(arm))} means is optimistic" if better > 0 else ""
    return f"{said} At the strength that all folds choose, {result.arms[arm].name} has {best} instead of {quoted}{why}."


def nested(result: StudyResult, evidence: Evidence) -> str:
    """What nested cross-validation says of the whole selection, and how optimistic the number was that chose."""
    found, digits = result.nested, decimals_for(result, evidence)
    if found is None:
        return ""
    seeds = nan_mean(found.scores, 0), nan_mean(found.none, 0), found.chosen
    score, none, chosen = (float(nan_mean(values, 0)) for values in seeds)
    sign = 1.0 if result.score.maximize else -1.0
    both = np.stack([found.scores, found.none])
    kind = {"share": is_share(both, found.rows), "widest": widest_difference(result.score.measure, both)}
    (gain,) = compare_all([sign * found.scores], sign * found.none, found.rows, **kind)
    names = [result.arms[arm].name if arm >= 0 else "nothing" for arm in found.arm]
    counts = ", ".join(f"{name} {names.count(name)}" for name in dict.fromkeys(names))
    text = (
        f"Nested cross-validation: what is chosen inside {len(found.rows)} outer folds ({counts}) has "
        f"{result.score.measure} {decimal_text(score, digits)} on the rows left out, "
        f"{decimal_text(none, digits)} without a penalty"
    )
    if math.isfinite(gain.low):
        text += f" (difference {decimal_text(gain.difference, digits)}, 95 % interval {interval(gain, digits)})"
    better = sign * (chosen - score)
    side = "optimistic" if better > 0 else "pessimistic"
    return (
        f"{text}. The scores that chose are {decimal_text(chosen, digits)} on average: {side} by "
        f"{decimal_text(abs(better), digits)}."
    )


def raced(result: StudyResult, evidence: Evidence) -> str:
    """Which strengths a race stopped, and when."""
    stopped = result.provenance.get("stopped", {})
    if not stopped:
        return ""
    listed = [f"{name} ({when})" for name, when in list(stopped.items())[:MOST]]
    more = f" and {len(stopped) - MOST} more" if len(stopped) > MOST else ""
    return f"Stopped in the race as clearly worse than the best of their arm: {', '.join(listed)}{more}."


def screened(result: StudyResult, evidence: Evidence) -> str:
    """How many arms were looked at on the same rows before these."""
    count, left = (int(result.provenance.get(name, 0)) for name in ("screened", "not screened"))
    if not count:
        return ""
    text = f"{count} arms were looked at on these rows; the intervals are corrected over all of them."
    return text + (f" {left} more did not fit into the time given." if left else "")


def prepared_target(result: StudyResult, evidence: Evidence) -> str:
    """Return in which units scores are, where they are not those of the target as it was given."""
    if result.score.measure not in result.prepared_units or "y" not in result.preparation:
        return ""
    text = " ".join(result.preparation["y"].text.split())
    return f"The scores are in units of the target as {text} gives it, not in its own."


def about(result: StudyResult, evidence: Evidence) -> str:
    """What the interval of the verdict is about: what varied, and what did not."""
    first = leading_arm(result, evidence)
    if first not in evidence.gains or not math.isfinite(evidence.gains[first].low) or result.folds == 1:
        return ""
    rows = int(result.fold_rows[:, 0].mean())
    return (
        f"The interval is about the mean difference between networks trained on about {rows:,} rows drawn like these, "
        "over initialisation, shuffling and rows; its width comes from the differences between folds."
    )

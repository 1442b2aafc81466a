"""Notes on the selection: its optimism, nested cross-validation, races, and arms that were screened before."""

import math
from collections.abc import Mapping

import numpy as np

from bridle.report._facts import decimals_for, interval
from bridle.results import StudyResult
from bridle.stats import Evidence, compare_all, is_share, nan_mean, read_looks, widest_difference
from bridle.wording import decimal_text, join_names, leading_arm, setting_name, tried_kind

MAX_STOPPED_NAMES = 3
"""The most strengths that are named of those that a race stopped."""


def selection(result: StudyResult, evidence: Evidence) -> str:
    """Return the rows and scores that the selection used."""
    tried = int((result.setting_arm != 0).sum())
    if not evidence.choices or tried == 0:
        return ""
    names = [f"{result.held_out_rows[name]:,} {name}" for name in result.held_out]
    after = f" The {join_names(names)} rows were used once, after the selection." if names else ""
    if tried == 1:
        return "Only one strength was tried, so there was no selection."
    if result.folds == 1:
        return (
            f"The strength was chosen on the same {result.fold_rows[0, 1]:,} validation rows that give the validation "
            "score. That score and its interval are therefore optimistic for the strength chosen. "
            f"The selection used validation scores only.{after}"
        )
    return f"{_optimism(result, evidence)} The selection used validation scores only.{after}"


def final_model(result: StudyResult, evidence: Evidence) -> str:
    """Return a sentence about the selected model, if the verdict does not name it."""
    first, winner = leading_arm(result, evidence), evidence.winner
    if first not in evidence.gains or winner is None or (evidence.claim and evidence.claim.low > 0):
        return ""
    if winner:
        return (
            f"The selected model is that of {setting_name(result, evidence.candidate(winner))}, "
            "whose score is better, but not by a clear margin."
        )
    text = f"The selected model is the one without a {tried_kind(result)}."
    if evidence.gains[first].difference > 0:
        return f"{text} {result.arms[first].name} scores better, but no gain above zero is expected of it."
    means, (best, none) = evidence.validation.mean, (evidence.choices[arm].best for arm in (first, 0))
    if result.folds > 1 and result.score.better(float(means[best] - means[none])) > 0:
        text += (
            f" {setting_name(result, best)} has the better mean over all folds, but its strength was chosen by that "
            f"mean. On rows that did not take part in the choice, the arm is no better than no {tried_kind(result)}."
        )
    return text


def recommendation(result: StudyResult, evidence: Evidence) -> str:
    """Return the candidate of the rule `recommended`, its expected gain, and how much of it comes from the study."""
    offer, digits = evidence.recommendation, decimals_for(result, evidence)
    if evidence.sparse is not None:
        return (
            f"The frontier of {result.score.measure} and exact zeros in {evidence.sparse.tensor} selects: of the "
            "candidates that no arm beats at equal zeros, the one nearest to the bend of the first stage's frontier."
        )
    if offer is None or not evidence.gains:
        return ""
    if not offer.learned:
        why = f": {offer.reason}" if offer.reason else ""
        return f"Your data alone select, by the best score. Experience with other data is not used{why}."
    if not math.isfinite(offer.data_share):
        return ""
    if not math.isfinite(offer.error):
        return "The interval of the arm alone selects: experience with other data expects no gain."
    share = 100 * offer.data_share
    source = f"{share:.0f} % of the precision comes from your data, the rest from experience with other data"
    if not offer.known:
        source += ", which has other kinds of penalties only"
    if not offer.arm:
        gain = "found" if evidence.primary is not None and not evidence.primary.difference > 0 else "expected"
        nothing = f"no {tried_kind(result)}"
        return f"The rule recommended selects {nothing}, since no gain above zero is {gain}; {source}."
    return (
        f"The rule recommended selects {setting_name(result, offer.candidate)}, with an expected gain of "
        f"{decimal_text(offer.gain, digits)} in {result.score.measure} (standard deviation "
        f"{decimal_text(offer.error, digits)}); {source}."
    )


def optimism(result: StudyResult, evidence: Evidence) -> str:
    """Return by how much the selecting score of the leading arm is better than the quoted one; empty if it is not."""
    arm, digits = leading_arm(result, evidence), decimals_for(result, evidence)
    if arm is None or len(result.path(arm)) == 1:
        return ""
    if result.folds == 1:
        rows = int(result.fold_rows[0, 1])
        return f"{len(result.path(arm))} strengths were compared on the {rows:,} rows that give the score."
    selecting, outside = _both_scores(evidence, arm)
    if not result.score.better(selecting - outside) > 0:
        return ""
    best, quoted = decimal_text(selecting, digits), decimal_text(outside, digits)
    if best == quoted:
        return ""
    return (
        f"The score that selected {result.arms[arm].name} is {best}; on rows without a part in the selection it "
        f"is {quoted}."
    )


def _both_scores(evidence: Evidence, arm: int) -> tuple[float, float]:
    """Return the score that selected an arm, and the one on rows that took no part."""
    if evidence.selected and arm == evidence.winner:
        return float(evidence.validation.mean[evidence.candidate(arm)]), evidence.chosen
    return float(evidence.validation.mean[evidence.choices[arm].best]), evidence.quoted[arm]


def _optimism(result: StudyResult, evidence: Evidence) -> str:
    """Return how the quoted score differs from the score that selected."""
    arm, digits = leading_arm(result, evidence), decimals_for(result, evidence)
    text = "Scores are quoted with each fold's strength chosen by the other folds."
    if arm is None or len(result.path(arm)) == 1:
        return text
    selecting, outside = _both_scores(evidence, arm)
    best, quoted = decimal_text(selecting, digits), decimal_text(outside, digits)
    if best == quoted:
        return f"{text} At the strength that all folds choose together, {result.arms[arm].name} has the same score."
    of_all = evidence.selected and arm == evidence.winner
    tried = len(result.setting_arm) if of_all else len(result.path(arm))
    why = f": the best of {tried} means is optimistic" if result.score.better(selecting - outside) > 0 else ""
    return (
        f"{text} At the strength that all folds choose together, {result.arms[arm].name} has {best} instead of "
        f"{quoted}{why}."
    )


def nested_note(result: StudyResult, evidence: Evidence) -> str:
    """Return the nested score of the whole selection, and how optimistic the selecting score was."""
    outer, digits = result.nested, decimals_for(result, evidence)
    if outer is None:
        return ""
    by_fold = nan_mean(outer.scores, 0), nan_mean(outer.none, 0), outer.chosen
    score, none, selecting = (float(nan_mean(values, 0)) for values in by_fold)
    sign = 1.0 if result.score.maximize else -1.0
    both = np.stack([outer.scores, outer.none])
    share, widest = is_share(both, outer.rows), widest_difference(result.score.measure, both)
    (gain,) = compare_all([sign * outer.scores], sign * outer.none, outer.rows, share=share, widest=widest)
    names = [result.arms[arm].name if arm >= 0 else "nothing" for arm in outer.arm]
    counts = ", ".join(f"{name} {names.count(name)}" for name in dict.fromkeys(names))
    text = (
        f"Nested cross-validation: the choices inside {len(outer.rows)} outer folds ({counts}) have "
        f"{result.score.measure} {decimal_text(score, digits)} on the rows left out, against "
        f"{decimal_text(none, digits)} without a {tried_kind(result)}"
    )
    if math.isfinite(gain.low):
        text += f" (difference {decimal_text(gain.difference, digits)}, 95 % interval {interval(gain, digits)})"
    better = sign * (selecting - score)
    side = "optimistic" if better > 0 else "pessimistic"
    return (
        f"{text}. The scores that they were chosen by are {decimal_text(selecting, digits)} on average: {side} by "
        f"{decimal_text(abs(better), digits)}."
    )


def race_note(result: StudyResult, evidence: Evidence) -> str:
    """Return the strengths that a race stopped, and when."""
    stopped = result.provenance.get("stopped")
    if not isinstance(stopped, Mapping) or not stopped:
        return ""
    listed = [f"{name} ({when})" for name, when in list(stopped.items())[:MAX_STOPPED_NAMES]]
    more = f" and {len(stopped) - MAX_STOPPED_NAMES} more" if len(stopped) > MAX_STOPPED_NAMES else ""
    return f"Stopped in the race as clearly worse than the best of their arm: {', '.join(listed)}{more}."


def looks_note(result: StudyResult, evidence: Evidence | None = None) -> str:
    """Return how often the question was answered, and from how many seeds; empty for a single answer."""
    looks = read_looks(result)
    counts = sorted({*looks.earlier, *looks.planned, len(result.seeds)})
    if len(counts) < 2:
        return ""
    listed = f"{join_names([str(count) for count in counts])} seeds"
    if result.row_scores is None:
        return f"The question is answered {len(counts)} times, after {listed}; intervals over folds ignore that."
    return f"The question is answered {len(counts)} times, after {listed}; intervals over rows account for all of them."


def screening_note(result: StudyResult, evidence: Evidence) -> str:
    """Return the number of arms that were screened on the same rows."""
    count, left = (result.provenance.get(name) for name in ("screened", "not screened"))
    if not count:
        return ""
    text = f"{count} arms were screened on these rows; the intervals are corrected for all of them."
    return text + (f" {left} more did not fit into the time limit." if left else "")


def target_units(result: StudyResult, evidence: Evidence) -> str:
    """Return a note on the units of the scores, if the target was transformed."""
    if result.score.measure not in result.prepared_units or "y" not in result.preparation:
        return ""
    text = " ".join(result.preparation["y"].text.split())
    return f"The scores are in the units of the target after {text}, not in its original units."


def interval_scope(result: StudyResult, evidence: Evidence) -> str:
    """Return what the interval of the verdict covers."""
    first = leading_arm(result, evidence)
    if first not in evidence.gains or not math.isfinite(evidence.gains[first].low) or result.folds == 1:
        return ""
    rows = int(result.fold_rows[:, 0].mean())
    units = "folds" if evidence.primary is None else "rows and between seeds"
    return (
        f"The interval is for the mean difference between networks trained on about {rows:,} rows drawn like these, "
        f"over initialisation, shuffling and rows. Its width comes from the differences between {units}."
    )

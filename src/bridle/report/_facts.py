"""Facts that sentences, tables and pages share, read from a result and its evidence."""

from collections.abc import Mapping

import numpy as np

from bridle.results import StudyResult
from bridle.stats import EVEN, SAME, SET_ASIDE, WIDE, Comparison, Evidence, HeldOutCheck
from bridle.wording import decimal_text, leading_arm, score_decimals, strengths_text


def decimals_for(result: StudyResult, evidence: Evidence) -> int:
    """Return the decimals of the scores that sentences compare: without a penalty, and of the leading arm."""
    arms = [arm for arm in (0, leading_arm(result, evidence)) if arm is not None and arm in evidence.choices]
    return max((row_decimals(result, evidence, evidence.candidate(arm)) for arm in arms), default=3)


def lead(result: StudyResult, evidence: Evidence) -> tuple[Comparison, float]:
    """Return the comparison that the answer quotes, and the score with a penalty.

    Those of `evidence.claim`, or of the leading arm where none is selected; of a candidate along a frontier its own.
    """
    if evidence.claim is not None and evidence.claim is evidence.primary:
        return evidence.claim, evidence.chosen
    if evidence.winner and evidence.winner in evidence.answer_gains:
        return evidence.answer_gains[evidence.winner], evidence.answer_scores[evidence.winner]
    arm = leading_arm(result, evidence) or 0
    return evidence.gains[arm], evidence.quoted[arm]


def handed_over(result: StudyResult, evidence: Evidence) -> tuple[int, float]:
    """Return the candidate of the trained network, and its score on rows that did not select it."""
    if evidence.winner:
        return evidence.candidate(evidence.winner), lead(result, evidence)[1]
    candidate = evidence.choices[0].best
    return candidate, float(evidence.validation.mean[candidate])


def network_call(result: StudyResult) -> str:
    """Return where the trained network is: the call, and for a table the file that `bridle tune` writes as well."""
    return "model.keras or result.model()" if result.baselines else "result.model()"


def contradicting(result: StudyResult, evidence: Evidence) -> tuple[str, HeldOutCheck] | None:
    """Return the first held-out part that contradicts the gain, with its check; None if there is none.

    A clear gain is contradicted by a loss, and any gain by a difference that chance does not explain.
    """
    claim = evidence.claim
    if claim is None:
        return None
    for name, check in evidence.held_out_checks.items():
        is_less = check.difference < claim.difference and not check.explained
        if is_less or (claim.low > 0 and check.difference < 0):
            return name, check
    return None


def recorded(result: StudyResult, name: str) -> dict[str, float]:
    """Return the finite numbers in one entry of the provenance, by name; empty for older studies."""
    facts = result.provenance.get(name)
    if not isinstance(facts, Mapping):
        return {}
    return {key: float(value) for key, value in facts.items() if isinstance(value, int | float) and np.isfinite(value)}


def set_aside(result: StudyResult, arm: int) -> tuple[int, int] | None:
    """Return the training rows of a fit that an arm sets aside to stop early, and of how many; None if it does not."""
    facts = result.provenance.get(SET_ASIDE)
    counts = facts.get(result.arms[arm].name) if isinstance(facts, Mapping) else None
    return (int(counts[0]), int(counts[1])) if isinstance(counts, list | tuple) and len(counts) == 2 else None


def row_decimals(result: StudyResult, evidence: Evidence, setting: int) -> int:
    """Return the decimals of one candidate's scores: three digits of its mean and one of its standard error."""
    errors = evidence.validation.error if result.folds > 1 else evidence.validation.seed_sd
    return score_decimals(float(evidence.validation.mean[setting]), float(errors[setting]))


def no_interval(gain: Comparison) -> str:
    """Return why a difference has no interval, and what to do about it."""
    what = gain.over if gain.count != 1 else gain.over.removesuffix("s")
    advice = {"rows": "use more rows", "folds": "use more folds"}.get(gain.over, "use more seeds or folds")
    if gain.missing == SAME:
        return f"no difference in any of {gain.count} {what}, so there is no interval"
    if gain.missing == EVEN:
        return f"the same difference in all {gain.count} {what}, so there is no interval; {advice}"
    if gain.missing == WIDE:
        return f"{gain.count} {what} that differ widely are too few to give an interval; {advice}"
    return f"{gain.count} {what} with both scores: too few to give an interval; {advice}"


def confidence(gains: Mapping[int, Comparison], family: int = 0) -> str:
    """Return the level of the family of intervals: Holm's correction gives the first of m the level 1 - alpha/m."""
    widest = max(gain.level for gain in gains.values())
    return f"{100 * (1 - (1 - widest) * max(len(gains), family)):.4g} %"


def missing_fits(result: StudyResult) -> int:
    """Return the number of fits that were planned and neither finished nor diverged."""
    return int((~result.members.finished & (result.members.diverged_at < 0)).sum())


def ordered(result: StudyResult) -> list[int]:
    """Return all candidates, arm by arm and weak to strong: the order of every table."""
    return [int(setting) for arm in range(len(result.arms)) for setting in result.path(arm)]


def interval(gain: Comparison, digits: int) -> str:
    """Return the interval of a difference, as `0.02 to 0.07`."""
    return f"{decimal_text(gain.low, digits)} to {decimal_text(gain.high, digits)}"


def rule(evidence: Evidence, arm: int, setting: int) -> str:
    """Return the names of the rules that select a candidate: `best`, `1se`, `recommended`, several, or none."""
    return ", ".join(name for name, candidate in evidence.marks(arm).items() if candidate == setting)


def treatment(result: StudyResult, setting: int) -> str:
    """Return a candidate as the subject of a sentence: `L1 activity: hidden/output l1 = 0.003`."""
    name, strengths = result.arms[result.setting_arm[setting]].name, strengths_text(result, setting)
    return f"{name}: {strengths}" if strengths else name


def is_rate(result: StudyResult, evidence: Evidence) -> bool:
    """Return True if the score is a share of rows, so that its standard error is binomial."""
    means = evidence.validation.mean[np.isfinite(evidence.validation.mean)]
    return "acc" in result.score.name.lower() and bool(((means >= 0) & (means <= 1)).all())


def binomial_error(share: float, rows: int, digits: int) -> str:
    """Return the standard error `sqrt(p (1 - p) / n)` of a share p of n rows, as text."""
    return decimal_text(float(np.sqrt(max(0.0, share * (1 - share)) / rows)), digits)

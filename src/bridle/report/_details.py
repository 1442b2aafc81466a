"""The details behind the verdict: every number and qualification of the answer."""

import math

import numpy as np

from bridle.report._baselines import worse_than_baseline
from bridle.report._cause import cause
from bridle.report._confidence import confidence_note
from bridle.report._diagnoses import dead, dominates, overfits, too_few, unconverged
from bridle.report._equal_zeros import sparse_headline
from bridle.report._facts import (
    confidence,
    decimals_for,
    interval,
    lead,
    missing_fits,
    no_interval,
    treatment,
)
from bridle.report._hand_over import hand_over_note
from bridle.report._notes import counted, edge, outside, over_seeds, sparsity, stopping_cost, stronger
from bridle.report._selection_notes import (
    final_model,
    interval_scope,
    looks_note,
    nested_note,
    race_note,
    recommendation,
    screening_note,
    selection,
    target_units,
)
from bridle.results import StudyResult
from bridle.stats import Comparison, Evidence, weigh_evidence
from bridle.wording import (
    decimal_text,
    escape_control_characters,
    leading_arm,
    setting_name,
    strengths_text,
    tried_kind,
    tried_kinds,
)


def details(result: StudyResult, evidence: Evidence | None = None) -> str:
    """Return the lines of `detail_lines` as one text."""
    return "\n".join(detail_lines(result, evidence))


def detail_lines(result: StudyResult, evidence: Evidence | None = None) -> tuple[str, ...]:
    """Return the answer in full, then its qualifications, with one or two sentences on each line.

    A difference is called a gain only if its interval, corrected over arms, excludes zero.

    Args:
        result: the measurements of the study.
        evidence: `weigh_evidence(result)`, if it was computed already.

    """
    evidence = evidence or weigh_evidence(result)
    notes = (
        *(final_model, hand_over_note, over_seeds, nested_note, outside, stopping_cost),
        *(sparsity, stronger, edge, counted, race_note),
        *(confidence_note, too_few, cause, dominates, overfits, unconverged, dead),
        *(recommendation, screening_note, selection, target_units, interval_scope, looks_note),
    )
    head = (headline(result, evidence), worse_than_baseline(result, evidence)[0], others(result, evidence))
    if evidence.sparse is not None:
        notes = (hand_over_note, over_seeds, stopping_cost, sparsity, counted, unconverged, dead)
        notes += (recommendation, screening_note, target_units, interval_scope)
        head = (sparse_headline(result, evidence, evidence.sparse),)
    texts = [_early(result) + head[0], *head[1:], *(note(result, evidence) for note in notes)]
    return tuple(line for text in texts for line in escape_control_characters(text).splitlines())


def _early(result: StudyResult) -> str:
    """Return the opening words if the study was stopped and has only a part of its fits."""
    missing = missing_fits(result)
    return f"Stopped early, {missing:,} of {len(result.members):,} fits did not run. So far: " if missing else ""


def headline(result: StudyResult, evidence: Evidence) -> str:
    """Return the answer in one sentence."""
    first, kind = leading_arm(result, evidence), tried_kind(result)
    stopped = not (result.members.diverged_at >= 0).any()
    if stopped and 0 not in evidence.choices:
        return f"The study was stopped before its fits without a {kind} had finished: run it again to continue."
    if not evidence.choices:
        return (
            f"No fit finished, so there is no result: {_unfinished(result)}. "
            "Lower the learning rate, scale the inputs, and run again."
        )
    if 0 not in evidence.choices:
        return f"No fit without a {kind} finished, so there is nothing to compare with. Lower the learning rate."
    none = decimal_text(float(evidence.validation.mean[evidence.choices[0].best]), decimals_for(result, evidence))
    if first is None:
        tried = f"no fit with a {kind} finished" if len(result.arms) > 1 else f"no {kind} was tried"
        return f"Validation {result.score.name} is {none} without a {kind}; {tried}, so there is nothing to compare."
    if evidence.winner == 0:
        return _none_wins(result, evidence, first, none)
    gain, _ = lead(result, evidence)
    if gain.low > 0 and gain.over == "seeds":
        return _on_these_rows(result, evidence, first, none)
    if gain.low > 0:
        return _gain(result, evidence, first, none)
    return _no_evidence(result, evidence, first, none)


def _gain(result: StudyResult, evidence: Evidence, arm: int, none: str) -> str:
    (gain, score), digits, best = lead(result, evidence), decimals_for(result, evidence), evidence.candidate(arm)
    verb, noun = ("lifts", "gain") if result.score.maximize else ("lowers", "reduction")
    subject = treatment(result, best)
    if gain is evidence.primary:
        subject = f"The best of {_tried(result)}, chosen on other rows,"
    text = (
        f"{subject} {verb} validation {result.score.name} from {none} to {decimal_text(score, digits)} "
        f"({confidence(evidence.gains, evidence.family)} interval of the {noun} {interval(gain, digits)}, "
        f"{_basis(result, evidence, gain)})."
    )
    if gain is not evidence.primary:
        return text
    text = f"{text} On all rows, the choice is {treatment(result, best)}"
    if np.allclose((gain.difference, gain.low), (evidence.gains[arm].difference, evidence.gains[arm].low)):
        return f"{text}."
    by_itself = f". {result.arms[arm].name} by itself" if evidence.selected else ""
    return f"{text}{by_itself}: {_difference(result, evidence, evidence.gains[arm])}."


def _on_these_rows(result: StudyResult, evidence: Evidence, arm: int, none: str) -> str:
    """Return a sentence that does not call the difference a gain: one validation set varies only the seed."""
    best = evidence.candidate(arm)
    value = decimal_text(float(evidence.validation.mean[best]), decimals_for(result, evidence))
    difference = _difference(result, evidence, evidence.gains[arm])
    return (
        f"On these {result.fold_rows[0, 1]:,} validation rows, {treatment(result, best)} has "
        f"{result.score.name} {value} against {none} without a {tried_kind(result)} ({difference}); "
        "one validation set cannot tell whether that holds on other rows."
    )


def _no_evidence(result: StudyResult, evidence: Evidence, arm: int, none: str) -> str:
    best, count, kinds = evidence.candidate(arm), len(evidence.gains), tried_kinds(result)
    several = count > 1
    gain, score = lead(result, evidence)
    value = decimal_text(score, decimals_for(result, evidence))
    claim = f"{result.arms[arm].name} helps: at its best, {_strengths(result, best)}, it has"
    if several:
        claim = f"any of the {count} {kinds} helps: the best of them, {setting_name(result, best)}, has"
    if gain is evidence.primary:
        name = f"any of the {count} {kinds}" if several else result.arms[arm].name
        claim = f"{name} helps: the best of {_tried(result)}, chosen on other rows, has"
    return (
        f"There is no evidence that {claim} validation {result.score.name} {value} against {none} "
        f"without a {tried_kind(result)} ({_difference(result, evidence, gain)})."
    )


def _none_wins(result: StudyResult, evidence: Evidence, arm: int, none: str) -> str:
    best, several = evidence.candidate(arm), len(evidence.gains) > 1
    gain, score = lead(result, evidence)
    value = decimal_text(score, decimals_for(result, evidence))
    better = gain.difference > 0
    subject = (
        f"None of the {len(evidence.gains)} {tried_kinds(result)} tried {'is expected to beat' if better else 'beats'}"
        if several
        else f"{result.arms[arm].name} {'is not expected to' if better else 'does not'} beat"
    )
    nearest = f"at its best, {_strengths(result, best)}, it is"
    if several:
        nearest = f"the nearest, {setting_name(result, best)}, gives"
    return (
        f"{subject} no {tried_kind(result)}: validation {result.score.name} is {none} without one; "
        f"{nearest} {value} ({_difference(result, evidence, gain)})."
    )


def _tried(result: StudyResult) -> str:
    """Return how many candidates the procedure chooses among."""
    return f"{len(result.setting_arm):,} candidates"


def _strengths(result: StudyResult, setting: int) -> str:
    return strengths_text(result, setting) or "the only strength"


def _difference(result: StudyResult, evidence: Evidence, gain: Comparison) -> str:
    digits = decimals_for(result, evidence)
    if not math.isfinite(gain.low):
        return no_interval(gain)
    return (
        f"{change(result, gain, digits)}, {confidence(evidence.gains, evidence.family)} interval "
        f"{interval(gain, digits)}, {_basis(result, evidence, gain)}"
    )


def change(result: StudyResult, gain: Comparison, digits: int) -> str:
    """Return the size of a difference without calling it a gain, with the direction of its interval."""
    return f"difference {decimal_text(gain.difference, digits)}" + (
        "" if result.score.maximize else ", positive where lower"
    )


def _basis(result: StudyResult, evidence: Evidence, gain: Comparison) -> str:
    several = evidence.family > 1 and gain is not evidence.primary
    corrected = f"Holm-corrected over {evidence.family} arms; " if several else ""
    corrected += f"{gain.count:,} rows, " if gain.over == "rows" else ""
    seeds = f"{len(result.seeds)} seed{'s' if len(result.seeds) != 1 else ''}"
    return corrected + (f"{seeds} × {result.folds} folds" if result.folds > 1 else f"{seeds}, one validation set")


def others(result: StudyResult, evidence: Evidence) -> str:
    """Return the arms other than the leading one whose interval excludes zero."""
    first, digits = leading_arm(result, evidence), decimals_for(result, evidence)
    rest = [
        arm
        for arm in evidence.gains
        if evidence.gains[arm].clear and not (arm == first and evidence.gains[arm].low > 0)
    ]
    if evidence.primary is not None and not evidence.primary.low > 0:
        rest = [arm for arm in rest if evidence.gains[arm].high < 0]
    words: dict[bool, list[str]] = {True: [], False: []}
    for arm in rest:
        gain = evidence.gains[arm]
        words[gain.low > 0].append(f"{setting_name(result, evidence.choices[arm].best)}, {interval(gain, digits)}")
    kind = tried_kind(result)
    better = f"Better than no {kind} as well: {'; '.join(words[True])}." if words[True] else ""
    worse = f"Worse than no {kind} even at the best strength: {'; '.join(words[False])}." if words[False] else ""
    return f"{better} {worse}".strip()


def _unfinished(result: StudyResult) -> str:
    diverged = int((result.members.diverged_at >= 0).sum())
    return f"{diverged} of {len(result.members)} fits diverged" + ("" if diverged else " and none completed")

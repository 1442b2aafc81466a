"""The verdict: what to use, what it gains, what to do next, in at most three sentences."""

import math

from bridle.report._amounts import MAX_NAME_CHARS, amounts, brief, score_name, score_text, size_text, unit
from bridle.report._cause import constant_score
from bridle.report._diagnoses import nearly_perfect
from bridle.report._equal_zeros import sparse_sentences
from bridle.report._facts import (
    confidence,
    contradicting,
    handed_over,
    lead,
    missing_fits,
    network_call,
    set_aside,
)
from bridle.report._findings import Finding, find_all, next_step
from bridle.results import StudyResult
from bridle.stats import EVEN, MOSTLY_DATA, SAME, WIDE, Comparison, Evidence, SparseAnswer, weigh_evidence
from bridle.wording import escape_control_characters, leading_arm, shorten, strength_text, tried_kind, tried_kinds

MAX_STRENGTHS = 2
"""The most strengths of an arm in the verdict."""
UNCONVERGED = "BR011"
"""The diagnosis that makes an answer provisional."""
MAX_WORDS = 60
"""The most words of a verdict."""


def verdict(result: StudyResult, evidence: Evidence | None = None) -> str:
    """Return the answer in at most three sentences and sixty words, one sentence on each line.

    Args:
        result: the measurements of the study.
        evidence: `weigh_evidence(result)`, if it was computed already.

    """
    return "\n".join(sentences(result, evidence))


def sentences(result: StudyResult, evidence: Evidence | None = None) -> tuple[str, ...]:
    """Return the sentences of `verdict`: what to use, what it gains with its interval, what to do next."""
    evidence = evidence or weigh_evidence(result)
    texts = _without_comparison(result, evidence) or _answer(result, evidence)
    return tuple(" ".join(escape_control_characters(text).split()) for text in texts)


def interim_verdict(result: StudyResult) -> str:
    """Return the answer of a study that still runs, with the number of fits behind it."""
    answer, *more = sentences(result)
    fits = f"{int(result.members.finished.sum()):,} fits"
    answer = f"After {fits}: {answer[0].lower()}{answer[1:]}"
    return " ".join([answer, *more[:-1], "More seeds are running; Ctrl-C keeps this answer."])


def _without_comparison(result: StudyResult, evidence: Evidence) -> tuple[str, ...]:
    """Return the sentences of a study without a comparison; empty if there is one."""
    diverged, count = int((result.members.diverged_at >= 0).sum()), len(result.members)
    if 0 not in evidence.choices and not diverged:
        return ("The run was stopped before there was a result.", "Next: run it again; it continues where it stopped.")
    if not evidence.choices:
        return (
            f"There is no result: {diverged:,} of {count:,} fits diverged.",
            "Next: lower the learning rate, scale the inputs, and run it again.",
        )
    if 0 not in evidence.choices:
        return (
            f"There is no result, since no fit without a {tried_kind(result)} finished.",
            "Next: lower the learning rate, scale the inputs, and run it again.",
        )
    if evidence.gains and leading_arm(result, evidence) is not None:
        return ()
    none = score_text(result, evidence, float(evidence.validation.mean[evidence.choices[0].best]))
    kind = tried_kind(result)
    tried = f"no fit with a {kind} finished" if len(result.arms) > 1 else f"no {kind} was tried"
    step = "try weaker strengths" if len(result.arms) > 1 else "give penalties to compare"
    return (
        f"There is nothing to compare, since {tried}.",
        f"Without a {kind}, {score_name(result)} on unseen rows is {none}.",
        f"Next: {step}.",
    )


def _answer(result: StudyResult, evidence: Evidence) -> tuple[str, ...]:
    step = next_step(result, evidence, find_all(result, evidence))
    if evidence.sparse is not None:
        return _sparse_answer(result, evidence, evidence.sparse, step)
    so_far = missing_fits(result) > 0 or (step is not None and step.code == UNCONVERGED)
    texts = (_use(result, evidence, "So far, " * so_far), _gain(result, evidence), _next(result, evidence, step))
    if _is_long(texts):
        return (texts[0], _gain(result, evidence, scores=False), texts[2])
    return texts


def _sparse_answer(
    result: StudyResult, evidence: Evidence, answer: SparseAnswer, step: Finding | None
) -> tuple[str, ...]:
    """Return the answer of a search along the frontier; a long one without the next arm, then also with brief names."""
    texts: tuple[str, ...] = ()
    for runner_up, whole in ((True, True), (False, True), (False, False)):
        texts = sparse_sentences(result, evidence, answer, runner_up=runner_up, whole=whole)
        texts = texts if len(texts) > 2 else (*texts, _next(result, evidence, step))
        if not _is_long(texts):
            break
    return texts


def _is_long(texts: tuple[str, ...]) -> bool:
    """Return True if sentences have more words than a verdict may have."""
    return len(" ".join(texts).split()) > MAX_WORDS


def _use(result: StudyResult, evidence: Evidence, early: str) -> str:
    """Return what to use: the arm that is selected, or no penalty; or that the network is worth nothing yet.

    `early` opens the sentence where more fits or epochs may change the answer.
    """
    constant = constant_score(result, evidence)
    if constant is not None:
        return _worthless(result, evidence, constant)
    winner, count, kinds = evidence.winner, len(evidence.gains), tried_kinds(result)
    nothing = f"no {tried_kind(result)}"
    gain, _ = lead(result, evidence)
    source = ", mostly from experience with other data," if _from_other_data(evidence) else ""
    if not winner:
        tried = f"none of the {count} {kinds} tried" if count > 1 else f"{_name(result, *evidence.gains)}"
        negated = "" if count > 1 else " not"
        if gain.difference > 0:
            return _opened(early, f"Use {nothing}: {tried} is{negated} likely to help{source.rstrip(',')}.")
        return _opened(early, f"Use {nothing}: {tried} was{negated} better.")
    treatment = f"{_name(result, winner)}{_strengths(result, evidence.candidate(winner))}{_cost(result, winner)}"
    if not gain.low > 0 and count > 1:
        return _opened(early, f"None of the {count} {kinds} clearly helps; the best guess{source} is {treatment}.")
    if not gain.low > 0:
        return _opened(early, f"The best guess{source} is {treatment}, though no gain is clear.")
    if gain.over == "seeds":
        return _opened(early, f"Use {treatment}, if other rows are like these {_validation_rows(result)}.")
    check = contradicting(result, evidence)
    if check is not None and not check[1].explained:
        return _opened(
            early, f"Use {treatment} with care, since the {shorten(check[0], MAX_NAME_CHARS)} rows disagree."
        )
    return _opened(early, f"Use {treatment}.")


def _cost(result: StudyResult, arm: int) -> str:
    """Return the training rows that an arm sets aside to stop early; empty if it does not."""
    rows = set_aside(result, arm)
    return "" if rows is None else f", which sets {rows[0]:,} of {rows[1]:,} training rows aside"


def _from_other_data(evidence: Evidence) -> bool:
    """Return True if most of what the choice rests on is experience with other data."""
    offer = evidence.recommendation
    return offer is not None and offer.learned and offer.data_share <= MOSTLY_DATA


def _opened(early: str, text: str) -> str:
    return f"{early}{text[0].lower()}{text[1:]}" if early else text


def _worthless(result: StudyResult, evidence: Evidence, constant: float) -> str:
    """Return that the network is no better than a constant prediction, with both scores."""
    _, score = handed_over(result, evidence)
    texts = [score_text(result, evidence, value) for value in (score, constant)]
    both = " against ".join(texts) if texts[0] != texts[1] else f"{texts[0]} for both"
    return f"The network is no better than predicting the same for every row: {brief(score_name(result))} is {both}."


def _gain(result: StudyResult, evidence: Evidence, *, scores: bool = True) -> str:
    """Return the difference to no penalty, with its interval and, on request, both scores."""
    gain, chosen = lead(result, evidence)
    none, name = float(evidence.validation.mean[evidence.choices[0].best]), brief(score_name(result))
    subject = _subject(result, evidence)
    if gain.missing == SAME:
        return f"{subject}, {name} is the same with and without: {score_text(result, evidence, none)}."
    texts = amounts(result, evidence, gain, (chosen, none), _interval)
    both = f": {texts.scores}" if scores else ""
    return f"{subject}, {name} is {texts.difference}{both}{_held_out(result, evidence)}."


def _subject(result: StudyResult, evidence: Evidence) -> str:
    """Return the opening words of the sentence on the gain: the rows, or the arm if the first sentence names none."""
    best = _name(result, leading_arm(result, evidence) or 0)
    if constant_score(result, evidence) is not None:
        several = ", the best" if len(evidence.gains) > 1 else ""
        if not evidence.winner:
            return f"Regularization does not change that: with {best}{several}"
        strengths = _strengths(result, evidence.candidate(evidence.winner))
        return f"With {best}{strengths}, as the trained network has it"
    if not evidence.winner and len(evidence.gains) > 1:
        return f"With the best of them, {best}"
    if contradicting(result, evidence) is not None:
        return "In cross-validation"
    return f"On these {_validation_rows(result)} rows" if result.folds == 1 else "On unseen rows"


def _held_out(result: StudyResult, evidence: Evidence) -> str:
    """Return what held-out rows say if they contradict the gain; empty if they agree with it, or nothing is claimed."""
    check = contradicting(result, evidence)
    if check is None:
        return ""
    name, facts = check
    rows = f"{facts.rows:,} {shorten(name, MAX_NAME_CHARS)} rows"
    size = f"{size_text(result, evidence, lead(result, evidence)[0], facts.difference)}{unit(result, evidence)}"
    worse = "lower" if result.score.maximize else "higher"
    if facts.difference > 0:
        return f", but only {size} on the {rows}, which chance hardly explains"
    chance = "can explain" if facts.explained else "hardly explains"
    return f", but {size} {worse} on the {rows}, which chance {chance}"


def _interval(evidence: Evidence, gain: Comparison, ends: str) -> str:
    """Return the brackets with the interval of a difference, or with the reason for none."""
    if math.isfinite(gain.low):
        over = " over runs" if gain.over == "seeds" else ""
        return f"({confidence(evidence.gains, evidence.family)} interval{over} {ends})"
    count = f"{gain.count} {'runs' if gain.over == 'seeds' else gain.over}"
    reasons = {WIDE: f": {count} differ too widely", EVEN: f", since it is the same in all {count}"}
    few = ": one run is too few" if gain.count == 1 else f": {count} are too few"
    return f"(no interval{reasons.get(gain.missing, few)})"


def _next(result: StudyResult, evidence: Evidence, first: Finding | None) -> str:
    """Return the next step: that of the most urgent diagnosis, with its code."""
    if first is not None:
        step = first.step if constant_score(result, evidence) is None else first.step.partition(", since")[0]
        return f"Next: {step} ({first.code})."
    if evidence.winner or nearly_perfect(result, evidence, evidence.winner or 0):
        trained = "with it" if evidence.winner else f"without a {tried_kind(result)}"
        return f"Next: use the network trained {trained}, {network_call(result)}."
    return f"Next: use {network_call(result)}, or look for a gain in more rows or another network."


def _name(result: StudyResult, arm: int) -> str:
    """Return the name of an arm in few words."""
    return brief(result.arms[arm].name)


def _strengths(result: StudyResult, candidate: int) -> str:
    """Return the strengths of a candidate in few words."""
    values = [strength_text(value) for value in result.strengths(candidate).values()]
    if not values:
        return ""
    if len(values) > MAX_STRENGTHS:
        return f" at its best {len(values)} strengths"
    return f" at strength{'s' if len(values) > 1 else ''} {' and '.join(values)}"


def _validation_rows(result: StudyResult) -> str:
    return f"{int(result.fold_rows[0, 1]):,}"

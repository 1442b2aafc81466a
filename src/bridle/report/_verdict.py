"""The verdict: what to use, what it gains, what to do next, in at most three sentences."""

import math

from bridle.report._amounts import difference_text, score_name, score_text
from bridle.report._facts import confidence, lead, missing_fits
from bridle.report._findings import find_all, next_step
from bridle.results import StudyResult
from bridle.stats import EVEN, SAME, WIDE, Comparison, Evidence, weigh_evidence
from bridle.wording import escape_control_characters, leading_arm, shorten, strength_text

MAX_NAME_CHARS, MAX_NAME_WORDS = 40, 5
"""The longest name of an arm in the verdict; details have the whole name."""
MAX_STRENGTHS = 2
"""The most strengths of an arm in the verdict."""


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
            "There is no result, since no fit without a penalty finished.",
            "Next: lower the learning rate, scale the inputs, and run it again.",
        )
    if evidence.gains and leading_arm(result, evidence) is not None:
        return ()
    none = score_text(result, evidence, float(evidence.validation.mean[evidence.choices[0].best]))
    tried = "no fit with a penalty finished" if len(result.arms) > 1 else "no penalty was tried"
    step = "try weaker strengths" if len(result.arms) > 1 else "give penalties to compare"
    return (
        f"There is nothing to compare, since {tried}.",
        f"Without a penalty, {score_name(result)} on unseen rows is {none}.",
        f"Next: {step}.",
    )


def _answer(result: StudyResult, evidence: Evidence) -> tuple[str, ...]:
    return (_use(result, evidence), _gain(result, evidence), _next(result, evidence))


def _use(result: StudyResult, evidence: Evidence) -> str:
    """Return what to use: the arm that is selected, or no penalty."""
    winner, count = evidence.winner, len(evidence.gains)
    opening = "So far, use" if missing_fits(result) else "Use"
    if not winner:
        tried = f"none of the {count} penalties tried" if count > 1 else f"{_name(result, *evidence.gains)}"
        verb = "was" if count > 1 else "was not"
        return f"{opening} no penalty: {tried} {verb} better."
    treatment = f"{_name(result, winner)}{_strengths(result, evidence.choices[winner].best)}"
    gain, _ = lead(result, evidence)
    if gain.low > 0 and gain.over == "seeds":
        return f"{opening} {treatment}, if other rows are like these {_validation_rows(result)}."
    return f"{opening} {treatment}." if gain.low > 0 else f"{opening} {treatment}, though its gain may be chance."


def _gain(result: StudyResult, evidence: Evidence) -> str:
    """Return the difference to no penalty, with its interval and both scores."""
    arm = leading_arm(result, evidence)
    gain, chosen = lead(result, evidence)
    rows = f"these {_validation_rows(result)}" if result.folds == 1 else "unseen"
    subject = f"On {rows} rows"
    if not evidence.winner and len(evidence.gains) > 1:
        subject = f"With the best of them, {_name(result, arm or 0)}"
    none, name = float(evidence.validation.mean[evidence.choices[0].best]), _brief(score_name(result))
    if gain.missing == SAME:
        return f"{subject}, {name} is the same with and without: {score_text(result, evidence, none)}."
    score, without = (score_text(result, evidence, value, gain) for value in (chosen, none))
    both = f"{score} instead of {without}" if score != without else f"about {without} in both"
    return f"{subject}, {name} is {difference_text(result, evidence, gain, _interval)}: {both}."


def _interval(evidence: Evidence, gain: Comparison, ends: str) -> str:
    """Return the brackets with the interval of a difference, or with the reason for none."""
    if math.isfinite(gain.low):
        over = " over runs" if gain.over == "seeds" else ""
        return f"({confidence(evidence.gains, evidence.family)} interval{over} {ends})"
    count = f"{gain.count} {'runs' if gain.over == 'seeds' else gain.over}"
    reasons = {WIDE: f"{count} differ too widely", EVEN: f"{count} do not differ"}
    few = "one run is too few" if gain.count == 1 else f"{count} are too few"
    return f"(no interval: {reasons.get(gain.missing, few)})"


def _next(result: StudyResult, evidence: Evidence) -> str:
    """Return the next step: that of the most urgent diagnosis, with its code."""
    findings = find_all(result, evidence)
    first = next_step(result, evidence, findings)
    if first is not None:
        return f"Next: {first.step} ({first.code})."
    if evidence.winner:
        return f"Next: use the trained network{'' if findings else ', since no check found a problem'}."
    return "Next: look for a gain elsewhere, such as in more rows or another network."


def _name(result: StudyResult, arm: int) -> str:
    """Return the name of an arm in few words."""
    return _brief(result.arms[arm].name)


def _brief(name: str) -> str:
    words = name.split()
    if len(words) > MAX_NAME_WORDS:
        words = [*words[:3], "…", words[-1]]
    return shorten(" ".join(words), MAX_NAME_CHARS)


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

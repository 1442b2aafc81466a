"""The answer of a search along the frontier: its sentences, and the table of arms at one share of exact zeros."""

import math
from dataclasses import dataclass

from bridle.report._amounts import MAX_NAME_CHARS, brief, score_name, score_text
from bridle.report._facts import is_rate
from bridle.results import StudyResult
from bridle.stats import ArmAtZeros, Comparison, Evidence, SparseAnswer
from bridle.wording import decimal_text, needed_decimals, shorten, strength_text, tried_kind, zero_fractions


def sparse_sentences(
    result: StudyResult, evidence: Evidence, answer: SparseAnswer, *, runner_up: bool = True, whole: bool = True
) -> tuple[str, ...]:
    """Return what to use for a sparse tensor, and what it costs against none and the next arm.

    Where no arm reaches the share of zeros, return that, and what to do next.

    Args:
        result: the measurements of the study.
        evidence: its evidence.
        answer: the answer of the search.
        runner_up: whether the next arm is named.
        whole: whether names have all their words, and the score has its interval.

    """
    words = shorten if whole else brief
    tensor, name = words(answer.tensor, MAX_NAME_CHARS), score_name(result) if whole else brief(score_name(result))
    none = evidence.choices[0].best
    without = score_text(result, evidence, float(evidence.validation.mean[none]))
    dense = _percent(float(zero_fractions(result, answer.tensor)[none]))
    kind = tried_kind(result)
    if not answer.arm:
        most = max((one.most for one in answer.arms), default=math.nan)
        reach = f"the most is {_percent(most)}" if math.isfinite(most) else "no fit finished"
        text = f"No arm of the search makes {tensor} sparser: {reach}."
        return (
            text,
            f"Without a {kind} it has {dense}, and {name} is {without}.",
            "Next: give the search more time, or compare penalties of your choice in a bridle.Study.",
        )
    best, level = answer.arms[0], _percent(answer.level)
    arm, strength = (
        words(result.arms[best.arm].name, MAX_NAME_CHARS),
        strength_text(_strength(result, answer.candidate)),
    )
    ends = _ends(result, evidence, best.low, best.high) if whole else ""
    score = f"{score_text(result, evidence, best.score)}{ends}"
    next_arm = f"; {_runner_up(result, evidence, answer, level)}" if runner_up else ""
    return (
        f"Use {arm} at strength {strength}: {level} exact zeros in {tensor} with {name} {score}.",
        f"Without a {kind} it is {without}, at {dense}{next_arm}.",
    )


def _runner_up(result: StudyResult, evidence: Evidence, answer: SparseAnswer, level: str) -> str:
    """Return how the second best arm at the same share of zeros compares with the best one."""
    others = [one for one in answer.arms[1:] if math.isfinite(one.score)]
    if not others:
        return f"no other arm reaches {level}"
    second = others[0]
    name, score = shorten(result.arms[second.arm].name, MAX_NAME_CHARS), score_text(result, evidence, second.score)
    if second.behind is not None and second.behind.low > 0:
        return f"at equal zeros the next arm, {name}, is clearly worse with {score}"
    return f"at equal zeros {name} has {score}, which is not clearly worse"


@dataclass(frozen=True)
class EqualZerosCells:
    """The table of arms at one share of zeros as text."""

    caption: str
    headers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def equal_zeros_cells(result: StudyResult, evidence: Evidence) -> EqualZerosCells | None:
    """Return the table of arms at the share of zeros of the answer; None for any other study."""
    answer = evidence.sparse
    if answer is None:
        return None
    level = _percent(answer.level)
    caption = (
        f"Arms at {level} exact zeros in {answer.tensor}: {result.score.name} with its 95 % interval, by interpolation "
        "between the two strengths around it. In brackets: intervals of differences, corrected over arms. Above zero "
        f"is worse. An arm that does not reach {level} has no score, but its most zeros."
    )
    headers = ("arm", "strength", result.score.name, f"worse than no {tried_kind(result)}", "worse than the best")
    lines = tuple(_line(result, evidence, one) for one in answer.arms)
    return EqualZerosCells(caption, headers, lines)


def sparse_headline(result: StudyResult, evidence: Evidence, answer: SparseAnswer) -> str:
    """Return how every arm compares at the share of zeros of the answer, in one sentence on each line."""
    lines = [_line(result, evidence, one) for one in answer.arms]
    level = f"At {_percent(answer.level)} exact zeros in {answer.tensor}"
    return "\n".join(
        f"{level}, {name} at strength {strength} has {result.score.name} {score}: {worse} worse than without a "
        f"{tried_kind(result)}{f', {behind} worse than the best arm' if behind else ''}."
        if strength
        else f"{name} reaches {score} in {answer.tensor}."
        for name, strength, score, worse, behind in lines
    )


def _line(result: StudyResult, evidence: Evidence, one: ArmAtZeros) -> tuple[str, ...]:
    name = result.arms[one.arm].name
    if not math.isfinite(one.score):
        return name, "", f"at most {_percent(one.most)} zeros", "", ""
    score = score_text(result, evidence, one.score) + _ends(result, evidence, one.low, one.high)
    strength = strength_text(float(f"{one.strength:.2g}"))
    return name, strength, score, _difference(one.cost), _difference(one.behind)


def _difference(gain: Comparison | None) -> str:
    if gain is None or not math.isfinite(gain.difference):
        return ""
    digits = needed_decimals([gain.difference])
    ends = f" ({decimal_text(gain.low, digits)} to {decimal_text(gain.high, digits)})"
    return decimal_text(gain.difference, digits) + (ends if math.isfinite(gain.low) else "")


def _ends(result: StudyResult, evidence: Evidence, low: float, high: float) -> str:
    """Return the ends of an interval in brackets; empty if there is none."""
    if not math.isfinite(low):
        return ""
    first = score_text(result, evidence, low).removesuffix(" %") if is_rate(result, evidence) else None
    return f" ({first or score_text(result, evidence, low)} to {score_text(result, evidence, high)})"


def _strength(result: StudyResult, candidate: int) -> float:
    return next(iter(result.strengths(candidate).values()))


def _percent(share: float) -> str:
    """Return a share in per cent, without decimals unless it is near 0 or 1.

    >>> _percent(0.853), _percent(0.9951)
    ('85 %', '99.5 %')
    """
    return f"{100 * share:.{1 if share > 0.99 or 0 < share < 0.01 else 0}f} %"

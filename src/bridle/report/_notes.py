"""Notes that qualify the answer: one function each, which returns a sentence or two or an empty text."""

import math
from dataclasses import dataclass

import numpy as np

from bridle.report._diagnoses import DOMINANT_SHARE, penalty_share
from bridle.report._facts import binomial_error, confidence, decimals_for, interval, is_rate, set_aside
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Evidence, exact_interval
from bridle.wording import (
    decimal_text,
    join_names,
    leading_arm,
    regularized_tensors,
    setting_name,
    strength_text,
    strengths_text,
    tried_kind,
    zero_fractions,
)

MIN_ZERO_SHARE = 0.005
"""A share of exact zeros below this is not mentioned."""
MAX_NAMES = 3
"""The most tensors or candidates named in one sentence."""


def over_seeds(result: StudyResult, evidence: Evidence) -> str:
    """Return what the interval leaves out if there is one validation set."""
    first = leading_arm(result, evidence)
    if first not in evidence.gains or evidence.gains[first].over != "seeds":
        return ""
    rows = int(result.fold_rows[0, 1])
    text = ""
    if math.isfinite(evidence.gains[first].low):
        text = "The interval is over seeds: it covers initialisation and shuffling, not the choice of rows."
    share = float(evidence.validation.mean[evidence.candidate(first)])
    if is_rate(result, evidence) and 0 < share < 1:
        error = binomial_error(share, rows, 3)
        text += (
            f" The choice of {rows} validation rows alone gives one {result.score.name} a standard error of {error}."
        )
    return text.strip()


def stopping_cost(result: StudyResult, evidence: Evidence) -> str:
    """Return the rows that arms set aside to stop early, as a cost that their scores contain; one line per arm."""
    lines = []
    for arm, choice in evidence.choices.items():
        rows = set_aside(result, arm)
        if rows is None:
            continue
        fits = (result.members.setting == choice.best) & result.members.finished & (result.members.fold != ALL_ROWS)
        epochs = result.members.kept[fits]
        ends = f" The median fit ends with the weights of epoch {int(np.median(epochs))}." if len(epochs) else ""
        lines.append(
            f"{result.arms[arm].name} sets {rows[0]:,} of the {rows[1]:,} training rows of a fit aside to stop by, in "
            f"the refits too. Its score contains this cost.{ends}"
        )
    return "\n".join(lines)


def outside(result: StudyResult, evidence: Evidence) -> str:
    """Return the scores of the refits on held-out rows, of the leading arm and of `none`: one line per part."""
    return "\n".join(filter(None, (_outside(result, evidence, name) for name in result.held_out)))


def _outside(result: StudyResult, evidence: Evidence, name: str) -> str:
    first, digits = leading_arm(result, evidence), decimals_for(result, evidence)
    if 0 not in evidence.choices:
        return ""
    scores, rows = result.held_out_scores(name), result.held_out_rows[name]
    means = {arm: _mean(scores[evidence.candidate(arm)]) for arm in (0, first) if arm is not None}
    if not math.isfinite(means[0]):
        return ""

    def score(arm: int) -> str:
        """Return a mean with its interval over rows."""
        if not is_rate(result, evidence) or not 0 <= means[arm] <= 1:
            return decimal_text(means[arm], digits)
        low, high = exact_interval(means[arm], rows)
        ends = f"{decimal_text(low, 3)} to {decimal_text(high, 3)}"
        return f"{decimal_text(means[arm], digits)} (exact 95 % interval of the rows {ends})"

    text = f"On the {rows:,} {name} rows: {result.score.measure} {score(0)} without a {tried_kind(result)}"
    gain = None if first is None else evidence.held_out_gains.get(name, {}).get(first)
    if first is not None and gain is not None and math.isfinite(means[first]):
        text += f", {score(first)} with {setting_name(result, evidence.candidate(first))}"
        if math.isfinite(gain.low):
            sense = "" if result.score.maximize else ", positive where lower"
            text += (
                f"; difference {decimal_text(gain.difference, digits)}, "
                f"{confidence(evidence.held_out_gains[name])} interval over seeds {interval(gain, digits)}{sense}"
            )
    return text + "."


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def sparsity(result: StudyResult, evidence: Evidence) -> str:
    """Return the share of exact zeros in what the leading arm penalizes, and the share without a penalty."""
    first = leading_arm(result, evidence)
    if first is None or 0 not in evidence.choices:
        return ""
    shares = []
    for tensor in regularized_tensors(result, first):
        share = zero_fractions(result, tensor)
        here, none = (float(share[evidence.candidate(arm)]) for arm in (first, 0))
        if math.isfinite(here) and math.isfinite(none) and max(here, none) >= MIN_ZERO_SHARE:
            without = f"{100 * none:.0f} % without a {tried_kind(result)}"
            shares.append(f"{100 * here:.0f} % of {tensor} is exactly zero ({without})")
    name = setting_name(result, evidence.candidate(first))
    return f"With {name}, {join_names(shares[:MAX_NAMES])}." if shares else ""


def too_strong(result: StudyResult, evidence: Evidence, setting: int) -> bool:
    """Return True if a candidate predicts the same for every row, or its penalty is most of its loss."""
    return bool(evidence.constant[setting]) or float(penalty_share(result)[setting]) > DOMINANT_SHARE


def stronger(result: StudyResult, evidence: Evidence) -> str:
    """Return what the rule `1se` selects, if it differs from `best`."""
    first = leading_arm(result, evidence)
    choice = evidence.choices.get(first) if first is not None else None
    if choice is None or choice.best == choice.one_se:
        return ""
    value = decimal_text(float(evidence.validation.mean[choice.one_se]), decimals_for(result, evidence))
    return (
        f"The rule 1se (the strongest strength within one standard error of the best) selects "
        f"{strengths_text(result, choice.one_se)} ({value})."
    )


@dataclass(frozen=True)
class Edge:
    """A strength of the best candidate that is the weakest or the strongest that was tried."""

    slot: str
    value: float
    strongest: bool
    largest: bool
    """True for the largest number tried: the strongest strength, or the weakest limit."""


def find_edges(result: StudyResult, evidence: Evidence) -> list[Edge]:
    """Return the strengths of the leading arm whose best value is the weakest or strongest that was tried.

    There is none if it scores exactly as no penalty does, since weaker ones could only do the same. Stronger ones are
    not advised if the penalty is too strong already.
    """
    first = leading_arm(result, evidence)
    if first is None:
        return []
    strengths, best = result.setting_strengths[result.path(first)], evidence.candidate(first)
    mean = evidence.validation.mean
    if 0 in evidence.choices and mean[best] == mean[evidence.choices[0].best]:
        return []
    edges = []
    for slot, limit in zip(result.arms[first].slots, result.arms[first].limits(result.slots), strict=True):
        tried, value = np.unique(strengths[:, slot]), result.setting_strengths[best, slot]
        if len(tried) > 1 and value in (tried[0], tried[-1]) and value != 0:
            largest = bool(value == tried[-1])
            strongest = largest != limit
            if not (strongest and too_strong(result, evidence, best)):
                edges.append(Edge(result.slots[slot], float(value), strongest, largest))
    return edges


def edge(result: StudyResult, evidence: Evidence) -> str:
    """Return a warning if the best strength of the leading arm is the weakest or strongest that was tried."""
    texts = []
    for end in find_edges(result, evidence):
        side, advice = ("strongest", "stronger") if end.strongest else ("weakest", "weaker")
        texts.append(f"{end.slot} = {strength_text(end.value)} is the {side} tried; try {advice} ones")
    return f"The best lies on the edge of the grid: {'; '.join(texts)}." if texts else ""


def counted(result: StudyResult, evidence: Evidence) -> str:
    """Return how many fits finished, if not all did."""
    finished, planned = result.counts()
    short = sorted(np.flatnonzero(finished < planned), key=lambda setting: finished[setting] / planned[setting])
    text = ""
    if short:
        listed = [
            f"{setting_name(result, int(setting))} {finished[setting]}/{planned[setting]}"
            for setting in short[:MAX_NAMES]
        ]
        more = f" and {len(short) - MAX_NAMES} more candidates" if len(short) > MAX_NAMES else ""
        diverged = int((result.members.diverged_at[result.members.fold != ALL_ROWS] >= 0).sum())
        text = (
            f"{finished.sum()}/{planned.sum()} fits finished, {diverged} diverged: {'; '.join(listed)}{more}. "
            "Means are over the finished ones. A candidate is selected only if all its fits finished, unless there is "
            "none."
        )
    refits = result.members.fold == ALL_ROWS
    done = int((refits & result.members.finished).sum())
    if done < refits.sum():
        text += f" {done}/{refits.sum()} refits finished."
    return text.strip()

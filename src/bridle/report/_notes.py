"""What qualifies the answer: one function per note, each a sentence or two, or empty where there is nothing to say."""

import math

import numpy as np

from bridle.report._diagnoses import DOMINATES, penalty_share
from bridle.report._facts import (
    binomial_error,
    confidence,
    decimals_for,
    interval,
    is_rate,
    is_weight,
    leading_arm,
    regularized_tensors,
    zero_fractions,
)
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Evidence, exact_interval
from bridle.wording import decimal_text, join_names, setting_name, strength_text, strengths_text

WORTH_SAYING = 0.005
"""A share of exact zeros below this is not mentioned."""
MOST = 3
"""So many tensors or settings are named in one sentence."""


def over_seeds(result: StudyResult, evidence: Evidence) -> str:
    """With one validation set, what the interval is not about."""
    first = leading_arm(result, evidence)
    if first not in evidence.gains or evidence.gains[first].over != "seeds":
        return ""
    rows = int(result.fold_rows[0, 1])
    text = ""
    if math.isfinite(evidence.gains[first].low):
        text = "The interval is over seeds: it is about initialisation and shuffling, not about other rows."
    share = float(evidence.validation.mean[evidence.choices[first].best])
    if is_rate(result, evidence) and 0 < share < 1:
        error = binomial_error(share, rows, 3)
        text += (
            f" With {rows} validation rows, the rows alone give one {result.score.name} a standard error of {error}."
        )
    return text.strip()


def outside(result: StudyResult, evidence: Evidence) -> str:
    """What the refits score on held-out rows, for the leading arm and for none: a line for each part."""
    return "\n".join(filter(None, (_outside(result, evidence, name) for name in result.held_out)))


def _outside(result: StudyResult, evidence: Evidence, name: str) -> str:
    first, digits = leading_arm(result, evidence), decimals_for(result, evidence)
    if 0 not in evidence.choices:
        return ""
    scores, rows = result.held_out_scores(name), result.held_out_rows[name]
    means = {arm: _mean(scores[evidence.choices[arm].best]) for arm in (0, first) if arm is not None}
    if not math.isfinite(means[0]):
        return ""

    def score(arm: int) -> str:
        """A mean with the interval that so many rows alone give it."""
        if not is_rate(result, evidence) or not 0 <= means[arm] <= 1:
            return decimal_text(means[arm], digits)
        low, high = exact_interval(means[arm], rows)
        return (
            f"{decimal_text(means[arm], digits)} (exact 95 % interval of the rows "
            f"{decimal_text(low, 3)} to {decimal_text(high, 3)})"
        )

    text = f"On the {rows:,} {name} rows: {result.score.measure} {score(0)} without a penalty"
    gain = evidence.held_out_gains.get(name, {}).get(first) if first is not None else None
    if gain is not None and math.isfinite(means[first]):
        text += f", {score(first)} with {setting_name(result, evidence.choices[first].best)}"
        if math.isfinite(gain.low):
            sense = "" if result.score.maximize else ", positive where lower"
            text += (
                f"; difference {decimal_text(gain.difference, digits)}, "
                f"{confidence(evidence.held_out_gains[name])} interval "
                f"over seeds {interval(gain, digits)}{sense}"
            )
    return text + "."


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def sparsity(result: StudyResult, evidence: Evidence) -> str:
    """How much of what the leading arm charges is exactly zero, and how much is without it."""
    first = leading_arm(result, evidence)
    if first is None or 0 not in evidence.choices:
        return ""
    said = []
    for tensor in regularized_tensors(result, first):
        share = zero_fractions(result, tensor)
        here, none = (float(share[evidence.choices[arm].best]) for arm in (first, 0))
        if math.isfinite(here) and math.isfinite(none) and max(here, none) >= WORTH_SAYING:
            said.append(f"{100 * here:.0f} % of {tensor} is exactly zero ({100 * none:.0f} % without a penalty)")
    name = setting_name(result, evidence.choices[first].best)
    return f"With {name}, {join_names(said[:MOST])}." if said else ""


def too_strong(result: StudyResult, evidence: Evidence, setting: int) -> bool:
    """Whether a candidate's network predicts the same for every row, or its penalty is most of its loss."""
    return bool(evidence.constant[setting]) or float(penalty_share(result)[setting]) > DOMINATES


def stronger(result: StudyResult, evidence: Evidence) -> str:
    """What the rule `1se` takes, where it differs from `best`."""
    first = leading_arm(result, evidence)
    choice = evidence.choices.get(first) if first is not None else None
    if choice is None or choice.best == choice.one_se:
        return ""
    value = decimal_text(float(evidence.validation.mean[choice.one_se]), decimals_for(result, evidence))
    return (
        f"The rule 1se, the strongest strength within one standard error of the best, takes "
        f"{strengths_text(result, choice.one_se)} ({value})."
    )


def edge(result: StudyResult, evidence: Evidence) -> str:
    """A warning where the best strength of the leading arm is the weakest or strongest that was tried.

    Not where it scores exactly as no penalty does: weaker ones could only do the same. Stronger ones are not advised
    where the penalty is too strong already.
    """
    first = leading_arm(result, evidence)
    if first is None:
        return ""
    own, best = result.setting_strengths[result.path(first)], evidence.choices[first].best
    mean = evidence.validation.mean
    if 0 in evidence.choices and mean[best] == mean[evidence.choices[0].best]:
        return ""
    said = []
    for slot in result.arms[first].slots:
        tried, value = np.unique(own[:, slot]), result.setting_strengths[best, slot]
        if len(tried) > 1 and value in (tried[0], tried[-1]) and value != 0:
            if value == tried[-1] and too_strong(result, evidence, best):
                continue
            side, advice = ("strongest", "stronger") if value == tried[-1] else ("weakest", "weaker")
            said.append(f"{result.slots[slot]} = {strength_text(value)} is the {side} tried; try {advice} ones")
    return f"The best lies on the edge of the grid: {'; '.join(said)}." if said else ""


def counted(result: StudyResult, evidence: Evidence) -> str:
    """How many fits finished, where not all did."""
    good, total = result.counts()
    short = sorted(np.flatnonzero(good < total), key=lambda setting: good[setting] / total[setting])
    text = ""
    if short:
        listed = [f"{setting_name(result, int(setting))} {good[setting]}/{total[setting]}" for setting in short[:MOST]]
        more = f" and {len(short) - MOST} more settings" if len(short) > MOST else ""
        diverged = int((result.members.diverged_at[result.members.fold != ALL_ROWS] >= 0).sum())
        text = (
            f"{good.sum()}/{total.sum()} fits finished, {diverged} diverged: {'; '.join(listed)}{more}. "
            "Means are over those that finished; a setting is chosen only where all did, unless there is none."
        )
    refits = result.members.fold == ALL_ROWS
    done = int((refits & result.members.finished).sum())
    if done < refits.sum():
        text += f" {done}/{refits.sum()} refits finished."
    return text.strip()


def meaning(result: StudyResult) -> str:
    """What the strengths of this study multiply."""
    terms = [term for arm in result.arms for term in arm.terms]
    weights = [is_weight(result, target) for target, _ in terms]
    said = []
    if any(weights):
        said.append("A strength on a weight multiplies a sum over its entries.")
    if not all(weights):
        said.append(
            "A strength on an activation multiplies a sum over its units, averaged over the samples of the batch."
        )
    conventions = {"batch": "summed over the samples instead", "unit": "averaged over the units as well"}
    said += [
        f"Where it says per={name!r}, it is {words}."
        for name, words in conventions.items()
        if any(f"per={name!r}" in penalty or f"per={name}" in penalty for _, penalty in terms)
    ]
    return " ".join(said)

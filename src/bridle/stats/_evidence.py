"""Selection and comparison of all arms, computed once from a result."""

from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
from jaxtyping import Bool, Float

from bridle.results import SPREAD_DIAGNOSTIC, StudyResult
from bridle.stats._compare import SAME, Comparison, compare_all, is_share
from bridle.stats._gains import Terms, find_gains
from bridle.stats._held_out import HeldOutCheck, check_held_out
from bridle.stats._intervals import widest_difference
from bridle.stats._prior import load_prior
from bridle.stats._recommend import Recommendation, expect_arms, recommend
from bridle.stats._rows import read_rows
from bridle.stats._select import Choice, select_strength
from bridle.stats._summary import Summary, nan_mean, summarize

COLLAPSE_SHARE = 0.01
"""Predictions are constant where their spread is below this share of the spread without a penalty."""


def prediction_spread(result: StudyResult) -> Float[np.ndarray, "candidate"]:
    """Return the mean spread of predictions between rows, over seeds and folds; NaN if it was not measured."""
    if SPREAD_DIAGNOSTIC not in result.diagnostic_names:
        return np.full(len(result.setting_arm), np.nan)
    return nan_mean(result.by_candidate(result.diagnostic(SPREAD_DIAGNOSTIC)), (1, 2))


def find_collapsed(result: StudyResult) -> Bool[np.ndarray, "candidate"]:
    """Return a mask of candidates that predict the same for every row, relative to those without a penalty."""
    spread = prediction_spread(result)
    none = spread[(result.setting_arm == 0) & np.isfinite(spread)]
    if not len(none):
        return np.zeros(len(spread), bool)
    return np.isfinite(spread) & (spread <= COLLAPSE_SHARE * none.max())


@dataclass(frozen=True)
class Evidence:
    """Selection and comparison for every arm. `choices` and `gains` are by arm number; `none` is arm 0."""

    validation: Summary
    train: Summary
    choices: dict[int, Choice]
    gains: dict[int, Comparison]
    """`arm - none`, each fold at the strength that the other folds choose; corrected over arms, positive is better.

    Where a search screened more arms on the same rows, the correction is over all of those.
    """
    quoted: dict[int, float]
    """The mean score of each arm where each fold's strength is chosen by the other folds: not optimistic."""
    held_out_gains: dict[str, dict[int, Comparison]]
    """`arm - none` of refits on held-out rows, at each arm's `best`: paired by seed, over seeds."""
    family: int
    """The number of arms that the intervals are corrected over."""
    constant: Bool[np.ndarray, "candidate"]
    """True for candidates that predict the same for every row."""
    winner: int | None
    """The arm with the largest of `gains`; `none` where no gain is above zero, None if nothing finished."""
    primary: Comparison | None = None
    """The gain of the procedure "choose among none and all candidates of all arms", each row by a choice that it took
    no part in: one question, so there is no correction. None without scores of single rows."""
    chosen: float = np.nan
    """The mean score of that procedure."""
    recommendation: Recommendation | None = None
    """The candidate that the rule `recommended` selects over all arms; None if no fit of none finished."""
    held_out_checks: dict[str, HeldOutCheck] = field(default_factory=dict[str, HeldOutCheck])
    """For each part of the held-out rows, whether it agrees with `claim`; empty where no arm is selected."""

    @property
    def claim(self) -> Comparison | None:
        """The comparison that decides on a gain: `primary` where it is above zero, else that of the selected arm.

        None where no arm is selected.
        """
        if not self.winner or self.winner not in self.gains:
            return None
        above = self.primary is not None and self.primary.difference > 0
        return self.primary if above else self.gains[self.winner]


def weigh_evidence(result: StudyResult, *, level: float = 0.95) -> Evidence:
    """Reduce a result to its evidence; every fit stays in the result."""
    scores = result.scores()
    validation, train = summarize(scores), summarize(result.scores("train"))
    choices, constant = choose_candidates(result), find_collapsed(result)
    arms = [arm for arm in choices if arm != 0]
    family = max(len(arms), int(cast(int, result.provenance.get("screened", 0))))
    means = validation.mean if result.score.pooled else scores
    widest = widest_difference(result.score.measure, means)
    gains = find_gains(result, choices, Terms(level, family, is_share(scores, result.fold_rows), widest))
    held_out_gains: dict[str, dict[int, Comparison]] = {}
    for name in result.held_out if gains.arms else ():
        held_out = (1.0 if result.score.maximize else -1.0) * result.held_out_scores(name)[:, :, None]
        rows = np.array([[1, result.held_out_rows[name]]])
        best = [held_out[choices[arm].best] for arm in arms]
        pairs = compare_all(best, held_out[choices[0].best], rows, level=level, widest=widest)
        held_out_gains[name] = dict(zip(arms, pairs, strict=True))
    expected = expect_arms(result, load_prior(), constant)
    choices = {
        arm: replace(choice, recommended=int(expected[arm].candidates[expected[arm].first]))
        if arm in expected
        else choice
        for arm, choice in choices.items()
    }
    evidence = Evidence(
        validation,
        train,
        choices,
        gains.arms,
        gains.quoted,
        held_out_gains,
        family,
        constant,
        _winner(choices, gains.arms),
        gains.primary,
        gains.chosen,
        recommend(expected, choices, gains.arms),
    )
    return replace(evidence, held_out_checks=_check_held_out(result, evidence))


def _check_held_out(result: StudyResult, evidence: Evidence) -> dict[str, HeldOutCheck]:
    """Compare the claim with the difference on each part of the held-out rows."""
    if evidence.claim is None or not result.held_out:
        return {}
    candidates = evidence.choices[evidence.winner or 0].best, evidence.choices[0].best
    table = read_rows(result)
    checks = {name: check_held_out(result, table, evidence.claim, candidates, name) for name in result.held_out}
    return {name: check for name, check in checks.items() if check is not None}


def choose_candidates(result: StudyResult) -> dict[int, Choice]:
    """Apply the rules `best` and `1se` to every arm; arms without a finished fit are left out."""
    summary, constant, maximize = summarize(result.scores()), find_collapsed(result), result.score.maximize
    choices = {
        arm: select_strength(result.path(arm), summary, maximize=maximize, constant=constant)
        for arm in range(len(result.arms))
    }
    return {arm: choice for arm, choice in choices.items() if choice is not None}


def rank_arms(gains: dict[int, Comparison]) -> list[int]:
    """Return the arms that can be compared with none, from the largest gain to the smallest, the first on a tie."""
    comparable = [arm for arm in gains if np.isfinite(gains[arm].difference)]
    return sorted(comparable, key=lambda arm: -gains[arm].difference)


def _winner(choices: dict[int, Choice], gains: dict[int, Comparison]) -> int | None:
    if 0 not in choices:
        return next(iter(choices), None)
    first = next(iter(rank_arms(gains)), 0)
    return first if first and gains[first].difference > 0 and gains[first].missing != SAME else 0

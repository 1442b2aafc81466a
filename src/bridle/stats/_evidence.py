"""Selection and comparison of all arms, computed once from a result."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
from jaxtyping import Bool, Float

from bridle.results import ALL_ROWS, SPREAD_DIAGNOSTIC, StudyResult
from bridle.stats._compare import SAME, Comparison, compare_all, is_share
from bridle.stats._equal_zeros import SparseAnswer, sparse_answer
from bridle.stats._gains import Gains, Terms, find_gains
from bridle.stats._held_out import HeldOutCheck, check_held_out
from bridle.stats._intervals import widest_difference
from bridle.stats._prior import load_prior
from bridle.stats._recommend import OLDER, Recommendation, Recommender, make_recommender
from bridle.stats._rows import read_rows
from bridle.stats._select import Choice, select_strength
from bridle.stats._summary import Summary, nan_mean, summarize

RECOMMENDED = "recommended"
"""The entry of the provenance with the candidate that was selected when the study ran, and refitted."""
MOSTLY_DATA = 0.5
"""The share of the precision above which a choice comes mostly from the study's own scores."""
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
    """`arm - none` of refits on held-out rows, at each arm's `candidate`: paired by seed, over seeds."""
    family: int
    """The number of arms that the intervals are corrected over."""
    constant: Bool[np.ndarray, "candidate"]
    """True for candidates that predict the same for every row."""
    winner: int | None
    """The arm of the candidate that is handed over; None if nothing finished."""
    primary: Comparison | None = None
    """The gain of the procedure "choose among none and all candidates of all arms", each row by a choice that it took
    no part in: one question, so there is no correction. None where `best` chooses and there are no scores of rows."""
    chosen: float = np.nan
    """The mean score of that procedure."""
    recommendation: Recommendation | None = None
    """The candidate that the rule `recommended` selects over all arms, which is handed over; None if no fit of none
    finished."""
    best_arm: int | None = None
    """The arm with the largest of `gains`; `none` where no gain is above zero, None if nothing finished."""
    selected: tuple[int | None, ...] = ()
    """What the procedure selects for each fold; empty where `best` chooses."""
    held_out_checks: dict[str, HeldOutCheck] = field(default_factory=dict[str, HeldOutCheck])
    """For each part of the held-out rows, whether it agrees with `claim`; empty without one."""
    sparse: SparseAnswer | None = None
    """The answer of a search along the frontier of score and exact zeros, whose candidate is handed over."""

    @property
    def answer_scores(self) -> dict[int, float]:
        """The score of each arm that the answer is about: `quoted`, and along a frontier that at its share of zeros."""
        none = {arm: score for arm, score in self.quoted.items() if not arm}
        return self.quoted if self.sparse is None else none | self.sparse.scores

    @property
    def answer_gains(self) -> dict[int, Comparison]:
        """The difference of each arm to none that goes with `answer_scores`."""
        return self.gains if self.sparse is None else self.sparse.gains

    @property
    def claim(self) -> Comparison | None:
        """The comparison that decides on a gain: `primary`, or that of the selected arm. None where no arm is selected,
        and along a frontier, whose candidate is not the one that `gains` are about.

        It is that of the arm where there is no primary one, or where that says nothing: where `best` chooses and it is
        not above zero, and where the rule selects none for each fold.
        """
        if not self.winner or self.winner not in self.gains or self.sparse is not None:
            return None
        same = self.primary is None or self.primary.missing == SAME
        above = self.primary is not None and self.primary.difference > 0
        return self.primary if above or (self.selected and not same) else self.gains[self.winner]

    def marks(self, arm: int) -> dict[str, int]:
        """Return the candidate of an arm that each rule selects; `recommended` where curves helped to select it."""
        choice = self.choices.get(arm)
        if choice is None or arm == 0:
            return {}
        marks = {"best": choice.best, "1se": choice.one_se}
        if self.recommendation is not None and self.recommendation.learned and self.recommendation.arm == arm:
            marks["recommended"] = self.recommendation.candidate
        return marks

    def candidate(self, arm: int) -> int:
        """Return the candidate of an arm: the one that is handed over, or `best` of an arm that is not."""
        handed_over = self.recommendation is not None and self.recommendation.arm == arm == self.winner
        return self.recommendation.candidate if self.recommendation and handed_over else self.choices[arm].best


def weigh_evidence(result: StudyResult, *, level: float = 0.95) -> Evidence:
    """Reduce a result to its evidence; every fit stays in the result."""
    scores = result.scores()
    validation, train = summarize(scores), summarize(result.scores("train"))
    choices, constant = choose_candidates(result), find_collapsed(result)
    arms = [arm for arm in choices if arm != 0]
    family = max(len(arms), int(cast(int, result.provenance.get("screened", 0))))
    means = validation.mean if result.score.pooled else scores
    widest = widest_difference(result.score.measure, means)
    recommender = make_recommender(result, load_prior(), constant) if 0 in choices and arms else ""
    selected = None if isinstance(recommender, str) else recommender.by_fold()
    terms = Terms(level, family, is_share(scores, result.fold_rows), widest)
    gains = find_gains(result, choices, terms, selected)
    offer = None if isinstance(recommender, str) else _offer(result, recommender, choices, gains)
    if offer is None and selected is not None:
        selected, recommender = None, OLDER
        gains = find_gains(result, choices, terms)
    best_arm = _best_arm(choices, gains.arms)
    if offer is None and 0 in choices and best_arm is not None:
        gain = gains.arms[best_arm].difference if best_arm else 0.0
        offer = Recommendation(
            choices[best_arm].best, best_arm, gain, np.nan, np.nan, 1.0, False, str(recommender), known=False
        )
    evidence = Evidence(
        validation,
        train,
        choices,
        gains.arms,
        gains.quoted,
        {},
        family,
        constant,
        best_arm if offer is None else offer.arm,
        gains.primary,
        gains.chosen,
        offer,
        best_arm,
        tuple(selected or ()),
    )
    evidence = _with_sparse(evidence, sparse_answer(result))
    evidence = replace(evidence, held_out_gains=_held_out_gains(result, evidence, level, widest))
    return replace(evidence, held_out_checks=_check_held_out(result, evidence))


def _offer(
    result: StudyResult, recommender: Recommender, choices: Mapping[int, Choice], gains: Gains
) -> Recommendation | None:
    """Return the candidate to hand over; None if the study has refits, but not of this candidate.

    It is none where the procedure gains nothing and the choice comes mostly from the data, or where its interval lies
    below zero. Where no gain is expected, it is the best of an arm whose corrected interval lies above zero. A study
    keeps the candidate that it selected when it ran, since other versions may have other curves.
    """
    recorded = result.provenance.get(RECOMMENDED)
    offer = recommender.recommend(recorded if isinstance(recorded, int) else None)
    clear = [arm for arm, gain in gains.arms.items() if gain.low > 0]
    mostly_data = offer.data_share > MOSTLY_DATA
    worse = gains.primary is not None and (
        gains.primary.high < 0 or (mostly_data and not gains.primary.difference > 0 and gains.primary.count > 0)
    )
    if offer.arm and worse:
        offer = replace(offer, candidate=choices[0].best, arm=0, gain=0.0)
    elif not offer.arm and clear:
        first = max(clear, key=lambda arm: gains.arms[arm].difference)
        gain = gains.arms[first].difference
        offer = Recommendation(choices[first].best, first, gain, np.nan, np.nan, 1.0, True)
    refitted = result.members.setting[result.members.fold == ALL_ROWS]
    return None if len(refitted) and offer.candidate not in refitted else offer


def _with_sparse(evidence: Evidence, sparse: SparseAnswer | None) -> Evidence:
    """Return the evidence of a search along the frontier, which hands over the candidate of its answer."""
    if sparse is None or sparse.arm not in evidence.choices:
        return evidence
    gain = sparse.gains[sparse.arm].difference if sparse.arm in sparse.gains else 0.0
    offer = Recommendation(sparse.candidate, sparse.arm, gain, np.nan, np.nan, 1.0, True)
    return replace(
        evidence, winner=sparse.arm, recommendation=offer, sparse=sparse, primary=None, chosen=np.nan, selected=()
    )


def _held_out_gains(
    result: StudyResult, evidence: Evidence, level: float, widest: float
) -> dict[str, dict[int, Comparison]]:
    """Compare the refits of each arm with none on each part of the held-out rows."""
    gains: dict[str, dict[int, Comparison]] = {}
    arms = list(evidence.gains)
    for name in result.held_out if arms else ():
        held_out = (1.0 if result.score.maximize else -1.0) * result.held_out_scores(name)[:, :, None]
        rows = np.array([[1, result.held_out_rows[name]]])
        of_arms = [held_out[evidence.candidate(arm)] for arm in arms]
        pairs = compare_all(of_arms, held_out[evidence.choices[0].best], rows, level=level, widest=widest)
        gains[name] = dict(zip(arms, pairs, strict=True))
    return gains


def _check_held_out(result: StudyResult, evidence: Evidence) -> dict[str, HeldOutCheck]:
    """Compare the claim with the difference on each part of the held-out rows."""
    if evidence.claim is None or not result.held_out:
        return {}
    candidates = evidence.candidate(evidence.winner or 0), evidence.choices[0].best
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


def _best_arm(choices: dict[int, Choice], gains: dict[int, Comparison]) -> int | None:
    if 0 not in choices:
        return next(iter(choices), None)
    first = next(iter(rank_arms(gains)), 0)
    return first if first and gains[first].difference > 0 and gains[first].missing != SAME else 0

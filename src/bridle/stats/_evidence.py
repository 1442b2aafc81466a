"""All that the words and pictures say about a study, computed once from its result."""

from dataclasses import dataclass

import numpy as np

from bridle.results import StudyResult
from bridle.stats._compare import Comparison, compare_all
from bridle.stats._nan import nan_mean
from bridle.stats._select import Choice, crossed, select
from bridle.stats._summary import Summary, summarize


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
    """How many arms the intervals are corrected over."""
    winner: int | None
    """The arm whose `best` has the best mean; `none` on a tie. None where nothing finished."""


def weigh(result: StudyResult, *, level: float = 0.95) -> Evidence:
    """Reduce a result to its evidence. Nothing here is hidden: every member stays in the result."""
    scores = result.scores()
    validation, train = summarize(scores), summarize(result.scores("train"))
    sign = 1.0 if result.score.maximize else -1.0
    found = {
        arm: select(result.path(arm), validation, maximize=result.score.maximize) for arm in range(len(result.arms))
    }
    choices = {arm: choice for arm, choice in found.items() if choice is not None}
    arms = [arm for arm in choices if arm != 0]
    tables = {arm: crossed(result.path(arm), scores, maximize=result.score.maximize) for arm in choices}
    family = max(len(arms), int(result.provenance.get("screened", 0)))
    quoted = {arm: float(nan_mean(nan_mean(table, axis=0), axis=0)) for arm, table in tables.items()}
    gains: dict[int, Comparison] = {}
    held_out_gains: dict[str, dict[int, Comparison]] = {}
    if 0 in choices and arms:
        none = choices[0].best
        fair = [sign * tables[arm] for arm in arms]
        gains = dict(
            zip(arms, compare_all(fair, sign * scores[none], result.fold_rows, level=level, family=family), strict=True)
        )
        for name in result.held_out:
            fresh = sign * result.held_out_scores(name)[:, :, None]
            rows = np.array([[1, result.held_out_rows[name]]])
            pairs = compare_all([fresh[choices[arm].best] for arm in arms], fresh[none], rows, level=level)
            held_out_gains[name] = dict(zip(arms, pairs, strict=True))
    winner = max(choices, key=lambda arm: (sign * validation.mean[choices[arm].best], -arm), default=None)
    return Evidence(validation, train, choices, gains, quoted, held_out_gains, family, winner)

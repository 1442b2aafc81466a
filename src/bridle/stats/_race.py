"""Races: which candidates of a study get the fits of further seeds."""

import numpy as np
from jaxtyping import Bool, Float, Int

from bridle.stats._summary import nan_mean

MIN_STRENGTHS = 3
"""The number of strengths of an arm below which none is stopped."""
MIN_ARMS = 3
"""The number of arms below which none is stopped."""


def still_racing(
    scores: Float[np.ndarray, "candidate seed fold"],
    arms: Int[np.ndarray, "candidate"],
    *,
    maximize: bool,
    stop_arms: bool = False,
) -> Bool[np.ndarray, "candidate"]:
    """Return a mask of the candidates that stay in a race, given the same fits of each.

    The better half of each arm stays, and with `stop_arms` the better half of the arms, each by its best candidate.
    Half is rounded up, and at least three stay. On a tie the earlier one is the better, so candidates are given from
    weak to strong.

    What is chosen for a fold must not depend on that fold. So with K folds there are K halves, each without the
    scores of one fold, and a candidate stops only if it is in none of them. A candidate with a diverged fit is the
    worst. Folds in which no score is defined are passed over.

    >>> import numpy as np
    >>> means = np.array([0.5, 0.8, 0.9, 0.7, 0.6, 0.4])
    >>> still_racing(np.tile(means[:, None, None], (1, 1, 5)), np.ones(6, int), maximize=True).tolist()
    [False, True, True, True, False, False]

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS
    2016.
    """
    value = (scores if maximize else -scores)[:, :, np.isfinite(scores).any(axis=(0, 1))]
    complete, folds = np.isfinite(value).all(axis=(1, 2)), value.shape[2]
    stays = np.zeros(len(value), bool)
    for fold in range(folds):
        others = np.delete(value, fold, axis=2) if folds > 1 else value
        mean = np.where(complete, nan_mean(nan_mean(others, 1), 1), -np.inf)
        leading = _leading_arms(mean, arms) if stop_arms else np.unique(arms)
        for arm in leading:
            of_arm = np.flatnonzero(arms == arm)
            stays[_better_half(of_arm, mean[of_arm], MIN_STRENGTHS)] = True
    return stays if folds and complete.any() else np.ones(len(value), bool)


def near_best(scores: Float[np.ndarray, "candidate seed fold"], *, maximize: bool) -> Bool[np.ndarray, "candidate"]:
    """Return a mask of the candidates of one arm, from weak to strong, that are the best or next to it.

    What is chosen for a fold must not depend on that fold. So with K folds there are K best ones, each without the
    scores of one fold. A candidate without all scores is never the best.

    >>> import numpy as np
    >>> means = np.array([0.5, 0.8, 0.9, 0.7, 0.6, 0.4])
    >>> near_best(np.tile(means[:, None, None], (1, 1, 5)), maximize=True).tolist()
    [False, True, True, True, False, False]
    """
    value = (scores if maximize else -scores)[:, :, np.isfinite(scores).any(axis=(0, 1))]
    complete, folds = np.isfinite(value).all(axis=(1, 2)), value.shape[2]
    near = np.zeros(len(value), bool)
    for fold in range(folds):
        others = np.delete(value, fold, axis=2) if folds > 1 else value
        best = int(np.argmax(np.where(complete, nan_mean(nan_mean(others, 1), 1), -np.inf)))
        near[max(0, best - 1) : best + 2] = True
    return near if folds and complete.any() else np.ones(len(value), bool)


def _leading_arms(mean: Float[np.ndarray, "candidate"], arms: Int[np.ndarray, "candidate"]) -> np.ndarray:
    names = np.unique(arms)
    return _better_half(names, np.array([mean[arms == arm].max() for arm in names]), MIN_ARMS)


def _better_half(items: np.ndarray, values: Float[np.ndarray, "item"], least: int) -> np.ndarray:
    """Return the better half of some items, at least `least` of them; the earlier ones on a tie."""
    count = max(least, -(-len(items) // 2))
    return items[np.argsort(-values, kind="stable")[:count]]

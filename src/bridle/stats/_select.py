"""Selection: of a strength from a path, by two rules and by a race, and of the mean over seeds or a single one."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bridle.results import ALL_ROWS, MAX_AVERAGED, StudyResult
from bridle.stats._compare import ROUNDING_SHARE, compare
from bridle.stats._intervals import t_quantile
from bridle.stats._summary import Summary, nan_mean, nan_sd, summarize


@dataclass(frozen=True)
class Choice:
    """The indices of the selected candidates of one path; they may be equal."""

    best: int
    one_se: int


def select_strength(
    path: Int[np.ndarray, "point"],
    summary: Summary,
    *,
    maximize: bool,
    constant: Bool[np.ndarray, "candidate"] | None = None,
) -> Choice | None:
    """Apply the rules `best` and `1se` to a path ordered from weak to strong; None if nothing finished.

    `best` is the candidate with the best mean, the weaker one on a tie. `1se` is the strongest candidate whose
    mean is no worse than that of `best` by more than the standard error of `best`. A candidate with
    a diverged fit is skipped unless that leaves none. `1se` skips candidates of `constant`, which predict the same for
    every row: with few rows, a standard error reaches that far.

    >>> import numpy as np
    >>> means = np.array([0.70, 0.80, 0.79, 0.60])
    >>> s = Summary(means, np.full(4, 0.02), np.full(4, 0.01), np.ones(4, bool))
    >>> select_strength(np.arange(4), s, maximize=True)
    Choice(best=1, one_se=2)

    Source: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2nd ed., section 7.10.
    """
    value = np.where(np.isfinite(summary.mean), summary.mean if maximize else -summary.mean, -np.inf)[path]
    usable = np.isfinite(value) & summary.complete[path]
    if not usable.any():
        usable = np.isfinite(value)
    if not usable.any():
        return None
    value = np.where(usable, value, -np.inf)
    best = int(np.argmax(value))
    error = summary.error[path[best]]
    bar = value[best] - (error if np.isfinite(error) else 0.0)
    within = np.flatnonzero(value >= bar)
    if constant is not None:
        within = within[~constant[path[within]] | (within <= best)]
    return Choice(int(path[best]), int(path[within[-1]]))


def cross_select(
    path: Int[np.ndarray, "point"], scores: Float[np.ndarray, "candidate seed fold"], *, maximize: bool
) -> Float[np.ndarray, "seed fold"]:
    """Return the scores of a path where each fold's strength is the `best` of the other folds.

    `table[:, f] = scores[s_f, :, f]`, with `s_f` selected by `select_strength` from the folds other than f. The best of
    many means is too optimistic, by more the more strengths there are; a score on rows outside the selection is not.
    With one fold the strength is the best of that fold; NaN stands where no strength has a score.

    >>> import numpy as np
    >>> two = np.array([[[0.9, 0.5, 0.5]], [[0.6, 0.7, 0.7]]])
    >>> cross_select(np.arange(2), two, maximize=True).tolist()
    [[0.6, 0.5, 0.5]]

    Source: Varma and Simon, "Bias in error estimation when using cross-validation for model selection", BMC
    Bioinformatics 7:91, 2006, has the bias; this estimate leaves out a fold of the choice, not of the training.
    """
    folds = scores.shape[2]
    table = np.full(scores.shape[1:], np.nan)
    for fold in range(folds):
        others = np.delete(scores, fold, axis=2) if folds > 1 else scores
        choice = select_strength(path, summarize(others), maximize=maximize)
        if choice is not None:
            table[:, fold] = scores[choice.best, :, fold]
    return table


MIN_RACE_FITS = 5
"""The number of fits of each strength before any is stopped."""


def survivors(
    scores: Float[np.ndarray, "point cell"], *, maximize: bool, level: float = 0.005
) -> Bool[np.ndarray, "point"]:
    """Return a mask of the strengths of one arm that may still be its best, given the same fits of each.

    A strength is stopped where it is in the worse half and clearly worse than the leader: with d the leader's score
    minus its own, paired by seed and fold, over n fits, `mean(d) / (sd(d) / √n)` above the `1 - level` quantile of
    Student's t with n - 1 degrees of freedom. A strength of which a fit diverged is stopped where the leader's all
    finished. Fits of a fold in which no score is defined are passed over. With fewer than five fits nothing is
    stopped. Fits in one fold share rows, so the level is nominal; how often the winner is lost is bounded by
    simulation.

    >>> import numpy as np
    >>> noise = np.array([0.01, -0.02, 0.0, 0.02, -0.01, 0.0])
    >>> survivors(np.stack([0.8 + noise, 0.79 - noise, 0.5 + 2 * noise]), maximize=True).tolist()
    [True, True, False]

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS
    2016, for halving; Maron and Moore, "Hoeffding races", NIPS 1993, for stopping only what is clearly worse.
    """
    value = scores[:, np.isfinite(scores).any(axis=0)] * (1 if maximize else -1)
    complete = np.isfinite(value).all(axis=1)
    count = value.shape[1]
    if count < MIN_RACE_FITS or not complete.any():
        return np.ones(len(value), bool)
    mean = np.where(complete, nan_mean(value, 1), -np.inf)
    behind = value[int(np.argmax(mean))] - value
    rounding = ROUNDING_SHARE * np.abs(value[np.isfinite(value)]).max()
    error = np.maximum(nan_sd(behind, 1) / np.sqrt(count), max(rounding, 1e-12))
    clearly = ~complete | (nan_mean(behind, 1) / error > t_quantile(1 - level, count - 1))
    worse = mean < np.median(mean)
    return ~(clearly & (worse | ~complete))


@dataclass(frozen=True)
class HandOver:
    """Choice of the network that is handed over for a candidate: the mean of the refits, or one of them."""

    refits: Int[np.ndarray, "member"]
    """The refits to average, in the order of their seeds; the first one alone if the mean is not handed over."""
    single: float
    """The mean validation score of networks of one seed."""
    mean: float
    """The mean validation score of the mean over seeds; NaN if it is not known."""
    obstacle: str = ""
    """The reason why the mean of several refits is not handed over."""


def choose_hand_over(result: StudyResult, candidate: int) -> HandOver | None:
    """Choose between the mean of the refits of a candidate and the first of them; None if no refit finished.

    A loss that is convex in the predictions is at most the mean of the losses for their mean (Jensen's inequality), and
    then the mean is chosen unless it scores clearly worse: unless the interval of its difference to single seeds, over
    folds, lies below zero. Small differences of an accuracy say little: where the mean scored worse over the folds of
    real tables, it scored better on held-out rows all the same (docs/python.md). For another loss the mean has to score
    at least as well over the folds.
    """
    members, seed_mean = result.members, result.seed_mean
    of_candidate = (members.setting == candidate) & (members.fold == ALL_ROWS)
    refits = np.flatnonzero(of_candidate & members.finished)
    refits = refits[np.argsort(members.seed[refits], kind="stable")]
    if not len(refits):
        return None
    by_fold = nan_mean(result.scores()[candidate], axis=0)
    single = float(nan_mean(by_fold, axis=0))
    if seed_mean is None or len(refits) < 2:
        return HandOver(refits[:1], single, np.nan)
    scores = seed_mean.scores[candidate]
    mean, sign = float(nan_mean(scores, axis=0)), result.score.better(1.0)
    gain = compare(sign * scores[None], sign * by_fold[None], result.fold_rows)
    worse = gain.high < 0 or (not seed_mean.is_convex and gain.difference < 0)
    obstacle = seed_mean.obstacle or ("it scores worse" if worse else "")
    if not obstacle and not seed_mean.is_convex and np.isnan(gain.difference):
        obstacle = "its loss can be larger than that of one refit"
    return HandOver(refits[:1] if obstacle else refits[:MAX_AVERAGED], single, mean, obstacle)

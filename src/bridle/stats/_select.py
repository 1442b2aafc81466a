"""Selection of a strength from a path: the best, and the strongest within one standard error."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bridle.stats._summary import Summary, summarize


@dataclass(frozen=True)
class Choice:
    """The indices of two selected candidates of one path; they may be equal."""

    best: int
    one_se: int


def select_strength(
    path: Int[np.ndarray, "point"],
    summary: Summary,
    *,
    maximize: bool,
    constant: Bool[np.ndarray, "candidate"] | None = None,
) -> Choice | None:
    """Apply the rules `best` and `1se` to a path ordered from weak to strong; None where nothing finished.

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

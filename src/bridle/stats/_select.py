"""Which strength of a path: the best, and the strongest that one standard error cannot tell from it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from bridle.stats._summary import Summary


@dataclass(frozen=True)
class Choice:
    """Two settings of one path, as numbers of settings. They may be the same."""

    best: int
    one_se: int


def select(path: Int[np.ndarray, "point"], summary: Summary, *, maximize: bool) -> Choice | None:
    """Apply the rules `best` and `1se` to a path ordered from weak to strong; None where nothing finished.

    `best` is the setting with the best mean, the weaker one on a tie. `1se` is the strongest setting whose
    mean is no worse than that of `best` by more than the standard error of `best`. A setting of which some
    fit diverged is passed over unless that leaves none.

    >>> import numpy as np
    >>> means = np.array([0.70, 0.80, 0.79, 0.60])
    >>> s = Summary(means, np.full(4, 0.02), np.full(4, 0.01), np.ones(4, bool))
    >>> select(np.arange(4), s, maximize=True)
    Choice(best=1, one_se=2)

    Source: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2nd ed., section 7.10.
    """
    value = np.where(np.isfinite(summary.mean), summary.mean if maximize else -summary.mean, -np.inf)[path]
    usable = np.isfinite(value) & summary.whole[path]
    if not usable.any():
        usable = np.isfinite(value)
    if not usable.any():
        return None
    value = np.where(usable, value, -np.inf)
    best = int(np.argmax(value))
    error = summary.error[path[best]]
    bar = value[best] - (error if np.isfinite(error) else 0.0)
    return Choice(int(path[best]), int(path[np.flatnonzero(value >= bar)[-1]]))

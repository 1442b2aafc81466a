"""Racing: early elimination of strengths of a path."""

import numpy as np
from jaxtyping import Bool, Float

from bridle.stats._compare import ROUNDING_SHARE
from bridle.stats._distributions import t_quantile
from bridle.stats._nan import nan_mean, nan_sd

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

"""Jackknife pseudo-values of a score over the rows of all folds together."""

import numpy as np
from jaxtyping import Float


def pseudo_values(score: float, without: Float[np.ndarray, "fold"]) -> Float[np.ndarray, "fold"]:
    """Return the jackknife pseudo-values of a score: `n * score - (n - 1) * without[k]` for each of n folds.

    Their mean is the score, corrected for bias, and their standard error that of the jackknife. They may lie outside
    the range of the score. A fold without which the score is not defined (NaN) has the score itself.

    Args:
        score: over the rows of all folds.
        without: the score over all rows but those of one fold.

    >>> import numpy as np
    >>> pseudo_values(0.75, np.array([0.5, 0.875, 0.875]))
    array([1.25, 0.5 , 0.5 ])

    Source: Tukey, "Bias and confidence in not quite large samples", Annals of Mathematical Statistics 29, 1958.

    """
    count = len(without)
    values = count * score - (count - 1) * np.asarray(without, float)
    return np.where(np.isnan(values), score, values)

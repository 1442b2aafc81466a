"""Paired comparison of two predictors that are trained already, on rows that neither was trained on."""

import numpy as np
from jaxtyping import Float

from bridle.stats._compare import Comparison
from bridle.stats._rows import RowTable, compare_rows


def compare_predictors(
    first: Float[np.ndarray, "row"],
    second: Float[np.ndarray, "row"],
    weights: Float[np.ndarray, "row"],
    groups: np.ndarray | None = None,
    *,
    level: float = 0.95,
) -> Comparison:
    """Return the weighted mean of `first - second` and its interval over rows, or over groups of rows.

    With `d_i` the difference of row i and its share `u_i = w_i / sum(w)`: `d = sum_i u_i d_i`, variance
    `n / (n - 1) * sum_i u_i^2 (d_i - d)^2`, Student's t with n - 1 degrees of freedom after Hall's transformation for
    skewness, as in `compare_rows`. Groups count as one row each, with the sum of its weights. The predictors are
    fixed: the interval holds for these and for other rows, and not for other seeds.

    >>> import numpy as np
    >>> c = compare_predictors(np.array([0.2, 0.3, 0.1, 0.4]), np.zeros(4), np.ones(4))
    >>> round(c.difference, 3), c.over, c.count
    (0.25, 'rows', 4)
    """
    if groups is not None:
        _, index = np.unique(groups, return_inverse=True)
        totals = np.bincount(index, weights)
        first, second = (np.bincount(index, weights * side) / np.maximum(totals, 1e-300) for side in (first, second))
        weights = totals
    shares = np.asarray(weights, float)[None] / max(float(np.sum(weights)), 1e-300)
    rows = np.arange(len(weights))[None]
    table = RowTable(np.zeros((1, 1, *rows.shape)), rows, shares, 0.0)
    return compare_rows(np.asarray(first, float)[None, None], np.asarray(second, float)[None, None], table, level=level)

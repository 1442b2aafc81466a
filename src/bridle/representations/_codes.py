"""Measures of one code and of its reconstruction."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from bridle._errors import InputError


def fvu(x: ArrayLike, reconstruction: ArrayLike, *, mean: ArrayLike | None = None) -> float:
    """Return the fraction of variance unexplained: `sum (x - r)^2 / sum (x - mean)^2`, over rows and columns.

    It is 0 for a perfect reconstruction and 1 for that of the mean; it can exceed 1. `1 - fvu` is R2, weighted by the
    variances of the columns.

    Args:
        x: the rows, of shape (row, …).
        reconstruction: r, of the same shape.
        mean: the row to measure the variance from, of shape (…). Default: the mean of these rows. Give the mean of the
            training rows to judge held-out rows.

    Errors: `InputError` for other shapes, and for rows without variance.

    >>> fvu([[0.0], [2.0]], [[0.5], [1.5]])
    0.25

    """
    rows, restored = _pair(x, reconstruction)
    centre = rows.mean(axis=0) if mean is None else np.asarray(mean, float).reshape(-1)
    total = float(np.sum((rows - centre) ** 2))
    if total == 0:
        raise InputError("Expected rows that differ, got rows without variance. FVU is not defined for them.")
    return float(np.sum((rows - restored) ** 2)) / total


def norm_ratio(x: ArrayLike, reconstruction: ArrayLike) -> float:
    """Return the mean of `|r| / |x|` over rows that are not zero: below 1 where a penalty shrinks reconstructions.

    Args:
        x: the rows, of shape (row, …).
        reconstruction: r, of the same shape.

    Errors: `InputError` for other shapes; the value is NaN if all rows are zero.

    >>> norm_ratio([[3.0, 4.0]], [[0.0, 4.0]])
    0.8

    """
    rows, restored = _pair(x, reconstruction)
    sizes = np.linalg.norm(rows, axis=1)
    shown = sizes > 0
    ratios = np.linalg.norm(restored[shown], axis=1) / sizes[shown]
    return float(ratios.mean()) if len(ratios) else float("nan")


def l0(code: ArrayLike) -> float:
    """Return the mean number of units of a row that are not exactly zero.

    >>> l0([[0.0, 1.0, 2.0], [0.0, 0.0, 5.0]])
    1.5
    """
    return float(np.count_nonzero(_code(code), axis=1).mean())


def exact_zeros(code: ArrayLike) -> float:
    """Return the fraction of entries that are exactly zero.

    >>> exact_zeros([[0.0, 1.0], [0.0, 0.0]])
    0.75
    """
    return float(np.mean(_code(code) == 0))


def densities(code: ArrayLike) -> Float[np.ndarray, "unit"]:
    """Return the fraction of rows in which each unit is not exactly zero.

    >>> densities([[0.0, 1.0], [2.0, 3.0]]).tolist()
    [0.5, 1.0]
    """
    return np.mean(_code(code) != 0, axis=0)


def live_units(code: ArrayLike) -> float:
    """Return the fraction of units that are not zero in every row.

    >>> live_units([[0.0, 1.0], [0.0, 3.0]])
    0.5
    """
    return float(np.mean(densities(code) > 0))


def quantize(code: ArrayLike, step: float) -> Float[np.ndarray, "row unit"]:
    """Return a code rounded to multiples of `step`.

    Errors: `InputError` for a step that is not above 0.

    >>> quantize([[0.2, 0.9]], 0.5).tolist()
    [[0.0, 1.0]]
    """
    if not (np.isfinite(step) and step > 0):
        raise InputError(f"Expected a step above 0, got {step!r}.")
    return np.round(_code(code) / step) * step


def code_entropy(code: ArrayLike, step: float) -> float:
    """Return the bits of a row of a code that is rounded to multiples of `step`: the sum of the units' entropies.

    The entropy of a unit is that of the histogram of its rounded values over the rows, `-sum p log2 p`. Units count as
    independent, so the sum is an upper bound of the entropy of the row, and what a coder that treats units one by one
    needs. Divide it by the number of inputs for bits per input.

    Args:
        code: of shape (row, unit).
        step: the distance of the rounded values.

    Errors: `InputError` for a step that is not above 0.

    >>> code_entropy([[0.0, 0.1], [1.0, 0.2]], 1.0)
    1.0

    Source: Ranzato, Boureau and LeCun, "Sparse feature learning for deep belief networks", NIPS 2007, which plots the
    error of the reconstruction against it.

    """
    bits = 0.0
    for column in quantize(code, step).T:
        shares = np.unique(column, return_counts=True)[1] / len(column)
        bits -= float(np.sum(shares * np.log2(shares)))
    return bits + 0.0


def _code(code: ArrayLike) -> Float[np.ndarray, "row unit"]:
    """Return a code as numbers with two axes; further axes, such as time, are rows."""
    values = np.asarray(code, float)
    if values.ndim < 2 or not values.size:
        raise InputError(
            f"Expected a code of shape (row, unit) with at least one row, got {values.shape}. Give one row per sample."
        )
    return values.reshape(-1, values.shape[-1])


def _pair(x: ArrayLike, reconstruction: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    rows, restored = (np.asarray(values, float) for values in (x, reconstruction))
    if rows.shape != restored.shape or rows.ndim < 1 or not rows.size:
        raise InputError(
            f"Expected rows and reconstructions of one shape, got {rows.shape} and {restored.shape}. "
            "Give the reconstruction of each row."
        )
    return rows.reshape(len(rows), -1), restored.reshape(len(rows), -1)

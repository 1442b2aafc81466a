"""Means and standard deviations that skip NaN, and are NaN without a warning where nothing is left."""

import numpy as np


def nan_mean(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Return the mean of the finite values along `axis`."""
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def nan_sd(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the standard deviation (n - 1 in the denominator) of the finite values along `axis`."""
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    centre = np.expand_dims(nan_mean(values, axis), axis)
    squares = np.where(finite, values - centre, 0.0) ** 2
    return np.where(count > 1, np.sqrt(squares.sum(axis=axis) / np.maximum(count - 1, 1)), np.nan)

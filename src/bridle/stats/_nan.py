"""Means and deviations that pass over NaN, and are NaN (without a warning) where nothing is left."""

import numpy as np


def nan_mean(values: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """The mean of what is finite along `axis`."""
    good = np.isfinite(values)
    count = good.sum(axis=axis)
    total = np.where(good, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def nan_sd(values: np.ndarray, axis: int) -> np.ndarray:
    """The standard deviation (n - 1 in the denominator) of what is finite along `axis`."""
    good = np.isfinite(values)
    count = good.sum(axis=axis)
    centre = np.expand_dims(nan_mean(values, axis), axis)
    squares = np.where(good, values - centre, 0.0) ** 2
    return np.where(count > 1, np.sqrt(squares.sum(axis=axis) / np.maximum(count - 1, 1)), np.nan)

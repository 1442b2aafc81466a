"""Fits of Gabor functions to square filters: the test for simple-cell receptive fields."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from bridle.engine import single_threaded_blas

ORIENTATION_BINS = 8
"""Bins of orientations from 0 to 180 degrees."""
GOOD_FIT = 0.7
"""R² from which a filter counts as a Gabor function."""
WIDTHS = (0.12, 0.22)
"""Initial widths of the envelope, as parts of the side of a filter."""


@dataclass(frozen=True)
class GaborFits:
    """Gabor functions fitted to filters."""

    r2: Float[np.ndarray, "filter"]
    """The explained share of the energy of each filter."""
    orientations: Float[np.ndarray, "filter"]
    """The direction of each wave, in radians from 0 to pi."""

    @property
    def share(self) -> float:
        """The share of filters with a good fit."""
        return float(np.mean(self.r2 >= GOOD_FIT))

    @property
    def bins(self) -> int:
        """The number of bins of orientation in which some good fit lies."""
        angles = self.orientations[self.r2 >= GOOD_FIT]
        return len(np.unique(np.floor(angles / np.pi * ORIENTATION_BINS).astype(int) % ORIENTATION_BINS))


def fit_gabors(filters: Float[np.ndarray, "filter pixel"]) -> GaborFits:
    """Fit a Gabor function to each square filter, by least squares from two widths of the envelope.

    The function is `exp(-(u / s)^2 / 2 - (v / t)^2 / 2) * (a cos(2 pi f u') + b sin(2 pi f u'))`, where (u, v) are
    coordinates around a center, turned by the angle of the envelope, and u' is along the direction of the wave. a and b
    are solved for in each evaluation. Widths s, t stay between 0.5 pixels and half a side, so that neither a single
    pixel nor a grating that fills the filter counts.
    """
    side = round(filters.shape[1] ** 0.5)
    rows, columns = np.mgrid[:side, :side].reshape(2, -1).astype(float)
    with single_threaded_blas():  # threads cost more than products of this size
        fits = [_fit_one(filter_ / (np.linalg.norm(filter_) or 1.0), rows, columns, side) for filter_ in filters]
    return GaborFits(np.array([r2 for r2, _ in fits]), np.array([angle for _, angle in fits]))


def _fit_one(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, side: int) -> tuple[float, float]:
    energy = values**2 / max(float(np.sum(values**2)), 1e-12)
    center = float(energy @ rows), float(energy @ columns)
    spectrum = np.abs(np.fft.fft2(values.reshape(side, side), (4 * side, 4 * side)))
    peak = np.unravel_index(int(spectrum.argmax()), spectrum.shape)
    waves = np.fft.fftfreq(4 * side)[list(peak)]
    lower = [-1.0, -1.0, 0.5, 0.5, -np.inf, -0.55, -0.55]
    upper = [side, side, side / 2, side / 2, np.inf, 0.55, 0.55]
    best = 0.0, float(np.arctan2(waves[0], waves[1]) % np.pi)
    for width in WIDTHS:
        start = [*center, width * side, width * side, np.arctan2(waves[0], waves[1]), *waves]
        start = np.clip(start, np.array(lower) + 1e-3, np.array(upper) - 1e-3)
        fitted = least_squares(_residual, start, bounds=(lower, upper), args=(values, rows, columns), max_nfev=60)
        r2 = 1 - 2 * float(fitted.cost) / max(float(np.sum(values**2)), 1e-12)
        if r2 > best[0]:
            best = r2, float(np.arctan2(fitted.x[5], fitted.x[6]) % np.pi)
    return best


def _residual(parameters: np.ndarray, values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return what the best Gabor function with these parameters leaves of a filter."""
    row, column, across, along, angle, row_wave, column_wave = parameters
    y, x = rows - row, columns - column
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    envelope = np.exp(-((u / across) ** 2 + (v / along) ** 2) / 2)
    phase = 2 * np.pi * (row_wave * y + column_wave * x)
    waves = np.stack([envelope * np.cos(phase), envelope * np.sin(phase)], axis=1)
    gram = waves.T @ waves + 1e-9 * np.eye(2)
    return values - waves @ np.linalg.solve(gram, waves.T @ values)

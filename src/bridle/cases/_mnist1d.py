"""MNIST-1D: signals of 40 values that stand for ten digits, drawn from templates.

The templates, the course of the draws and the numbers of the transformation are those of the package `mnist1d` (Apache
License 2.0): the same seed gives the same rows.

Source: Greydanus and Kobak, "Scaling down deep learning with MNIST-1D", ICML 2024.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import gaussian_filter

TEMPLATES = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
"""A digit a row."""
LENGTH, LEAST_PADDING, MOST_PADDING, SHIFTS, VALUES = 72, 36, 60, 48, 40
SMOOTH_NOISE, WHITE_NOISE, SCALE, SHEAR = 0.25, 0.02, 0.4, 0.75


@dataclass(frozen=True)
class Signals:
    """Rows to train and to test on; `y_noisy` are the training labels of which some were drawn anew."""

    x: Float[np.ndarray, "row 40"]
    y: Int[np.ndarray, "row"]
    y_noisy: Int[np.ndarray, "row"]
    x_test: Float[np.ndarray, "test 40"]
    y_test: Int[np.ndarray, "test"]


def draw_signals(train: int, test: int, *, noise: float = 0.15, seed: int = 42) -> Signals:
    """Draw as many rows of each digit, in random order, centred and scaled together.

    Args:
        train, test: numbers of rows, together a multiple of ten.
        noise: the share of training labels that are drawn anew, from all ten digits.
        seed: of `numpy.random.RandomState`, whose stream the package uses too.

    """
    random = np.random.RandomState(seed)
    shapes = TEMPLATES - TEMPLATES.mean(axis=1, keepdims=True)
    shapes /= shapes.std(axis=1, keepdims=True)
    shapes = (shapes - shapes[:, :1]) / 6
    count = (train + test) // 10
    x = np.array([_transformed(shape, random) for shape in shapes for _ in range(count)])
    order = random.permutation(len(x))
    x, y = x[order], np.repeat(np.arange(10), count)[order]
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    noisy = y[:train].copy()
    for row in range(train):
        if random.random_sample() < noise:
            noisy[row] = random.randint(0, 10)
    return Signals(x[:train], y[:train], noisy, x[train:], y[train:])


def _transformed(shape: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Return a template that is padded, stretched, scaled, shifted, covered with noise and sheared."""
    padding = LEAST_PADDING + int(random.rand() * (MOST_PADDING - LEAST_PADDING + 1))
    signal = _resampled(np.concatenate([shape + 1e-8, np.zeros(padding)]), LENGTH)
    signal = signal * (1 + SCALE * (random.rand() - 0.5))
    signal = np.roll(signal, random.choice(SHIFTS))
    smooth = gaussian_filter(SMOOTH_NOISE * random.randn(LENGTH), 2)
    signal = np.where(signal != 0, signal, smooth) + WHITE_NOISE * random.randn(LENGTH)
    slope = SHEAR * (random.rand() - 0.5)
    return _resampled(signal - slope * np.linspace(-0.5, 0.5, LENGTH), VALUES)


def _resampled(signal: np.ndarray, count: int) -> np.ndarray:
    return np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(signal)), signal)

"""The measures of the cases on sparse codes, on inputs with known answers."""

import numpy as np
import pytest

from bridle.cases import Line
from bridle.cases import _binary_code as binary
from bridle.cases import _invariance as invariance
from bridle.cases import _sesm as sesm
from bridle.cases._gabor import fit_gabors

RNG = np.random.default_rng(0)


def gabor(angle: float, wave: float, width: float) -> np.ndarray:
    """A Gabor function on 12 × 12 pixels."""
    rows, columns = np.mgrid[:12, :12] - 5.5
    along = columns * np.cos(angle) + rows * np.sin(angle)
    return (np.exp(-(rows**2 + columns**2) / (2 * width**2)) * np.cos(2 * np.pi * wave * along + 0.5)).ravel()


def test_gabor_functions_are_recognized() -> None:
    """Eight directions with a little noise are good fits at their angles; noise is not."""
    angles = (np.arange(8) + 0.5) * np.pi / 8
    filters = np.array([gabor(angle, 0.15, 2.0) for angle in angles])
    fits = fit_gabors(filters + 0.1 * RNG.normal(size=filters.shape) * filters.std())
    assert fits.share == 1
    assert fits.bins == 8
    np.testing.assert_allclose(fits.orientations, angles, atol=0.1)
    assert fit_gabors(RNG.normal(size=(8, 144))).share == 0


def test_binary_codes_are_measured() -> None:
    """Distances, accuracies and words by hand: two rows, two units that say which row it is."""
    big = 20.0
    weights = [np.eye(2), np.zeros(2), big * np.eye(2), np.full(2, -big / 2), np.eye(2), np.zeros(2)]
    codes = binary.measure_codes(weights, np.eye(2), np.array([0, 1]))
    assert (codes.soft, codes.hard, codes.words) == (1.0, 1.0, 2)
    assert codes.distance == pytest.approx(1 / (1 + np.exp(big / 2)), rel=1e-3)


def test_a_code_that_ignores_shifts_has_ratio_zero() -> None:
    """The sum of all pixels does not change; the pixels themselves change as much as to another image."""
    digits, labels = RNG.random((20, 8, 8)).astype(np.float32), np.arange(20) % 2
    assert invariance.shifted(digits, 1, -1)[3, 3:11, 1:9, 0].tolist() == digits[3].tolist()
    total = invariance.shift_ratio(lambda images: images.sum(axis=(1, 2)), digits, labels)
    pixels = invariance.shift_ratio(lambda images: images.reshape(len(images), -1), digits, labels)
    assert total < 1e-5
    assert 0.8 < pixels < 1.3


def test_errors_at_equal_bits() -> None:
    """The lower envelope counts; PCA needs fewer bits with its best step than with fine steps."""
    assert sesm.error_at([(0.0, 1.0), (2.0, 0.0), (1.0, 2.0)], 1.0) == 0.5
    rows = RNG.normal(size=(300, 64)) * np.linspace(1, 0.05, 64)
    best, fine = (sesm.error_at(sesm.pca_points(rows, rows, levels), 1.0) for levels in (None, sesm.LEVELS))
    assert best < fine
    perfect = sesm.code_points(np.eye(64), np.eye(64), np.zeros(64), np.eye(64))
    assert min(error for _, error in perfect) == 0


def test_verdicts_follow_the_lines() -> None:
    """A missed bar is said with its name."""
    lines = tuple(Line(name, "", "", 0.1, None, bar) for name, bar in (("a", True), ("b", False), ("c", None)))
    assert "not as asked for: b" in binary._verdict(lines, "Binarizing 1")
    assert "makes the code binary" in binary._verdict((lines[0], lines[2]), "Binarizing 1")
    assert "not clearly" in invariance._verdict(lines)
    assert "less than the dense one" in invariance._verdict(lines[:1])

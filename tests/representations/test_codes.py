"""Measures of one code, against scikit-learn and SciPy."""

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import r2_score

from bridle import BridleError
from bridle.representations import code_entropy, densities, exact_zeros, fvu, l0, live_units, norm_ratio, quantize

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4)) * [1, 2, 3, 4] + 5
R = X + RNG.normal(size=X.shape)
CODE = np.maximum(0, RNG.normal(size=(200, 6)) - [0, 0.5, 1, 1.5, 2, 9])


def test_fvu_is_one_minus_r2() -> None:
    """Weighted by variance, as scikit-learn has it; with the mean of other rows; for images as for rows."""
    assert fvu(X, R) == pytest.approx(1 - r2_score(X, R, multioutput="variance_weighted"))
    assert fvu(X.reshape(30, 2, 2), R.reshape(30, 2, 2)) == pytest.approx(fvu(X, R))
    centre = X[:10].mean(axis=0)
    assert fvu(X, R, mean=centre) == pytest.approx(np.sum((X - R) ** 2) / np.sum((X - centre) ** 2))
    assert fvu(X, np.broadcast_to(X.mean(axis=0), X.shape)) == pytest.approx(1)


def test_norms_and_zeros() -> None:
    """Counts by hand."""
    assert norm_ratio(X, X / 2) == pytest.approx(0.5)
    assert np.isnan(norm_ratio(np.zeros((2, 2)), np.zeros((2, 2))))
    share = (CODE > 0).mean(axis=0)
    np.testing.assert_allclose(densities(CODE), share)
    assert l0(CODE) == pytest.approx(share.sum())
    assert exact_zeros(CODE) == pytest.approx(1 - share.mean())
    assert live_units(CODE) == pytest.approx(5 / 6)
    assert l0(CODE.reshape(20, 10, 6)) == l0(CODE)


def test_entropy_of_units() -> None:
    """The sum over units of SciPy's entropy of the histogram of rounded values."""
    rounded = np.round(CODE / 0.25).astype(int)
    np.testing.assert_allclose(quantize(CODE, 0.25), rounded * 0.25)
    bits = sum(entropy(np.bincount(column), base=2) for column in rounded.T)
    assert code_entropy(CODE, 0.25) == pytest.approx(bits)
    assert code_entropy(CODE, 0.05) > bits > code_entropy(CODE, 1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fvu(X, R[:-1]), r"of one shape, got \(30, 4\) and \(29, 4\)"),
        (lambda: fvu(np.ones((3, 2)), np.ones((3, 2))), "rows without variance"),
        (lambda: l0([1.0, 2.0]), r"a code of shape \(row, unit\) with at least one row, got \(2,\)"),
        (lambda: quantize(CODE, 0.0), "a step above 0, got 0.0"),
    ],
)
def test_refusals(call, words) -> None:
    """Each in a sentence."""
    with pytest.raises(BridleError, match=words):
        call()

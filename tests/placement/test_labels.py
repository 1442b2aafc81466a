"""Treated labels in `fit` of a regularized model, on every backend."""

import pytest
from tests._elsewhere import run_on


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_fit_with_treated_labels(backend: str) -> None:
    """Smoothing is that of Keras, mix-up is that of NumPy; evaluation, files and refusals hold."""
    ran, rows = run_on(backend, "tests.placement._labels_elsewhere")
    assert ran == backend
    assert len(rows) == 13
    for name, difference, size in rows:
        assert difference <= 1e-6 * max(1, size), name

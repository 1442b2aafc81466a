"""A regularized model trains with noise and predicts without, on every backend."""

import pytest
from tests._elsewhere import run_on


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_trains_with_noise_and_predicts_without(backend: str) -> None:
    """Moments of noise at each kind of site; saved, loaded, cloned and stripped."""
    ran, rows = run_on(backend, "tests.placement._noisy")
    assert ran == backend
    assert len(rows) == 11
    for name, got, expected in rows:
        assert got == pytest.approx(expected, rel=0.03, abs=0.03), name

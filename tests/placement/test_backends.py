"""A penalized model has the loss of the formula, on every backend, before and after it is saved."""

import pytest
from tests._elsewhere import run_on


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_fit_has_the_loss_of_the_formula(backend: str) -> None:
    """In the first epoch, after an update, after save and load, and cloned: to 1e-5 of what NumPy computes."""
    ran, rows = run_on(backend, "tests.placement._formulas")
    assert ran == backend
    assert len(rows) == 12
    for name, got, expected in rows:
        assert got == pytest.approx(expected, rel=1e-5), name


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_files_loops_and_other_models(backend: str) -> None:
    """Weights pass to the plain model and back, schedules, exact zeros, decay and constraints work or are refused.

    A model with other rates of dropout and noise is the model that was built with them.
    """
    ran, rows = run_on(backend, "tests.placement._wrapped_elsewhere")
    assert ran == backend
    assert len(rows) == 19
    for name, got, expected in rows:
        assert got == pytest.approx(expected, rel=1e-5), name

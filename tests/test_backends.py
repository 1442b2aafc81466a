"""Regularized models, penalties, noise and audits on every backend of Keras."""

import numpy as np
import pytest

from tests._elsewhere import run_on
from tests.auditing._elsewhere import CASES, ON_JAX_ALONE, TRAPS
from tests.faults.conftest import sampled
from tests.regularizers._cases import LINES
from tests.regularizers._noise_cases import NOISES
from tests.regularizers._update_cases import ELSEWHERE_DECAYS, ELSEWHERE_LABELS

EVERY = pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
OTHERS = pytest.mark.parametrize("backend", ["tensorflow", "torch"])
"""The backends on which the tests of a room do not run."""


@EVERY
def test_fit_has_the_loss_of_the_formula(backend: str) -> None:
    """In the first epoch, after an update, after save and load, and cloned: to 1e-5 of what NumPy computes."""
    rows = run_on(backend, "formulas")
    assert len(rows) == 12
    for name, got, expected in rows:
        assert got == pytest.approx(expected, rel=1e-5), name


@EVERY
def test_files_loops_and_other_models(backend: str) -> None:
    """Weights pass to the plain model and back, schedules, exact zeros, decay and constraints work or are refused.

    A model with other rates of dropout and noise is the model that was built with them.
    """
    rows = run_on(backend, "wrapped")
    assert len(rows) == 19
    for name, got, expected in rows:
        assert got == pytest.approx(expected, rel=1e-5), name


@EVERY
def test_fit_with_treated_labels(backend: str) -> None:
    """Smoothing is that of Keras, mix-up is that of NumPy; evaluation, files and refusals hold."""
    rows = run_on(backend, "labels")
    assert len(rows) == 13
    for name, difference, size in rows:
        assert difference <= 1e-6 * max(1, size), name


@EVERY
def test_trains_with_noise_and_predicts_without(backend: str) -> None:
    """Moments of noise at each kind of site; saved, loaded, cloned and stripped."""
    rows = run_on(backend, "noise")
    assert len(rows) == 11
    for name, got, expected in rows:
        assert got == pytest.approx(expected, rel=0.03, abs=0.03), name


@OTHERS
def test_penalties_obey_the_laws(backend: str) -> None:
    """The contract that ships in the package, and the NumPy line."""
    rows = run_on(backend, "contract of penalties")
    assert len(rows) == len(sampled(LINES, 3))
    assert [row for row in rows if row[1]] == []


@OTHERS
def test_noise_obeys_the_laws(backend: str) -> None:
    """The contract that ships in the package."""
    assert len(run_on(backend, "contract of noise")) == len(NOISES)


@OTHERS
def test_decay_and_labels_obey_the_laws(backend: str) -> None:
    """The contract that ships in the package, for each optimizer and each loss."""
    assert run_on(backend, "contract of updates") == len(ELSEWHERE_DECAYS) + len(ELSEWHERE_LABELS)


@OTHERS
def test_audits_find_the_same(backend: str) -> None:
    """Where Keras trains with the model itself, a shared layer is charged for each call, and the outermost model is."""
    assert len(run_on(backend, "audit")) == len(TRAPS) - len(ON_JAX_ALONE) + len(CASES)


@OTHERS
def test_layers_give_the_same(backend: str) -> None:
    """Values, counters and files; atoms stay at norm one."""
    numbers = run_on("jax", "layers")
    assert run_on(backend, "layers") == numbers
    assert np.ptp(np.concatenate([*numbers["norms"], [1.0]])) < 2e-5

"""Magnitudes of the units of a tensor."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops

from bridle._keras import Reading
from bridle.placement._units import unit_names, unit_quantiles
from bridle.results import UNIT_SHARES


def quantiles(name, weight=None, readings=None):
    place = SimpleNamespace(name=name, variable=weight, extract=lambda value: value, tap="tap")
    seen = {} if readings is None else {0: [Reading(ops.convert_to_tensor(each), None) for each in readings]}
    found = unit_quantiles([place], ["tap"], lambda variable: variable.value, seen)
    assert tuple(found) == unit_names([place])
    return [float(found[f"unit{share}/{name}"]) for share in UNIT_SHARES]


@pytest.mark.parametrize("shape", [(3, 5), (3, 3, 2, 4), (6, 1), (7,), (1, 1), ()])
def test_units_of_a_weight_are_its_last_axis_longer_than_one(shape) -> None:
    """The norm over all other axes; a kernel with one output has its inputs as units, a number has one unit."""
    values = np.random.default_rng(0).standard_normal(shape).astype("float32")
    long = [axis for axis, size in enumerate(shape) if size > 1]
    columns = np.moveaxis(values, long[-1], -1).reshape(-1, shape[long[-1]]) if long else values.reshape(1, 1)
    expected = np.quantile(np.sqrt((columns**2).sum(axis=0)), np.array(UNIT_SHARES) / 100)
    np.testing.assert_allclose(quantiles("a/kernel", keras.Variable(values)), expected, rtol=1e-5)


def test_units_of_an_activation_are_its_last_axis() -> None:
    """The mean magnitude over rows, positions and calls."""
    rng = np.random.default_rng(1)
    calls = [rng.standard_normal((4, 3, 5)).astype("float32"), rng.standard_normal((2, 3, 5)).astype("float32")]
    sizes = np.abs(np.concatenate([call.reshape(-1, 5) for call in calls])).mean(axis=0)
    expected = np.quantile(sizes, np.array(UNIT_SHARES) / 100)
    np.testing.assert_allclose(quantiles("a/output", readings=calls), expected, rtol=1e-5)
    assert len(set(quantiles("a/output", readings=[np.ones(4, "float32")]))) == 1

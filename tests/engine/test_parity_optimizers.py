"""A member is the fit that Keras would have given: every optimizer with its options, every schedule."""

import keras
import pytest
from tests.engine._member import equal, keras_fit, member
from tests.engine._optimizers import SETTINGS, make, missing
from tests.engine._rows import first, rest, rows

L = keras.layers
TRAIN = 48
"""Three whole batches: a step is a step, and a smaller last one would be compiled for every optimizer."""


def build(setting: str) -> keras.Model:
    """A hidden layer and an output, under the optimizer of a setting."""
    model = keras.Sequential([keras.Input((6,)), L.Dense(8, "relu", name="hidden"), L.Dense(1, "sigmoid", name="out")])
    model.compile(make(setting), "binary_crossentropy")
    return model


def test_no_optimizer_is_forgotten() -> None:
    """Every optimizer and every schedule that Keras has is tried, whatever its release."""
    assert not missing()


@pytest.mark.parametrize("setting", SETTINGS)
def test_optimizer_equals_fit(setting: str) -> None:
    """The same steps: momentum, decay, clipping, averaging, accumulation, scaling and schedules included."""
    x, y = rows("vector")
    train, other = (first(x, TRAIN), first(y, TRAIN)), (rest(x, TRAIN), rest(y, TRAIN))
    equal(member(lambda: build(setting), *train, validation=other), keras_fit(lambda: build(setting), *train))

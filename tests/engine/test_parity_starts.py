"""A member starts with the weights that Keras would have drawn."""

import keras
import numpy as np
import pytest
from tests.engine._member import values
from tests.engine._models import EVERY

from bridle._keras import InitialValues, read_blueprint

SEEDS = (3, 0, 11)
"""The first two build a model; the third may be drawn without one."""


@pytest.mark.parametrize("model", EVERY)
def test_member_starts_as_keras_does(model: str) -> None:
    """Bit for bit, from a function and from a model, under every seed."""
    build, _ = EVERY[model]
    sources = [InitialValues(read_blueprint(source).build) for source in (build, build())]
    for seed in SEEDS:
        keras.utils.set_random_seed(seed)
        expected = values(build())
        for starts in sources:
            trainable, other = starts.variables(seed)
            for got, value in zip([*trainable, *other], expected, strict=True):
                np.testing.assert_array_equal(got, value)

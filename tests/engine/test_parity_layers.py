"""A member is the fit that Keras would have given: layers one after another."""

import pytest
from tests.engine._member import parity
from tests.engine._models import MODELS, ROUNDED
from tests.engine._rows import WHOLE, rows

LAYERS = MODELS["layers"]


@pytest.mark.parametrize("model", LAYERS)
def test_member_equals_fit(model: str) -> None:
    """The same start bit for bit, the same losses and metrics of every epoch, the same weights in the end."""
    build, kind = LAYERS[model]
    parity(build, *rows(kind), train=WHOLE, rounded=ROUNDED in model)

"""A member is the fit that Keras would have given: convolutions, pooling, augmentation."""

import pytest
from tests.engine._member import parity
from tests.engine._models import MODELS
from tests.engine._rows import WHOLE, rows

SPATIAL = MODELS["spatial"]


@pytest.mark.parametrize("model", SPATIAL)
def test_member_equals_fit(model: str) -> None:
    """The same start bit for bit, the same losses and metrics of every epoch, the same weights in the end."""
    build, kind = SPATIAL[model]
    parity(build, *rows(kind), train=WHOLE)

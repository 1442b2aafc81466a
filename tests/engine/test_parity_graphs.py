"""A member is the fit that Keras would have given: branches, sharing, nesting, attention, losses, metrics."""

import pytest
from tests.engine._member import parity
from tests.engine._models import MODELS, ROUNDED
from tests.engine._rows import rows

GRAPHS = MODELS["graphs"]


@pytest.mark.parametrize("model", GRAPHS)
def test_member_equals_fit(model: str) -> None:
    """The same start bit for bit, the same losses and metrics of every epoch, the same weights in the end."""
    build, kind = GRAPHS[model]
    parity(build, *rows(kind), rounded=ROUNDED in model)

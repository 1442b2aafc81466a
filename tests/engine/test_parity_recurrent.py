"""A member is the fit that Keras would have given: recurrent layers."""

import pytest
from tests.engine._member import parity
from tests.engine._models import MODELS, MOVES_AT_EVALUATION
from tests.engine._rows import WHOLE, rows

RECURRENT = MODELS["recurrent"]


@pytest.mark.parametrize("model", RECURRENT)
def test_member_equals_fit(model: str) -> None:
    """The same start bit for bit, the same losses and metrics of every epoch, the same weights in the end."""
    build, kind = RECURRENT[model]
    parity(build, *rows(kind), train=WHOLE, validate=MOVES_AT_EVALUATION not in model)

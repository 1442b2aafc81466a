"""What can be wrong with what a layer adds to the loss by itself, and in the loop over time."""

import math

from bridle.auditing._measure import Cell, Own
from bridle.auditing._rows import Finding
from bridle.auditing._words import count, placed


def found_on(own: Own) -> tuple[Finding, ...]:
    """Everything to say about a layer's own `add_loss`."""
    if not math.isfinite(own.charged):
        return (Finding("not finite", "the layer adds something to the loss that is not a finite number."),)
    if own.dropped:
        text = f"the layer calls add_loss, and Keras drops {own.dropped} of {count(len(own.charges), 'charge')}."
        return (Finding("not charged", f"{text} Of several calls `fit` on JAX keeps the last."),)
    return ()


def found_in(cell: Cell) -> tuple[Finding, ...]:
    """What to say about the activity penalty of a recurrent layer's cell."""
    return (
        Finding(
            "inside the loop",
            f"this penalty of a cell lives inside the loop over time of {cell.around!r}: `fit` on JAX stops with an "
            "UnexpectedTracerError, other backends charge steps one by one, padded ones too. "
            f"{placed(cell.around + '/hidden_state', cell.regularizer)}",
        ),
    )

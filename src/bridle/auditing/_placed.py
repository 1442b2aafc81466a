"""The rows of penalties that bridle has placed, and whether they reach the loss."""

import math
from typing import Any

import keras

from bridle._keras import as_number, untouched
from bridle.auditing._batch import Batch
from bridle.auditing._rows import Finding, Row
from bridle.auditing._words import number
from bridle.placement import Penalized

PREFIX = "penalty/"


def placed_rows(model: keras.Model, batch: Batch, added: float) -> list[Row]:
    """One row for each place that `bridle.penalize` charges; none for another model.

    Args:
        model: what is trained.
        batch: what it was called on.
        added: what the call has really added to the loss, all samples counted.

    """
    if not isinstance(model, Penalized):
        return []
    charged = _values(model, batch, batch.sample_weight)
    meant = sum((charged if batch.sample_weight is None else _values(model, batch, None)).values())
    rows = [Row(name.removeprefix(PREFIX), _written(model, name), value, value) for name, value in charged.items()]
    if math.isclose(added, meant, rel_tol=1e-3, abs_tol=1e-9):
        return rows
    text = f"the call adds {number(added)} to the loss where the penalties mean {number(meant)}. Report it to bridle."
    return [*rows, Row(f"{model.name}/add_loss", "bridle", added, meant, (Finding("charged otherwise", text),))]


def _values(model: Penalized, batch: Batch, sample_weight: Any) -> dict[str, float]:
    with untouched(model):
        x = keras.tree.map_structure(keras.ops.convert_to_tensor, batch.x)
        weight = None if sample_weight is None else keras.ops.convert_to_tensor(sample_weight)
        return {name: as_number(value) for name, value in model.penalties(x, weight).items()}


def _written(model: Penalized, name: str) -> str:
    """The penalties at a place, as they were written."""
    here = [
        term.penalty for term in model.charges.terms if any(f"{PREFIX}{place.name}" == name for place in term.places)
    ]
    return "bridle." + " + ".join(map(repr, here))

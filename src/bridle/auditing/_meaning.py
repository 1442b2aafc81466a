"""What a regularizer means on an activation, in bridle's definition, whatever class it is of."""

from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._keras import Reading, as_number
from bridle.auditing._formulas import is_known_on_activation, on_activation
from bridle.regularizers import Penalty
from bridle.regularizers._kinds import at_least_float32, broadcast_mask, count_samples


def meaning(regularizer: Any, reading: Reading, counted: Any, *, masked: bool = True) -> float:
    """The sum over units (and time, and space), averaged over the samples; a batch statistic once, undivided.

    Args:
        regularizer: a Keras regularizer, a bridle penalty or a function of one tensor.
        reading: an activation of shape (batch, …), with its mask.
        counted: shape (batch,), 1 for samples that count; None where all do.
        masked: whether padded steps are left out.

    """
    value = at_least_float32(reading.value)
    charged = combined(reading.mask if masked else None, counted, value)
    if is_known_on_activation(regularizer):
        amounts = regularizer.fixed() if isinstance(regularizer, Penalty) else (1.0,)
        parts = on_activation(regularizer, as_array(value), None if charged is None else as_array(charged))
        return sum(amount * part for amount, part in zip(amounts, parts, strict=True))
    if isinstance(regularizer, Penalty):
        parts = regularizer.activation_values(value, charged)
        return sum(amount * as_number(part) for amount, part in zip(regularizer.fixed(), parts, strict=True))
    if is_batch_statistic(regularizer, value):
        rows = value if charged is None else value[_present(charged)]
        return as_number(regularizer(rows))
    if charged is None:
        return as_number(regularizer(value)) / max(1, value.shape[0])
    return as_number(regularizer(value * broadcast_mask(charged, value))) / as_number(count_samples(value, charged))


def as_array(value: Any) -> np.ndarray:
    """Return a tensor of any backend and precision as an array of NumPy."""
    return np.asarray(ops.convert_to_numpy(ops.cast(value, "float32")))


def is_batch_statistic(regularizer: Any, value: Any) -> bool:
    """Whether a batch that is seen twice gives the same value, where a sum over samples would give the double."""
    if isinstance(regularizer, Penalty):
        return False
    value = at_least_float32(value)
    once, twice = as_number(regularizer(value)), as_number(regularizer(ops.concatenate([value, value], axis=0)))
    return np.isfinite(once) and abs(once) > 1e-12 and abs(twice - once) < 0.01 * abs(once)


def combined(mask: Any, counted: Any, value: Any) -> Any:
    """Steps that are no padding, of samples that count: shape (batch,) or (batch, time); None where all are."""
    if counted is not None and counted.shape[0] != value.shape[0]:
        counted = None
    if mask is None or counted is None:
        return counted if mask is None else ops.cast(mask, "float32")
    return ops.cast(mask, "float32") * ops.reshape(ops.cast(counted, "float32"), (-1,) + (1,) * (len(mask.shape) - 1))


def _present(charged: Any) -> Any:
    kept = np.asarray(keras.ops.convert_to_numpy(charged)).reshape(charged.shape[0], -1).max(axis=1) > 0
    return np.flatnonzero(kept)

"""Base classes of penalties by kind, and their divisors."""

import abc
from typing import Any

import keras

from bridle._errors import InputError
from bridle._keras import ops
from bridle.regularizers._penalty import Penalty, Per


class WeightPenalty(Penalty):
    """Base class of penalties that are defined on weights only."""

    allowed_on = ("weight",)

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        raise InputError(f"Expected a weight for {self.kind}, got an activation. {self.kind} is defined on weights.")


class ActivationPenalty(Penalty):
    """Base class of penalties that are statistics of a batch of activations, without division by the batch size.

    `penalty(x)` returns the statistic times the batch size, because Keras ≥ 3.14 divides the value of an
    `activity_regularizer` by the batch size.
    """

    allowed_on = ("activation",)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        x = at_least_float32(x)
        size = ops.cast(ops.shape(x)[0], x.dtype)
        return tuple(value * size for value in self.activation_values(x))


class Entrywise(Penalty):
    """Base class of penalties that are sums over entries, `value(x) = sum_j phi(x_j)`.

    On a weight, `value` sums over all entries. On an activation of shape (batch, …) it sums over all
    units, time and space, and `per` sets the treatment of the batch axis:

    - `"sample"` (the default): averaged over the samples, as Keras ≥ 3.14 does;
    - `"batch"`: summed over the samples, as Keras 2.0-2.3 and 3.0-3.13 did;
    - `"unit"`: averaged over the samples and over the units.

    `penalty(x)` makes it an ordinary Keras regularizer. By default it returns the sum over all entries, for a weight,
    or for an activation, where Keras ≥ 3.14 divides by the batch size. The other two values of `per` rely on this
    division, so they are for activations only.
    """

    options = ("per",)

    @abc.abstractmethod
    def entry_values(self, x: Any) -> tuple[Any, ...]:
        """Return `phi(x)` entry by entry, for each component."""
        raise NotImplementedError

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        return tuple(ops.sum(value) for value in self.entry_values(at_least_float32(x)))

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        x = at_least_float32(x)
        divisor = _divisor(x, mask, self.per)
        counted = broadcast_mask(mask, x)
        return tuple(ops.sum(value * counted) / divisor for value in self.entry_values(x))

    def __call__(self, x: Any) -> Any:
        total = super().__call__(x)
        if self.per == "batch":
            return total * ops.cast(ops.shape(x)[0], total.dtype)
        if self.per == "unit":
            return total * ops.cast(ops.shape(x)[0], total.dtype) / ops.cast(ops.size(x), total.dtype)
        return total


def at_least_float32(x: Any) -> Any:
    """Return a tensor in at least float32, because a sum in float16 overflows long before it is averaged."""
    x = ops.convert_to_tensor(x)
    return x if keras.backend.standardize_dtype(x.dtype) in ("float32", "float64") else ops.cast(x, "float32")


def broadcast_mask(mask: Any, x: Any) -> Any:
    """Return a mask of shape (batch,) or (batch, time) with trailing axes of length one, up to the rank of `x`."""
    if mask is None:
        return 1.0
    missing = len(x.shape) - len(mask.shape)
    return ops.reshape(ops.cast(mask, x.dtype), (*ops.shape(mask), *(1,) * missing))


def count_samples(x: Any, mask: Any) -> Any:
    """Return the number of samples of an activation that count, at least 1 under a mask."""
    if mask is None:
        return ops.cast(ops.shape(x)[0], x.dtype)
    mask = ops.cast(mask, x.dtype)
    present = ops.max(ops.reshape(mask, (ops.shape(x)[0], -1)), axis=1)
    return ops.maximum(ops.sum(present), 1.0)


def count_entries(x: Any, mask: Any) -> Any:
    """Return the number of entries of an activation that count, at least 1."""
    if mask is None:
        return ops.maximum(ops.cast(ops.size(x), x.dtype), 1.0)
    units = 1
    for size in ops.shape(x)[len(mask.shape) :]:
        units *= size
    return ops.maximum(ops.sum(ops.cast(mask, x.dtype)) * ops.cast(units, x.dtype), 1.0)


def _divisor(x: Any, mask: Any, per: Per) -> Any:
    """Return the divisor of a sum over a batch of activations."""
    if per == "batch":
        return 1.0
    return count_samples(x, mask) if per == "sample" else count_entries(x, mask)

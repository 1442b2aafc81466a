"""Quantiles over the units of a tensor, since units have no counterpart in a network from another seed."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._keras import Reading, Tap
from bridle.placement._sites import Site
from bridle.results import UNIT_SHARES


def unit_names(sites: Sequence[Site]) -> tuple[str, ...]:
    """Return the names of the values of `unit_quantiles`, in order: `unit0/hidden/kernel` to `unit100/…`."""
    return tuple(dict.fromkeys(f"unit{share}/{site.name}" for site in sites for share in UNIT_SHARES))


def unit_quantiles(
    sites: Sequence[Site],
    taps: Sequence[Tap],
    weight: Callable[[keras.Variable], Any],
    readings: dict[int, list[Reading]],
) -> dict[str, Any]:
    """Return quantiles over the units of each site.

    The units of a weight are the entries of its last axis that is longer than one, each with the norm of the weights
    that enter it; for a kernel with one output these are its inputs. The units of an activation are the entries of
    its last axis, each with its mean magnitude over rows, positions that are not padded, and calls.
    """
    quantiles: dict[str, Any] = {}
    for site in sites:
        if site.variable is not None:
            sizes = _norms(site.extract(weight(site.variable)))
        else:
            sizes = _magnitudes(readings[taps.index(site.tap)])
        values = _quantiles(sizes)
        quantiles |= {f"unit{share}/{site.name}": values[index] for index, share in enumerate(UNIT_SHARES)}
    return quantiles


def _quantiles(sizes: Any) -> Any:
    """Return linearly interpolated quantiles. `keras.ops.quantile` compiles to twice as much code."""
    ordered = ops.sort(sizes)
    at = np.array(UNIT_SHARES) / 100 * (sizes.shape[0] - 1)
    below = np.floor(at).astype("int32")
    part = ops.convert_to_tensor(at - below, "float32")
    low, high = (ops.take(ordered, indices) for indices in (below, np.ceil(at).astype("int32")))
    return low + (high - low) * part


def _norms(tensor: Any) -> Any:
    tensor = ops.reshape(ops.cast(tensor, "float32"), tensor.shape or (1,))
    long = [axis for axis, size in enumerate(tensor.shape) if size > 1]
    unit = long[-1] if long else 0
    return ops.sqrt(ops.sum(ops.square(tensor), axis=tuple(axis for axis in range(len(tensor.shape)) if axis != unit)))


def _magnitudes(calls: Sequence[Reading]) -> Any:
    if all(reading.mask is None for reading in calls):
        return ops.mean(ops.cast(by_unit(calls), "float32"), axis=0)
    counts = by_unit([Reading(_real(reading), None) for reading in calls])
    return ops.sum(ops.cast(by_unit(calls), "float32"), axis=0) / ops.maximum(ops.sum(counts, axis=0), 1)


def by_unit(calls: Sequence[Reading]) -> Any:
    """Return the magnitudes of all readings in shape (position, unit), 0 at padded positions."""
    units = [reading.value.shape[-1] if len(reading.value.shape) > 1 else 1 for reading in calls]
    sizes = [ops.abs(r.value) if r.mask is None else ops.abs(r.value) * _real(r, r.value.dtype) for r in calls]
    return ops.concatenate([ops.reshape(size, (-1, count)) for size, count in zip(sizes, units, strict=True)])


def real_entries(calls: Sequence[Reading]) -> Any:
    """Return 1 for each entry of the readings in one row, 0 for padding; None if nothing is masked."""
    if all(reading.mask is None for reading in calls):
        return None
    return ops.concatenate([ops.reshape(_real(reading), (-1,)) for reading in calls])


def mean_over(values: Any, real: Any) -> Any:
    """Return the mean of the values, or of those where `real` is 1."""
    return ops.mean(values) if real is None else ops.sum(values * real) / ops.maximum(ops.sum(real), 1)


def _real(reading: Reading, dtype: str = "float32") -> Any:
    """Return 1 for each entry of a reading, 0 for padding."""
    value, mask = reading.value, reading.mask
    if mask is None:
        return ops.ones(value.shape, dtype)
    mask = ops.reshape(ops.cast(mask, dtype), (*mask.shape, *[1] * (len(value.shape) - len(mask.shape))))
    return ops.broadcast_to(mask, value.shape)

"""Groups of weights: their members, their norms, and their proximal step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from bridle._errors import InputError, short_repr
from bridle._keras import ops

Groups = str | int | Sequence[int]
WORDS = ("inputs", "units", "filters")
"""Names of groupings."""
ADVICE = "Use 'inputs', 'units', 'filters', a number of equal blocks of inputs, or one whole number per input."
"""The end of every message about groups."""
NEWTON_STEPS = 8
"""Newton steps to find the length of a group. None of 20000 random groups, steps up to 1e10-fold apart, needs 7."""


@dataclass(frozen=True)
class Blocks:
    """The groups of one weight tensor."""

    axis: int
    """The axis along which the groups divide the tensor."""
    labels: np.ndarray | None
    """The group of each slice along that axis, from 0; None if each slice is a group."""
    sizes: np.ndarray
    """The number of weights in each group."""

    def sums(self, values: Any) -> Any:
        """Return the sum over the entries of each group, of shape (group,)."""
        slices = ops.sum(values, axis=self._reduced_axes(values))
        return slices if self.labels is None else ops.segment_sum(slices, self.labels, len(self.sizes))

    def largest(self, values: Any) -> Any:
        """Return the largest entry of each group, of shape (group,)."""
        slices = ops.max(values, axis=self._reduced_axes(values))
        return slices if self.labels is None else ops.segment_max(slices, self.labels, len(self.sizes))

    def broadcast(self, values: Any, x: Any) -> Any:
        """Return one value per group along the axis, in a shape that multiplies with `x`."""
        slices = values if self.labels is None else ops.take(values, self.labels, axis=0)
        return ops.reshape(slices, [-1 if axis == self.axis else 1 for axis in range(len(x.shape))])

    def weights(self, x: Any) -> Any:
        """Return `sqrt(|g|)` for each group."""
        return ops.convert_to_tensor(np.sqrt(self.sizes), dtype=x.dtype)

    def _reduced_axes(self, x: Any) -> tuple[int, ...]:
        return tuple(axis for axis in range(len(x.shape)) if axis != self.axis)


def read_groups(groups: object, kind: str) -> str | int | tuple[int, ...]:
    """Return groups from an argument.

    Errors: `InputError` unless it is a supported word, a number of blocks ≥ 1, or a list of whole numbers.
    """
    if isinstance(groups, str) and groups in WORDS:
        return groups
    if _is_whole(groups) and groups >= 1:
        return int(groups)
    if _is_list(groups) and len(groups):
        labels = _array(groups)
        if labels.ndim == 1 and labels.dtype.kind in "iu":
            return tuple(labels.tolist())
    raise InputError(f"Expected groups of weights in {kind}(groups=…), got {short_repr(groups)}. {ADVICE}")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)


def _array(groups: object) -> np.ndarray:
    """Return groups as an array; an empty float array if NumPy cannot build one."""
    try:
        return np.asarray(groups)
    except (ValueError, OverflowError):  # lists of unequal length
        return np.zeros(0)


def find_blocks(x: Any, groups: str | int | tuple[int, ...], kind: str) -> Blocks:
    """Return the groups of the weight tensor `x`.

    Errors: `InputError` if their number or their labels do not fit the number of inputs.
    """
    rank = len(x.shape)
    if rank == 0:
        raise InputError(f"Expected a weight with at least one axis for {kind}, got a single number. Use l1 there.")
    axis = rank - 1 if groups in ("units", "filters") else max(rank - 2, 0)
    count = x.shape[axis]
    slice_size = int(np.prod([size for other_axis, size in enumerate(x.shape) if other_axis != axis]))
    labels = None if isinstance(groups, str) else _labels(groups, count, kind)
    sizes = np.full(count, slice_size) if labels is None else np.bincount(labels) * slice_size
    return Blocks(axis, labels, sizes)


def _labels(groups: int | tuple[int, ...], count: int, kind: str) -> np.ndarray:
    if isinstance(groups, int):
        if count % groups:
            nearest = ", ".join(map(str, _divisors(count, groups)))
            raise InputError(
                f"Expected in {kind}(groups=…) a number of blocks that divides the {count} inputs, got {groups}. "
                f"Near it: {nearest}."
            )
        return np.repeat(np.arange(groups), count // groups)
    if len(groups) != count:
        raise InputError(
            f"Expected in {kind}(groups=…) one whole number for each of the {count} inputs, got {len(groups)}. {ADVICE}"
        )
    return np.unique(groups, return_inverse=True)[1]


def _divisors(count: int, target: int) -> list[int]:
    """Return the divisors of a count nearest to a target: up to two on each side."""
    divisors = [divisor for divisor in range(1, count + 1) if count % divisor == 0]
    below, above = [d for d in divisors if d < target], [d for d in divisors if d > target]
    return below[-2:] + above[:2]


def safe_sqrt(squares: Any) -> Any:
    """Return the square root, with gradient 0 at 0."""
    positive = squares > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, squares, 1.0)), 0.0)


def sum_lengths(x: Any, groups: Blocks) -> Any:
    """Return `sum_g sqrt(|g|) ||x_g||_2`."""
    return ops.sum(groups.weights(x) * safe_sqrt(groups.sums(ops.square(x))))


def shrink(x: Any, step: Any, strength: Any, groups: Blocks) -> Any:
    """Take the proximal step of group lengths.

    It solves `argmin_z sum (z - x)^2 / (2 step) + strength sum_g sqrt(|g|) ||z_g||_2`.

    With `c = step * strength * sqrt(|g|)` a group is zero where `||x / c|| <= 1`. Otherwise its length `r` solves
    `sum (x / (r + c))^2 = 1`, and `z = x r / (r + c)`. Newton's method runs on `sum(…)^(-1/2) = 1`, whose left side
    is concave and increasing in `r`: from a lower bound it rises to the root, and reaches it in one round where
    the step is the same in the whole group. Entries whose step is 0 stay.
    """
    cost = step * groups.broadcast(strength * groups.weights(x), x)
    free = cost <= 0
    ratio = ops.where(free, ops.where(x == 0, 0.0, 2.0), x / ops.where(free, 1.0, cost))
    alive = groups.sums(ops.square(ratio)) > 1
    length = ops.maximum(groups.largest(ops.abs(x) - cost), 0.0)
    for _ in range(NEWTON_STEPS):
        total = groups.broadcast(length, x) + cost
        share = x / ops.where(total > 0, total, 1.0)
        square = ops.square(share)
        sums, slopes = groups.sums(square), groups.sums(square / ops.where(total > 0, total, 1.0))
        length = length + ops.where(slopes > 0, sums * (ops.sqrt(sums) - 1) / ops.where(slopes > 0, slopes, 1.0), 0.0)
    final = groups.broadcast(length, x)
    total = final + cost
    factor = ops.where(total > 0, final / ops.where(total > 0, total, 1.0), 0.0)
    return ops.where(groups.broadcast(alive, x), x * factor, 0.0)

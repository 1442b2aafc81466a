"""State of one fit during training, its rows, and access to parts of arrays along the first axis."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax

from bridle.engine._stored import is_stored, take

# The field names of `State` are in the text of every compiled program, and its hash is how a store knows a fit.


class State(NamedTuple):
    """Everything that the next step needs."""

    trainable: list[Any]
    other: list[Any]
    optimizer: list[Any]
    diverged_at: Any
    """int32: the first epoch whose loss was not finite, or -1."""
    memory: Any
    """State of early stopping; an empty tuple without it."""
    averages: Any = ()
    """State of weight averaging; an empty tuple without it."""


class Points(NamedTuple):
    """Measuring points of one call of the training program; arrays of shape (capacity,)."""

    lengths: Any
    """int32: epochs from the point before to this one."""
    training: Any
    """bool: true where training rows are measured too."""


class Rows(NamedTuple):
    """Rows of one fold, training rows first. Leaves of `x` and `y` have shape (row, …)."""

    x: Any
    y: Any
    weight: Any
    """float32 (row,), or None."""


@dataclass(frozen=True)
class Fold:
    """Rows of one split: those that train, those that early stopping monitors, and the others.

    They are on the device; those of inputs may be on disk (`RowSource`).
    """

    rows: Rows
    train: int
    watch: int = 0

    @property
    def cuts(self) -> tuple[int, ...]:
        """Row numbers at which one side ends and the next begins."""
        return (self.train, self.train + self.watch) if self.watch else (self.train,)

    @property
    def is_stored(self) -> bool:
        """True if some rows are on disk."""
        return is_stored(self.rows)

    @property
    def shape(self) -> tuple[Any, ...]:
        """Everything that two folds must share to run on the same program."""
        return (*self.cuts, *((tuple(leaf.shape), str(leaf.dtype)) for leaf in jax.tree.leaves(self.rows)))


class Block(NamedTuple):
    """Rows that are in memory together, and the order in which a fit uses them."""

    rows: Rows
    order: Any
    """int32 (row,)."""


def put_fold(x: Any, y: Any, weight: Any, train: int, watch: int = 0) -> Fold:
    """Move copies of the rows of one split to the device, floats as float32; inputs on disk stay there.

    On a CPU the device's array is often NumPy's own, hence the copy; `jnp.array` compiles a program for each shape.
    """
    if is_stored((x, y, weight)):
        put = lambda leaf: leaf if is_stored(leaf) else jax.device_put(np.array(leaf))  # noqa: E731
        y = jax.tree.map(lambda leaf: take(leaf, np.arange(len(leaf))) if is_stored(leaf) else leaf, y)
        return Fold(Rows(*jax.tree.map(put, (x, y, weight))), train, watch)
    return Fold(Rows(*jax.device_put(jax.tree.map(np.array, (x, y, weight)))), train, watch)


def slice_rows(tree: Any, first: int, end: int | None) -> Any:
    """Return the rows from `first` to before `end` of every leaf."""
    return jax.tree.map(lambda leaf: leaf[first:end], tree)


def row_count(tree: Any) -> int:
    """Return the number of rows."""
    return jax.tree.leaves(tree)[0].shape[0]


# Indices are never negative here. JAX's check for that would be a few more pieces for XLA to compile each time.


def entry_at(array: Any, index: Any) -> Any:
    """Return one entry of the first axis."""
    return lax.dynamic_index_in_dim(array, index, keepdims=False, allow_negative_indices=False)


def window_at(array: Any, start: Any, size: int) -> Any:
    """Return `size` entries of the first axis, from `start` on."""
    return lax.dynamic_slice_in_dim(array, start, size, allow_negative_indices=False)


def replace_window(array: Any, part: Any, start: Any) -> Any:
    """Return the array with `part` written over the first axis, from `start` on."""
    starts = (start, *[0] * (array.ndim - 1))
    return lax.dynamic_update_slice(array, part, starts, allow_negative_indices=False)


def gather(array: Any, indices: Any) -> Any:
    """Return the entries of the first axis at the indices."""
    return array.at[indices].get(mode="promise_in_bounds", wrap_negative_indices=False)

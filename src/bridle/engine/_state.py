"""What a member consists of while it is trained, and the rows that it sees."""

from typing import Any, NamedTuple

import jax
from jax import lax


class State(NamedTuple):
    """What the next step needs."""

    trainable: list[Any]
    other: list[Any]
    optimizer: list[Any]
    diverged_at: Any
    """int32: the first epoch whose loss was not finite, or -1."""
    memory: Any
    """What early stopping remembers; an empty tuple without it."""


class Points(NamedTuple):
    """The measuring points of one call of the training program; (capacity,) each."""

    lengths: Any
    """int32: the epochs before each point."""
    training: Any
    """bool: where the training rows are measured too."""


class Rows(NamedTuple):
    """The rows of one fold, those to train on first. Leaves of `x` and `y` have shape (row, …)."""

    x: Any
    y: Any
    weight: Any
    """float32 (row,), or None."""


def part_of(rows: Any, first: int, end: int | None) -> Any:
    """Some rows of every leaf, from `first` to before `end`."""
    return jax.tree.map(lambda leaf: leaf[first:end], rows)


def count_of(tree: Any) -> int:
    """How many rows there are."""
    return jax.tree.leaves(tree)[0].shape[0]


# Places are never negative here. That JAX asks for that would be a few more pieces for XLA to compile, every time.


def at(array: Any, place: Any) -> Any:
    """One entry of the first axis."""
    return lax.dynamic_index_in_dim(array, place, keepdims=False, allow_negative_indices=False)


def cut(array: Any, start: Any, size: int) -> Any:
    """So many entries of the first axis."""
    return lax.dynamic_slice_in_dim(array, start, size, allow_negative_indices=False)


def put_into(array: Any, part: Any, start: Any) -> Any:
    """The array with a part put in its place on the first axis."""
    starts = (start, *[0] * (array.ndim - 1))
    return lax.dynamic_update_slice(array, part, starts, allow_negative_indices=False)


def taken(array: Any, places: Any) -> Any:
    """Entries of the first axis by their places."""
    return array.at[places].get(mode="promise_in_bounds", wrap_negative_indices=False)

"""Predictions of rows on disk: the same chunks as of rows in memory, several of them to a block that is read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from bridle.engine._evaluate import chunk_size, is_long_pass
from bridle.engine._state import row_count
from bridle.engine._stored import BLOCK_BYTES, read_ahead, row_bytes, take, use_side_by_side

MAX_CHUNK_BYTES = 2**26
"""Size of a chunk up to which it has the rows that it would have in memory."""


@dataclass(frozen=True)
class Sweep:
    """Rows `first` to `end` of a fold in chunks from the last on; the last chunk may repeat rows.

    With `begin`, a sweep can stop once it has all rows from there on.
    """

    first: int
    end: int
    size: int
    """Rows of a chunk."""
    width: int
    """Chunks of a block."""

    @property
    def shape(self) -> tuple[int, int, bool]:
        """Everything that two sweeps must share to run on the same program."""
        return self.size, self.width, self.is_single

    @property
    def is_single(self) -> bool:
        """True if one chunk has exactly the rows."""
        return self.size == self.end - self.first

    def blocks(self, begin: int | None = None) -> Iterator[np.ndarray]:
        """Yield the first rows of the chunks of each block, those of the last rows first."""
        begin = self.first if begin is None else begin
        count = -(-(self.end - begin) // self.size)
        starts = np.maximum(self.end - self.size * np.arange(1, count + 1), self.first)
        for index in range(0, count, self.width):
            yield starts[index : index + self.width]

    def read(self, x: Any, starts: np.ndarray) -> Any:
        """Return the rows of some chunks at the end of a block, in ascending order, after zeros."""
        rows = (starts[::-1, None] + np.arange(self.size)).ravel()
        missing = self.size * self.width - len(rows)

        def block(leaf: Any) -> np.ndarray:
            part = take(leaf, rows)
            return np.concatenate([np.zeros((missing, *part.shape[1:]), part.dtype), part]) if missing else part

        return jax.device_put(jax.tree.map(block, x))


def make_sweep(x: Any, first: int, end: int, begin: int = 0) -> Sweep:
    """Return the sweep over some rows.

    Args:
        x: rows.
        first, end: the first row, and the one after the last.
        begin: rows from `first` on that are predicted at every fifth point only, as `chunk_size` counts them.

    """
    size = min(chunk_size(end - first, begin), max(1, MAX_CHUNK_BYTES // max(1, row_bytes(x))))
    chunks = -(-(end - first - begin) // size) or -(-(end - first) // size)
    return Sweep(first, end, size, max(1, min(chunks, BLOCK_BYTES // max(1, size * row_bytes(x)))))


def point_sweeps(forward: Any | None, x: Any, count: int, begin: int) -> tuple[Sweep, ...]:
    """Return the sweeps of a measuring point: one over all rows, or one over training and one over other rows.

    Args:
        forward: compiled forward pass, of which only the length is used; None if it cannot be traced.
        x: all rows.
        count: their number.
        begin: the number of training rows.

    """
    whole = make_sweep(x, 0, count, begin)
    if forward is not None and not whole.is_single and is_long_pass(forward, outline(x, whole.size)):
        return (whole,)
    sides = [make_sweep(x, 0, begin)]
    return (*sides, make_sweep(x, begin, count)) if count > begin else tuple(sides)


def outline(tree: Any, rows: int) -> Any:
    """Return the shapes and types of so many rows of a tree."""
    types = jax.tree.map(lambda leaf: jax.dtypes.canonicalize_dtype(leaf.dtype), tree)
    return jax.tree.map(lambda leaf, dtype: jax.ShapeDtypeStruct((rows, *leaf.shape[1:]), dtype), tree, types)


def predict_rows(
    predict: Callable[[Any, Any, Any], Any],
    states: Sequence[Any],
    x: Any,
    sweep: Sweep,
    begin: int | None = None,
    report: Callable[[], None] = lambda: None,
    every: Callable[..., Iterator[Any]] = map,
) -> list[Any]:
    """Return the predictions of each state for the rows of a sweep, from one reading, as NumPy arrays.

    Args:
        predict: (state, block, number of chunks) → predictions of a block.
        states: fits.
        x: rows, on disk or as NumPy arrays.
        sweep: the order in which they are read.
        begin: first row that is needed; the others are without meaning. By default all.
        report: called after each block; an exception from it ends the prediction.
        every: `map`, perhaps on several threads.

    """
    results: list[Any] = [None] * len(states)
    count = sweep.end - sweep.first

    def enter(index: int, read: tuple[np.ndarray, Any]) -> None:
        starts, block = read
        part = jax.device_get(predict(states[index], block, np.int32(len(starts))))
        if results[index] is None:
            results[index] = jax.tree.map(lambda leaf: np.zeros((count, *leaf.shape[1:]), leaf.dtype), part)
        _enter(results[index], part, starts - sweep.first, sweep)

    blocks = read_ahead(lambda starts: (starts, sweep.read(x, starts)), sweep.blocks(begin))
    use_side_by_side(blocks, range(len(states)), enter, lambda block: report(), every)
    return results


def predict_by_blocks(predict: Callable[[Any], Any], x: Any) -> Any:
    """Return predictions for rows on disk, block by block, as NumPy arrays.

    Args:
        predict: function of a block of rows, of which all blocks have the same number.
        x: rows, at least one.

    """
    sweep = make_sweep(x, 0, row_count(x))
    (predictions,) = predict_rows(lambda state, block, chunks: predict(block), [None], x, sweep)
    return predictions


def _enter(predictions: Any, part: Any, starts: np.ndarray, sweep: Sweep) -> None:
    """Write the predictions of a block's chunks to their rows."""
    size, total = sweep.size, sweep.size * sweep.width

    def write(array: np.ndarray, values: np.ndarray) -> None:
        for index, start in enumerate(starts):
            array[start : start + size] = values[total - (index + 1) * size : total - index * size]

    jax.tree.map(write, predictions, part)

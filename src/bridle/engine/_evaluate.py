"""Evaluation of a fit on some rows: predictions in chunks, then the data loss and each metric."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bridle.engine._objective import TRAINING_INTERVAL, Objective
from bridle.engine._state import Rows, State, replace_window, row_count, slice_rows, window_at
from bridle.engine.rewrites import equations

MIN_CHUNK_ROWS = 64
"""Fewest rows that are predicted at a time, where there are more."""
MAX_CHUNK_ROWS = 1024
"""Most rows that are predicted at a time: less memory, better use of caches."""
CHUNK_COST_ROWS = 32
"""Cost of a chunk by itself, in rows of a small network."""
LONG_PASS_EQUATIONS = 20
"""Length from which on a forward pass is compiled once, for a loop, and not once for each side.

A loop costs two small pieces and, where the rows are few, a few per cent of the time of a fit.
"""


def evaluate(objective: Objective, state: State, rows: Rows, cuts: tuple[int, ...], first: Any = True) -> Any:
    """Return data loss and metrics of the rows before, between and after the cuts: shape ((1 + cut) * measure,).

    They are NaN if there are no rows, and before the first cut where `first`, which may be traced, is false.
    """
    sides = list(pairwise((0, *cuts, row_count(rows.x))))
    forward = jax.jit(partial(objective.predict, state.trainable, state.other))
    measure = partial(measure_sides, objective, state, rows)
    if first is True:
        return measure(sides, 0, lambda: _predict_chunks(forward, rows.x))
    begin = cuts[0]
    if _is_long(forward, rows.x, begin):
        predictions = _predict_in_loop(forward, rows.x, chunk_size(row_count(rows.x), begin), begin, first)
        early, late = (lambda: slice_rows(predictions, 0, begin)), (lambda: slice_rows(predictions, begin, None))
    else:
        early = lambda: _predict_chunks(forward, slice_rows(rows.x, 0, begin))  # noqa: E731
        late = lambda: _predict_chunks(forward, slice_rows(rows.x, begin, None))  # noqa: E731
    nothing = jnp.full(len(objective.measure_names), jnp.nan, "float32")
    training = lax.cond(first, lambda: measure(sides[:1], 0, early), lambda: nothing)
    return jnp.concatenate([training, measure(sides[1:], begin, late)])


def predict(objective: Objective, trainable: list[Any], other: list[Any], x: Any) -> Any:
    """Return predictions for any number of rows."""
    return _predict_chunks(jax.jit(partial(objective.predict, trainable, other)), x)


def measures(objective: Objective, state: State, rows: Rows, predictions: Any) -> list[Any]:
    """Return the data loss and each metric over some rows."""
    plain = objective.measure(rows.y, predictions, rows.weight)
    if objective.loss_at is None:
        return plain
    return [objective.loss_at(state.trainable, state.other, rows.x, rows.y, predictions, rows.weight), *plain[1:]]


def chunk_size(count: int, begin: int) -> int:
    """Return the rows of a chunk, where those before `begin` are predicted at every fifth point only."""
    least, most = MIN_CHUNK_ROWS, MAX_CHUNK_ROWS
    if count <= (least if begin else most):
        return count

    def cost(size: int) -> int:
        chunks = -(-count // size) + (TRAINING_INTERVAL - 1) * -(-(count - begin) // size)
        return chunks * (size + CHUNK_COST_ROWS)

    return min(range(least, min(most, count) + 1), key=cost)


Forward = Callable[[Any], Any]
"""Rows → predictions, traced once for each number of rows."""


def measure_sides(
    objective: Objective,
    state: State,
    rows: Rows,
    sides: Sequence[tuple[int, int]],
    begin: int,
    predictions: Callable[[], Any],
) -> Any:
    """Return the measures of each side; `predictions` are those from row `begin` on."""
    all_predictions = predictions() if any(first < end for first, end in sides) else None
    values: list[Any] = []
    for first, end in sides:
        if first == end:
            values += [jnp.nan] * len(objective.measure_names)
            continue
        side = Rows(None, *slice_rows((rows.y, rows.weight), first, end))
        if objective.loss_at is not None:
            side = side._replace(x=slice_rows(rows.x, first, end))
        values += measures(objective, state, side, slice_rows(all_predictions, first - begin, end - begin))
    return jnp.stack([jnp.asarray(value, "float32") for value in values])


def _predict_chunks(forward: Forward, x: Any) -> Any:
    count = row_count(x)
    size = chunk_size(count, 0)
    return forward(x) if size == count else _predict_in_loop(forward, x, size)


def _is_long(forward: Forward, x: Any, begin: int) -> bool:
    size = chunk_size(row_count(x), begin)
    return size < row_count(x) and is_long_pass(forward, slice_rows(x, 0, size))


def is_long_pass(forward: Forward, chunk: Any) -> bool:
    """Return True if a forward pass over a chunk, of which only shapes are used, is compiled once for all sides."""
    if _is_tracing_off():
        return False
    return sum(1 for _ in equations(forward.trace(chunk).jaxpr)) >= LONG_PASS_EQUATIONS


def predict_last_chunks(forward: Forward, x: Any, size: int, chunks: Any) -> Any:
    """Return predictions of rows, of which only those of the last chunks are meant, a number that may be traced."""
    count = row_count(x)
    return _predict_in_loop(forward, x, size, count - chunks * size, False)


def _is_tracing_off() -> bool:
    """Return True under `jax.disable_jit()`."""
    config: Any = jax.config  # which makes its attributes at run time
    return config.jax_disable_jit


def _predict_in_loop(forward: Forward, x: Any, size: int, begin: int = 0, first: Any = True) -> Any:
    """Return predictions in chunks of one size from the last rows on; the last chunk may repeat rows.

    Rows before `begin` are predicted where `first` is true; else their predictions are meaningless.
    """
    count = row_count(x)
    if _is_tracing_off():  # nothing may be traced then
        chunks = [forward(slice_rows(x, start, start + size)) for start in range(0, count, size)]
        return jax.tree.map(lambda *parts: jnp.concatenate(parts), *chunks)

    def predict_chunk(index: Any, predictions: Any) -> Any:
        start = jnp.maximum(count - (index + 1) * size, 0)
        chunk = forward(jax.tree.map(lambda leaf: window_at(leaf, start, size), x))
        return jax.tree.map(lambda array, part: replace_window(array, part, start), predictions, chunk)

    shape = jax.eval_shape(forward, slice_rows(x, 0, size))
    blank = jax.tree.map(lambda leaf: jnp.zeros((count, *leaf.shape[1:]), leaf.dtype), shape)
    return lax.fori_loop(0, jnp.where(first, -(-count // size), -(-(count - begin) // size)), predict_chunk, blank)

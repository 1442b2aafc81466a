"""How good a member is on some rows: predictions in turns, then the data loss and each metric."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bridle.engine._objective import TRAINING_EVERY, Objective
from bridle.engine._state import Rows, State, count_of, cut, part_of, put_into
from bridle.engine.rewrites import equations

TURN_ROWS = 64, 1024
"""Rows that are predicted in one turn, at least and at most: less memory, better use of caches."""
TURN_COST = 32
"""What a turn costs by itself, in rows of a small network."""
MANY = 20
"""Equations from which on a forward pass is compiled once, for a loop, and not once for each side.

A loop costs two small pieces and, where the rows are few, a few per cent of the time of a fit.
"""


def evaluate(objective: Objective, state: State, rows: Rows, cuts: tuple[int, ...], first: Any = True) -> Any:
    """Data loss and metrics over the rows before, between and after the cuts: shape ((1 + cut) * measure,).

    NaN where there are no rows, and for those before the first cut where `first`, which may be traced, is false.
    """
    sides = list(pairwise((0, *cuts, count_of(rows.x))))
    asked = jax.jit(partial(objective.predict, state.trainable, state.other))
    measured = partial(_measured, objective, state, rows)
    if first is True:
        return measured(sides, 0, lambda: _predicted(asked, rows.x))
    begin = cuts[0]
    if _is_long(asked, rows.x, begin):
        found = _in_turns(asked, rows.x, turn_size(count_of(rows.x), begin), begin, first)
        early, late = (lambda: part_of(found, 0, begin)), (lambda: part_of(found, begin, None))
    else:
        early = lambda: _predicted(asked, part_of(rows.x, 0, begin))  # noqa: E731
        late = lambda: _predicted(asked, part_of(rows.x, begin, None))  # noqa: E731
    nothing = jnp.full(len(objective.measure_names), jnp.nan, "float32")
    seen = lax.cond(first, lambda: measured(sides[:1], 0, early), lambda: nothing)
    return jnp.concatenate([seen, measured(sides[1:], begin, late)])


def predict(objective: Objective, trainable: list[Any], other: list[Any], x: Any) -> Any:
    """Predictions for any number of rows."""
    return _predicted(jax.jit(partial(objective.predict, trainable, other)), x)


def measures(objective: Objective, state: State, rows: Rows, predictions: Any) -> list[Any]:
    """Return the data loss and each metric over some rows."""
    found = objective.measure(rows.y, predictions, rows.weight)
    if objective.loss_at is None:
        return found
    return [objective.loss_at(state.trainable, state.other, rows.x, rows.y, predictions, rows.weight), *found[1:]]


def turn_size(count: int, begin: int) -> int:
    """How many rows a turn should have, where those before `begin` are predicted at every fifth point only."""
    least, most = TURN_ROWS
    if count <= (least if begin else most):
        return count

    def cost(size: int) -> int:
        turns = -(-count // size) + (TRAINING_EVERY - 1) * -(-(count - begin) // size)
        return turns * (size + TURN_COST)

    return min(range(least, min(most, count) + 1), key=cost)


Asked = Callable[[Any], Any]
"""Rows → predictions, traced once for each number of rows."""


def _measured(
    objective: Objective,
    state: State,
    rows: Rows,
    sides: Sequence[tuple[int, int]],
    begin: int,
    predictions: Callable[[], Any],
) -> Any:
    """The measures of each side; `predictions` are those from row `begin` on."""
    found = predictions() if any(first < end for first, end in sides) else None
    values: list[Any] = []
    for first, end in sides:
        if first == end:
            values += [jnp.nan] * len(objective.measure_names)
            continue
        side = Rows(None, *part_of((rows.y, rows.weight), first, end))
        if objective.loss_at is not None:
            side = side._replace(x=part_of(rows.x, first, end))
        values += measures(objective, state, side, part_of(found, first - begin, end - begin))
    return jnp.stack([jnp.asarray(value, "float32") for value in values])


def _predicted(asked: Asked, x: Any) -> Any:
    count = count_of(x)
    size = turn_size(count, 0)
    return asked(x) if size == count else _in_turns(asked, x, size)


def _is_long(asked: Asked, x: Any, begin: int) -> bool:
    size = turn_size(count_of(x), begin)
    if jax.config.jax_disable_jit or size == count_of(x):
        return False
    return sum(1 for _ in equations(asked.trace(part_of(x, 0, size)).jaxpr)) >= MANY


def _in_turns(asked: Asked, x: Any, size: int, begin: int = 0, first: Any = True) -> Any:
    """Predictions in turns of one size from the last rows on; the last turn may go over rows again.

    Rows before `begin` are predicted where `first` is true; else their places hold nothing of use.
    """
    count = count_of(x)
    if jax.config.jax_disable_jit:  # nothing may be traced then
        found = [asked(part_of(x, start, start + size)) for start in range(0, count, size)]
        return jax.tree.map(lambda *parts: jnp.concatenate(parts), *found)

    def turn(number: Any, done: Any) -> Any:
        start = jnp.maximum(count - (number + 1) * size, 0)
        found = asked(jax.tree.map(lambda leaf: cut(leaf, start, size), x))
        return jax.tree.map(lambda whole, part: put_into(whole, part, start), done, found)

    shape = jax.eval_shape(asked, part_of(x, 0, size))
    blank = jax.tree.map(lambda leaf: jnp.zeros((count, *leaf.shape[1:]), leaf.dtype), shape)
    return lax.fori_loop(0, jnp.where(first, -(-count // size), -(-(count - begin) // size)), turn, blank)

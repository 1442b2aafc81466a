"""One member: a step, an epoch of steps, a block of epochs. This is the only training loop there is."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bridle.population._objective import Objective, Recipe

EVALUATION_ROWS = 4096
"""Rows that are predicted in one call at evaluation; more are taken in turns, to bound memory."""


class State(NamedTuple):
    """What the next step needs."""

    trainable: list[Any]
    other: list[Any]
    optimizer: list[Any]
    diverged_at: Any
    """int32: the first epoch whose loss was not finite, or -1."""


class Rows(NamedTuple):
    """The rows of one fold, those to train on first. Leaves of `x` and `y` have shape (row, …)."""

    x: Any
    y: Any
    weight: Any
    """float32 (row,), or None."""


def step(objective: Objective, state: State, setting: Any, batch: Rows) -> tuple[State, Any]:
    """One gradient step on one batch; also (total loss, parts…) of shape (1 + part,)."""
    grade = jax.value_and_grad(objective.loss, has_aux=True)
    (total, aux), gradients = grade(state.trainable, state.other, setting, *batch)
    trainable, optimizer = objective.update(state.optimizer, gradients, state.trainable, setting)
    cost = jnp.concatenate([jnp.reshape(total, (1,)), aux.parts]).astype("float32")
    return State(trainable, aux.other, optimizer, state.diverged_at), cost


def epoch(objective: Objective, recipe: Recipe, state: State, setting: Any, rows: Rows, key: Any) -> tuple[State, Any]:
    """One pass over the rows in batches, the last one smaller where they do not divide; the mean cost.

    Rows are shuffled anew with `key`. A batch that holds every row is left in order: its mean has no order.
    """
    count = jax.tree.leaves(rows.x)[0].shape[0]
    size = min(recipe.batch_size, count)
    if size == count:
        return step(objective, state, setting, rows)
    order = jax.random.permutation(key, count) if recipe.shuffle else jnp.arange(count)

    def one(state: State, start: Any, length: int) -> tuple[State, Any]:
        chosen = lax.dynamic_slice(order, (start,), (length,))
        state, cost = step(objective, state, setting, jax.tree.map(lambda leaf: leaf[chosen], rows))
        return state, cost * (length / count)

    def body(number: Any, carry: tuple[State, Any]) -> tuple[State, Any]:
        state, cost = one(carry[0], number * size, size)
        return state, carry[1] + cost

    width = 1 + len(objective.part_names)
    state, cost = lax.fori_loop(0, count // size, body, (state, jnp.zeros(width, "float32")))
    if count % size:
        state, last = one(state, count - count % size, count % size)
        cost = cost + last
    return state, cost


def evaluate(objective: Objective, state: State, rows: Rows, train: int) -> Any:
    """Data loss and metrics over the training rows, then over the other rows: shape (2 * measure,)."""
    predictions = predict(objective, state.trainable, state.other, rows.x)
    measures: list[Any] = []
    for part in (slice(None, train), slice(train, None)):
        y, prediction, weight = jax.tree.map(lambda leaf, part=part: leaf[part], (rows.y, predictions, rows.weight))
        empty = jax.tree.leaves(y)[0].shape[0] == 0
        nothing = [jnp.nan] * len(objective.measure_names)
        measures += nothing if empty else objective.measure(y, prediction, weight)
    return jnp.stack([jnp.asarray(value, "float32") for value in measures])


def predict(objective: Objective, trainable: list[Any], other: list[Any], x: Any) -> Any:
    """Predictions for any number of rows, in turns of bounded size."""
    count = jax.tree.leaves(x)[0].shape[0]
    turns = count // EVALUATION_ROWS
    if turns <= 1:
        return objective.predict(trainable, other, x)
    whole = turns * EVALUATION_ROWS
    stacked = jax.tree.map(lambda leaf: leaf[:whole].reshape(turns, EVALUATION_ROWS, *leaf.shape[1:]), x)
    done = lax.map(lambda turn: objective.predict(trainable, other, turn), stacked)
    done = jax.tree.map(lambda leaf: leaf.reshape(whole, *leaf.shape[2:]), done)
    if count == whole:
        return done
    rest = objective.predict(trainable, other, jax.tree.map(lambda leaf: leaf[whole:], x))
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), done, rest)


def block(objective: Objective, recipe: Recipe, train: int, capacity: int) -> Callable[..., tuple[State, Any]]:
    """A function that trains one member through several measuring points.

    It takes (state, setting, rows, identity, first epoch, lengths, count): `identity` is the member's (seed, fold),
    from which all shuffling follows; `lengths` (capacity,) are the epochs before each point, `count` how many of
    them to do. It returns the state and curves of shape (capacity, quantity).
    """
    every_epoch = recipe.points == recipe.epochs
    width = 1 + len(objective.part_names) + 2 * len(objective.measure_names)

    def one_epoch(state: State, number: Any, setting: Any, rows: Rows, key: Any) -> tuple[State, Any]:
        training, present = jax.tree.map(lambda leaf: leaf[:train], rows), objective.at_epoch(setting, number)
        state, cost = epoch(objective, recipe, state, present, training, jax.random.fold_in(key, number))
        lost = (state.diverged_at < 0) & ~jnp.isfinite(cost[0])
        return state._replace(diverged_at=jnp.where(lost, number + 1, state.diverged_at).astype("int32")), cost

    def run(
        state: State, setting: Any, rows: Rows, identity: Any, first: Any, lengths: Any, count: Any
    ) -> tuple[State, Any]:
        key = jax.random.fold_in(jax.random.key(identity[0], impl="threefry2x32"), identity[1])

        def point(number: Any, carry: tuple[State, Any, Any]) -> tuple[State, Any, Any]:
            state, start, curves = carry
            if every_epoch:
                state, cost = one_epoch(state, start, setting, rows, key)
                stop = start + 1
            else:
                stop = start + lengths[number]
                cost = jnp.zeros(1 + len(objective.part_names), "float32")
                state, cost = lax.fori_loop(
                    start, stop, lambda i, held: one_epoch(held[0], i, setting, rows, key), (state, cost)
                )
            measured = jnp.concatenate([cost, evaluate(objective, state, rows, train)])
            return state, stop, curves.at[number].set(measured)

        curves = jnp.full((capacity, width), jnp.nan, "float32")
        state, _, curves = lax.fori_loop(0, count, point, (state, first, curves))
        return state, curves

    return run

"""One member: a step, an epoch of steps, a block of epochs. This is the only training loop there is."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bridle.engine._early_stopping import hear
from bridle.engine._evaluate import evaluate, measures, predict
from bridle.engine._objective import Objective, Recipe
from bridle.engine._shuffle import shuffled
from bridle.engine._state import Points, Rows, State, at, cut, part_of, put_into, taken


def step(objective: Objective, state: State, setting: Any, batch: Rows) -> tuple[State, Any]:
    """One gradient step on one batch; also (total loss, parts…) of shape (1 + part,)."""

    def graded(trainable: list[Any]) -> tuple[Any, Any]:
        total, loss = objective.loss(trainable, state.other, setting, *batch)
        return objective.scaled(state.optimizer, total), (total, loss)

    gradients, (total, loss) = objective.gradient(graded)(state.trainable)
    trainable, optimizer = objective.update(state.optimizer, gradients, state.trainable, setting)
    cost = jnp.concatenate([jnp.reshape(total, (1,)), loss.parts]).astype("float32")
    return state._replace(trainable=trainable, other=loss.other, optimizer=optimizer), cost


def epoch(
    objective: Objective,
    recipe: Recipe,
    state: State,
    setting: Any,
    rows: Rows,
    count: int,
    identity: Any,
    number: Any,
) -> tuple[State, Any]:
    """One pass over the first `count` rows in batches, the last one smaller where they do not divide; the mean cost.

    Rows are shuffled anew, by the member's identity and the epoch's number. A batch that holds every row is left in
    order: its mean has no order.
    """
    size = min(recipe.batch_size, count)
    if size == count:
        return step(objective, state, setting, part_of(rows, 0, count))
    order = shuffled(identity, number, count) if recipe.shuffle else jnp.arange(count)

    def one(state: State, start: Any, length: int) -> tuple[State, Any]:
        chosen = cut(order, start, length)
        present, _ = lax.optimization_barrier((setting, start))  # else XLA makes pieces of its own of what needs no row
        state, cost = step(objective, state, present, jax.tree.map(lambda leaf: taken(leaf, chosen), rows))
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


def block(objective: Objective, recipe: Recipe, cuts: tuple[int, ...], capacity: int) -> Callable[..., Any]:
    """A function that trains one member through several measuring points.

    It takes (state, setting, rows, identity, first epoch, points, count): `identity` is the member's (seed, fold),
    from which all shuffling follows; `count` is how many of the points to do. It returns the state and curves of
    shape (capacity, quantity), NaN at the points after the one in which early stopping ended the member, and where
    training rows are not measured.
    """
    every_epoch = recipe.points == recipe.epochs
    parts = 1 + len(objective.part_names)
    width = parts + (1 + len(cuts)) * len(objective.measure_names)

    def one_epoch(state: State, number: Any, setting: Any, rows: Rows, identity: Any) -> tuple[State, Any]:
        present = objective.at_epoch(setting, number)
        state, cost = epoch(objective, recipe, state, present, rows, cuts[0], identity, number)
        lost = (state.diverged_at < 0) & ~jnp.isfinite(cost[0])
        state = state._replace(diverged_at=jnp.where(lost, number + 1, state.diverged_at).astype("int32"))
        return _watched(objective, recipe, state, number + 1, rows, cuts), cost

    def run(
        state: State, setting: Any, rows: Rows, identity: Any, first: Any, points: Points, count: Any
    ) -> tuple[State, Any]:
        def point(number: Any, carry: tuple[State, Any, Any]) -> tuple[State, Any, Any]:
            state, start, curves = carry
            if every_epoch:
                (state, cost), stop = one_epoch(state, start, setting, rows, identity), start + 1
            else:
                stop, cost = start + at(points.lengths, number), jnp.zeros(parts, "float32")
                state, cost = _until_stopped(
                    recipe, start, stop, lambda i, held: one_epoch(held[0], i, setting, rows, identity), (state, cost)
                )
            measured = evaluate(objective, state, rows, cuts, at(points.training, number))
            numbers = jnp.concatenate([cost, measured])
            return state, stop, put_into(curves, numbers[None], number)

        curves = jnp.full((capacity, width), jnp.nan, "float32")
        state, _, curves = _until_stopped(recipe, 0, count, point, (state, first, curves))
        return state, curves

    return run


def quantities(objective: Objective, recipe: Recipe) -> int:
    """How many numbers are measured at a point of a member's curves."""
    return 1 + len(objective.part_names) + len(recipe.sides) * len(objective.measure_names)


def finished(objective: Objective, recipe: Recipe, state: State) -> State:
    """The member after its last epoch: averaged weights where the optimizer averages, the best epoch where kept."""
    trainable, other = state.trainable, state.other
    if objective.finish is not None:
        trainable = objective.finish(state.optimizer, trainable)
    if recipe.keeps_best:
        trainable, other = state.memory.kept
    return state._replace(trainable=list(trainable), other=list(other))


def _watched(
    objective: Objective, recipe: Recipe, state: State, epoch: Any, rows: Rows, cuts: tuple[int, ...]
) -> State:
    """What early stopping makes of an epoch, counted from 1."""
    if recipe.stopping is None:
        return state
    seen = part_of(rows, *cuts[:2])
    prediction = predict(objective, state.trainable, state.other, seen.x)
    value = measures(objective, state, seen, prediction)[recipe.stopping.measure]
    memory = hear(recipe.stopping, state.memory, value, epoch, state.trainable, state.other)
    return state._replace(memory=memory)


def _until_stopped(recipe: Recipe, first: Any, stop: Any, body: Callable[[Any, Any], Any], carry: Any) -> Any:
    """`fori_loop` over a carry that begins with the state, left early where early stopping ended the member."""
    if recipe.stopping is None:
        return lax.fori_loop(first, stop, body, carry)

    def goes_on(held: tuple[Any, Any]) -> Any:
        return (held[0] < stop) & (held[1][0].memory.stopped == 0)

    return lax.while_loop(goes_on, lambda held: (held[0] + 1, body(held[0], held[1])), (jnp.int32(first), carry))[1]

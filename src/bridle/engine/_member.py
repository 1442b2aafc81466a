"""Training of one fit: a step, an epoch of steps, a block of epochs. This is the only training loop there is."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bridle.engine._averaging import final_weights, measured_state, update_averages
from bridle.engine._draw import Moment
from bridle.engine._early_stopping import update_memory
from bridle.engine._evaluate import evaluate, measures, predict
from bridle.engine._objective import Objective, Recipe, Training, always
from bridle.engine._shuffle import shuffled
from bridle.engine._state import Block, Points, Rows, State, entry_at, gather, replace_window, slice_rows, window_at


def step(objective: Objective, state: State, strengths: Any, batch: Rows, moment: Moment | None) -> tuple[State, Any]:
    """Take one gradient step on one batch; also return (total loss, parts…) of shape (1 + part,)."""
    drawn = () if moment is None else (moment,)

    def scaled_loss(trainable: list[Any]) -> tuple[Any, Any]:
        total, loss = objective.loss(trainable, state.other, strengths, *batch, *drawn)
        return objective.scaled(state.optimizer, total), (total, loss)

    gradients, (total, loss) = objective.gradient(scaled_loss)(state.trainable)
    trainable, optimizer = objective.update(state.optimizer, gradients, state.trainable, strengths)
    if objective.average_decay is not None:
        decay = objective.average_decay(strengths)
        state = state._replace(averages=update_averages(state.averages, trainable, decay))
    cost = jnp.concatenate([jnp.reshape(total, (1,)), loss.parts]).astype("float32")
    return state._replace(trainable=trainable, other=loss.other, optimizer=optimizer), cost


def pass_over_rows(
    training: Training, state: State, strengths: Any, rows: Rows, count: int, clock: Moment, draws: bool = False
) -> tuple[State, Any]:
    """Train on the first `count` rows in batches, the last one smaller where they do not divide; return the mean cost.

    Rows are shuffled in each epoch, by the fit's identity and the epoch. A batch that holds every row is left in
    order: its mean has no order.

    Args:
        training: mathematics and recipe.
        state: the fit before the epoch.
        strengths: those of the epoch.
        rows: all rows of the fold.
        count: the number of rows to train on.
        clock: the fit's identity and the epoch.
        draws: whether the loss draws random numbers.

    """
    (identity, epoch, _), size = clock, min(training.recipe.batch_size, count)
    if size == count:
        moment = Moment(identity, epoch, 0) if draws else None
        return step(training.objective, state, strengths, slice_rows(rows, 0, count), moment)
    order = shuffled(identity, epoch, count) if training.recipe.shuffle else jnp.arange(count)
    one_step = batch_step(training, strengths, Block(rows, order), count, clock, draws)
    state, cost = pass_over_block(one_step, (state, jnp.zeros(training.cost_count, "float32")), size, count // size)
    if count % size:
        state, last = one_step(state, count - count % size, count % size)
        cost = cost + last
    return state, cost


BatchStep = Callable[[State, Any, int], tuple[State, Any]]
"""(state, first row, number of rows) → (state, share of the mean cost of an epoch)."""


def pass_over_block(one_step: BatchStep, carry: tuple[State, Any], size: int, batches: Any) -> tuple[State, Any]:
    """Train on the first batches of a block of rows; return the state, and the mean cost of the epoch so far.

    Args:
        one_step: the step on some rows of the block.
        carry: the fit before the block, and the cost of the epoch before it.
        size: the rows of a batch.
        batches: the number of batches, which may be traced.

    """

    def body(index: Any, carry: tuple[State, Any]) -> tuple[State, Any]:
        state, cost = one_step(carry[0], index * size, size)
        return state, carry[1] + cost

    return lax.fori_loop(0, batches, body, carry)


def batch_step(training: Training, strengths: Any, block: Block, count: int, clock: Moment, draws: bool) -> BatchStep:
    """Return the step on some rows of a block.

    Args:
        training: mathematics and recipe.
        strengths: those of the epoch.
        block: rows of the epoch, and the order in which they are used.
        count: the number of rows of the epoch.
        clock: the fit's identity, the epoch, and the number of rows of the epoch before the block.
        draws: whether the loss draws random numbers.

    """
    identity, epoch, before = clock

    def step_on(state: State, start: Any, length: int) -> tuple[State, Any]:
        indices = window_at(block.order, start, length)
        present, _ = lax.optimization_barrier((strengths, start))  # or XLA would split off computations without rows
        batch = jax.tree.map(lambda leaf: gather(leaf, indices), block.rows)
        first = start if isinstance(before, int) else before + start  # no sum with 0 in the text of stored programs
        moment = Moment(identity, epoch, first) if draws else None
        state, cost = step(training.objective, state, present, batch, moment)
        return state, cost * (length / count)

    return step_on


def training_block(training: Training, cuts: tuple[int, ...], capacity: int) -> Callable[..., Any]:
    """Return the function that trains one fit through several measuring points.

    It takes (state, strengths, rows, identity, first epoch, points, count): `identity` is the fit's (seed, fold),
    from which all shuffling and noise follow; `count` is how many of the points to do. It returns the state and curves
    of shape (capacity, quantity). They are NaN after the point in which early stopping ended the fit, and where
    training rows are not measured.
    """
    objective, recipe = training.objective, training.recipe
    every_epoch = recipe.points == recipe.epochs

    def loop(drawn: bool) -> Callable[..., Any]:
        """Return the function; with `drawn` the loss takes the step."""

        def train_epoch(state: State, epoch: Any, strengths: Any, rows: Rows, identity: Any) -> tuple[State, Any]:
            present = objective.at_epoch(strengths, epoch)
            state, cost = pass_over_rows(training, state, present, rows, cuts[0], Moment(identity, epoch, 0), drawn)
            state = mark_divergence(state, cost, epoch)
            return _check_stopping(training, state, epoch + 1, rows, cuts), cost

        def train_points(
            state: State, strengths: Any, rows: Rows, identity: Any, first: Any, points: Points, count: Any
        ) -> tuple[State, Any]:
            def train_to_point(index: Any, carry: tuple[State, Any, Any]) -> tuple[State, Any, Any]:
                state, start, curves = carry
                if every_epoch:
                    (state, cost), stop = train_epoch(state, start, strengths, rows, identity), start + 1
                else:
                    stop, cost = start + entry_at(points.lengths, index), jnp.zeros(training.cost_count, "float32")
                    state, cost = _loop_until_stopped(
                        recipe, start, stop, lambda i, c: train_epoch(c[0], i, strengths, rows, identity), (state, cost)
                    )
                measured = evaluate(objective, measured_state(state), rows, cuts, entry_at(points.training, index))
                quantities = jnp.concatenate([cost, measured])
                return state, stop, replace_window(curves, quantities[None], index)

            width = training.cost_count + (1 + len(cuts)) * len(objective.measure_names)
            curves = jnp.full((capacity, width), jnp.nan, "float32")
            state, _, curves = _loop_until_stopped(recipe, 0, count, train_to_point, (state, first, curves))
            return state, curves

        return train_points

    plain, noisy = loop(False), loop(True)

    def run(  # this name is part of the program's identity, by which a store knows fits
        state: State, strengths: Any, rows: Rows, identity: Any, first: Any, points: Points, count: Any
    ) -> tuple[State, Any]:
        arguments = state, strengths, rows, identity, first, points, count
        return plain_or_noisy(objective, strengths, partial(plain, *arguments), partial(noisy, *arguments))

    return run


def plain_or_noisy(
    objective: Objective, strengths: Any, plain: Callable[[], Any], noisy: Callable[[], Any]
) -> tuple[State, Any]:
    """Return the result of one of two loops: a fit without noise then pays nothing for that of others in its steps."""
    if objective.draws is None or objective.draws is always:
        return plain() if objective.draws is None else noisy()
    return lax.cond(objective.draws(strengths), noisy, plain)


def finish_training(training: Training, state: State) -> State:
    """Return the fit after its last epoch: averaged weights where it or its optimizer averages, or its best epoch."""
    objective, trainable, other = training.objective, state.trainable, state.other
    if objective.finish is not None:
        trainable = objective.finish(state.optimizer, trainable)
    if state.averages:
        trainable = final_weights(state.averages, trainable)
    if training.recipe.keeps_best:
        trainable, other = state.memory.kept
    return state._replace(trainable=list(trainable), other=list(other))


def mark_divergence(state: State, cost: Any, epoch: Any) -> State:
    """Enter an epoch, counted from 0, whose cost was the first that is not finite."""
    lost = (state.diverged_at < 0) & ~jnp.isfinite(cost[0])
    return state._replace(diverged_at=jnp.where(lost, epoch + 1, state.diverged_at).astype("int32"))


def _check_stopping(training: Training, state: State, epoch: Any, rows: Rows, cuts: tuple[int, ...]) -> State:
    """Update the memory of early stopping after an epoch, counted from 1."""
    objective, stopping = training.objective, training.recipe.stopping
    if stopping is None:
        return state
    measured, monitored = measured_state(state), slice_rows(rows, *cuts[:2])
    predictions = predict(objective, measured.trainable, measured.other, monitored.x)
    return remember_epoch(training, state, measured, monitored, predictions, epoch)


def remember_epoch(
    training: Training, state: State, measured: State, monitored: Rows, predictions: Any, epoch: Any
) -> State:
    """Update the memory of early stopping from predictions of the monitored rows after an epoch, counted from 1."""
    stopping = training.recipe.stopping
    if stopping is None:
        return state
    value = measures(training.objective, measured, monitored, predictions)[stopping.measure]
    memory = update_memory(stopping, state.memory, value, epoch, measured.trainable, measured.other)
    return state._replace(memory=memory)


def _loop_until_stopped(recipe: Recipe, first: Any, stop: Any, body: Callable[[Any, Any], Any], carry: Any) -> Any:
    """Run `fori_loop` over a carry that begins with the state; leave it when early stopping ends the fit."""
    if recipe.stopping is None:
        return lax.fori_loop(first, stop, body, carry)

    def goes_on(loop: tuple[Any, Any]) -> Any:
        return (loop[0] < stop) & (loop[1][0].memory.stopped == 0)

    return lax.while_loop(goes_on, lambda loop: (loop[0] + 1, body(loop[0], loop[1])), (jnp.int32(first), carry))[1]

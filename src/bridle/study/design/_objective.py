"""Where the three rooms meet: a Keras program and the charges of a study become one pure objective."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras

from bridle._errors import InputError, KindError
from bridle._keras import (
    Forward,
    Masked,
    Program,
    UntraceableError,
    attach_masks,
    check_exact,
    counted_rows,
    detach_masks,
    first_two_rows,
    inner_optimizer,
    layers_named,
)
from bridle.engine import Fold, Loss, Objective, Start
from bridle.placement import PenaltyTerms, scale_by_strength


def make_objective(program: Program, charges: PenaltyTerms) -> Objective:
    """The mathematics of one member, with the strengths of all arms as its traced setting."""

    def loss(trainable: list[Any], other: list[Any], setting: Any, x: Any, y: Any, weight: Any) -> tuple[Any, Loss]:
        forward = program.forward(trainable, other, x, training=True, taps=charges.taps)
        if program.has_own_loss:
            return own_loss(trainable, other, setting, forward, (x, y, forward.prediction, weight))
        data = program.data_loss(y, forward.prediction, weight)
        own = sum(forward.own_losses, start=jnp.zeros((), data.dtype))
        parts = [jnp.asarray(own, "float32"), *placed(trainable, other, setting, forward, weight)]
        return data + sum(parts), Loss(jnp.stack([jnp.asarray(part, "float32") for part in parts]), forward.untrained)

    def own_loss(
        trainable: list[Any], other: list[Any], setting: Any, forward: Forward, batch: Any
    ) -> tuple[Any, Loss]:
        """Add the penalties to what the model's own `compute_loss` makes of a batch."""
        total, after = program.own_loss(trainable, forward.untrained, batch, forward.own_losses, training=True)
        bare = (
            program.own_loss(trainable, forward.untrained, batch, [], training=True)[0] if forward.own_losses else total
        )
        parts = placed(trainable, other, setting, forward, batch[-1])
        shares = [jnp.asarray(part, "float32") for part in (total - bare, *parts)]
        return total + sum(parts), Loss(jnp.stack(shares), after)

    def placed(trainable: list[Any], other: list[Any], setting: Any, forward: Forward, weight: Any) -> list[Any]:
        """Return what each slot charges."""
        counted = None if weight is None else counted_rows(weight)
        units = charges.weight_values(weight_of(program.model, trainable, other), forward.readings, counted, setting)
        return [scale_by_strength(amount, value) for amount, value in zip(setting, units, strict=True)]

    def predict(trainable: list[Any], other: list[Any], x: Any) -> Masked:
        return detach_masks(program.forward(trainable, other, x, training=False).prediction)

    def measure(y: Any, masked: Masked, weight: Any) -> list[Any]:
        prediction = attach_masks(masked)
        data = jnp.nan if program.has_own_loss else program.data_loss(y, prediction, weight)
        return [data, *program.measure(y, prediction, weight)]

    def loss_at(trainable: list[Any], other: list[Any], x: Any, y: Any, masked: Masked, weight: Any) -> Any:
        batch = x, y, attach_masks(masked), weight
        return program.own_loss(trainable, other, batch, [], training=False)[0]

    def diagnose(trainable: list[Any], other: list[Any], x: Any) -> list[Any]:
        forward = program.forward(trainable, other, x, training=False, taps=charges.taps)
        facts = charges.diagnose(weight_of(program.model, trainable, other), forward.readings)
        return [*facts.values(), spread(detach_masks(forward.prediction))]

    def update(state: list[Any], gradients: list[Any], trainable: list[Any], setting: Any) -> tuple[Any, Any]:
        moved, state = program.update(state, gradients, trainable)
        for variable in charges.exact_variables:
            position = program.position(variable)
            step = program.step(state, variable)
            moved[position] = charges.proximal(variable, moved[position], step, setting)
        return moved, state

    def at_epoch(setting: Any, epoch: Any) -> Any:
        if not any(charges.schedules):
            return setting
        return jnp.stack(
            [
                a if course is None else a * course.factor(epoch)
                for a, course in zip(setting, charges.schedules, strict=True)
            ]
        )

    return Objective(
        loss=loss,
        scaled=program.scaled,
        update=update,
        finish=program.finish if program.averages else None,
        at_epoch=at_epoch,
        predict=predict,
        measure=measure,
        diagnose=diagnose,
        loss_at=loss_at if program.has_own_loss else None,
        carried_over=program.handed_on,
        mirrors=program.mirrors,
        kernels=program.kernels,
        part_names=("model", *charges.slots),
        measure_names=("loss", *program.metric_names),
    )


SPREAD = "spread/prediction"
"""The name of what `spread` gives, among the diagnostics."""


def spread(prediction: Masked) -> Any:
    """Return how far predictions differ between rows: the root of their mean variance over rows, outputs averaged.

    Padded steps do not count; a step that is padded in every row has variance 0 and is left out of the mean.
    """
    leaves = [jnp.reshape(leaf, (leaf.shape[0], -1)).astype("float32") for leaf in jax.tree.leaves(prediction.values)]
    if all(mask is None for mask in prediction.masks):
        return jnp.sqrt(jnp.mean(jnp.var(jnp.concatenate(leaves, axis=1), axis=0)))
    real = jnp.concatenate(
        [
            jnp.ones(leaf.shape, bool) if mask is None else _repeated(mask, leaf.shape[1])
            for leaf, mask in zip(leaves, prediction.masks, strict=True)
        ],
        axis=1,
    )
    variances = jnp.var(jnp.concatenate(leaves, axis=1), axis=0, where=real)
    return jnp.sqrt(jnp.mean(variances, where=jnp.any(real, axis=0)))


def _repeated(mask: Any, columns: int) -> Any:
    """A mask of shape (row, …) as (row, column), an entry of it for all numbers of its step."""
    flat = jnp.reshape(mask, (mask.shape[0], -1)).astype(bool)
    return jnp.repeat(flat, columns // flat.shape[1], axis=1)


def diagnostic_names(charges: PenaltyTerms) -> tuple[str, ...]:
    """What is measured on the trained variables of each member, in the order of `Objective.diagnose`."""
    return (*charges.diagnostic_names, SPREAD)


def weight_of(model: keras.Model, trainable: list[Any], other: list[Any]) -> Callable[[keras.Variable], Any]:
    """Where the value of each variable of the model is found among the given ones."""
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    values = {id(variable): value for variable, value in zip(variables, [*trainable, *other], strict=True)}
    return lambda variable: values[id(variable)]


def try_out(program: Program, charges: PenaltyTerms, x: Any) -> None:
    """Refuse, on two rows and before anything is compiled, what could not be trained with.

    Errors: `InputError` for a penalty whose value is not a finite number ≥ 0, and for an `exact` one with an
    optimizer or at a weight where it has no meaning.
    """
    if charges.exact_variables:
        check_exact(program.optimizer)
        if inner_optimizer(program.optimizer) is not program.optimizer:
            raise InputError(
                "Expected an optimizer without loss scaling for exact=True in a study, got LossScaleOptimizer, which "
                "leaves out updates that overflow. Compile with its inner optimizer, or use bridle.regularize and fit."
            )
    rows = first_two_rows(x)

    def values(trainable: list[Any], other: list[Any], x: Any) -> list[list[Any]]:
        readings = {}
        if charges.taps:
            readings = program.forward(trainable, other, x, training=False, taps=charges.taps).readings
        return charges.trial_values(weight_of(program.model, trainable, other), readings)

    if charges.terms:
        charges.check_trial(program.tried(values, rows))


def check_eager(objective: Objective, start: Start, settings: int, fold: Fold) -> None:
    """Refuse a model that cannot be differentiated even operation by operation, on two rows.

    Errors: `KindError` that names the layer.
    """
    batch = jax.tree.map(lambda leaf: leaf[:2], fold.rows)

    def total(trainable: list[Any]) -> Any:
        return objective.loss(trainable, start.other, jnp.zeros(settings), *batch)[0]

    try:
        with layers_named():
            jax.grad(total)(start.trainable)
    except UntraceableError as error:
        raise KindError(
            f"Expected a model that JAX can differentiate, got {error} Keras cannot fit it on JAX either. Use the "
            "functions of keras.ops instead of NumPy's and Python's."
        ) from error

"""A compiled Keras model as pure functions of its variables: forward pass, data loss, metrics, update."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from bridle._errors import BridleError, InputError
from bridle._keras._blueprint import Blueprint, fresh_optimizer
from bridle._keras._steps import step_of
from bridle._keras._taps import Reading, Tap, watching

Arrays = list[Any]


class Forward(NamedTuple):
    """What one call of the model gives."""

    prediction: Any
    other: Arrays
    """The variables that are not trained by the optimizer, after the call."""
    own_losses: Arrays
    """Losses that the model adds by itself: its own regularizers and `add_loss`."""
    readings: dict[int, list[Reading]]


@dataclass(frozen=True)
class Program:
    """Pure functions of a template model; tracing them changes nothing in the model."""

    blueprint: Blueprint
    optimizer: keras.optimizers.Optimizer
    metrics: tuple[keras.metrics.Metric, ...]
    metric_names: tuple[str, ...]
    metric_start: tuple[np.ndarray, ...]
    """The values of the metrics' variables after a reset."""

    @property
    def model(self) -> keras.Model:
        """The template."""
        return self.blueprint.template

    def forward(self, trainable: Arrays, other: Arrays, x: Any, *, training: bool, taps: Sequence[Tap] = ()) -> Forward:
        """Call the model on a batch with the given variables."""
        options = {"training": training} if self.model._call_has_training_arg else {}
        with watching(taps) as readings:
            prediction, other, losses = self.model.stateless_call(trainable, other, x, return_losses=True, **options)
        return Forward(prediction, other, [self.model._aggregate_additional_loss(loss) for loss in losses], readings)

    def data_loss(self, y: Any, prediction: Any, sample_weight: Any = None) -> Any:
        """The compiled loss alone, without any penalty.

        With several outputs Keras also writes each output's loss to a metric; the scope keeps that out of the model.
        """
        with keras.StatelessScope():
            return self.model._compile_loss(y, prediction, sample_weight)

    def measure(self, y: Any, prediction: Any, sample_weight: Any = None) -> list[Any]:
        """The compiled metrics over one set of rows, in the order of `metric_names`."""
        container = self.model._compile_metrics
        if container is None:
            return []
        variables = [variable for metric in self.metrics for variable in metric.variables]
        reset = [jnp.asarray(value) for value in self.metric_start]
        with keras.StatelessScope(state_mapping=list(zip(variables, reset, strict=True))):
            container.update_state(y, prediction, sample_weight)
            values = container.result()
        return [jnp.asarray(values[name], "float32") for name in self.metric_names]

    def update(self, optimizer_state: Arrays, gradients: Arrays, trainable: Arrays) -> tuple[Arrays, Arrays]:
        """One optimizer step: (trainable, optimizer state)."""
        return self.optimizer.stateless_apply(optimizer_state, gradients, trainable)

    def position(self, variable: keras.Variable) -> int:
        """Where a weight stands among the trainable ones."""
        return next(number for number, each in enumerate(self.model.trainable_variables) if each is variable)

    def step(self, optimizer_state: Arrays, variable: keras.Variable) -> Any:
        """The step of the update that led to an optimizer state, for each entry of a weight."""
        mapping = [
            (own, value - 1 if own is self.optimizer.iterations else value)
            for own, value in zip(self.optimizer.variables, optimizer_state, strict=True)
        ]
        with keras.StatelessScope(state_mapping=mapping):
            return step_of(self.optimizer, variable)

    def optimizer_state(self) -> list[np.ndarray]:
        """The optimizer's variables before the first step."""
        return [np.asarray(variable.value) for variable in self.optimizer.variables]


def program(blueprint: Blueprint, x: Any, y: Any) -> Program:
    """Prepare a template for tracing: a fresh optimizer, and losses and metrics resolved on two rows of data.

    Errors: `InputError` where the labels do not fit the loss or the rows do not fit the model.
    """
    model = blueprint.template
    optimizer = fresh_optimizer(model.optimizer)
    optimizer.build(model.trainable_variables)
    x, y = jax.tree.map(lambda array: jnp.asarray(array[:2]), (x, y))
    try:
        prediction = model(x, training=False)
    except BridleError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(
            f"Expected rows that fit the model's input {_shapes(model.inputs)}, got {_shapes(x)}. {_first(error)}"
        ) from error
    try:
        with keras.StatelessScope():
            model._compile_loss(y, prediction)
        container = model._compile_metrics
        if container is not None:
            container.update_state(y, prediction)  # some metrics make their variables only now
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"Expected labels that fit the loss {loss_name(model)!r} and an output of shape {_shapes(prediction)}, "
            f"got labels of shape {_shapes(y)}. {_first(error)}"
        ) from error
    if container is None:
        return Program(blueprint, optimizer, (), (), ())
    found = container.result()
    for name, value in found.items():
        if np.ndim(value):
            raise InputError(
                f"Expected metrics that give one number, got {name!r} with {np.size(value)}. "
                "Choose an average, as in keras.metrics.F1Score(average='macro')."
            )
    names = tuple(found)
    for metric in container.metrics:
        metric.reset_state()
    start = tuple(np.asarray(variable.value) for metric in container.metrics for variable in metric.variables)
    return Program(blueprint, optimizer, tuple(container.metrics), names, start)


def loss_name(model: keras.Model) -> str:
    """The compiled loss as a person named it."""
    loss = model._compile_loss._user_loss
    return loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", str(loss))


def _shapes(tree: Any) -> str:
    shapes = [("rows", *leaf.shape[1:]) for leaf in jax.tree.leaves(tree) if hasattr(leaf, "shape")]
    return " and ".join(f"({', '.join(map(str, shape))})" for shape in shapes)


def _first(error: Exception) -> str:
    return f"Keras says: {str(error).strip().splitlines()[0]}"

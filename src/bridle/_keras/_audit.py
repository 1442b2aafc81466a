"""Losses that Keras itself adds to one batch, as `fit` does, and the layers and variables that they come from."""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._errors import InputError
from bridle._keras._internals import (
    collected_losses,
    flatten_layers,
    replaced,
    takes_training,
    without_compiled_loss,
)
from bridle._keras._taps import Reading, Tap, watching


@dataclass(frozen=True)
class Charge:
    """One loss that a layer added, and how often Keras collected it: 0 where it was dropped."""

    value: float
    times: int

    @property
    def counted(self) -> float:
        """The amount that reaches the loss."""
        return self.value * self.times if self.times else 0.0


@dataclass
class Recording:
    """Losses that one training pass charged, by the identity of layer or variable, in the order of the calls."""

    activity: dict[int, list[Charge]] = field(default_factory=dict)
    """By layer: what its `activity_regularizer` added."""
    add_losses: dict[int, list[Charge]] = field(default_factory=dict)
    """By layer: what its own `add_loss` added."""
    weights: dict[int, list[float]] = field(default_factory=dict)
    """By variable: what its regularizer added."""
    calls: dict[int, int] = field(default_factory=dict)
    """By layer with an `activity_regularizer`: how often it was called."""
    errors: dict[int, str] = field(default_factory=dict)
    """The errors of regularizers that cannot be called, by layer or variable."""
    looked_up: dict[int, np.ndarray] = field(default_factory=dict)
    """By embedding layer: the distinct rows that the batch looks up."""
    readings: dict[int, list[Reading]] = field(default_factory=dict)
    total: float = 0.0


@dataclass(frozen=True)
class _Added:
    layer: keras.Layer
    by_activity: bool
    value: Any


def record(model: keras.Model, x: Any, taps: Sequence[Tap]) -> Recording:
    """Call a model on a batch as one training step does, without changing it.

    On JAX that is `stateless_call` of the outermost model, elsewhere the model itself; both without a gradient.

    Errors: `InputError` with what Keras says, where the model cannot be called on the batch.
    """
    recording = Recording()
    added: list[_Added] = []
    layers = flatten_layers(model)
    with contextlib.ExitStack() as stack:
        stack.enter_context(losses_kept(layers))
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message=".*was passed an input with a mask")
        recording.readings = stack.enter_context(watching(taps))
        for layer in layers:
            stack.enter_context(_on_losses(layer, added, recording))
            stack.enter_context(_on_lookups(layer, recording))
        for variable in model.variables:
            stack.enter_context(_on_weight(variable, recording))
        try:
            losses = _losses(model, x)
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            raise InputError(f"Keras says: {str(error).strip().splitlines()[0].rstrip('. ')}.") from error
        _attribute(added, losses, recording)
    recording.total = sum(as_number(loss) for loss in losses)
    return recording


def all_layers(model: keras.Model) -> list[keras.Layer]:
    """Return a model and every layer in it, also inside others."""
    return flatten_layers(model)


@contextlib.contextmanager
def state_restored(model: keras.Model) -> Iterator[None]:
    """Call a model inside the block and leave its weights, statistics, seeds and losses as they were.

    `model.losses` has the losses of a call inside the block.
    """
    values = [(variable, variable.value) for variable in model.variables]
    with losses_kept(flatten_layers(model)), keras.StatelessScope(values, collect_losses=True):
        yield


def loss_without_data(model: keras.Model, prediction: Any, sample_weight: Any) -> Any:
    """Return what `fit` would add to the loss of the data after the last call of a model."""
    with without_compiled_loss(model):
        return model.compute_loss(None, None, prediction, sample_weight, training=True)


def has_compiled_step(model: keras.Model) -> bool:
    """Return True if `fit` has compiled a training step, which keeps the strengths of that moment."""
    if getattr(model, "train_function", None) is None or model.run_eagerly:
        return False
    return keras.backend.backend() != "torch" or bool(model.jit_compile)


def as_number(value: Any) -> float:
    """Return a scalar of any backend as a number, summed where it is an array; NaN inside a compiled loop."""
    try:
        return float(np.sum(np.asarray(ops.convert_to_numpy(value), "float64")))
    except Exception:  # backends raise different errors for a symbolic value
        return float("nan")


def _losses(model: keras.Model, x: Any) -> list[Any]:
    x = keras.tree.map_structure(ops.convert_to_tensor, x)
    training = {"training": True} if takes_training(model) else {}
    if keras.backend.backend() == "jax":
        trainable = [variable.value for variable in model.trainable_variables]
        untrained = [variable.value for variable in model.non_trainable_variables]
        return model.stateless_call(trainable, untrained, x, return_losses=True, **training)[2]
    with keras.StatelessScope([(v, v.value) for v in model.variables], collect_losses=True):
        model(x, **training)
        return list(model.losses)


def _attribute(added: list[_Added], losses: list[Any], recording: Recording) -> None:
    """Count how often Keras collected each loss that a layer added: it may drop one, or collect one twice."""
    for item in added:
        times = sum(loss is item.value for loss in losses)
        home = recording.activity if item.by_activity else recording.add_losses
        home.setdefault(id(item.layer), []).append(Charge(as_number(item.value), times))


@contextlib.contextmanager
def losses_kept(layers: list[keras.Layer]) -> Iterator[None]:
    """Put the losses that layers remember of their last call back at the end."""
    before = [(collected_losses(layer), tuple(map(copy, collected_losses(layer)))) for layer in layers]
    try:
        yield
    finally:
        for (losses, ids), (old_losses, old_ids) in before:
            losses[:] = old_losses
            ids.clear()
            ids.update(old_ids)


@contextlib.contextmanager
def _on_losses(layer: keras.Layer, added: list[_Added], recording: Recording) -> Iterator[None]:
    """Note the losses that a layer adds.

    Keras calls `add_loss` right after `activity_regularizer`, which tells the two apart.
    """
    regularizer, add, call = layer.activity_regularizer, layer.add_loss, layer.call
    pending: list[bool] = []

    def called(x: Any) -> Any:
        pending.append(True)
        return _guarded(regularizer, x, id(layer), recording)

    def noted(loss: Any) -> None:
        by_activity = bool(pending)
        pending.clear()
        added.extend(_Added(layer, by_activity, value) for value in keras.tree.flatten(loss))
        add(loss)

    def counted(*args: Any, **kwargs: Any) -> Any:
        recording.calls[id(layer)] = recording.calls.get(id(layer), 0) + 1
        return call(*args, **kwargs)

    with contextlib.ExitStack() as stack:
        stack.enter_context(replaced(layer, "add_loss", noted))
        if regularizer is not None:
            stack.enter_context(replaced(layer, "call", counted))
            stack.enter_context(replaced(layer, "activity_regularizer", called))
        yield


@contextlib.contextmanager
def _on_weight(variable: keras.Variable, recording: Recording) -> Iterator[None]:
    regularizer = variable.regularizer
    if regularizer is None:
        yield
        return

    def called(x: Any) -> Any:
        value = _guarded(regularizer, x, id(variable), recording)
        recording.weights.setdefault(id(variable), []).append(as_number(value))
        return value

    variable.regularizer = called
    try:
        yield
    finally:
        variable.regularizer = regularizer


def _guarded(regularizer: Callable[[Any], Any], x: Any, key: int, recording: Recording) -> Any:
    """Call a regularizer; note its error and charge 0 where it raises one."""
    try:
        return regularizer(x)
    except (ValueError, TypeError) as error:
        recording.errors[key] = str(error).strip().splitlines()[0]
        return ops.zeros(())


@contextlib.contextmanager
def _on_lookups(layer: keras.Layer, recording: Recording) -> Iterator[None]:
    if not isinstance(layer, keras.layers.Embedding):
        yield
        return
    call = layer.call

    def looked(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        with contextlib.suppress(Exception):  # a lookup inside a compiled loop cannot be seen
            reversed_ = bool(args or kwargs.get("reverse"))  # the projection uses the full table
            rows = np.arange(layer.input_dim) if reversed_ else np.unique(ops.convert_to_numpy(inputs)).astype("int64")
            recording.looked_up[id(layer)] = np.union1d(recording.looked_up.get(id(layer), rows[:0]), rows)
        return call(inputs, *args, **kwargs)

    with replaced(layer, "call", looked):
        yield

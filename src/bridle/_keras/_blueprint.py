"""A model that can be built again: from a compiled Keras model's configuration, or from a function."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from keras.src.models.functional import Functional

from bridle._errors import KindError
from bridle._keras._backend import seeded

COMPILE = "model.compile(optimizer='adam', loss='binary_crossentropy', metrics=['accuracy'])"


@dataclass(frozen=True)
class Blueprint:
    """One compiled, built template, and the way to build it again under another seed."""

    template: keras.Model
    build: Callable[[], keras.Model]

    def variables(self, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The initial (trainable, other) variables that a script gets after `set_random_seed(seed)`."""
        with seeded(seed):
            model = self.build()
        return _values(model.trainable_variables), _values(model.non_trainable_variables)


def blueprint(model: object) -> Blueprint:
    """Read what a person gave as a model.

    Args:
        model: a compiled and built Keras model, or a function without arguments that returns one.

    Errors: `KindError` where it is neither, not compiled, or not built.

    """
    if isinstance(model, keras.Model):
        _check(model)
        return Blueprint(model, lambda: _rebuild(model))
    if callable(model):
        with seeded(0):
            built = model()
        if not isinstance(built, keras.Model):
            raise KindError(f"Expected the model function to return a keras.Model, got {type(built).__name__}.")
        _check(built)
        return Blueprint(built, model)
    raise KindError(f"Expected a compiled keras.Model or a function that returns one, got {type(model).__name__}.")


def _check(model: keras.Model) -> None:
    if not model.compiled or model.optimizer is None:
        raise KindError(f"Expected a compiled model, got {model.name!r} without compile(). Call for example {COMPILE}.")
    if model._compile_loss is None:
        raise KindError(f"Expected a loss in compile(), got none for {model.name!r}. Call for example {COMPILE}.")
    if not model.built:
        raise KindError(
            f"Expected a built model, got {model.name!r} without weights. "
            "Begin it with keras.Input(shape=…), or call it once on a batch of data."
        )


def _rebuild(model: keras.Model) -> keras.Model:
    """A model of the same configuration with freshly drawn weights."""
    if isinstance(model, keras.Sequential):
        layers = [type(layer).from_config(layer.get_config()) for layer in model.layers]
        return keras.Sequential([keras.Input(batch_shape=model.inputs[0].shape, dtype=model.inputs[0].dtype), *layers])
    custom = {type(layer).__name__: type(layer) for layer in model._flatten_layers()}
    with keras.saving.custom_object_scope(custom):
        fresh = type(model).from_config(model.get_config())
        if not fresh.built:
            fresh.build_from_config(model.get_build_config())
    return fresh


def _values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.asarray(variable.value) for variable in variables]


def is_rebuildable(model: object) -> bool:
    """Whether a model is Sequential or functional, so that its layers can be rebuilt one by one."""
    return isinstance(model, keras.Sequential) or type(model) is Functional


def model_json(model: keras.Model) -> str:
    """A model's configuration, where it consists of Keras's own layers and can be rebuilt from that; else empty."""
    own = all(type(layer).__module__.startswith("keras.") for layer in model._flatten_layers())
    return model.to_json() if is_rebuildable(model) and own else ""


def compile_like(fresh: keras.Model, model: keras.Model) -> None:
    """Compile a model with the loss, metrics and a fresh optimizer like those of another, where that is compiled."""
    if not model.compiled or model.optimizer is None:
        return
    loss, metrics = model._compile_loss, model._compile_metrics
    fresh.compile(
        optimizer=type(model.optimizer).from_config(model.optimizer.get_config()),
        loss=None if loss is None else loss._user_loss,
        loss_weights=None if loss is None else loss._user_loss_weights,
        metrics=None if metrics is None else metrics._user_metrics,
        weighted_metrics=None if metrics is None else metrics._user_weighted_metrics,
    )
    fresh.optimizer.build(fresh.trainable_variables)

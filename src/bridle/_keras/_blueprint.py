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
            built, second = model(), model()
        if not isinstance(built, keras.Model):
            raise KindError(f"Expected the model function to return a keras.Model, got {type(built).__name__}.")
        _check(built)
        if second is built:
            raise KindError("Expected a function that builds a new model each time, got the same one. Build it inside.")
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
    _check_members(model)


def fresh_optimizer(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """An optimizer of the same configuration in its first state, with the exclusions that no configuration holds."""
    fresh = type(optimizer).from_config(optimizer.get_config())
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if hasattr(optimizer, name):
            setattr(fresh, name, getattr(optimizer, name))
    return fresh


def _check_members(model: keras.Model) -> None:
    """Refuse what a member would not do exactly as Keras does."""
    if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
        raise KindError(
            "Expected an optimizer without loss scaling, got LossScaleOptimizer (mixed_float16 adds it). "
            "Use the policy 'mixed_bfloat16' or 'float32'."
        )
    if model.optimizer.use_ema:
        raise KindError(
            "Expected an optimizer without weight averaging, got use_ema=True. Set use_ema=False for the study."
        )
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            raise KindError(
                f"Expected rows scaled outside the model, got the adapted layer {layer.name!r}, which sees every row. "
                "Take it out and give prepare=StandardScaler(), which is fitted inside each fold."
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

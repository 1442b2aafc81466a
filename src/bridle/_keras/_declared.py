"""Regularizers and constraints that a model declares, against those that it applies."""

from collections.abc import Callable
from typing import Any

import keras

from bridle._keras._internals import (
    constructor_arguments,
    flatten_layers,
    is_from_keras,
    trainable_here,
    untrainable_here,
)

Regularizer = Callable[[Any], Any]


def forgotten_activity(layer: keras.Layer) -> Regularizer | bool | None:
    """Return an `activity_regularizer` that a layer dropped; True if one may have been dropped.

    Keras keeps the arguments of a layer that was built from plain values alone. SimpleRNN drops the argument, so that
    one that was an object is gone; but that some object was given can still be told.
    """
    if layer.activity_regularizer is not None:
        return None
    if any(inner.activity_regularizer is not None for inner in flatten_layers(layer, include_self=False)):
        return None
    arguments = constructor_arguments(layer)
    if arguments is not None:
        regularizer = arguments.get("activity_regularizer")
        return keras.regularizers.get(regularizer) if regularizer is not None else None
    return True if type(layer) is keras.layers.SimpleRNN else None


def object_arguments(layer: keras.layers.SimpleRNN) -> list[str]:
    """List the arguments of a recurrent layer that may have been given as objects."""
    names = [f"{weight}_{kind}" for weight in ("kernel", "recurrent", "bias") for kind in ("regularizer", "constraint")]
    return [name for name in names if getattr(layer, name) is not None]


def saved_regularizer(layer: keras.Layer, name: str) -> tuple[bool, Any]:
    """Return if the saved form of a layer has an argument, and the regularizer that it would be built with."""
    return _saved(layer, name, keras.regularizers)


def saved_constraint(layer: keras.Layer, name: str) -> tuple[bool, Any]:
    """Return if the saved form of a layer has an argument, and the constraint that it would be built with."""
    return _saved(layer, name, keras.constraints)


def _saved(layer: keras.Layer, name: str, registry: Any) -> tuple[bool, Any]:
    try:
        config = layer.get_config()
        return name in config, registry.get(config.get(name))
    except Exception:  # a custom layer may have no configuration
        return False, None


def same_regularizer(first: Regularizer | None, second: Regularizer | None) -> bool:
    """Return True for two regularizers, or two constraints, of one kind with the same settings."""
    if first is None or second is None or first is second:
        return first is second
    try:
        return keras.saving.serialize_keras_object(first) == keras.saving.serialize_keras_object(second)
    except Exception:  # a function without a name that can be saved
        return False


def holding_layer(layer: keras.Layer, variable: keras.Variable) -> keras.Layer:
    """Return the layer that holds a weight itself: the layer, or the cell of its loop over time."""
    inner = flatten_layers(layer)
    return next((candidate for candidate in inner if any(v is variable for v in _own(candidate))), layer)


def _own(layer: keras.Layer) -> list[keras.Variable]:
    return [*trainable_here(layer), *untrainable_here(layer)]


def is_own_of_keras(layer: keras.Layer) -> bool:
    """Return True for a layer that comes with Keras."""
    return is_from_keras(type(layer))

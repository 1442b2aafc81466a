"""Regularizers and weight decay that a model declares, against those that it applies."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from bridle._errors import short_repr
from bridle._keras._internals import (
    constructor_arguments,
    decay_exclusions,
    flatten_layers,
    is_from_keras,
    trainable_here,
    untrainable_here,
    variable_key,
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
    try:
        config = layer.get_config()
        return name in config, keras.regularizers.get(config.get(name))
    except Exception:  # a custom layer may have no configuration
        return False, None


def same_regularizer(first: Regularizer | None, second: Regularizer | None) -> bool:
    """Return True for two regularizers of one kind with the same settings."""
    if first is None or second is None or first is second:
        return first is second
    try:
        return keras.regularizers.serialize(first) == keras.regularizers.serialize(second)
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


@dataclass(frozen=True)
class Decay:
    """The weight decay of a compiled model."""

    text: str
    decayed: tuple[keras.Variable, ...]
    excluded: tuple[keras.Variable, ...]
    patterns: tuple[str, ...]
    """The texts given as `exclude_from_weight_decay(var_names=…)`."""

    def matched(self, pattern: str, variables: list[keras.Variable]) -> list[keras.Variable]:
        """Return the variables in whose short names Keras finds a pattern."""
        with contextlib.suppress(re.error):
            return [variable for variable in variables if re.search(pattern, variable.name)]
        return []


def decay_of(model: keras.Model) -> Decay | None:
    """Return the weight decay of a model; None if it is not compiled or does not decay."""
    optimizer = model.optimizer if model.compiled else None
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = _said(getattr(optimizer, "weight_decay", None))
    if not rate:
        return None
    keys, compiled = decay_exclusions(optimizer)
    variables = model.trainable_variables
    named = [v for v in variables if compiled is not None and compiled.search(v.name)]
    excluded = [v for v in variables if variable_key(optimizer, v) in keys or any(v is variable for variable in named)]
    decayed = [v for v in variables if not any(v is variable for variable in excluded)]
    patterns = tuple(compiled.pattern.split("|")) if compiled is not None else ()
    return Decay(f"{type(optimizer).__name__}(weight_decay={rate})", tuple(decayed), tuple(excluded), patterns)


def _said(rate: Any) -> str:
    """Return a rate as text, empty if there is none; a rate from a file may be anything."""
    try:
        return f"{float(rate):g}" if rate else ""
    except (TypeError, ValueError, OverflowError):
        return short_repr(rate)

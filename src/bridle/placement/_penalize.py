"""Penalize a model that exists: the same model, the same weights, with penalties where Keras keeps them."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from bridle._errors import InputError, KindError
from bridle._keras import compile_like, is_rebuildable
from bridle.penalties import Penalty
from bridle.placement._targets import argument
from bridle.placement._terms import read_terms

UNCHARGED = (keras.layers.SimpleRNN, keras.layers.TimeDistributed)
"""Layers whose `activity_regularizer` Keras 3.15 silently ignores, or loses inside."""


@keras.saving.register_keras_serializable("bridle")
class Sum(keras.regularizers.Regularizer):
    """Several regularizers at one place: `R(x) = sum_i R_i(x)`."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = [keras.regularizers.get(part) for part in parts]

    def __call__(self, x: Any) -> Any:
        return sum(part(x) for part in self.parts)

    def get_config(self) -> dict[str, Any]:
        return {"parts": [keras.regularizers.serialize(part) for part in self.parts]}


@keras.saving.register_keras_serializable("bridle")
class PenalizedActivation(keras.layers.Layer):
    """An activation function that charges a penalty on what comes into it.

    It stands in the `activation` argument of a layer, so that the model keeps its layers, names and weights.
    The penalty is averaged over the samples as Keras does for activity: `R(x) / batch size`.
    """

    def __init__(self, activation: Any, penalty: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.penalty = keras.regularizers.get(penalty)

    def call(self, x: Any) -> Any:
        self.add_loss(self.penalty(x) / keras.ops.cast(keras.ops.shape(x)[0], x.dtype))
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "penalty": keras.regularizers.serialize(self.penalty),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "PenalizedActivation":
        return cls(**config)


def penalize(model: keras.Model, terms: Mapping[str, object]) -> keras.Model:
    """A model like `model`, with its weights, and with penalties `{where: what(how much)}`.

    The result is a plain Keras model on any backend: it trains with `fit`, and saves and loads with its penalties
    (`import bridle` first, so that Keras knows them). Regularizers that the model has already stay. It is
    compiled as `model` was, with a fresh optimizer.

    Args:
        model: a Sequential or functional model.
        terms: as everywhere, with one number for each strength.

    Errors: `TargetError` for a target that matches nothing; `InputError` for a range instead of a number, or a
    place where Keras takes no regularizer; `KindError` for a subclassed model.

    >>> import bridle, keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="hidden")])
    >>> bridle.penalize(model, {"*/kernel": bridle.L2(0.5)}).get_layer("hidden").kernel_regularizer
    L2(strength=0.5)

    """
    if not is_rebuildable(model):
        raise KindError(
            f"Expected a Sequential or functional model, got {type(model).__name__}, whose layers cannot be rebuilt."
        )
    wanted: dict[int, dict[str, list[Penalty]]] = {}
    for term in read_terms(model, terms):
        term.penalty.fixed()
        for place in term.places:
            wanted.setdefault(id(place.layer), {}).setdefault(place.quantity, []).append(term.penalty)

    def rebuilt(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        for quantity, penalties in wanted.get(id(layer), {}).items():
            _place(layer, config, quantity, penalties)
        return type(layer).from_config(config)

    fresh = keras.models.clone_model(model, clone_function=rebuilt, recursive=True)
    fresh.set_weights(model.get_weights())
    compile_like(fresh, model)
    return fresh


def _place(layer: keras.layers.Layer, config: dict[str, Any], quantity: str, penalties: list[Penalty]) -> None:
    """Write penalties into a layer's configuration."""
    if quantity == "preactivation":
        inner = keras.activations.serialize(layer.activation)
        config["activation"] = PenalizedActivation(inner, _joined(penalties, None), name=f"{layer.name}_activation")
        return
    if quantity == "output" and isinstance(layer, UNCHARGED):
        raise InputError(
            f"Expected a layer whose activity Keras charges, got {type(layer).__name__} {layer.name!r}, "
            "where Keras adds nothing. "
            "Penalize its weights, or an Activation('linear') layer after it."
        )
    key = argument(quantity)
    if quantity != "output" and key not in config:
        raise InputError(
            f"Expected a weight that Keras can regularize, got {layer.name}/{quantity}: "
            f"{type(layer).__name__} has no argument {key}."
        )
    config[key] = keras.regularizers.serialize(_joined(penalties, config.get(key)))


def _joined(penalties: list[Penalty], present: Any) -> Any:
    parts = [*([keras.regularizers.get(present)] if present else []), *penalties]
    return parts[0] if len(parts) == 1 else Sum(parts)

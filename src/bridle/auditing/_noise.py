"""Noise of the layers of a model: dropout and added noise, measured on one batch, and its problems."""

import math
from dataclasses import dataclass
from typing import Any

import keras

from bridle._keras import (
    NoiseCall,
    NoiseCalls,
    NoiseSetting,
    changed_share,
    dropped_share,
    noise_calls,
    noise_settings,
    scale_of,
)
from bridle.auditing._format import number_text
from bridle.auditing._measure import layer_paths
from bridle.auditing._result import Finding, Row, Rule, apply_rules
from bridle.placement import Site
from bridle.placement._rate_sites import find_rates

L = keras.layers
FEWEST = 20
"""The number of entries that noise must be expected to change before its absence is a finding."""


@dataclass(frozen=True)
class Noise:
    """Noise of one layer: its setting, and its calls on one batch."""

    where: str
    setting: NoiseSetting
    training: tuple[NoiseCall, ...] | None
    """Calls in a training step; None if they are unknown."""
    prediction: tuple[NoiseCall, ...]
    on_predictions: bool
    """True if the noise reaches the predictions of the model entry by entry."""

    @property
    def layer(self) -> keras.Layer:
        """The layer that draws."""
        return self.setting.layer

    @property
    def text(self) -> str:
        """The layer and its argument, as the model declares them."""
        kind, argument = type(self.layer).__name__, self.setting.argument
        if argument is None:
            return kind
        value = f"{self.setting.value:g}"
        return f"{kind}({value if argument in ('rate', 'stddev') else f'{argument}={value}'})"

    @property
    def is_measured(self) -> bool:
        """True if the layer itself is the noise, so that its calls show it."""
        return self.setting.argument in ("rate", "stddev")

    @property
    def is_idle(self) -> bool:
        """True if a training step called the layer and it changed nothing, though it should have."""
        entries = sum(math.prod(call.value.shape) for call in self.training or ())
        likely = self.setting.value if isinstance(self.layer, L.Dropout | L.AlphaDropout) else 1.0
        return entries * likely >= FEWEST and changed_share([*(self.training or ())]) == 0


def noise_rows(model: keras.Model, x: Any, sites: list[Site]) -> list[Row]:
    """Return one row for each rate or deviation of the layers of a model.

    Args:
        model: the model whose layers are named.
        x: the batch, as the model takes it.
        sites: the sites of the model, which have the paths of its layers.

    """
    settings = noise_settings(model)
    if not settings:
        return []
    paths = layer_paths(sites)
    targets = {(id(site.layer), site.quantity): site.name for site in find_rates(model)}
    layers = [setting.layer for setting in settings]
    training, prediction = (_calls(model, x, layers, mode) for mode in (True, False))
    rows = []
    for setting in settings:
        key = id(setting.layer)
        inside = f"{paths.get(key, setting.layer.name)}/{setting.inside}{setting.argument or 'output'}"
        noise = Noise(
            targets.get((key, setting.argument or ""), inside),
            setting,
            None if training is None else tuple(training.by_layer.get(key, ())),
            () if prediction is None else tuple(prediction.by_layer.get(key, ())),
            training is not None and key in training.on_predictions,
        )
        rows.append(Row(noise.where, noise.text, math.nan, math.nan, explain(noise), "noise", effect(noise)))
    return rows


def _calls(model: keras.Model, x: Any, layers: list[keras.Layer], training: bool) -> NoiseCalls | None:
    """Return the calls of layers; None for a model that cannot be called this way, though it can be trained."""
    try:
        return noise_calls(model, x, layers, training=training)
    except (ValueError, TypeError, IndexError, RuntimeError):
        return None


def explain(noise: Noise) -> tuple[Finding, ...]:
    """Return the findings about the noise of a layer."""
    if noise.setting.argument is None:
        return ()
    return apply_rules(STRENGTH, noise) or apply_rules(RULES, noise)


def effect(noise: Noise) -> str:
    """Return what noise does in a training step, measured on the batch where that can be seen."""
    value, argument = noise.setting.value, noise.setting.argument
    if argument is None:
        active = changed_share([*noise.prediction]) > 0
        return f"draws random numbers in training{' and at prediction' if active else ''}"
    if not value:
        return "changes nothing"
    if argument == "recurrent_dropout":
        return f"drops {_percent(value)} of the state that enters each step, with one mask for all steps"
    if argument == "dropout":
        what = "of the inputs, with one mask for all steps" if _is_recurrent(noise) else "of the attention scores"
        return f"drops {_percent(value)} {what}"
    if isinstance(noise.layer, L.GaussianNoise):
        return f"adds noise of deviation {value:g}{_relative(noise)}"
    if isinstance(noise.layer, L.GaussianDropout):
        deviation = math.sqrt(value / (1 - value)) if value < 1 else math.inf
        return f"multiplies by 1 plus noise of deviation {deviation:.3g}"
    if isinstance(noise.layer, L.AlphaDropout):
        return f"sets {_percent(value)} of its inputs to the lowest value of SELU"
    share = round(dropped_share([*(noise.training or ())]), 2)
    measured = f", {_percent(share)} in this batch" if share == share else ""
    return f"drops {_percent(value)} of {_dropped(noise)}{measured}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _is_recurrent(noise: Noise) -> bool:
    return isinstance(noise.layer, L.RNN)


def _dropped(noise: Noise) -> str:
    layer: Any = noise.layer
    if isinstance(layer, L.SpatialDropout1D | L.SpatialDropout2D | L.SpatialDropout3D):
        return "the channels"
    shape = layer.noise_shape
    return "its inputs" if shape is None else f"its inputs, with masks of shape {tuple(shape)}"


def _relative(noise: Noise) -> str:
    scale = scale_of([*(noise.training or ())])
    return f", {number_text(noise.setting.value / scale)} times that of its input" if scale > 0 else ""


def _kind(noise: Noise) -> str:
    return type(noise.layer).__name__


STRENGTH: tuple[Rule[Noise], ...] = (
    Rule(
        "does nothing",
        lambda n: n.setting.value == 0,
        lambda n: (
            f"{_kind(n)} with {n.setting.argument}=0 returns what it gets. Give it a value above 0, or remove it."
        ),
        "warning",
    ),
    Rule(
        "rate of 1",
        lambda n: n.setting.value >= 1 and _is_recurrent(n),
        lambda n: (
            f"Keras limits {n.setting.argument} to 1, and drops all or nothing at a rate of 1, by the layer and the "
            "backend. Give a rate below 1, such as 0.2."
        ),
    ),
    Rule(
        "drops everything",
        lambda n: n.setting.value >= 1 and n.setting.argument in ("rate", "dropout"),
        lambda n: "nothing passes in training, so that no layer before it learns. Give a rate below 1, such as 0.5.",
    ),
)
"""Strengths at which noise is none, or all."""

RULES: tuple[Rule[Noise], ...] = (
    Rule(
        "not called",
        lambda n: n.is_measured and n.training == (),
        lambda n: "the model does not call this layer, so it does nothing.",
    ),
    Rule(
        "never active",
        lambda n: n.is_measured and n.layer.trainable and n.is_idle,
        lambda n: (
            f"a training step calls {_kind(n)} with training=False, so it returns what it gets. Leave `training` out "
            "of the call of the layer, or of the model around it: `fit` passes it on."
        ),
    ),
    Rule(
        "active at prediction",
        lambda n: n.is_measured and changed_share([*n.prediction]) > 0,
        lambda n: (
            "the layer is called with training=True, so `evaluate`, `predict` and validation are random too, and worse "
            "than the trained network. Leave `training` out of the call, unless random predictions are meant."
        ),
        "warning",
    ),
    Rule(
        "active though frozen",
        lambda n: n.is_measured and not n.layer.trainable and changed_share([*(n.training or ())]) > 0,
        lambda n: (
            "the layer is frozen, which stops updates and not noise: the frozen part feeds random numbers to the "
            "layers that train. In a functional model its call with training=False does not change that: `fit` passes "
            f"training=True to every layer. Set {n.setting.argument} of the layer to 0 before compile()."
        ),
        "warning",
    ),
    Rule(
        "training=True is ignored",
        lambda n: n.is_measured and n.setting.fixed and changed_share([*n.prediction]) == 0,
        lambda n: (
            f"{_kind(n)} is called with training=True, which a functional model replaces by False at prediction: "
            "`predict` draws nothing. For random predictions call model(x, training=True)."
        ),
        "warning",
    ),
    Rule(
        "one mask for all samples",
        lambda n: _first_size(n) == 1 and any(call.value.shape[0] > 1 for call in n.training or ()),
        lambda n: (
            f"noise_shape={_noise_shape(n)} draws one mask for the entire batch. For one mask for each sample write "
            f"None as its first entry: noise_shape={(None, *(_noise_shape(n) or ())[1:])}."
        ),
        "warning",
    ),
    Rule(
        "changes the predictions",
        lambda n: n.on_predictions and n.is_measured and changed_share([*(n.training or ())]) > 0,
        lambda n: (
            "it stands after the last layer with weights, so that the loss and the metrics in training are those of "
            "predictions with noise: probabilities that no longer sum to 1, or values set to 0. Put it before "
            "that layer."
        ),
        "warning",
    ),
)
"""Problems of noise that is on: all that apply are reported."""


def _noise_shape(noise: Noise) -> tuple[Any, ...] | None:
    shape = getattr(noise.layer, "noise_shape", None)
    return None if shape is None else tuple(shape)


def _first_size(noise: Noise) -> Any:
    shape = _noise_shape(noise)
    return shape[0] if shape else None

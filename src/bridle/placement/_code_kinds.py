"""Lines of Keras for noise, constraints, decay and smoothed labels: layers to insert, arguments, and the optimizer."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from bridle._keras import as_number, decays_at_one_rate, declared_loss, gives_mask, inner_optimizer, output_shape
from bridle.placement._sites import Site
from bridle.placement._source import arguments_of, call
from bridle.regularizers import Regularizer


@dataclass(frozen=True)
class Form:
    """A regularizer at one site in Keras: an argument of the layer, or a layer after the tensor of the site."""

    argument: tuple[str, str] | None = None
    """The name of the argument, and its source."""
    layer: str | None = None
    """The source of the layer."""


def keras_form(regularizer: Any, site: Site) -> Form | None:
    """Return the form of noise or of a constraint in Keras; None if no argument and no layer does the same."""
    form = FORMS.get(regularizer.kind)
    if form is None or any(regularizer.schedules) or not _is_outermost(site):
        return None
    return form(regularizer, site)


def _is_outermost(site: Site) -> bool:
    return site.path == site.top_level_path and site.part is None and site.around is None


# Noise: a layer after the tensor.


def _dropout(noise: Any, site: Site) -> Form | None:
    shape = _shape(site)
    (rate,) = noise.fixed()
    if shape is None:
        return None
    if noise.shared == "time":
        return Form(layer=_layer("Dropout", rate, f", noise_shape={(None, 1, *[None] * (len(shape) - 2))}"))
    if noise.shared == "space":
        return Form(layer=_layer(f"SpatialDropout{len(shape) - 2}D", rate)) if 3 <= len(shape) <= 5 else None
    return Form(layer=_layer("Dropout", rate))


def _gaussian_noise(noise: Any, site: Site) -> Form | None:
    (deviation,) = noise.fixed()
    if _shape(site) is None:
        return None
    if noise.multiplicative:
        variance = deviation * deviation
        return Form(layer=_layer("GaussianDropout", variance / (1 + variance)))
    return Form(layer=_layer("GaussianNoise", deviation)) if deviation <= 1 else None  # the largest that Keras takes


def _layer(name: str, strength: float, more: str = "") -> str:
    return f"keras.layers.{name}({strength:.12g}{more}),"


def _shape(site: Site) -> tuple[Any, ...] | None:
    """Return the shape of the tensor after which a layer can be inserted; None if none can."""
    if site.on == "inputs":
        shape: Any = getattr(site.layer, "input_shape", None)
        return shape if isinstance(shape, tuple) else None
    if site.quantity not in ("output", "preactivation") or isinstance(site.layer, NO_TENSOR) or gives_mask(site.layer):
        return None
    return output_shape(site.layer)


NO_TENSOR = (keras.layers.TimeDistributed, keras.layers.Bidirectional)
"""Layers around others, whose code is not that of their own arguments."""


# Constraints: an argument of the layer.


def _max_norm(constraint: Any, site: Site) -> Form | None:
    return _norm(constraint, site, f"keras.constraints.MaxNorm({constraint.fixed()[0]:.12g}, axis={{}})")


def _unit_norm(constraint: Any, site: Site) -> Form | None:
    return _norm(constraint, site, "keras.constraints.UnitNorm(axis={})")


def _norm(constraint: Any, site: Site, text: str) -> Form | None:
    """Return the argument of a constraint on the norm of each unit: over all axes but the last."""
    rank = len(site.weight.shape)
    if constraint.groups not in ("units", "filters") or rank < 2:
        return None
    return _argument(site, text.format(0 if rank == 2 else list(range(rank - 1))))


def _non_negative(constraint: Any, site: Site) -> Form | None:
    return _argument(site, "keras.constraints.NonNeg()")


def _argument(site: Site, text: str) -> Form | None:
    """Return the argument for a constraint of a weight; None if the layer has none, or another constraint."""
    config, name = site.layer.get_config(), f"{SHORT.get(site.quantity, site.quantity)}_constraint"
    if name not in config or config[name] is not None or not site.weight.trainable:
        return None
    return Form(argument=(name, text))


SHORT = {"recurrent_kernel": "recurrent", "depthwise_kernel": "depthwise", "pointwise_kernel": "pointwise"}
"""Weights whose argument has a shorter name."""

# Rates of layers that the model has: an argument of the layer.


def _rate(rate: Any, site: Site) -> Form | None:
    if site.quantity not in site.layer.get_config():
        return None
    return Form(argument=(site.quantity, f"{rate.fixed()[0]:.12g}"))


FORMS: dict[str, Callable[[Any, Site], Form | None]] = {
    "dropout": _dropout,
    "gaussiannoise": _gaussian_noise,
    "maxnorm": _max_norm,
    "unitnorm": _unit_norm,
    "nonnegative": _non_negative,
    "rate": _rate,
}
"""The form of each kind; others have none."""


# Decay and labels: the arguments of compile.


def compile_lines(model: keras.Model, placed: Sequence[tuple[Site, Regularizer]]) -> str | None:
    """Return the lines that compile a model with its decay and its smoothed labels; None if Keras cannot do the same.

    Args:
        model: the compiled model.
        placed: decays at their weights, and label treatments.

    """
    if not placed:
        return ""
    if not model.compiled or any(any(regularizer.schedules) for _, regularizer in placed):
        return None
    decays = [(site, regularizer) for site, regularizer in placed if regularizer.kind == "weightdecay"]
    treatments = [regularizer for _, regularizer in placed if regularizer.kind == "labelsmoothing"]
    if len(decays) + len(treatments) < len(placed):
        return None
    optimizer = _decayed_optimizer(model, decays) if decays else [f"optimizer = {_optimizer(model.optimizer, None)}"]
    loss = _smoothed_loss(model, treatments)
    if optimizer is None or loss is None:
        return None
    compiled = "loss" if treatments else "model.loss"
    return "\n".join([*optimizer, *loss, f"model.compile(optimizer, {compiled})  # with your metrics", ""])


def _decayed_optimizer(model: keras.Model, decays: Sequence[tuple[Site, Regularizer]]) -> list[str] | None:
    """Return the lines of an optimizer that decays these weights alone, all at one rate."""
    rates = {regularizer.fixed()[0] for _, regularizer in decays}
    decayed = {id(site.variable) for site, _ in decays}
    others = [variable for variable in model.trainable_variables if id(variable) not in decayed]
    present = getattr(inner_optimizer(model.optimizer), "weight_decay", None)
    if len(rates) != 1 or any(site.part is not None for site, _ in decays) or not decays_at_one_rate(model.optimizer):
        return None
    if present and others:
        return None  # a second rate, which an optimizer does not have
    lines = [f"optimizer = {_optimizer(model.optimizer, rates.pop())}"]
    return lines + ([f"optimizer.exclude_from_weight_decay({_exclusion(model, decayed, others)})"] if others else [])


def _exclusion(model: keras.Model, decayed: set[int], others: Sequence[keras.Variable]) -> str:
    """Return the argument that excludes weights: by their short names where these tell them apart."""
    names = sorted({variable.name for variable in others})
    if not any(variable.name in names for variable in model.trainable_variables if id(variable) in decayed):
        return f"var_names={[f'^{re.escape(name)}$' for name in names]}"
    paths = sorted(variable.path for variable in others)
    return f"var_list=[v for v in model.trainable_variables if v.path in {paths}]"


def _optimizer(optimizer: Any, rate: float | None) -> str:
    optimizer = inner_optimizer(optimizer)
    arguments = arguments_of(optimizer)
    if rate is not None:
        arguments["weight_decay"] = f"{rate:.12g}"
    if isinstance(optimizer.get_config()["learning_rate"], float):
        arguments["learning_rate"] = f"{as_number(optimizer.learning_rate):.6g}"
    arguments.pop("name", None)
    return call("optimizers", type(optimizer).__name__, arguments)


def _smoothed_loss(model: keras.Model, treatments: Sequence[Regularizer]) -> list[str] | None:
    """Return the lines of a loss with smoothed labels; none without a treatment, None if the loss has no argument."""
    if not treatments:
        return []
    loss = _loss_object(declared_loss(model))
    if len(treatments) > 1 or loss is None:
        return None
    arguments = {**arguments_of(loss), "label_smoothing": f"{treatments[0].fixed()[0]:.12g}"}
    arguments.pop("name", None)
    return [
        "# Keras smooths the labels of validation rows too: compare models by a metric.",
        f"loss = {call('losses', type(loss).__name__, arguments)}",
    ]


def _loss_object(loss: Any) -> Any:
    """Return the object for a loss whose class has the argument `label_smoothing`; None for another one."""
    if isinstance(loss, Mapping | list | tuple) or loss is None:
        return None
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    kind = getattr(keras.losses, "".join(part[:1].upper() + part[1:] for part in name.split("_")), None)
    if kind is None or "label_smoothing" not in inspect.signature(kind.__init__).parameters:
        return None
    return loss if isinstance(loss, kind) else kind()

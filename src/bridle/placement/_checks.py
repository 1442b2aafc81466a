"""Checks that a regularizer is defined at its sites, before any training step."""

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import keras
import numpy as np

from bridle._errors import BridleError, InputError
from bridle._keras import has_states, holders, model_inputs, output_shape
from bridle.placement._sites import Site
from bridle.regularizers import Entrywise, LabelTreatment, Noise, On, Penalty, Regularizer

IN_UNIT = ("sigmoid", "hard_sigmoid", "softmax", "sparse_sigmoid", "sparsemax")
"""Activations whose values lie in (0, 1)."""


def check_sites(target: str, regularizer: Regularizer, sites: Sequence[Site]) -> None:
    """Raise `InputError` if a regularizer is not defined at its sites.

    The errors are, for all: a site of a kind that it does not allow. For penalties: `per` or `exact` at the wrong kind
    of site; values that can be outside (0, 1) for a penalty that needs them inside; an output without time; anchors or
    groups that do not fit the weight; a value that is not one finite number ≥ 0.
    """
    for site in sites:
        if site.on not in regularizer.allowed_on:
            raise InputError(
                f"Expected {_described(regularizer.allowed_on[0])} at {target!r} for {regularizer.kind}, got "
                f"{_located(site)}."
            )
        check_site(regularizer, target, site)


@singledispatch
def check_site(regularizer: Regularizer, target: str, site: Site) -> None:
    """Raise `InputError` if a regularizer is not defined at one site; each kind registers its own checks."""


@check_site.register
def _(penalty: Penalty, target: str, site: Site) -> None:
    _check_options(target, penalty, site)
    if site.variable is not None:
        _check_weight(target, penalty, site)
    else:
        _check_activation(target, penalty, site)


@check_site.register
def _(noise: Noise, target: str, site: Site) -> None:
    if site.on == "inputs":
        _check_noisy_inputs(noise, site)
    if site.is_activation and site.quantity not in ("output", "preactivation"):
        raise InputError(
            f"Expected an output or a pre-activation at {target!r} for {noise.kind}, got {site.name!r}, which no noise "
            f"reaches. Place it at '{site.path}/output', or DropConnect at '{site.path}/recurrent_kernel'."
        )
    if site.is_weight and not site.weight.trainable:
        raise InputError(f"Expected a weight that is trained at {target!r} for {noise.kind}, got {site.name!r}.")
    if site.is_weight:
        holders(site.layer, site.weight)
    shared = getattr(noise, "shared", "none")
    shape = output_shape(site.layer) if site.is_activation else None
    if shared != "none" and site.is_activation and shape is not None and len(shape) < 3:
        raise InputError(
            f"Expected an activation of shape (batch, {'time' if shared == 'time' else 'space'}, …) at {target!r} for "
            f"shared={shared!r}, got {site.name!r} of shape {shape}. Leave `shared` out."
        )
    if shared == "time" and site.around is not None:
        raise InputError(
            f"Expected an activation over all time steps at {target!r} for shared='time', got {site.name!r}, which "
            f"holds one of them. Write '{site.top_level_path}/output'."
        )


def _check_noisy_inputs(noise: Noise, site: Site) -> None:
    model: Any = site.layer
    inputs = model_inputs(model)
    if inputs is None:
        return
    if all(spec.rows is not None for spec in inputs.flat):
        raise InputError(
            f"Expected inputs of numbers at 'inputs' for {noise.kind}, got indices that {model.name!r} looks up. Place "
            "it at the output of the embedding, such as 'embedding/output'."
        )
    if inputs.mask_value is not None:
        raise InputError(
            f"Expected a model without Masking for {noise.kind} at 'inputs', which would hide the padding. Place it at "
            "the output of the Masking layer, such as 'masking/output'."
        )


def check_labels_once(terms: Sequence[tuple[str, Regularizer]]) -> None:
    """Raise `InputError` for two label treatments with the same effect among (target, regularizer) pairs."""
    effects: dict[str, LabelTreatment] = {}
    for target, regularizer in terms:
        if isinstance(regularizer, LabelTreatment):
            before = effects.setdefault(regularizer.effect, regularizer)
            if before is not regularizer:
                raise InputError(
                    f"Expected one {regularizer.kind} at {target!r}, got {before!r} and {regularizer!r}. Leave one out."
                )


def check_value(value: Any, penalty: Penalty, where: str) -> None:
    """Raise `InputError` for a value that is not one finite number ≥ 0. The value must not be traced."""
    if tuple(value.shape) != ():
        raise InputError(f"Expected one number from {penalty.kind} at {where!r}, got shape {tuple(value.shape)}.")
    scalar = float(keras.ops.convert_to_numpy(value))
    if not np.isfinite(scalar) or scalar < 0:
        raise InputError(
            f"Expected a finite number ≥ 0 from {penalty.kind} at {where!r}, got {scalar}. "
            "A penalty must not be negative: add a constant, or use another one."
        )


def _check_options(target: str, penalty: Penalty, site: Site) -> None:
    if penalty.per != "sample" and site.is_weight:
        raise InputError(
            f"Expected an activation at {target!r} for per={penalty.per!r}, got a weight, which has no batch. "
            "Leave `per` out."
        )
    if penalty.exact and not site.is_weight:
        raise InputError(
            f"Expected a weight at {target!r} for exact=True, got the activation {site.name!r}, which no update "
            "step moves. Leave `exact` out."
        )

    if penalty.exact and not site.weight.trainable:
        raise InputError(
            f"Expected a weight that is trained at {target!r} for exact=True, got {site.name!r}, which is frozen. "
            "Set trainable=True on its layer, or leave `exact` out."
        )


def _described(on: On) -> str:
    """Return a kind of site with its article."""
    return {"activation": "an activation", "weight": "a weight", "rate": "a rate of a layer"}.get(
        on, f"the {on} of the model"
    )


def _located(site: Site) -> str:
    return f"the {site.on} {site.name!r}" if site.path else f"the {site.on} of the model"


def _check_weight(target: str, penalty: Penalty, site: Site) -> None:
    if isinstance(penalty, Entrywise):
        return
    weight = site.extract(site.weight.value)
    try:
        if penalty.needs_anchor:
            penalty = penalty.with_anchor(weight)
        values = penalty.weight_values(weight)
    except BridleError as error:
        raise type(error)(f"At {site.name!r}: {error}") from error
    for value in values:
        check_value(value, penalty, site.name)


def _check_activation(target: str, penalty: Penalty, site: Site) -> None:
    shape = output_shape(site.layer) if site.quantity in ("output", "preactivation") else None
    if penalty.needs_time and site.around is None and shape is not None and len(shape) < 3:
        recurrent = f"Write '{site.path}/hidden_state', or set return_sequences=True."
        way = recurrent if has_states(site.layer) else "Place it on a layer that keeps the steps apart."
        raise InputError(
            f"Expected an activation of shape (batch, time, …) at {target!r} for {penalty.kind}, got {site.name!r} "
            f"without a time axis. {way}"
        )
    if penalty.domain == "unit" and _leaves_unit(site):
        name = site.layer.activation.__name__
        raise InputError(
            f"Expected values in (0, 1) at {target!r} for {penalty.kind}, got {site.quantity} of layer {site.path!r} "
            f"with activation {name!r}. Give that layer activation='sigmoid', and penalize its output."
        )


def _leaves_unit(site: Site) -> bool:
    """Return True if a site can hold values outside (0, 1); other functions than Keras's are trusted."""
    if site.quantity == "attention_scores":
        return False
    activation = getattr(site.layer, "activation", None)
    name = getattr(activation, "__name__", "")
    is_keras_function = name and getattr(keras.activations, name, None) is activation
    return bool(is_keras_function) and (site.quantity != "output" or name not in IN_UNIT)

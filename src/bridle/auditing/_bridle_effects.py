"""Audit rows of what bridle has placed besides penalties: noise, rates, decay, constraints, label treatments."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import keras

from bridle._keras import all_layers
from bridle.auditing._format import number_text
from bridle.auditing._formulas import strengths_at
from bridle.auditing._result import Finding, Kind, Row
from bridle.placement import Regularized, Site, match_target, schedule_overrides, unwrapped
from bridle.regularizers import Constraint, Decay, LabelTreatment, Noise, Penalty, Regularizer

Active = tuple[Regularizer, tuple[float, ...], list[Site]]
"""A regularizer that adds nothing to the loss, its strengths at this epoch, and its sites."""


def effect_rows(model: keras.Model) -> list[Row]:
    """Return one row for each site that `bridle.regularize` treats by something else than a penalty."""
    rows = []
    for part in (layer for layer in all_layers(model) if isinstance(layer, Regularized)):
        for regularizer, strengths, sites in _active(part):
            for site in sites:
                kind, findings = _kind(regularizer), _findings(site, regularizer)
                where = site.name if part is model else f"{part.name}/{site.name}"
                text = f"bridle.{regularizer!r}"
                rows.append(Row(where, text, math.nan, math.nan, findings, kind, effect(regularizer, strengths)))
    return rows


def decayed_by_bridle(model: keras.Model) -> set[int]:
    """Return the weights, by identity, whose decay `bridle.regularize` has replaced."""
    parts = [layer for layer in all_layers(model) if isinstance(layer, Regularized)]
    decays = [sites for part in parts for what, _, sites in _active(part) if isinstance(what, Decay)]
    return {id(site.variable) for sites in decays for site in sites if site.part is None}


def _active(model: Regularized) -> Iterator[Active]:
    overrides = schedule_overrides(model)
    for target, value in model.terms.items():
        for regularizer in keras.tree.flatten(value):
            if isinstance(regularizer, Penalty):
                continue
            strengths = strengths_at(regularizer, model.epoch, overrides.get(target))
            if any(strength != regularizer.absent for strength in strengths):
                yield regularizer, strengths, match_target(unwrapped(model), target)


def _kind(regularizer: Regularizer) -> Kind:
    for base, kind in KINDS.items():
        if isinstance(regularizer, base):
            return kind
    return "average" if "training" in regularizer.allowed_on else "noise"


KINDS: dict[type, Kind] = {Noise: "noise", Decay: "decay", Constraint: "constraint", LabelTreatment: "labels"}
"""The kind of row of each base class."""


def effect(regularizer: Any, strengths: tuple[float, ...]) -> str:
    """Return what a regularizer does in a training step, at these strengths."""
    value = number_text(strengths[0]) if strengths else ""
    return EFFECTS.get(regularizer.kind, lambda item, text: "is active in training")(regularizer, value)


def _dropout(noise: Any, rate: str) -> str:
    masks = {"none": "", "time": ", with one mask for all steps", "space": ", whole channels"}
    return f"drops {100 * float(rate):.3g} % of the entries{masks[noise.shared]}"


def _gaussian_noise(noise: Any, deviation: str) -> str:
    way = "multiplies by 1 plus" if noise.multiplicative else "adds"
    return f"{way} noise of deviation {deviation}"


EFFECTS: dict[str, Callable[[Any, str], str]] = {
    "dropout": _dropout,
    "dropconnect": lambda noise, rate: f"drops {100 * float(rate):.3g} % of the weights, with one mask for each batch",
    "gaussiannoise": _gaussian_noise,
    "rate": lambda rate, value: f"replaces the rate of the layer by {value}",
    "weightdecay": lambda decay, rate: f"takes learning rate times {rate} of the weight at each update",
    "maxnorm": lambda constraint, limit: f"limits the norm of each group of weights to {limit} after each update",
    "unitnorm": lambda constraint, on: "sets the norm of each group of weights to 1 after each update",
    "nonnegative": lambda constraint, on: "sets negative weights to 0 after each update",
    "labelsmoothing": lambda labels, eps: f"spreads {eps} of each label evenly over all classes, in training only",
    "mixup": lambda labels, alpha: f"mixes rows and labels of each batch, by shares from Beta({alpha}, {alpha})",
    "weightaveraging": lambda average, decay: f"averages the weights over the updates, with momentum {decay}",
}
"""The effect of each kind."""


def _findings(site: Site, regularizer: Regularizer) -> tuple[Finding, ...]:
    """Report a weight that Keras constrains and bridle too."""
    if isinstance(regularizer, Constraint) and own_constraint(site.variable) is not None:
        text = (
            "the layer has a constraint of its own, which Keras applies first; the weight need not obey it afterwards. "
            "Leave one of the two out."
        )
        return (Finding("two constraints", text, "warning"),)
    return ()


def own_constraint(variable: Any) -> Any:
    """Return the constraint that Keras applies to a weight, under what bridle has placed on it; None for none."""
    constraint: Any = getattr(variable, "constraint", None)
    while type(constraint).__module__.startswith("bridle.placement."):
        constraint = constraint.before
    return constraint

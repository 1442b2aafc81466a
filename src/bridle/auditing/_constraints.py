"""Constraints on the weights of a model: which ones the next update applies, on what, and their problems."""

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._errors import short_repr
from bridle._keras import (
    all_layers,
    holding_layer,
    is_own_of_keras,
    saved_constraint,
)
from bridle.auditing._attached import LOST_ON_SAVE, is_lost_on_save, is_set_too_late
from bridle.auditing._bridle_effects import own_constraint
from bridle.auditing._format import count_text
from bridle.auditing._measure import layer_paths
from bridle.auditing._result import Finding, Row, Rule, apply_rules
from bridle.placement import Site
from bridle.placement._targets import argument

L, C = keras.layers, keras.constraints
NORMS = (C.MaxNorm, C.MinMaxNorm, C.UnitNorm)
"""Constraints on norms over an axis."""
CONVOLUTIONS = (L.Conv1D, L.Conv2D, L.Conv3D)
TRANSPOSED = (L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose)
TOLERANCE = 1e-4
"""The relative change of a unit under which a constraint leaves it as it is."""


@dataclass(frozen=True)
class Constrained:
    """Constraint on one weight."""

    where: str
    layer: keras.Layer
    holder: keras.Layer
    """The layer or cell that holds the weight itself."""
    argument: str
    """The argument of the layer that takes a constraint for the weight."""
    variable: keras.Variable
    constraint: Any
    """The constraint that the optimizer applies; None if it applies none."""
    declared: Any
    """The constraint that the layer's attribute names."""

    @property
    def effective(self) -> Any:
        """The constraint that is applied, or else the one that the layer names."""
        return self.constraint if self.constraint is not None else self.declared

    @property
    def projected(self) -> np.ndarray | str:
        """The weight after the constraint, or what it says where it fails."""
        try:
            return _array(self.effective(ops.convert_to_tensor(self.variable.value)))
        except Exception as error:  # a function of the user's may raise anything
            return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")

    @property
    def axes(self) -> tuple[int, ...] | None:
        """The axes over which the constraint takes norms; None if it takes none."""
        axis = getattr(self.effective, "axis", None)
        if not isinstance(self.effective, NORMS) or axis is None:
            return None
        axes, rank = (axis if isinstance(axis, list | tuple) else [axis]), len(self.variable.shape)
        if not rank or not all(isinstance(one, int) for one in axes):
            return None
        return tuple(sorted(one % rank for one in axes))

    @property
    def unit_axes(self) -> tuple[int, ...] | None:
        """The axes of the weights that enter one unit; None for a layer without a rule."""
        rank = len(self.variable.shape)
        if isinstance(self.layer, TRANSPOSED) and self.variable.name == "kernel":
            return tuple(axis for axis in range(rank) if axis != rank - 2)
        if isinstance(self.layer, CONVOLUTIONS) and self.variable.name == "kernel":
            return tuple(range(rank - 1))
        return (1,) if isinstance(self.layer, L.Embedding) and rank == 2 else None


def constraint_rows(model: keras.Model, sites: list[Site]) -> list[Row]:
    """Return one row for each weight of a model with a constraint, and for each layer that normalizes its kernel."""
    layers = {site.path: site.layer for site in sites}
    weights = [
        _constrained(site, site.variable, layers.get(site.top_level_path, site.layer))
        for site in sites
        if site.variable is not None and site.part is None
    ]
    rows = [
        _row(one.where, constraint_text(one.declared or one.constraint), explain(one), effect(one))
        for one in weights
        if one.effective is not None
    ]
    paths = layer_paths(sites)
    return rows + [
        _row(f"{paths.get(id(layer), layer.name)}/kernel", "SpectralNormalization", (), SPECTRAL)
        for layer in all_layers(model)
        if isinstance(layer, L.SpectralNormalization)
    ]


SPECTRAL = "divides the kernel by an estimate of its largest singular value at each training step"


def _row(where: str, text: str, findings: tuple[Finding, ...], effect: str) -> Row:
    return Row(where, text, math.nan, math.nan, findings, "constraint", effect)


def _constrained(site: Site, variable: keras.Variable, home: keras.Layer) -> Constrained:
    name = argument(site.quantity).replace("_regularizer", "_constraint")
    holder = holding_layer(site.layer, variable)
    declared = vars(holder).get(name, vars(home).get(name) if is_own_of_keras(home) else None)
    return Constrained(site.name, site.layer, holder, name, variable, own_constraint(variable), declared)


def explain(weight: Constrained) -> tuple[Finding, ...]:
    """Return the findings about a constraint on a weight."""
    return apply_rules(RULES, weight)


def effect(weight: Constrained) -> str:
    """Return what a constraint does, and how many units it would move now."""
    projected = weight.projected
    if isinstance(projected, str):
        return "fails"
    before = _array(weight.variable.value)
    axes = tuple(range(before.ndim - 1))
    moved = np.abs(projected - before).max(axis=axes, initial=0) > TOLERANCE * np.abs(before).max(axis=axes, initial=0)
    many = f"{int(np.sum(moved))} of {count_text(int(np.size(moved)), 'unit')}"
    return f"projects after each update; now it would move {many}"


def constraint_text(constraint: Any) -> str:
    """Return a constraint in short form, such as `MaxNorm(2)`."""
    if isinstance(constraint, C.MaxNorm):
        return f"MaxNorm({_value(constraint.max_value)}{_axis_text(constraint)})"
    if isinstance(constraint, C.MinMaxNorm):
        rate = "" if constraint.rate == 1 else f", rate={_value(constraint.rate)}"
        limits = f"{_value(constraint.min_value)}, {_value(constraint.max_value)}"
        return f"MinMaxNorm({limits}{rate}{_axis_text(constraint)})"
    if isinstance(constraint, C.UnitNorm):
        return f"UnitNorm({_axis_text(constraint).removeprefix(', ')})"
    if isinstance(constraint, C.Constraint):
        return f"{type(constraint).__name__}()"
    return getattr(constraint, "__name__", type(constraint).__name__)


def _axis_text(constraint: Any) -> str:
    return "" if constraint.axis == 0 else f", axis={short_repr(constraint.axis)}"


def _value(value: Any) -> str:
    """Return a number in short form; one from a file may be anything."""
    return f"{value:g}" if isinstance(value, int | float) else short_repr(value)


def _too_late_text(weight: Constrained) -> str:
    applied = "nothing" if weight.constraint is None else constraint_text(weight.constraint)
    return (
        f"the layer's {weight.argument} was set to {constraint_text(weight.declared)} after its weights were created: "
        f"the optimizer applies {applied} until the model is saved and loaded. Give it to the constructor of the layer."
    )


def _is_lost_on_save(weight: Constrained) -> bool:
    return is_lost_on_save(weight.constraint, weight.declared, saved_constraint(weight.holder, weight.argument))


def _has_unusual_axes(weight: Constrained) -> bool:
    return weight.axes is not None and weight.unit_axes is not None and weight.axes != weight.unit_axes


def _axes_text(weight: Constrained) -> str:
    shape, unit = tuple(weight.variable.shape), weight.unit_axes or ()
    one = "row of the table" if isinstance(weight.layer, L.Embedding) else "filter"
    axes = unit[0] if len(unit) == 1 else list(unit)
    return (
        f"of the weight of shape {shape} it takes norms over axis {', '.join(map(str, weight.axes or ()))}, as Keras "
        f"does by default: that is not the norm of one {one}. Write axis={axes} to limit each {one}."
    )


RULES: tuple[Rule[Constrained], ...] = (
    Rule(
        "fails",
        lambda w: isinstance(w.projected, str),
        lambda w: (
            f"the constraint cannot be computed on a weight of shape {tuple(w.variable.shape)} ({w.projected}): "
            "`fit` stops. Use one that is defined for this shape."
        ),
    ),
    Rule(
        "not applied",
        lambda w: not w.variable.trainable,
        lambda w: (
            "the weight is frozen: the optimizer neither updates nor projects it. It stays as it is, whether or not it "
            "obeys the constraint."
        ),
        "warning",
    ),
    Rule(
        lambda w: "not applied" if w.constraint is None else "another one is applied",
        lambda w: is_set_too_late(w.constraint, w.declared),
        _too_late_text,
    ),
    Rule(
        "lost on save",
        _is_lost_on_save,
        lambda w: f"{LOST_ON_SAVE} Give it to the constructor of the layer as {w.argument}.",
        "warning",
    ),
    Rule("norm over an unusual axis", _has_unusual_axes, _axes_text, "warning"),
)
"""All that apply are reported."""


def _array(value: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(ops.cast(value, "float32")))

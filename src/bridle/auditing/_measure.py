"""One batch through a model: for every penalty its declaration, its expected value, and what Keras charges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._keras import (
    Charge,
    Reading,
    Recording,
    Tap,
    all_layers,
    as_number,
    forgotten_activity,
    has_default_name,
    has_states,
    holding_layer,
    is_own_of_keras,
    record,
)
from bridle.auditing._formulas import is_known, is_known_on_activation, on_activation, on_weight
from bridle.placement import Site, find_sites
from bridle.placement._targets import argument
from bridle.regularizers import Penalty
from bridle.regularizers._kinds import at_least_float32, broadcast_mask, count_samples


@dataclass(frozen=True)
class Activity:
    """A penalty on the output of a layer, as measured."""

    where: str
    layer: keras.Layer
    regularizer: Any
    """True if the layer has forgotten its regularizer."""
    charges: tuple[Charge, ...]
    """What Keras added to the loss, one for each call that it charged."""
    readings: tuple[Reading, ...]
    calls: int
    """Number of times that the model calls the layer."""
    counted: Any
    """Shape (batch,), 1 for samples that count; None if all do."""
    error: str | None
    forgotten: bool
    around: keras.Layer | None
    """The `TimeDistributed` that calls the layer."""
    outermost: bool
    twin: "Activity | None" = None
    """The same penalty on the same tensor, charged by a layer inside."""

    @property
    def charged(self) -> float:
        """The amount added to the loss."""
        twin = self.twin.charged if self.twin is not None else 0.0
        return sum((charge.counted for charge in self.charges), twin)

    @property
    def computable(self) -> bool:
        """True if the penalty can be computed."""
        return self.error is None and callable(self.regularizer) and not isinstance(self.regularizer, bool)

    @property
    def expected(self) -> float:
        """The amount that the penalty means; NaN if it cannot be computed."""
        return self.meaning() if self.computable else math.nan

    def meaning(self, *, masked: bool = True, weighted: bool = True) -> float:
        """Return the amount that the penalty means, with or without padded steps and samples of weight zero."""
        counted = self.counted if weighted else None
        return sum(
            expected_on_activation(self.regularizer, reading, counted, masked=masked) for reading in self.readings
        )


@dataclass(frozen=True)
class Weight:
    """A penalty on a weight, as measured."""

    where: str
    layer: keras.Layer
    holder: keras.Layer
    """The layer or cell that holds the weight itself."""
    argument: str
    """The argument of the layer that takes a regularizer for the weight."""
    variable: keras.Variable
    regularizer: Any
    """The regularizer that Keras charges; None if it charges none."""
    declared: Any
    """The regularizer that the layer's attribute names."""
    charged: float
    expected: float
    error: str | None
    rows_used: int | None
    """For an embedding table, the number of rows that the batch looks up."""


@dataclass(frozen=True)
class AddLoss:
    """The amounts that a layer itself passes to `add_loss`."""

    where: str
    layer: keras.Layer
    charges: tuple[Charge, ...]

    @property
    def charged(self) -> float:
        """The amount added to the loss."""
        return sum(charge.counted for charge in self.charges)

    @property
    def expected(self) -> float:
        """The amount that the layer passes."""
        return sum(charge.value for charge in self.charges)

    @property
    def dropped(self) -> int:
        """Number of charges that Keras has not collected."""
        return sum(charge.times == 0 for charge in self.charges)


@dataclass(frozen=True)
class Cell:
    """A penalty on the output of a recurrent layer's cell, inside the loop over time."""

    where: str
    regularizer: Any
    charged: float
    layer_path: str
    """The path of the recurrent layer."""


@dataclass(frozen=True)
class Measured:
    """All penalties of a model, measured on one batch."""

    activities: tuple[Activity, ...]
    weights: tuple[Weight, ...]
    add_losses: tuple[AddLoss, ...]
    cells: tuple[Cell, ...]
    total: float

    def added_by(self, layer: keras.Layer) -> float:
        """Return the amount that a layer itself passes to `add_loss`."""
        return sum(added.charged for added in self.add_losses if added.layer is layer)


def measure(model: keras.Model, inner: keras.Model, x: Any, counted: Any) -> Measured:
    """Run one batch and record the charges of Keras.

    Args:
        model: the model that is trained.
        inner: the model whose layers are named; the same, except for a model that bridle has regularized.
        x: the batch, as the model takes it.
        counted: shape (batch,), 1 for samples that count; None if all do.

    """
    sites = find_sites(inner)
    outputs = [site for site in sites if site.quantity == "output" and _activity_regularizer(site.layer) is not None]
    if _activity_regularizer(inner) is not None:
        outputs.append(Site(inner.name, "output", inner))
    taps = [Tap(site.layer, "output", site.around) for site in outputs]
    recording = record(model, x, taps)
    activities = [_activity(site, recording, index, counted, inner) for index, site in enumerate(outputs)]
    layers = {site.path: site.layer for site in sites}
    weights = [
        _weight(site, site.variable, recording, layers.get(site.top_level_path, site.layer))
        for site in sites
        if site.variable is not None and site.part is None
    ]
    return Measured(
        tuple(_fold_twins(activities)),
        tuple(weight for weight in weights if weight.regularizer is not None or weight.declared is not None),
        tuple(_add_losses(model, sites, recording)),
        tuple(_cells(sites, recording)),
        recording.total,
    )


def layer_paths(sites: Sequence[Site]) -> dict[int, str]:
    """Return the path of each layer by its identity."""
    return {id(site.layer): site.path for site in reversed(sites) if site.quantity == "output"}


def _activity_regularizer(layer: keras.Layer) -> Any:
    return layer.activity_regularizer if layer.activity_regularizer is not None else forgotten_activity(layer)


def _activity(site: Site, recording: Recording, index: int, counted: Any, model: keras.Model) -> Activity:
    layer = site.layer
    return Activity(
        where=site.name,
        layer=layer,
        regularizer=_activity_regularizer(layer),
        charges=tuple(recording.activity.get(id(layer), ())),
        readings=tuple(recording.readings[index]),
        calls=recording.calls.get(id(layer), 0),
        counted=counted,
        error=recording.errors.get(id(layer)),
        forgotten=layer.activity_regularizer is None,
        around=site.around,
        outermost=layer is model,
    )


def _fold_twins(activities: Sequence[Activity]) -> list[Activity]:
    """Fold a layer's penalty into that of the layer around it, if tensor and regularizer are the same."""
    outers: dict[int, Activity] = {}
    for outer in activities:
        if isinstance(outer.layer, keras.Model):
            continue
        for inner in activities:
            if inner.where.startswith(outer.where.removesuffix("output")) and _are_twins(outer, inner):
                outers[id(inner)] = outer
    twins = {id(outer): inner for inner in activities if (outer := outers.get(id(inner))) is not None}
    return [replace(activity, twin=twins.get(id(activity))) for activity in activities if id(activity) not in outers]


def _are_twins(outer: Activity, inner: Activity) -> bool:
    if outer is inner or outer.regularizer is not inner.regularizer or not (outer.readings and inner.readings):
        return False
    outer_value, inner_value = (
        np.asarray(ops.convert_to_numpy(activity.readings[-1].value)) for activity in (outer, inner)
    )
    return outer_value.shape == inner_value.shape and np.array_equal(outer_value, inner_value)


def _weight(site: Site, variable: keras.Variable, recording: Recording, home: keras.Layer) -> Weight:
    name, holding = argument(site.quantity), holding_layer(site.layer, variable)
    regularizer, key = variable.regularizer, id(variable)
    declared = vars(holding).get(name, vars(home).get(name) if is_own_of_keras(home) else None)
    rows_used = recording.looked_up.get(id(holding))
    effective = regularizer if regularizer is not None else declared
    error, charges = recording.errors.get(key), recording.weights.get(key, [])
    return Weight(
        where=site.name,
        layer=site.layer,
        holder=holding,
        argument=name,
        variable=variable,
        regularizer=regularizer,
        declared=declared,
        charged=math.nan if error else sum(charges, 0.0),
        expected=math.nan if error or effective is None else _expected_on_weight(effective, variable),
        error=error,
        rows_used=None if rows_used is None else len(rows_used),
    )


def _add_losses(model: keras.Model, sites: Sequence[Site], recording: Recording) -> list[AddLoss]:
    paths = {id(site.layer): site.path for site in sites}
    return [
        AddLoss(f"{paths.get(id(layer), layer.name)}/add_loss", layer, tuple(recording.add_losses[id(layer)]))
        for layer in all_layers(model)
        if id(layer) in recording.add_losses
    ]


def _cells(sites: Sequence[Site], recording: Recording) -> list[Cell]:
    loops = [site for site in sites if site.quantity == "output" and has_states(site.layer)]
    return [
        Cell(
            f"{site.path}/{'cell' if has_default_name(cell) else cell.name}/output",
            cell.activity_regularizer,
            sum((charge.counted for charge in recording.activity.get(id(cell), ())), 0.0),
            site.path,
        )
        for site in loops
        for cell in all_layers(site.layer)
        if cell is not site.layer and cell.activity_regularizer is not None
    ]


def _expected_on_weight(regularizer: Any, variable: keras.Variable) -> float:
    """Return the value of a regularizer on a weight; a function of the user's is called."""
    try:
        if is_known(regularizer):
            strengths = regularizer.fixed() if isinstance(regularizer, Penalty) else (1.0,)
            parts = on_weight(regularizer, as_array(variable.value))
            return sum(strength * part for strength, part in zip(strengths, parts, strict=True))
        return as_number(regularizer(ops.convert_to_tensor(variable.value)))
    except (ValueError, TypeError):
        return math.nan


def expected_on_activation(regularizer: Any, reading: Reading, counted: Any, *, masked: bool = True) -> float:
    """Return the value of a regularizer on an activation in bridle's definition, whatever its class.

    It is the sum over units (and time, and space), averaged over the samples. A statistic of the batch is not divided.

    Args:
        regularizer: a Keras regularizer, a bridle penalty or a function of one tensor.
        reading: an activation of shape (batch, …), with its mask.
        counted: shape (batch,), 1 for samples that count; None if all do.
        masked: True to leave out padded steps.

    """
    value = at_least_float32(reading.value)
    mask = combine_masks(reading.mask if masked else None, counted, value)
    if is_known_on_activation(regularizer):
        strengths = regularizer.fixed() if isinstance(regularizer, Penalty) else (1.0,)
        parts = on_activation(regularizer, as_array(value), None if mask is None else as_array(mask))
        return sum(strength * part for strength, part in zip(strengths, parts, strict=True))
    if isinstance(regularizer, Penalty):
        parts = regularizer.activation_values(value, mask)
        return sum(strength * as_number(part) for strength, part in zip(regularizer.fixed(), parts, strict=True))
    if is_batch_statistic(regularizer, value):
        return as_number(regularizer(value if mask is None else value[_counted_samples(mask)]))
    if mask is None:
        return as_number(regularizer(value)) / max(1, value.shape[0])
    return as_number(regularizer(value * broadcast_mask(mask, value))) / as_number(count_samples(value, mask))


def as_array(value: Any) -> np.ndarray:
    """Return a tensor of any backend and precision as a NumPy array."""
    return np.asarray(ops.convert_to_numpy(ops.cast(value, "float32")))


def is_batch_statistic(regularizer: Any, value: Any) -> bool:
    """Return True if a batch joined with itself gives the same value, where a sum over samples would double."""
    if isinstance(regularizer, Penalty):
        return False
    value = at_least_float32(value)
    once, twice = as_number(regularizer(value)), as_number(regularizer(ops.concatenate([value, value], axis=0)))
    return bool(np.isfinite(once) and abs(once) > 1e-12 and abs(twice - once) < 0.01 * abs(once))


def _counted_samples(mask: Any) -> np.ndarray:
    return np.flatnonzero(as_array(mask).reshape(mask.shape[0], -1).max(axis=1) > 0)


def combine_masks(mask: Any, counted: Any, value: Any) -> Any:
    """Return which entries of `value` count: unmasked steps of samples that count; None for all.

    `bridle.placement` has its own version: the audit must notice an error there.

    Args:
        mask: shape (batch, …), 1 for steps that are no padding; None for all.
        counted: shape (batch,), 1 for samples that count; None for all. Ignored if `value` has another batch size.
        value: an activation of shape (batch, …).

    """
    if counted is not None and counted.shape[0] != value.shape[0]:
        counted = None
    if mask is None:
        return counted
    steps: Any = ops.cast(mask, "float32")
    if counted is None:
        return steps
    return steps * ops.reshape(ops.cast(counted, "float32"), (-1,) + (1,) * (len(mask.shape) - 1))

"""One batch through a model: for every penalty what is written, what it means, and what Keras charges for it."""

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
    has_states,
    holder,
    is_made_up,
    is_own_of_keras,
    record,
)
from bridle.auditing._formulas import is_known, on_weight
from bridle.auditing._meaning import as_array, meaning
from bridle.placement import Site, find_sites
from bridle.placement._targets import argument
from bridle.regularizers import Penalty


@dataclass(frozen=True)
class Activity:
    """A penalty on what a layer gives, and what was seen of it."""

    where: str
    layer: keras.Layer
    regularizer: Any
    """True where the layer has forgotten which it was."""
    charges: tuple[Charge, ...]
    """What Keras added to the loss, one for each call that it charged."""
    readings: tuple[Reading, ...]
    calls: int
    """How often the model calls the layer."""
    counted: Any
    """Shape (batch,), 1 for samples that count; None where all do."""
    error: str | None
    forgotten: bool
    around: keras.Layer | None
    """The `TimeDistributed` that calls the layer."""
    outermost: bool
    twin: "Activity | None" = None
    """The same penalty on the same tensor, charged by a layer inside."""

    @property
    def charged(self) -> float:
        """What is added to the loss."""
        twin = self.twin.charged if self.twin is not None else 0.0
        return sum((charge.counted for charge in self.charges), twin)

    @property
    def known(self) -> bool:
        """Whether the penalty can be computed."""
        return self.error is None and callable(self.regularizer) and not isinstance(self.regularizer, bool)

    @property
    def expected(self) -> float:
        """What the penalty means."""
        return self.meaning() if self.known else math.nan

    def meaning(self, *, masked: bool = True, weighted: bool = True) -> float:
        """What the penalty means, with or without padded steps and samples of weight zero left out."""
        counted = self.counted if weighted else None
        return sum(meaning(self.regularizer, reading, counted, masked=masked) for reading in self.readings)


@dataclass(frozen=True)
class Weight:
    """A penalty on a weight, and what was seen of it."""

    where: str
    layer: keras.Layer
    holder: keras.Layer
    """The layer or the cell that holds the weight itself."""
    argument: str
    """The name by which the layer takes a regularizer for it."""
    variable: keras.Variable
    regularizer: Any
    """The one that Keras charges; None where it charges none."""
    wanted: Any
    """The one that the layer says it has."""
    charged: float
    expected: float
    error: str | None
    looked_up: int | None
    """For an embedding table, how many of its rows the batch looks up."""


@dataclass(frozen=True)
class Own:
    """What a layer adds to the loss by itself."""

    where: str
    layer: keras.Layer
    charges: tuple[Charge, ...]

    @property
    def charged(self) -> float:
        """What is added to the loss."""
        return sum(charge.counted for charge in self.charges)

    @property
    def expected(self) -> float:
        """What the layer wants to add."""
        return sum(charge.value for charge in self.charges)

    @property
    def dropped(self) -> int:
        """How many of its charges Keras has not collected."""
        return sum(charge.times == 0 for charge in self.charges)


@dataclass(frozen=True)
class Cell:
    """A penalty on what the cell of a recurrent layer gives, which lives inside the loop over time."""

    where: str
    regularizer: Any
    charged: float
    around: str
    """The path of the recurrent layer."""


@dataclass(frozen=True)
class Measured:
    """Everything that one batch showed."""

    activities: tuple[Activity, ...]
    weights: tuple[Weight, ...]
    own: tuple[Own, ...]
    cells: tuple[Cell, ...]
    total: float

    def added_by(self, layer: keras.Layer) -> float:
        """What a layer adds by itself."""
        return sum(own.charged for own in self.own if own.layer is layer)


def measure(model: keras.Model, inner: keras.Model, x: Any, counted: Any) -> Measured:
    """Run one batch.

    Args:
        model: what is trained.
        inner: the model whose layers are named; the same, but for a model that bridle has penalized.
        x: the batch, as the model takes it.
        counted: shape (batch,), 1 for samples that count; None where all do.

    """
    known = find_sites(inner)
    outputs = [place for place in known if place.quantity == "output" and _wanted_activity(place.layer) is not None]
    own = [Site(inner.name, "output", inner)] if _wanted_activity(inner) is not None else []
    seats = [*outputs, *own]
    taps = [Tap(place.layer, "output", place.around) for place in seats]
    kept = record(model, x, taps)
    activities = [_activity(place, kept, number, counted, inner) for number, place in enumerate(seats)]
    homes = {place.path: place.layer for place in known}
    weights = [_weight(place, kept, homes.get(place.top_level_path, place.layer)) for place in _whole(known)]
    return Measured(
        tuple(_without_twins(activities)),
        tuple(weight for weight in weights if weight.regularizer is not None or weight.wanted is not None),
        tuple(_own(model, known, kept)),
        tuple(_cells(known, kept)),
        kept.total,
    )


def _wanted_activity(layer: keras.Layer) -> Any:
    return layer.activity_regularizer if layer.activity_regularizer is not None else forgotten_activity(layer)


def _activity(place: Site, kept: Recording, number: int, counted: Any, model: keras.Model) -> Activity:
    layer = place.layer
    return Activity(
        where=place.name,
        layer=layer,
        regularizer=_wanted_activity(layer),
        charges=tuple(kept.activity.get(id(layer), ())),
        readings=tuple(kept.readings[number]),
        calls=kept.calls.get(id(layer), 0),
        counted=counted,
        error=kept.errors.get(id(layer)),
        forgotten=layer.activity_regularizer is None,
        around=place.around,
        outermost=layer is model,
    )


def _without_twins(activities: Sequence[Activity]) -> list[Activity]:
    """Fold a layer's penalty on the same tensor as the layer around it, with the same regularizer, into that one."""
    folded: dict[int, Activity] = {}
    for outer in activities:
        if isinstance(outer.layer, keras.Model):
            continue
        for inner in activities:
            if inner.where.startswith(outer.where.removesuffix("output")) and _are_twins(outer, inner):
                folded[id(inner)] = outer
    kept = [each for each in activities if id(each) not in folded]
    twins = {id(outer): inner for inner in activities if (outer := folded.get(id(inner))) is not None}
    return [replace(each, twin=twins.get(id(each))) for each in kept]


def _are_twins(outer: Activity, inner: Activity) -> bool:
    if outer is inner or outer.regularizer is not inner.regularizer or not (outer.readings and inner.readings):
        return False
    one, other = (np.asarray(ops.convert_to_numpy(each.readings[-1].value)) for each in (outer, inner))
    return one.shape == other.shape and np.array_equal(one, other)


def _whole(known: Sequence[Site]) -> list[Site]:
    return [place for place in known if place.variable is not None and place.part is None]


def _weight(place: Site, kept: Recording, home: keras.Layer) -> Weight:
    variable, name = place.variable, argument(place.quantity)
    holding = holder(place.layer, variable)
    regularizer, key = variable.regularizer, id(variable)
    wanted = vars(holding).get(name, vars(home).get(name) if is_own_of_keras(home) else None)
    looked = kept.looked_up.get(id(holding))
    effective = regularizer if regularizer is not None else wanted
    error, charges = kept.errors.get(key), kept.weights.get(key, [])
    return Weight(
        where=place.name,
        layer=place.layer,
        holder=holding,
        argument=name,
        variable=variable,
        regularizer=regularizer,
        wanted=wanted,
        charged=math.nan if error else sum(charges, 0.0),
        expected=math.nan if error or effective is None else _value(effective, variable),
        error=error,
        looked_up=None if looked is None else len(looked),
    )


def _value(regularizer: Any, variable: keras.Variable) -> float:
    """What a regularizer means on a weight; one of a person's own says it itself."""
    try:
        if is_known(regularizer):
            amounts = regularizer.fixed() if isinstance(regularizer, Penalty) else (1.0,)
            parts = on_weight(regularizer, as_array(variable.value))
            return sum(amount * part for amount, part in zip(amounts, parts, strict=True))
        return as_number(regularizer(ops.convert_to_tensor(variable.value)))
    except (ValueError, TypeError):
        return math.nan


def _own(model: keras.Model, known: Sequence[Site], kept: Recording) -> list[Own]:
    paths = {id(place.layer): place.path for place in known}
    return [
        Own(f"{paths.get(id(layer), layer.name)}/add_loss", layer, tuple(kept.own[id(layer)]))
        for layer in all_layers(model)
        if id(layer) in kept.own
    ]


def _cells(known: Sequence[Site], kept: Recording) -> list[Cell]:
    loops = [place for place in known if place.quantity == "output" and has_states(place.layer)]
    return [
        Cell(
            f"{place.path}/{'cell' if is_made_up(cell) else cell.name}/output",
            cell.activity_regularizer,
            _sum(kept, cell),
            place.path,
        )
        for place in loops
        for cell in all_layers(place.layer)
        if cell is not place.layer and cell.activity_regularizer is not None
    ]


def _sum(kept: Recording, layer: keras.Layer) -> float:
    return sum((charge.counted for charge in kept.activity.get(id(layer), ())), 0.0)

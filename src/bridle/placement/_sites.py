"""The sites of a model: every tensor that can be regularized, by name."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import keras

from bridle._keras import (
    Names,
    OwnWeight,
    Part,
    RateArgument,
    Tap,
    gate_parts,
    has_cell_state,
    has_one_cell,
    head_parts,
    inner_layers,
    is_activation,
    is_model,
    is_time_distributed,
    layer_names,
    own_weights,
    scores_attention,
)
from bridle.regularizers import On

OF_THE_MODEL: tuple[Literal["inputs", "labels", "training"], ...] = ("inputs", "labels", "training")
"""Targets without a layer: the inputs of the model, the labels of a batch, the whole fit."""
ACTIVATIONS = ("output", "preactivation", "hidden_state", "cell_state", "attention_scores")


@dataclass(frozen=True)
class Site:
    """Tensor of a model that can be regularized, or the inputs, the labels or the training of the model itself."""

    path: str
    """The name of the layer after those of its parents: `encoder/hidden`, `attention/query`.

    An inner layer with an automatic name goes by the attribute that holds it: `both/forward`.
    """
    quantity: str
    layer: keras.Layer
    variable: keras.Variable | None = None
    """The weight; None for an activation."""
    top_level_path: str = ""
    """The path of the outermost layer that contains this one; `path` for a layer of the model itself."""
    part: Part | None = None
    """A slice of the weight: a gate or a head."""
    around: keras.Layer | None = None
    """The `TimeDistributed` in which the layer is called for each time step."""
    in_globs: bool = True
    """True if a glob over layers matches this activation."""
    statistic: bool = False
    """True if the weight is a statistic that is never trained."""
    other_paths: tuple[str, ...] = ()
    """Other paths of the layer: with automatic names, or with attributes in place of given names."""
    other_top_level_paths: tuple[str, ...] = ()
    rate: RateArgument | None = None
    """The rate of a dropout or noise layer, which is no tensor."""

    @property
    def name(self) -> str:
        """The name of this site in a target."""
        part = f"[{self.part.name}]" if self.part is not None else ""
        return f"{self.path}/{self.quantity}{part}" if self.path else self.quantity

    @property
    def key(self) -> tuple[int, str]:
        """The identity of the tensor."""
        if self.rate is not None:
            return self.rate.key
        part = self.part.name if self.part is not None else ""
        return (id(self.layer), self.quantity) if self.variable is None else (id(self.variable), part)

    @property
    def weight(self) -> keras.Variable:
        """The weight of a site that is one.

        Errors: `TypeError` for an activation.
        """
        if self.variable is None:
            raise TypeError(f"Expected a weight, got the activation {self.name!r}.")
        return self.variable

    @property
    def is_weight(self) -> bool:
        """True for a weight, False for an activation."""
        return self.variable is not None

    @property
    def on(self) -> On:
        """The kind of site: `"weight"`, `"activation"`, `"rate"`, `"inputs"`, `"labels"` or `"training"`."""
        for name in OF_THE_MODEL:
            if name == self.quantity and not self.path:
                return name
        if self.rate is not None:
            return "rate"
        return "activation" if self.variable is None else "weight"

    @property
    def is_activation(self) -> bool:
        """True for a quantity of a layer that is no weight."""
        return self.on == "activation"

    @property
    def tap(self) -> Tap:
        """The tap that records this activation."""
        return Tap(self.layer, self.quantity, self.around)

    def extract(self, weight: Any) -> Any:
        """Return the tensor of this site from the full weight."""
        return weight if self.part is None else self.part.of(weight)

    def insert(self, weight: Any, piece: Any) -> Any:
        """Return the full weight with the tensor of this site replaced."""
        return piece if self.part is None else self.part.into(weight, piece)


@dataclass(frozen=True)
class _Seat:
    """Layer with its position in a model."""

    names: Names
    layer: keras.Layer
    top_level_path: Names
    parent: keras.Layer | None = None
    around: keras.Layer | None = None


def find_sites(model: keras.Model) -> list[Site]:
    """Return every site of a model.

    These are the weights, in full and by part (the gates of a recurrent layer, the heads of attention), and the output
    of each layer. Some layers also have a pre-activation, hidden and cell states over all time steps, or attention
    scores. A layer that occurs several times is listed at its first occurrence.
    """
    seats: dict[int, _Seat] = {}
    for seat in _seats(model, None, None, None):
        seats.setdefault(id(seat.layer), seat)
    sites = [[*_weights(seat), *_activations(seat)] for seat in seats.values()]
    by_key: dict[tuple[int, str], Site] = {}
    for site in itertools.chain.from_iterable(reversed(sites)):  # a wrapper names the weights of the layer inside too
        by_key.setdefault(site.key, site)
    order = (site.key for site in itertools.chain.from_iterable(sites))
    return [by_key[key] for key in dict.fromkeys(order)]


def _seats(
    layer: keras.Layer, outer: Names | None, top_level_path: Names | None, around: keras.Layer | None
) -> Iterator[_Seat]:
    for inner in inner_layers(layer):
        names = layer_names(inner, layer).inside(outer)
        top = names if top_level_path is None else top_level_path
        yield _Seat(names, inner, top, layer, around)
        deeper = None if is_model(inner) and top_level_path is None else top
        wrapped = inner if is_time_distributed(inner) else around
        yield from _seats(inner, names, deeper, wrapped)


def _weights(seat: _Seat) -> Iterator[Site]:
    for item in own_weights(seat.layer):
        names = seat.names if item.inner is None else item.inner.inside(seat.names)
        options = {**_options(seat, names), "statistic": item.statistic}
        yield Site(names.display, item.variable.name, seat.layer, item.variable, **options)
        for part in _parts(seat, item):
            yield Site(names.display, item.variable.name, seat.layer, item.variable, part=part, **options)


def _options(seat: _Seat, names: Names) -> dict[str, Any]:
    return {
        "top_level_path": seat.top_level_path.display,
        "around": seat.around,
        "other_paths": names.others,
        "other_top_level_paths": seat.top_level_path.others,
    }


def _parts(seat: _Seat, item: OwnWeight) -> list[Part]:
    return gate_parts(item.gates, item.variable) or head_parts(seat.parent, seat.layer, item.variable)


def _activations(seat: _Seat) -> Iterator[Site]:
    layer = seat.layer
    function = _is_function(vars(layer).get("activation"))
    computes = not is_model(layer) and (bool(layer.weights) or function or is_activation(layer))
    there = {
        "output": True,
        "preactivation": function,
        "hidden_state": has_one_cell(layer),
        "cell_state": has_cell_state(layer),
        "attention_scores": scores_attention(layer),
    }
    for quantity in (name for name, is_there in there.items() if is_there):
        in_globs = quantity != "output" or (computes and seat.names == seat.top_level_path)
        yield Site(seat.names.display, quantity, layer, in_globs=in_globs, **_options(seat, seat.names))


def _is_function(activation: object) -> bool:
    return callable(activation) and activation is not keras.activations.linear

"""The places of a model: every tensor that can be penalized, by a name that a person can write."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import keras

from bridle._keras import (
    Owned,
    Part,
    Tap,
    gate_parts,
    has_cell_state,
    has_one_cell,
    head_parts,
    inner_layers,
    is_model,
    is_time_distributed,
    owned,
    scores_attention,
)

ACTIVATIONS = ("output", "preactivation", "hidden_state", "cell_state", "attention_scores")


@dataclass(frozen=True)
class Place:
    """One tensor of a model that can be penalized."""

    path: str
    """The layer's name, with the names of what it lies in: `encoder/hidden`, `attention/query`."""
    quantity: str
    layer: keras.Layer
    variable: keras.Variable | None = None
    """The weight; None for an activation."""
    home: str = ""
    """The path of the layer that a person put into the model; the same as `path` but inside such a layer."""
    part: Part | None = None
    """A slice of the weight: a gate or a head."""
    around: keras.Layer | None = None
    """The `TimeDistributed` in which the layer is called for each time step."""
    in_globs: bool = True
    """Whether a glob over layers means this activation."""
    statistic: bool = False
    """Whether the weight is a statistic that is never trained."""

    @property
    def name(self) -> str:
        """How a person writes this place."""
        return f"{self.path}/{self.quantity}" + (f"[{self.part.name}]" if self.part is not None else "")

    @property
    def key(self) -> tuple[int, str]:
        """What makes two places the same tensor."""
        part = self.part.name if self.part is not None else ""
        return (id(self.layer), self.quantity) if self.variable is None else (id(self.variable), part)

    @property
    def sort(self) -> Literal["weight", "activation"]:
        """Whether this is a weight or an activation."""
        return "activation" if self.variable is None else "weight"

    @property
    def tap(self) -> Tap:
        """Where to watch, for an activation."""
        return Tap(self.layer, self.quantity, self.around)

    def of(self, weight: Any) -> Any:
        """The tensor at this place, from the whole weight."""
        return weight if self.part is None else self.part.of(weight)

    def into(self, weight: Any, piece: Any) -> Any:
        """The whole weight with the tensor at this place replaced."""
        return piece if self.part is None else self.part.into(weight, piece)


@dataclass(frozen=True)
class _Seat:
    """A layer where it stands in a model."""

    path: str
    layer: keras.Layer
    home: str
    parent: keras.Layer | None = None
    around: keras.Layer | None = None


def places(model: keras.Model) -> list[Place]:
    """Every place of a model.

    Weights by their names, whole, then in parts (the gates of a recurrent layer, the heads of attention); the output
    of each layer; and where a layer has them: the pre-activation, the hidden and the cell states over all time
    steps, the attention scores. A layer that stands in several spots of the model is listed once, where it is first.
    """
    seats: dict[int, _Seat] = {}
    for seat in _seats(model, "", None, None, None):
        seats.setdefault(id(seat.layer), seat)
    found: dict[tuple[int, str], Place] = {}
    for seat in reversed(seats.values()):  # a wrapper's name for a weight of the layer inside is not a second place
        for place in (*_weights(seat), *_activations(seat)):
            found.setdefault(place.key, place)
    order = [place.key for seat in seats.values() for place in (*_weights(seat), *_activations(seat))]
    return [found[key] for key in dict.fromkeys(order)]


def _seats(
    layer: keras.Layer, prefix: str, home: str | None, parent: keras.Layer | None, around: keras.Layer | None
) -> Iterator[_Seat]:
    for inner in inner_layers(layer):
        path = f"{prefix}{inner.name}"
        own = path if home is None else home
        yield _Seat(path, inner, own, parent, around)
        deeper = None if is_model(inner) and home is None else own
        wrapped = inner if is_time_distributed(inner) else around
        yield from _seats(inner, f"{path}/", deeper, inner, wrapped)


def _weights(seat: _Seat) -> Iterator[Place]:
    for item in owned(seat.layer):
        path = f"{seat.path}/{item.inner}" if item.inner else seat.path
        options = {"home": seat.home, "around": seat.around, "statistic": item.statistic}
        yield Place(path, item.variable.name, seat.layer, item.variable, **options)
        for part in _parts(seat, item):
            yield Place(path, item.variable.name, seat.layer, item.variable, part=part, **options)


def _parts(seat: _Seat, item: Owned) -> list[Part]:
    return gate_parts(item.gates, item.variable) or head_parts(seat.parent, seat.layer, item.variable)


def _activations(seat: _Seat) -> Iterator[Place]:
    layer = seat.layer
    function = _is_function(vars(layer).get("activation"))
    own = not is_model(layer) and (bool(layer.weights) or function)
    there = {
        "output": True,
        "preactivation": function,
        "hidden_state": has_one_cell(layer),
        "cell_state": has_cell_state(layer),
        "attention_scores": scores_attention(layer),
    }
    for quantity in (name for name, is_there in there.items() if is_there):
        in_globs = quantity != "output" or (own and seat.path == seat.home)
        yield Place(seat.path, quantity, layer, home=seat.home, around=seat.around, in_globs=in_globs)


def _is_function(activation: object) -> bool:
    return callable(activation) and activation is not keras.activations.linear

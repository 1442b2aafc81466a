"""WHERE: targets such as `hidden/kernel`, `*/output` or `hidden/preactivation`, matched to places in a model."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

import keras

from bridle._errors import TargetError, near

ACTIVATIONS = ("output", "preactivation")
SHORT = {"recurrent_kernel": "recurrent", "depthwise_kernel": "depthwise", "pointwise_kernel": "pointwise"}
"""Weights whose argument has another name than they have."""
EXAMPLE = "Write for example 'hidden/kernel', '*/kernel', 'hidden/output' or 'hidden/preactivation'."


@dataclass(frozen=True)
class Place:
    """One tensor of a model that can be penalized."""

    path: str
    """The layer's name, with the names of the models around it where it is nested: `encoder/hidden`."""
    quantity: str
    layer: keras.Layer
    variable: keras.Variable | None = None
    """The weight; None for an activation."""

    @property
    def name(self) -> str:
        """How a person writes this place; a weight of an inner layer with its path: `attention/query/kernel`."""
        return "/".join([self.path, *self._inner, self.quantity])

    @property
    def key(self) -> tuple[int, str]:
        """What makes two places the same tensor."""
        return (id(self.layer), self.quantity) if self.variable is None else (id(self.variable), "")

    @property
    def _inner(self) -> list[str]:
        parts = [] if self.variable is None else self.variable.path.split("/")
        return parts[parts.index(self.layer.name) + 1 : -1] if self.layer.name in parts else []

    @property
    def sort(self) -> Literal["weight", "activation"]:
        """Whether this is a weight or an activation."""
        return "activation" if self.variable is None else "weight"


def argument(quantity: str) -> str:
    """The argument by which Keras takes a regularizer for a quantity of a layer."""
    if quantity in ACTIVATIONS:
        return "activity_regularizer"
    return f"{SHORT.get(quantity, quantity)}_regularizer"


def places(model: keras.Model) -> list[Place]:
    """Every place of a model: its weights by name, the output of each layer, and pre-activations."""
    return [place for path, layer in _layers(model) for place in _of_layer(path, layer)]


def match(model: keras.Model, target: str) -> list[Place]:
    """The places that a target names.

    A target is `<layer name or glob>/<quantity or glob>`, or several with commas between, which then share one
    strength: `a/output, b/output`. A glob over layers passes over layers without weights
    and without an activation (dropout, flatten, …), which have nothing of their own to charge.

    Errors: `TargetError` where nothing matches, with the nearest names.
    """
    if not isinstance(target, str):
        raise TargetError(f"Expected a target '<layer>/<quantity>', got {target!r}. {EXAMPLE}")
    known = places(model)
    found = [place for part in target.split(",") for place in _match_one(known, part.strip())]
    return list({place.key: place for place in found}.values())


def _match_one(known: list[Place], target: str) -> list[Place]:
    if "/" not in target:
        raise TargetError(f"Expected a target '<layer>/<quantity>', got {target!r}. {EXAMPLE}")
    path, _, quantity = target.rpartition("/")
    found = [
        place
        for place in known
        if (fnmatchcase(place.path, path) or fnmatchcase(place.name.rpartition("/")[0], path))
        and fnmatchcase(place.quantity, quantity)
        and (place.path == path or place.variable is not None or _has_own(place.layer))
    ]
    if not found:
        raise TargetError(
            f"Expected a target that is in the model, got {target!r}, which matches nothing. "
            f"{near(target, [place.name for place in known])}"
        )
    return found


def _layers(model: keras.Model, prefix: str = "") -> list[tuple[str, keras.Layer]]:
    found: list[tuple[str, keras.Layer]] = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if isinstance(layer, keras.Model):
            found += _layers(layer, f"{prefix}{layer.name}/")
        else:
            found.append((f"{prefix}{layer.name}", layer))
    return found


def _of_layer(path: str, layer: keras.Layer) -> list[Place]:
    weights = [Place(path, variable.name, layer, variable) for variable in layer.weights]
    activations = [Place(path, "output", layer)]
    if _is_function(vars(layer).get("activation")):
        activations.append(Place(path, "preactivation", layer))
    return weights + activations


def _is_function(activation: object) -> bool:
    return callable(activation) and activation is not keras.activations.linear


def _has_own(layer: keras.Layer) -> bool:
    return bool(layer.weights) or _is_function(vars(layer).get("activation"))

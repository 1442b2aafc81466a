"""Noise of the layers of a model: its rates and deviations, and what it did to one batch."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._keras._audit import all_layers, state_restored
from bridle._keras._internals import (
    DropoutCell,
    direct_layers,
    inbound_nodes,
    replaced,
    seed_generators,
    takes_training,
)
from bridle._keras._rates import CELL_ARGUMENTS, noise_argument
from bridle._keras._structure import ACTIVATION_LAYERS, has_default_name, has_states, is_model, scores_attention

L = keras.layers
ENTRYWISE = (*ACTIVATION_LAYERS, L.Activation, L.Flatten, L.Identity, L.Permute, L.Rescaling, L.Reshape)
"""Layers that only pass entries on, one by one."""


@dataclass(frozen=True)
class NoiseSetting:
    """Noise of one layer: the argument that holds its rate or deviation. `argument` is None where there is none."""

    layer: keras.Layer
    """The layer that draws, or the recurrent layer whose cell does."""
    inside: str
    """The name of the cell inside `layer`, with a slash; empty if the layer itself has the argument."""
    argument: str | None
    value: float
    """NaN without an argument."""
    fixed: bool = False
    """True if a graph of a functional model calls the layer with `training=True`."""


@dataclass(frozen=True)
class NoiseCall:
    """One call of a layer in shape (batch, …): what entered and what left it."""

    value: Any
    result: Any


@dataclass
class NoiseCalls:
    """Calls of the noise layers of a model on one batch, by the identity of the layer."""

    by_layer: dict[int, list[NoiseCall]] = field(default_factory=dict)
    on_predictions: set[int] = field(default_factory=set)
    """Layers whose result is a prediction of the model, or becomes one entry by entry."""


def noise_settings(model: keras.Model) -> list[NoiseSetting]:
    """Return the noise of every layer of a model, in the order of the layers.

    Arguments of recurrent and attention layers appear where they are above 0, layers that are nothing but noise always.
    A layer that draws numbers by itself, such as an augmentation of images, has no argument.
    """
    layers = all_layers(model)
    inner = {id(part) for layer in layers if scores_attention(layer) for part in direct_layers(layer)}
    inner |= {id(part) for layer in layers if has_states(layer) for part in all_layers(layer) if part is not layer}
    settings = []
    for layer in layers:
        if id(layer) not in inner:
            settings += list(_settings(layer))
    return settings


def _settings(layer: keras.Layer) -> Iterator[NoiseSetting]:
    argument = noise_argument(layer)
    if argument is not None:
        fixed = any(node.arguments.kwargs.get("training") is True for node in inbound_nodes(layer))
        yield NoiseSetting(layer, "", argument, float(getattr(layer, argument)), fixed)
    elif scores_attention(layer):
        if layer.dropout:
            yield NoiseSetting(layer, "", "dropout", float(layer.dropout))
    elif has_states(layer):
        yield from _of_cells(layer)
    elif not is_model(layer) and seed_generators(layer):
        yield NoiseSetting(layer, "", None, float("nan"))


def _of_cells(layer: Any) -> Iterator[NoiseSetting]:
    cells = [cell for cell in all_layers(layer) if isinstance(cell, DropoutCell)]
    for cell in cells:
        name = "cell" if has_default_name(cell) else cell.name
        inside = "" if len(cells) == 1 and hasattr(layer, "dropout") else f"{name}/"
        for argument in CELL_ARGUMENTS:
            value = float(getattr(cell, argument))
            if value:
                yield NoiseSetting(layer, inside, argument, value)


def noise_calls(model: keras.Model, x: Any, layers: list[keras.Layer], *, training: bool) -> NoiseCalls:
    """Call a model on a batch, without changing it, and return what some of its layers did.

    Args:
        model: the model.
        x: the batch, as the model takes it.
        layers: the layers to watch.
        training: True to call the model as a training step does.

    """
    calls = NoiseCalls()
    order: list[tuple[keras.Layer, NoiseCall]] = []
    watched = {id(layer) for layer in layers}
    passing = [layer for layer in all_layers(model) if isinstance(layer, ENTRYWISE)]
    with state_restored(model), contextlib.ExitStack() as stack:
        for layer in {id(layer): layer for layer in [*layers, *passing]}.values():
            stack.enter_context(_watched(layer, order))
        arguments = {"training": training} if takes_training(model) else {}
        predictions = model(keras.tree.map_structure(ops.convert_to_tensor, x), **arguments)
    for layer, call in order:
        if id(layer) in watched:
            calls.by_layer.setdefault(id(layer), []).append(call)
    calls.on_predictions = _on_predictions(order, watched, keras.tree.flatten(predictions))
    return calls


@contextlib.contextmanager
def _watched(layer: keras.Layer, order: list[tuple[keras.Layer, NoiseCall]]) -> Iterator[None]:
    call: Callable[..., Any] = layer.call

    def noted(value: Any, *args: Any, **kwargs: Any) -> Any:
        result = call(value, *args, **kwargs)
        order.append((layer, NoiseCall(value, result)))
        return result

    with replaced(layer, "call", noted):
        yield


def _on_predictions(order: list[tuple[keras.Layer, NoiseCall]], watched: set[int], predictions: list[Any]) -> set[int]:
    """Return the layers whose result reaches the predictions through layers that pass entries on."""
    sources: dict[int, set[int]] = {}
    for layer, call in order:
        before = sources.get(id(call.value), set())
        if id(layer) in watched:
            before = before | {id(layer)}
        if before:
            sources.setdefault(id(call.result), set()).update(before)
    reached = [sources.get(id(prediction), set()) for prediction in predictions]
    return set().union(*reached)


def dropped_share(calls: list[NoiseCall]) -> float:
    """Return the share of entries other than 0 that are 0 afterwards; NaN if there are none, or in a compiled loop."""
    pairs = _arrays(calls)
    entries = sum(int((before != 0).sum()) for before, _ in pairs)
    dropped = sum(int(((before != 0) & (after == 0)).sum()) for before, after in pairs)
    return dropped / entries if entries else float("nan")


def changed_share(calls: list[NoiseCall]) -> float:
    """Return the share of entries that are not the same afterwards; NaN if it cannot be seen."""
    pairs = _arrays(calls)
    entries = sum(before.size for before, _ in pairs)
    return sum(int((before != after).sum()) for before, after in pairs) / entries if entries else float("nan")


def scale_of(calls: list[NoiseCall]) -> float:
    """Return the standard deviation of what entered; NaN if it cannot be seen."""
    entered = [before.ravel() for before, _ in _arrays(calls)]
    return float(np.concatenate(entered).std()) if entered else float("nan")


def _arrays(calls: list[NoiseCall]) -> list[tuple[np.ndarray, np.ndarray]]:
    pairs = []
    for call in calls:
        with contextlib.suppress(Exception):  # backends raise different errors for a value inside a compiled loop
            before, after = (
                np.asarray(ops.convert_to_numpy(ops.cast(value, "float32"))) for value in (call.value, call.result)
            )
            if before.shape == after.shape:
                pairs.append((before, after))
    return pairs

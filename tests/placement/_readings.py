"""The tensor at each place, read without bridle: slices of weights, and Keras's own calls for activations."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.src import backend

from bridle.placement import Site

LSTM, GRU = ("input", "forget", "cell", "output"), ("update", "reset", "candidate")
"""The gates as Keras lays them side by side on the last axis."""
Tensors = dict[str, list[tuple[Any, Any]]]
"""By the name of a place: for each call of the layer the tensor and its mask, or None."""


def weight(place: Site) -> np.ndarray:
    """The tensor at a place of a weight."""
    whole = np.asarray(ops.convert_to_numpy(place.variable.value), "float64")
    if place.part is None:
        return whole
    name = place.part.name
    if name.isdigit():
        heads_first = place.path.endswith("attention_output") or place.quantity == "bias"
        return whole[int(name)] if heads_first else whole[:, int(name)]
    gates = next(gates for gates in (LSTM, GRU) if name in gates)
    return np.split(whole, len(gates), axis=-1)[gates.index(name)]


@contextlib.contextmanager
def listening(places: Sequence[Site]) -> Iterator[Tensors]:
    """Hear every call of every layer, and read the activations at the given places from it."""
    found: Tensors = {place.name: [] for place in places}
    around = {id(place.around) for place in places if place.around is not None}
    original, deaf = keras.Layer.__call__, []

    def call(self: keras.Layer, *args: Any, **kwargs: Any) -> Any:
        output = original(self, *args, **kwargs)
        if deaf:
            return output
        if id(self) in around:  # it calls its layer past __call__: do that again, step by step
            for step in range(args[0].shape[1]):
                self.layer(args[0][:, step])
        deaf.append(True)
        for place in places:
            if place.layer is self:
                found[place.name].append(READERS[place.quantity](self, args, kwargs, output))
        deaf.pop()
        return output

    keras.Layer.__call__ = call
    try:
        yield found
    finally:
        keras.Layer.__call__ = original


def squares(tensors: Sequence[tuple[Any, Any]]) -> float:
    """The sum of squares without padded steps."""
    total = 0.0
    for value, mask in tensors:
        square = np.asarray(value).astype("float64") ** 2
        if mask is not None and mask.shape == square.shape[: mask.ndim]:
            square = square[np.asarray(mask, bool)]
        total += float(square.sum())
    return total


def _output(layer: keras.Layer, args: Any, kwargs: Any, output: Any) -> tuple[Any, Any]:
    """The states and scores that some layers return besides are places of their own."""
    first = keras.tree.flatten(output)[0]
    return first, _mask(first)


def _preactivation(layer: keras.Layer, args: Any, kwargs: Any, output: Any) -> tuple[Any, Any]:
    own = vars(layer)
    before, own["activation"] = own["activation"], keras.activations.linear
    try:
        return layer(*args, **kwargs), _mask(keras.tree.flatten(output)[0])
    finally:
        own["activation"] = before


def _state(number: int) -> Callable[..., tuple[Any, Any]]:
    def read(layer: keras.Layer, args: Any, kwargs: Any, output: Any) -> tuple[Any, Any]:
        """One state after every step, the cell called step by step; at a masked step the states stay."""
        x, mask = args[0], _mask(args[0])
        order = range(x.shape[1])[::-1] if layer.go_backwards else range(x.shape[1])
        states, found = layer.get_initial_state(x.shape[0]), []
        for step in order:
            new = layer.cell(x[:, step], states)[1]
            if mask is not None:
                pairs = zip(new, states, strict=True)
                new = [ops.where(mask[:, step, None], after, before) for after, before in pairs]
            states = new
            found.append(states[number])
        return ops.stack(found, 1), None if mask is None else ops.stack([mask[:, step] for step in order], 1)

    return read


def _scores(layer: keras.Layer, args: Any, kwargs: Any, output: Any) -> tuple[Any, Any]:
    return layer(*args, **{**kwargs, "return_attention_scores": True})[1], None


def _mask(x: Any) -> Any:
    return backend.get_keras_mask(x)


READERS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "output": _output,
    "preactivation": _preactivation,
    "hidden_state": _state(0),
    "cell_state": _state(1),
    "attention_scores": _scores,
}
"""Functions that read each quantity from a call: its layer, arguments and output."""

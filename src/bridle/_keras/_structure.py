"""The parts of a layer: the layers inside it, its cells, its gates, its heads."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from bridle._keras._internals import (
    TRACKED_LAYERS,
    ConvLSTMCell,
    direct_layers,
    get_mask,
    is_functional,
    snake_case,
    trainable_here,
    untrainable_here,
)

GATES = {
    keras.layers.LSTMCell: ("input", "forget", "cell", "output"),
    ConvLSTMCell: ("input", "forget", "cell", "output"),
    keras.layers.GRUCell: ("update", "reset", "candidate"),
}
"""The gates of each cell, in the order in which they lie side by side on the last axis of its weights."""
LSTM_CELLS = (keras.layers.LSTMCell, ConvLSTMCell)
WITH_SCORES = (
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
    keras.layers.Attention,
    keras.layers.AdditiveAttention,
)
HEADS = {"query": 1, "key": 1, "value": 1, "gate": 1, "attention_output": 0}
"""The axis of the heads in the kernel of each layer inside an attention layer."""


ACTIVATION_LAYERS = (
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.ELU,
    keras.layers.PReLU,
    keras.layers.Softmax,
)
"""Layers that are an activation function; `Activation` has one."""


@dataclass(frozen=True)
class Names:
    """The names of a layer inside another one."""

    display: str
    """The name that does not change from model to model."""
    of_keras: str
    role: str
    """The attribute that holds the layer, as `forward` or `blocks/0`."""

    def inside(self, outer: "Names | None") -> "Names":
        """Return the paths of a layer inside a layer."""
        if outer is None:
            return self
        return Names(
            f"{outer.display}/{self.display}", f"{outer.of_keras}/{self.of_keras}", f"{outer.role}/{self.role}"
        )

    @property
    def others(self) -> tuple[str, ...]:
        """Those that are not shown."""
        return tuple(name for name in dict.fromkeys((self.of_keras, self.role)) if name != self.display)


def layer_names(layer: keras.Layer, parent: Any) -> Names:
    """Return the names of a layer in the layer that holds it.

    Keras numbers its own names over the life of the process (`forward_lstm_20`), so the attribute that holds the
    layer is shown instead of them. A name that the user gave is shown as it is.
    """
    role = _role(layer, parent)
    return Names(role if has_default_name(layer) else layer.name, layer.name, role)


def has_default_name(layer: keras.Layer) -> bool:
    """Return True if Keras gave a layer its name."""
    kind = re.escape(snake_case(type(layer).__name__))
    return re.fullmatch(rf"((forward|backward)_)?{kind}(_\d+)?", layer.name) is not None


def _role(layer: keras.Layer, parent: Any) -> str:
    if is_functional(parent) or isinstance(parent, keras.Sequential):
        return layer.name
    for name, value in vars(parent).items():
        if name == TRACKED_LAYERS:
            continue
        if value is layer:
            both = isinstance(parent, keras.layers.Bidirectional)
            return (name.removesuffix("_layer") if both else name).lstrip("_")
        items = (
            value.items() if isinstance(value, Mapping) else enumerate(value if isinstance(value, list | tuple) else ())
        )
        position = next((key for key, item in items if item is layer), None)
        if position is not None:
            return f"{name.lstrip('_')}/{position}"
    return layer.name


@dataclass(frozen=True)
class OwnWeight:
    """Weights that a layer holds itself, with the names of the cell that holds them where there are several."""

    inner: Names | None
    variable: keras.Variable
    statistic: bool
    """True if it is never trained, as a moving mean."""
    gates: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A named slice of a weight along one axis."""

    name: str
    axis: int
    start: int
    stop: int

    def of(self, x: Any) -> Any:
        """Return the slice of a tensor."""
        return x[self._index]

    def into(self, x: Any, piece: Any) -> Any:
        """Return the tensor with the slice replaced."""
        leading = (slice(None),) * self.axis
        before, after = x[(*leading, slice(0, self.start))], x[(*leading, slice(self.stop, None))]
        return keras.ops.concatenate([before, piece, after], axis=self.axis)

    @property
    def _index(self) -> tuple[slice, ...]:
        return (*(slice(None),) * self.axis, slice(self.start, self.stop))


def is_model(layer: keras.Layer) -> bool:
    """Return True for a layer that is a model."""
    return isinstance(layer, keras.Model)


def is_time_distributed(layer: keras.Layer) -> bool:
    """Return True for a layer that calls another one for each time step."""
    return isinstance(layer, keras.layers.TimeDistributed)


def is_activation(layer: keras.Layer) -> bool:
    """Return True for a layer that is an activation function."""
    return isinstance(layer, ACTIVATION_LAYERS)


def has_states(layer: keras.Layer) -> bool:
    """Return True for a layer that loops over time with a cell."""
    return isinstance(layer, keras.layers.RNN)


def has_one_cell(layer: keras.Layer) -> bool:
    """Return True if the loop over time can be watched: one cell that is a layer."""
    stacked = keras.layers.StackedRNNCells
    return has_states(layer) and isinstance(layer.cell, keras.Layer) and not isinstance(layer.cell, stacked)


def has_cell_state(layer: keras.Layer) -> bool:
    """Return True for a layer that carries a cell state."""
    return has_one_cell(layer) and isinstance(layer.cell, LSTM_CELLS)


def scores_attention(layer: keras.Layer) -> bool:
    """Return True for a layer that can return its attention scores."""
    return isinstance(layer, WITH_SCORES)


def inner_layers(layer: keras.Layer) -> list[keras.Layer]:
    """Return the layers inside a layer that have weights.

    Without those of the loop over time, which cannot be watched one by one; and, but for models, without layers that
    hold nothing, whose names Keras makes up each time it builds the layer around them.
    """
    if is_model(layer):
        return [inner for inner in layer.layers if not isinstance(inner, keras.layers.InputLayer)]
    if has_states(layer):
        return []
    return [inner for inner in direct_layers(layer) if isinstance(inner, keras.Layer) and inner.weights]


def own_weights(layer: keras.Layer) -> Iterator[OwnWeight]:
    """Yield the weights of a layer that are not those of its inner layers."""
    holders: list[tuple[Names | None, Any]] = [(None, layer)]
    if has_states(layer):
        cells = layer.cell.cells if isinstance(layer.cell, keras.layers.StackedRNNCells) else [layer.cell]
        holders += [(layer_names(cell, layer.cell) if len(cells) > 1 else None, cell) for cell in cells]
    for inner, holder in holders:
        gates = next((names for kind, names in GATES.items() if isinstance(holder, kind)), ())
        deep = holder is not layer
        for variable in holder.weights if deep else [*trainable_here(holder), *untrainable_here(holder)]:
            yield OwnWeight(inner, variable, any(variable is v for v in untrainable_here(holder)), gates)


def gate_parts(gates: tuple[str, ...], variable: keras.Variable) -> list[Part]:
    """Return the slices of a recurrent weight that belong to each gate."""
    if not gates or variable.shape[-1] % len(gates):
        return []
    axis, size = len(variable.shape) - 1, variable.shape[-1] // len(gates)
    return [Part(gate, axis, index * size, (index + 1) * size) for index, gate in enumerate(gates)]


def head_parts(parent: keras.Layer | None, layer: keras.Layer, variable: keras.Variable) -> list[Part]:
    """Return the slices of an attention weight that belong to each head, named by their numbers."""
    if not isinstance(parent, keras.layers.MultiHeadAttention | keras.layers.GroupQueryAttention):
        return []
    if layer.name not in HEADS or (layer.name == "attention_output" and len(variable.shape) < 3):
        return []
    axis = HEADS[layer.name] if len(variable.shape) == 3 else 0
    return [Part(str(head), axis, head, head + 1) for head in range(variable.shape[axis])]


def step_mask(model: keras.Model, layer: keras.Layer) -> Any:
    """Return the mask of the steps of a layer in a functional model as a symbolic tensor of shape (row, step), or None.

    Of a layer that drops its mask, such as a convolution, it is that of the nearest layer before it with as many
    steps, if the model has one input.
    """
    steps = tuple(keras.tree.flatten(layer.output)[0].shape[:2])
    place = model.layers.index(layer)
    candidates = [layer, *(reversed(model.layers[:place]) if len(keras.tree.flatten(model.inputs)) == 1 else ())]
    for candidate in candidates:
        mask = get_mask(keras.tree.flatten(candidate.output)[0])
        if mask is not None and tuple(mask.shape) == steps:
            return mask
    return None

"""What a layer is made of: the layers inside it, its cells, its gates, its heads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
from keras.src.layers.rnn.conv_lstm import ConvLSTMCell

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


@dataclass(frozen=True)
class Owned:
    """Weights that a layer holds itself, with the name of the cell that holds them where there are several."""

    inner: str
    variable: keras.Variable
    statistic: bool
    """Whether it never is trained, as a moving mean."""
    gates: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A named slice of a weight along one axis."""

    name: str
    axis: int
    start: int
    stop: int

    def of(self, x: Any) -> Any:
        """The slice of a tensor."""
        return x[self._index]

    def into(self, x: Any, piece: Any) -> Any:
        """The tensor with the slice replaced."""
        whole = (slice(None),) * self.axis
        before, after = x[(*whole, slice(0, self.start))], x[(*whole, slice(self.stop, None))]
        return keras.ops.concatenate([before, piece, after], axis=self.axis)

    @property
    def _index(self) -> tuple[slice, ...]:
        return (*(slice(None),) * self.axis, slice(self.start, self.stop))


def is_model(layer: keras.Layer) -> bool:
    """Whether a layer is a model of layers."""
    return isinstance(layer, keras.Model)


def is_time_distributed(layer: keras.Layer) -> bool:
    """Whether a layer calls another one for each time step."""
    return isinstance(layer, keras.layers.TimeDistributed)


def has_states(layer: keras.Layer) -> bool:
    """Whether a layer loops over time with a cell."""
    return isinstance(layer, keras.layers.RNN)


def has_one_cell(layer: keras.Layer) -> bool:
    """Whether the loop over time can be watched: one cell that is a layer."""
    stacked = keras.layers.StackedRNNCells
    return has_states(layer) and isinstance(layer.cell, keras.Layer) and not isinstance(layer.cell, stacked)


def has_cell_state(layer: keras.Layer) -> bool:
    """Whether a layer carries a cell state."""
    return has_one_cell(layer) and isinstance(layer.cell, LSTM_CELLS)


def scores_attention(layer: keras.Layer) -> bool:
    """Whether a layer can tell its attention scores."""
    return isinstance(layer, WITH_SCORES)


def inner_layers(layer: keras.Layer) -> list[keras.Layer]:
    """The layers inside a layer that have weights.

    Without those of the loop over time, which cannot be watched one by one; and, but for models, without layers that
    hold nothing, whose names Keras makes up anew each time it builds the layer around them.
    """
    if is_model(layer):
        return [each for each in layer.layers if not isinstance(each, keras.layers.InputLayer)]
    if has_states(layer):
        return []
    return [each for each in layer._layers if isinstance(each, keras.Layer) and each.weights]


def owned(layer: keras.Layer) -> Iterator[Owned]:
    """The weights of a layer that are not those of its inner layers."""
    holders = [("", layer)]
    if has_states(layer):
        cells = layer.cell.cells if isinstance(layer.cell, keras.layers.StackedRNNCells) else [layer.cell]
        holders += [(cell.name if len(cells) > 1 else "", cell) for cell in cells]
    for inner, holder in holders:
        gates = next((names for kind, names in GATES.items() if isinstance(holder, kind)), ())
        deep = holder is not layer
        for variable in holder.weights if deep else [*holder._trainable_variables, *holder._non_trainable_variables]:
            yield Owned(inner, variable, any(variable is v for v in holder._non_trainable_variables), gates)


def gate_parts(gates: tuple[str, ...], variable: keras.Variable) -> list[Part]:
    """The slices of a recurrent weight that belong to each gate."""
    if not gates or variable.shape[-1] % len(gates):
        return []
    axis, each = len(variable.shape) - 1, variable.shape[-1] // len(gates)
    return [Part(gate, axis, number * each, (number + 1) * each) for number, gate in enumerate(gates)]


def head_parts(parent: keras.Layer | None, layer: keras.Layer, variable: keras.Variable) -> list[Part]:
    """The slices of an attention weight that belong to each head, named by their numbers."""
    if not isinstance(parent, keras.layers.MultiHeadAttention | keras.layers.GroupQueryAttention):
        return []
    if layer.name not in HEADS or (layer.name == "attention_output" and len(variable.shape) < 3):
        return []
    axis = HEADS[layer.name] if len(variable.shape) == 3 else 0
    return [Part(str(head), axis, head, head + 1) for head in range(variable.shape[axis])]

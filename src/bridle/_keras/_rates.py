"""Rates of dropout and noise layers: where a model has them, and calls of the model with other rates."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from bridle._keras._internals import (
    MASK_CREATOR,
    SCORE_APPLIER,
    ConvLSTMCell,
    DropoutCell,
    SpatialDropout,
    attention_with_weights,
    concrete_noise_shape,
    direct_layers,
    dropout_of_attention,
    is_from_keras,
    mask_creator,
    replaced,
    spatial_noise_shape,
)
from bridle._keras._structure import Names, has_states, is_model, layer_names

NOISE_ARGUMENTS: dict[type, str] = {
    keras.layers.Dropout: "rate",
    keras.layers.AlphaDropout: "rate",
    keras.layers.GaussianDropout: "rate",
    keras.layers.GaussianNoise: "stddev",
}
"""Layers that do nothing but add noise, and the argument that says how much."""
CELL_ARGUMENTS = ("dropout", "recurrent_dropout")
"""The arguments of recurrent cells that say how much they drop."""
PROJECTED_ATTENTIONS = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
"""Attention layers that leave `dropout` to a dropout layer inside them."""
GATE_MASKS = {keras.layers.LSTMCell: 4, keras.layers.GRUCell: 3, ConvLSTMCell: 4}
"""The masks that a cell draws where each gate has its own; other cells draw one."""
ALPHA = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
"""The value to which `AlphaDropout` sets a unit: the limit of SELU for large negative inputs."""


@dataclass(frozen=True)
class RateArgument:
    """Argument of a layer that says how much noise the layer adds while it trains."""

    quantity: str
    """The name of the argument: `rate`, `stddev`, `dropout` or `recurrent_dropout`."""
    holder: keras.Layer
    """The layer that reads the rate: the layer itself, its cell, or the dropout layer inside it."""
    attribute: str
    """The attribute of `holder` with the rate."""

    @property
    def key(self) -> tuple[int, str]:
        """The identity of the rate, which an attention layer shares with the dropout layer inside it."""
        return id(self.holder), f"{self.attribute} of the layer"

    @property
    def value(self) -> float:
        """The rate that the layer was built with."""
        return float(getattr(self.holder, self.attribute))

    @property
    def has_state(self) -> bool:
        """True if the layer can draw noise. Keras gives a random state to cells, and to layers with a rate above 0."""
        return getattr(self.holder, "seed_generator", None) is not None

    @property
    def turns_on(self) -> bool:
        """True if the layer was built with rate 0 and computes in another way, about twice as long, above it."""
        return self.quantity == "recurrent_dropout" and self.value == 0 and _changes_implementation(self.holder)


def noise_argument(layer: keras.Layer) -> str | None:
    """Return the argument of a layer that does nothing but add noise; None for another layer."""
    return next((name for kind, name in NOISE_ARGUMENTS.items() if isinstance(layer, kind)), None)


def rate_arguments(layer: keras.Layer) -> tuple[RateArgument, ...]:
    """Return the rates of a layer or a cell; none for layers with a `call` that is not Keras's."""
    if not is_from_keras(type(layer).call):
        return ()
    name = noise_argument(layer)
    if name is not None:
        return (RateArgument(name, layer, name),)
    if isinstance(layer, PROJECTED_ATTENTIONS):
        return (RateArgument("dropout", dropout_of_attention(layer), "rate"),)
    if isinstance(layer, keras.layers.Attention):  # AdditiveAttention is one
        return (RateArgument("dropout", layer, "dropout"),)
    if isinstance(layer, DropoutCell):
        return tuple(RateArgument(name, layer, name) for name in CELL_ARGUMENTS)
    if isinstance(layer, keras.layers.RNN) and isinstance(layer.cell, DropoutCell):
        return rate_arguments(layer.cell)
    return ()


def rate_holders(layer: Any) -> Iterator[tuple[Names, keras.Layer]]:
    """Yield the layers directly inside a layer with their names, also those without weights and cells of a stack."""
    parent, inner_layers = layer, direct_layers(layer)
    if is_model(layer):
        inner_layers = layer.layers
    elif has_states(layer):
        parent = layer.cell
        inner_layers = parent.cells if isinstance(parent, keras.layers.StackedRNNCells) else []
    for inner in inner_layers:
        if isinstance(inner, keras.Layer):
            yield layer_names(inner, parent), inner


@contextlib.contextmanager
def rates_replaced(rates: Sequence[tuple[RateArgument, Any]]) -> Iterator[None]:
    """Call layers with other rates inside the block, as if they had been built with them.

    A rate is a scalar tensor, which may be traced, at least 0 and below 1 (a standard deviation: at least 0). Where it
    is 0, the layer neither changes its input nor moves its random state on, as in Keras, where the layer returns early.
    The masks of two rates are nested: the larger one drops what the smaller one does.
    """
    by_holder: dict[keras.Layer, dict[str, Any]] = {}
    for argument, rate in rates:
        by_holder.setdefault(argument.holder, {})[argument.attribute] = rate
    replace = _with_numbers if keras.backend.backend() == "torch" else _with_tensors
    with contextlib.ExitStack() as stack:
        for holder, values in by_holder.items():
            stack.enter_context(replace(holder, values))
        yield


# PyTorch runs operation by operation, so Keras's own code can branch on the numbers. Where Keras asks for shapes only,
# tensors have no numbers.


@contextlib.contextmanager
def _with_numbers(layer: Any, rates: dict[str, Any]) -> Iterator[None]:
    numbers = {name: float(rate) for name, rate in rates.items() if not getattr(rate, "is_meta", False)}
    with contextlib.ExitStack() as stack:
        for name, number in numbers.items():
            stack.enter_context(replaced(layer, name, number))
        if "recurrent_dropout" in numbers and _changes_implementation(layer):
            apart = numbers["recurrent_dropout"] > 0
            stack.enter_context(replaced(layer, "implementation", 1 if apart else 2))
            stack.enter_context(replaced(layer, "dropout_mask_count", GATE_MASKS[_kind(layer)] if apart else None))
        yield


# Elsewhere the rate is a tensor, on which Keras's layers cannot branch.


@contextlib.contextmanager
def _with_tensors(layer: Any, rates: dict[str, Any]) -> Iterator[None]:
    if isinstance(layer, DropoutCell):
        with _with_masks(layer, rates):
            yield
        return
    (rate,) = rates.values()
    rate = ops.cast(rate, "float32")
    if isinstance(layer, keras.layers.Attention):
        name, function = SCORE_APPLIER, _attention(layer, rate)
    else:
        name, function = "call", _call(layer, rate)
    with replaced(layer, name, function):
        yield


def _call(layer: Any, rate: Any) -> Callable[..., Any]:
    """Return the call of a dropout or noise layer with another rate."""
    noisy = next(NOISY[kind] for kind in type(layer).__mro__ if kind in NOISY)

    def call(inputs: Any, training: bool | None = False) -> Any:
        return noisy(layer, inputs, rate) if training else inputs

    return call


class _MovedWhere(keras.random.SeedGenerator):
    """Random state of a layer that moves on only where a condition holds."""

    def __init__(self, generator: keras.random.SeedGenerator, condition: Any) -> None:
        self._generator, self._condition = generator, condition

    def next(self, ordered: bool = True) -> Any:
        state = self._generator.state
        seed = state.value * 1
        move = ops.cast(self._condition, state.dtype)
        state.assign(ops.add(state.value, ops.stack([ops.zeros_like(move), move])))
        return seed


def _dropped(x: Any, rate: Any, shape: Any, seed: keras.random.SeedGenerator) -> Any:
    """Return `keras.random.dropout(x, rate)` with the masks of the backend, for a rate that is a tensor."""
    kept = ops.broadcast_to(_kept(shape, rate, seed, keras.backend.standardize_dtype(x.dtype)), ops.shape(x))
    return ops.where(kept, x / ops.cast(1 - rate, x.dtype), ops.zeros_like(x))


def _kept(shape: Any, rate: Any, seed: keras.random.SeedGenerator, dtype: str) -> Any:
    if keras.backend.backend() == "tensorflow":
        return keras.random.uniform(shape, dtype=dtype, seed=seed) >= ops.cast(rate, dtype)
    return keras.random.uniform(shape, dtype="float32", seed=seed) < 1 - rate


def _dropout(layer: Any, x: Any, rate: Any) -> Any:
    shape = spatial_noise_shape(layer, x) if isinstance(layer, SpatialDropout) else layer.noise_shape
    return _dropped(x, rate, _filled(shape, x), _MovedWhere(layer.seed_generator, rate > 0))


def _filled(shape: Any, x: Any) -> Any:
    """Return the shape of a mask, with that of its input where it has no number."""
    sizes = ops.shape(x)
    return sizes if shape is None else [sizes[i] if size is None else size for i, size in enumerate(shape)]


def _alpha_dropout(layer: Any, x: Any, rate: Any) -> Any:
    seed = _MovedWhere(layer.seed_generator, rate > 0)
    kept = ops.cast(keras.random.uniform(concrete_noise_shape(layer, x), seed=seed) >= rate, x.dtype)
    scale = ((1 - rate) * (1 + rate * ALPHA**2)) ** -0.5
    shift = -scale * ALPHA * rate
    return ops.cast(scale, x.dtype) * (x * kept + ALPHA * (1 - kept)) + ops.cast(shift, x.dtype)


def _gaussian_dropout(layer: Any, x: Any, rate: Any) -> Any:
    positive = rate > 0  # the derivative of a root at 0 is infinite
    deviation = ops.where(positive, ops.sqrt(ops.where(positive, rate, 0.5) / (1 - rate)), 0.0)
    return x * (1 + ops.cast(deviation, layer.compute_dtype) * _normal(layer, x, rate))


def _gaussian_noise(layer: Any, x: Any, deviation: Any) -> Any:
    return x + ops.cast(deviation, layer.compute_dtype) * _normal(layer, x, deviation)


def _normal(layer: Any, x: Any, rate: Any) -> Any:
    seed = _MovedWhere(layer.seed_generator, rate > 0)
    return keras.random.normal(ops.shape(x), dtype=layer.compute_dtype, seed=seed)


NOISY: dict[type, Callable[[Any, Any, Any], Any]] = {
    keras.layers.Dropout: _dropout,
    keras.layers.AlphaDropout: _alpha_dropout,
    keras.layers.GaussianDropout: _gaussian_dropout,
    keras.layers.GaussianNoise: _gaussian_noise,
}
"""The call of each layer while it trains: (layer, inputs, rate)."""


def _attention(layer: Any, rate: Any) -> Callable[..., Any]:
    """Return the part of an attention layer that applies its scores, with another rate."""

    def applied(scores: Any, value: Any, scores_mask: Any = None, training: bool | None = False) -> Any:
        result, weights = attention_with_weights(layer, scores, value, scores_mask)
        if not training:
            return result, weights
        weights = _dropped(weights, rate, ops.shape(weights), _MovedWhere(layer.seed_generator, rate > 0))
        return ops.matmul(weights, value), weights

    return applied


# The cells of recurrent layers draw their masks before the loop over time.


class _Rate(float):
    """A number between 0 and 1 for the branches of Keras, with the tensor that it stands for."""

    tensor: Any
    recurrent: bool


@contextlib.contextmanager
def _with_masks(cell: Any, rates: dict[str, Any]) -> Iterator[None]:
    tensors = {name: ops.cast(rate, "float32") for name, rate in rates.items()}
    changes = "recurrent_dropout" in rates and _changes_implementation(cell)
    count = GATE_MASKS[_kind(cell)] if changes else getattr(cell, "dropout_mask_count", None)
    apart = tensors["recurrent_dropout"] > 0 if changes else True
    if changes and "dropout" not in rates and cell.dropout > 0:
        tensors["dropout"] = ops.cast(cell.dropout, "float32")  # its masks depend on the other rate

    original = mask_creator(cell)

    def create(step_input: Any, rate: float) -> Any:
        if not isinstance(rate, _Rate):
            return original(step_input, rate)
        ones, tensor, generator = ops.ones_like(step_input), rate.tensor, cell.seed_generator

        def mask(condition: Any) -> Any:
            return _dropped(ones, tensor, ops.shape(ones), _MovedWhere(generator, condition))

        if count is None:
            return mask(tensor > 0)
        if rate.recurrent or apart is True:
            return [mask(tensor > 0) for _ in range(count)]
        first = mask(tensor > 0)
        return [first, *(ops.where(apart, mask(ops.logical_and(apart, tensor > 0)), first) for _ in range(count - 1))]

    with contextlib.ExitStack() as stack:
        for name, tensor in tensors.items():
            number = _Rate(0.5)
            number.tensor, number.recurrent = tensor, name == "recurrent_dropout"
            stack.enter_context(replaced(cell, name, number))
        if changes:
            stack.enter_context(replaced(cell, "implementation", 1))
            stack.enter_context(replaced(cell, "dropout_mask_count", count))
        stack.enter_context(replaced(cell, MASK_CREATOR, create))
        yield


def _changes_implementation(cell: Any) -> bool:
    """Return True for a cell in which recurrent dropout decides if each gate has masks of its own.

    Keras sets `implementation=1`, with masks for each gate, where the recurrent dropout is above 0. A cell with
    `implementation=1` and no recurrent dropout got that from its user.
    """
    if not isinstance(cell, keras.layers.LSTMCell | keras.layers.GRUCell):
        return False
    return cell.recurrent_dropout > 0 or cell.implementation != 1


def _kind(cell: Any) -> type:
    return next(kind for kind in type(cell).__mro__ if kind in GATE_MASKS)

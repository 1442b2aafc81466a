"""Private parts of layers and variables."""

from collections.abc import Callable
from typing import Any

import keras

from bridle._keras._internals._access import load_internal, read_private

TRACKED_LAYERS = "_layers"
"""The attribute in which Keras tracks the layers inside a layer."""
MASK_CREATOR = "_create_dropout_mask"
"""The method with which a recurrent cell draws a dropout mask."""
SCORE_APPLIER = "_apply_scores"
"""The method with which an attention layer weighs values by scores."""
_RANDOM_INITIALIZER = load_internal("initializers.random_initializers", "RandomInitializer")
ConvLSTMCell = load_internal("layers.rnn.conv_lstm", "ConvLSTMCell")
DropoutCell = load_internal("layers.rnn.dropout_rnn_cell", "DropoutRNNCell")
SpatialDropout = load_internal("layers.regularization.spatial_dropout", "BaseSpatialDropout")


def is_random_initializer(value: Any) -> bool:
    """Return True for an initializer of Keras that draws numbers."""
    return isinstance(value, _RANDOM_INITIALIZER)


def flatten_layers(layer: Any, include_self: bool = True) -> list[keras.Layer]:
    """Return a layer and every layer inside it, also inside others."""
    return read_private(layer, "_flatten_layers")(include_self=include_self)


def direct_layers(layer: Any) -> list[keras.Layer]:
    """Return the layers that a layer tracks itself."""
    return read_private(layer, TRACKED_LAYERS)


def trainable_here(layer: Any) -> list[keras.Variable]:
    """Return the trainable variables that a layer holds itself."""
    return read_private(layer, "_trainable_variables")


def untrainable_here(layer: Any) -> list[keras.Variable]:
    """Return the variables that a layer holds itself and never trains."""
    return read_private(layer, "_non_trainable_variables")


def copy_trainable_flag(target: keras.Layer, source: keras.Layer) -> None:
    """Freeze a layer where another one is frozen, past the setter that freezes what is inside."""
    target._trainable = read_private(source, "_trainable")


def takes_training(layer: Any) -> bool:
    """Return True for a layer whose call has the argument `training`."""
    return bool(read_private(layer, "_call_has_training_arg"))


def seed_generators(layer: Any) -> list[Any]:
    """Return the generators of random numbers that a layer holds itself."""
    return read_private(layer, "_seed_generators")


def constructor_arguments(layer: keras.Layer) -> dict[str, Any] | None:
    """Return the arguments that Keras recorded for a layer built from plain values; None for another one."""
    recorded = read_private(layer, "_auto_config")
    return None if recorded is None else recorded.config


def dense_kernel(layer: keras.layers.Dense) -> keras.Variable | None:
    """Return the stored kernel of a dense layer; None before it is built."""
    return getattr(layer, "_kernel", None)


def spatial_noise_shape(layer: Any, x: Any) -> Any:
    """Return the shape of the mask of a spatial dropout layer."""
    return read_private(layer, "_get_noise_shape")(x)


def concrete_noise_shape(layer: keras.layers.AlphaDropout, x: Any) -> Any:
    """Return the shape of the mask of an alpha dropout layer."""
    return read_private(layer, "_get_concrete_noise_shape")(x, layer.noise_shape)


def dropout_of_attention(layer: Any) -> keras.layers.Dropout:
    """Return the dropout layer inside a built attention layer with projections."""
    return read_private(layer, "_dropout_layer")


def attention_with_weights(layer: keras.layers.Attention, scores: Any, value: Any, mask: Any) -> tuple[Any, Any]:
    """Return the outputs and weights of an attention layer for scores, without dropout."""
    return read_private(type(layer), SCORE_APPLIER)(layer, scores, value, mask, training=False)


def mask_creator(cell: Any) -> Callable[[Any, float], Any]:
    """Return the function with which a recurrent cell draws a dropout mask."""
    return read_private(cell, MASK_CREATOR)


def collected_losses(layer: keras.Layer) -> tuple[list[Any], set[int]]:
    """Return the list of losses that a layer remembers of its last call, and the set of their identities."""
    return read_private(layer, "_losses"), read_private(layer, "_loss_ids")

"""The shapes of a model before it exists: built from its configuration without any memory for its weights."""

import math
from dataclasses import dataclass
from typing import Any

import keras

from bridle._keras._internals import (
    flatten_layers,
    inbound_nodes,
    waiting_variables_restored,
)

ANY = 128
"""What an axis without a size is taken for."""


@dataclass(frozen=True)
class Outline:
    """How large a model would be, in numbers."""

    weights: int
    largest: int
    """The largest tensor that one sample makes on its way."""


def outline(config: dict[str, Any]) -> Outline:
    """Build a model from its configuration, in safe mode and not compiled, with weights that have shapes alone.

    Errors: whatever Keras raises for a configuration that it cannot build; `TypeError` for one of no model.
    """
    with waiting_variables_restored(), keras.StatelessScope(initialize_variables=False):
        bare = {**config, "compile_config": None}
        model = keras.saving.deserialize_keras_object(bare, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise TypeError(f"the file holds {type(model).__name__}, which is no model")
        return Outline(_size_of_weights(model), _largest(model))


def _size_of_weights(model: Any) -> int:
    return sum(math.prod(variable.shape) for variable in model.variables)


def _largest(model: Any) -> int:
    tensors = [
        tensor for layer in flatten_layers(model) for node in inbound_nodes(layer) for tensor in node.output_tensors
    ]
    sizes = [math.prod(ANY if size is None else size for size in tensor.shape[1:]) for tensor in tensors]
    return max(sizes, default=0)

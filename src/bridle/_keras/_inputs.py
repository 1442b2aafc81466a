"""The inputs of a model, and its size before it has weights."""

import math
from dataclasses import (
    dataclass,
)
from typing import (
    Any,
)

import keras

from bridle._keras._internals import (
    flatten_layers,
    functional_of,
    inbound_nodes,
    inputs_structure,
    waiting_variables_restored,
)


@dataclass(frozen=True)
class InputSpec:
    """One input of a model."""

    name: str
    shape: tuple[int | None, ...]
    """Without the batch."""
    dtype: str
    rows: int | None
    """For an input that is looked up in tables, the rows of the smallest one; None for numbers."""


@dataclass(frozen=True)
class ModelInputs:
    """All inputs of a model, flat, and the structure in which it takes them."""

    flat: tuple[InputSpec, ...]
    structure: Any
    pads_zeros: bool
    """True if 0 is padding in inputs of embeddings."""
    mask_value: float | None
    """The number that marks padding in sequences, or None."""

    @property
    def names(self) -> tuple[str, ...]:
        """The keys under which a dictionary holds the inputs, in the order of `flat`."""
        if isinstance(self.structure, dict):
            return tuple(sorted(self.structure))
        return tuple(door.name for door in self.flat)

    def packed(self, arrays: list[Any]) -> Any:
        """Return arrays in the order of `flat` in the structure that the model takes."""
        return keras.tree.pack_sequence_as(self.structure, arrays)


def model_inputs(model: keras.Model) -> ModelInputs | None:
    """Return the inputs of a model; None for a subclassed one, which does not state them."""
    functional = functional_of(model) or model
    structure = inputs_structure(functional)
    if structure is None:
        return None
    layers = flatten_layers(model)
    tables = [layer for layer in layers if isinstance(layer, keras.layers.Embedding)]
    masking = [layer for layer in layers if isinstance(layer, keras.layers.Masking)]
    flat = keras.tree.flatten(structure)
    direct = {id(tensor) for table in tables for node in inbound_nodes(table) for tensor in node.input_tensors}
    looked_up = [id(tensor) in direct for tensor in flat]
    if tables and not any(looked_up):
        looked_up = [len(tensor.shape) <= 2 for tensor in flat]
    rows = min((table.input_dim for table in tables), default=2)
    inputs = [
        InputSpec(
            tensor.name,
            tuple(tensor.shape[1:]),
            str(tensor.dtype),
            rows if looks or "int" in str(tensor.dtype) else None,
        )
        for tensor, looks in zip(flat, looked_up, strict=True)
    ]
    return ModelInputs(
        tuple(inputs),
        structure,
        any(table.mask_zero for table in tables),
        float(masking[0].mask_value) if masking else None,
    )


ANY = 128
"""The size assumed for an axis without one."""


@dataclass(frozen=True)
class ModelSize:
    """Size of a model: its weights, and its largest tensor."""

    weights: int
    largest: int
    """The largest tensor that one sample makes on its way."""


def model_size(config: dict[str, Any]) -> ModelSize:
    """Build a model from its configuration, in safe mode and not compiled, with weights that only have shapes.

    Errors: those of Keras for a configuration that it cannot build; `TypeError` if it is not one of a model.
    """
    with waiting_variables_restored(), keras.StatelessScope(initialize_variables=False):
        bare = {**config, "compile_config": None}
        model = keras.saving.deserialize_keras_object(bare, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise TypeError(f"the file holds {type(model).__name__}, which is no model")
        return ModelSize(_size_of_weights(model), _largest(model))


def _size_of_weights(model: Any) -> int:
    return sum(math.prod(variable.shape) for variable in model.variables)


def _largest(model: Any) -> int:
    tensors = [
        tensor for layer in flatten_layers(model) for node in inbound_nodes(layer) for tensor in node.output_tensors
    ]
    sizes = [math.prod(ANY if size is None else size for size in tensor.shape[1:]) for tensor in tensors]
    return max(sizes, default=0)

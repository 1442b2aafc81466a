"""Models whose prediction of a row depends on the other rows of its batch."""

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from bridle._keras._internals import flatten_layers, is_from_keras
from bridle._keras._program import Program
from bridle._keras._tracing import first_rows

TOLERANCE = 1e-4
"""Relative difference by which rounding alone changes predictions in float32, as products have other shapes."""
HALF_PRECISION_TOLERANCE = 2e-2
"""The same in half precision."""


def mixes_rows(program: Program, x: Any) -> bool:
    """Return True if predictions of four rows together and two by two differ.

    Only models with code that is not Keras's, or with operations beside layers, are tried: Keras's own layers treat
    rows alone when they predict.
    """
    if not _may_mix(program.model):
        return False
    rows = jax.tree.map(lambda leaf: np.asarray(first_rows(leaf, 4)), x)

    def both(trainable: list[Any], untrained: list[Any], x: Any) -> list[Any]:
        parts = [x, *(jax.tree.map(lambda leaf, s=start: leaf[s : s + 2], x) for start in (0, 2))]
        together, first, last = (
            program.forward(trainable, untrained, part, training=False).prediction for part in parts
        )
        return jax.tree.leaves((together, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, last)))

    exact = all(layer.compute_dtype == "float32" for layer in flatten_layers(program.model))
    tolerance = TOLERANCE if exact else HALF_PRECISION_TOLERANCE
    predictions = [np.asarray(leaf, np.float32) for leaf in program.tried(both, rows)]
    half = len(predictions) // 2
    return not all(
        np.allclose(a, b, tolerance, tolerance * (np.abs(a).max(initial=0) or 1))
        for a, b in zip(predictions[:half], predictions[half:], strict=True)
    )


def _may_mix(model: keras.Model) -> bool:
    """Return True for a model with anything but layers of Keras that treat rows alone."""
    for layer in [model, *flatten_layers(model)]:
        plain = is_from_keras(type(layer)) and not isinstance(layer, keras.layers.Lambda)
        operations = layer.operations if isinstance(layer, keras.Model) and hasattr(layer, "operations") else []
        if not plain or any(not isinstance(operation, keras.layers.Layer) for operation in operations):
            return True
    return False

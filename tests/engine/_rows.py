"""Rows of every kind that the models take: 40 to train on, so that the last batch of 16 is partial, and 20 others."""

import os
from typing import Any

import keras
import numpy as np

SHAPES = {
    "vector": ((6,), "float32"),
    "sequence": ((6, 3), "float32"),
    "image": ((6, 6, 2), "float32"),
    "volume": ((4, 4, 4, 2), "float32"),
    "rows in time": ((3, 4, 2), "float32"),
    "film": ((3, 4, 4, 1), "float32"),
    "tokens": ((6,), "int32"),
}
"""The shape and type of one row."""
COUNT, TRAIN = 60, 40
WHOLE = TRAIN if "BRIDLE_TORTURE" in os.environ else 48
"""Three whole batches for layers one after another: Keras compiles a smaller last one for each model anew.

Graphs, folds and weights are tried with a smaller last batch, and in `make torture` every layer is.
"""


def features(kind: str, seed: int = 0) -> np.ndarray:
    """Normal numbers with some exact zeros, or tokens from 0 to 7, with a padded end in every third row."""
    generator = np.random.default_rng(seed)
    shape, dtype = SHAPES[kind]
    size = (COUNT, *shape)
    x = generator.integers(1, 8, size) if dtype == "int32" else generator.normal(size=size)
    if len(shape) < 3:
        x[::3, -2:] = 0
    return x.astype(dtype)


def rows(kind: str) -> tuple[Any, Any]:
    """Rows and answers of a kind; the answer follows from the first feature, with noise."""
    x = features(kind if kind in SHAPES else "vector")
    level = x.reshape(COUNT, -1).astype(float)[:, :4].mean(axis=1) + np.random.default_rng(1).normal(0, 0.3, COUNT)
    half = (level > np.median(level)).astype(int)
    third = np.digitize(level, np.quantile(level, [1 / 3, 2 / 3]))
    size = level.astype("float32")
    padded = features("sequence")
    padded[::4, -2:] = 0
    two = (x, features("vector", 2))
    return {
        "number": (x, size),
        "class numbers": (x, third),
        "classes": (x, keras.utils.to_categorical(third)),
        "pair": (two, half),
        "named pair": ({"first": two[0], "second": two[1]}, half),
        "two answers": (x, {"kind": half, "size": size}),
        "several answers": (x, (half, third)),
        "next tokens": (features("tokens"), features("tokens")),
        "numbers in time": (padded, padded[..., :2] ** 2),
        "tags and a number": (features("tokens"), {"tags": features("tokens", 3), "size": size}),
    }.get(kind, (x, half))


def first(values: Any, count: int = TRAIN) -> Any:
    """The first rows of an array or of a structure of arrays."""
    return keras.tree.map_structure(lambda leaf: leaf[:count], values)


def rest(values: Any, count: int = TRAIN) -> Any:
    """The rows after those."""
    return keras.tree.map_structure(lambda leaf: leaf[count:], values)

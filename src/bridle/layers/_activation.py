"""The base of activations with exact zeros: a counter of silent batches for each unit, and their revival."""

from abc import abstractmethod
from typing import Any

import keras

from bridle._errors import InputError, short_repr
from bridle._keras import ops


class SparseActivation(keras.layers.Layer):
    """Base class of activation functions that set most units to exactly 0.

    The weight `silent`, of shape (units,), counts for each unit the batches of training since it was last active. A
    unit that has been silent for `patience` batches is dead. With `revive > 0` the loss gets

        revive * mean_positions sum_j dead_j * max(level - z_j, 0)

    where z is the input and `level` the value from which a unit is active. Its gradient raises dead units until they
    are active for some position, and is 0 for all others.

    Args:
        revive: float ≥ 0, the strength of that term. Default 0: none.
        patience: int ≥ 1, batches without activity after which a unit is dead. Default 100.
        kwargs: name, dtype and further arguments of `keras.layers.Layer`.

    A subclass defines `select`.

    Source: the term follows the loss on pre-activations of dead units in Conerly et al., "Dictionary learning
    optimization techniques", Transformer Circuits, 2025, here with the level of the activation itself.

    """

    def __init__(self, *, revive: float = 0.0, patience: int = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        self.revive = read_float(revive, "revive", name, zero=True)
        self.patience = read_count(patience, "patience", name)
        self.supports_masking = True

    @abstractmethod
    def select(self, z: Any, training: bool) -> tuple[Any, Any]:
        """Return the activations of a tensor, and the level from which a unit is active, which broadcasts to it."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Add the counter of silent batches."""
        self.units = read_units(input_shape, self)
        self.silent = self.add_weight(
            shape=(self.units,), initializer="zeros", trainable=False, dtype="float32", name="silent"
        )

    def call(self, z: Any, training: bool | None = None) -> Any:
        """Return the activations; in training, also count silent batches and add the term that revives."""
        activations, level = self.select(z, bool(training))
        if training:
            positions = tuple(range(len(z.shape) - 1))
            active = ops.any(ops.not_equal(activations, 0), axis=positions)
            dead = ops.cast(self.silent >= self.patience, z.dtype)
            self.silent.assign(ops.where(active, 0.0, self.silent + 1))
            if self.revive:
                gap = ops.relu(ops.stop_gradient(level) - z)
                self.add_loss(self.revive * ops.mean(ops.sum(dead * gap, axis=-1)))
        return activations

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for `from_config` and saved models."""
        return {**super().get_config(), "revive": self.revive, "patience": self.patience}


def read_units(input_shape: tuple[int | None, ...], layer: keras.layers.Layer) -> int:
    """Return the size of the last axis, which has to be known."""
    units = input_shape[-1]
    if len(input_shape) < 2 or units is None:
        raise InputError(
            f"Expected an input of shape (batch, …, units) for {layer.name!r}, got {input_shape}. "
            "Give the number of units, such as by Dense(units), in the layer before it."
        )
    return int(units)


def read_count(value: object, argument: str, name: str) -> int:
    """Return an argument that is a whole number of at least 1."""
    try:
        is_whole = not isinstance(value, bool) and value == int(value) and int(value) >= 1  # pyright: ignore
    except (TypeError, ValueError, OverflowError):
        is_whole = False
    if not is_whole:
        raise InputError(f"Expected a whole number of at least 1 for `{argument}` of {name}, got {short_repr(value)}.")
    return int(value)  # pyright: ignore[reportArgumentType] - checked


def read_float(value: object, argument: str, name: str, *, zero: bool = False) -> float:
    """Return an argument that is a finite number above 0, or 0 where `zero` allows it."""
    try:
        read = float(value)  # pyright: ignore[reportArgumentType] - any value may come
    except (TypeError, ValueError):
        read = float("nan")
    if not ((read > 0 or (zero and read == 0)) and read < float("inf")):
        least = "≥ 0" if zero else "> 0"
        raise InputError(f"Expected a finite number {least} for `{argument}` of {name}, got {short_repr(value)}.")
    return read

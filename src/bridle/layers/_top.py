"""Activations that keep a number of units: `TopK` for each position, `BatchTopK` for a whole batch."""

from typing import Any

import keras

from bridle._errors import InputError
from bridle._keras import kth_largest, ops
from bridle.layers._activation import SparseActivation, read_count, read_float


class _Keep(SparseActivation):
    """Base class of activations that keep `k` units."""

    def __init__(self, k: int, *, revive: float = 0.0, patience: int = 100, **kwargs: Any) -> None:
        super().__init__(revive=revive, patience=patience, **kwargs)
        self.k = read_count(k, "k", type(self).__name__)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        if self.k > self.units:
            raise InputError(
                f"Expected at least k = {self.k} units at {self.name!r}, got {self.units}. "
                f"Give the layer before it {self.k} units or more, or write {type(self).__name__}({self.units})."
            )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k}


@keras.saving.register_keras_serializable("bridle")
class TopK(_Keep):
    """The `k` largest units of each position: `out_j = max(z_j, 0)` for those, exactly 0 for all others.

    A position is a sample, or a step of a sequence. Where units tie, those with lower numbers are kept, so at most `k`
    are not 0.

    Args:
        k: int ≥ 1, the number of units to keep.
        revive: float ≥ 0, the strength of the term that revives dead units (see `SparseActivation`). Default 0.
        patience: int ≥ 1, batches without activity after which a unit is dead. Default 100.
        kwargs: name, dtype and further arguments of `keras.layers.Layer`.

    Input and output: shape (batch, …, units).

    Errors: `InputError` for `k` that is not a whole number ≥ 1, and when it is built on fewer than `k` units.

    >>> import bridle, keras
    >>> keras.ops.convert_to_numpy(bridle.layers.TopK(2)(keras.ops.array([[3.0, -1.0, 1.0, 2.0]]))).tolist()
    [[3.0, 0.0, 0.0, 2.0]]

    Source: Makhzani and Frey, "k-Sparse autoencoders", ICLR 2014; with the rectifier, as here: Gao et al., "Scaling
    and evaluating sparse autoencoders", ICLR 2025.

    """

    def select(self, z: Any, training: bool) -> tuple[Any, Any]:
        values, level = ops.cast(ops.stop_gradient(z), "float32"), kth_largest(z, self.k)
        is_tie, room = ops.cast(ops.equal(values, level), "int32"), self.k - _count(values > level)
        surplus = ops.logical_and(ops.equal(values, level), ops.cumsum(is_tie, axis=-1) > room)
        return _drop(z, ops.logical_or(values < level, surplus)), ops.cast(level, z.dtype)


@keras.saving.register_keras_serializable("bridle")
class BatchTopK(_Keep):
    """The `k * n` largest units of a batch of `n` positions, so a position has `k` on average.

    In training, `out = z` for units at or above the level of the batch, the `k * n`-th largest value, and exactly 0
    for all others and where z ≤ 0. In prediction the level is the weight `level`, a moving average of that of the
    batches: a prediction does not depend on the rows around it.

    Args:
        k: int ≥ 1, the mean number of units to keep.
        momentum: float in (0, 1) of the moving average. Default 0.95.
        revive: float ≥ 0, the strength of the term that revives dead units (see `SparseActivation`). Default 0.
        patience: int ≥ 1, batches without activity after which a unit is dead. Default 100.
        kwargs: name, dtype and further arguments of `keras.layers.Layer`.

    Input and output: shape (batch, …, units).

    Errors: `InputError` for `k` that is not a whole number ≥ 1, `momentum` outside (0, 1), and when it is built on
    fewer than `k` units.

    >>> import bridle, keras
    >>> z = keras.ops.array([[3.0, 2.0, 1.5], [1.0, 0.5, -1.0]])
    >>> keras.ops.convert_to_numpy(bridle.layers.BatchTopK(1)(z, training=True)).tolist()
    [[3.0, 2.0, 0.0], [0.0, 0.0, 0.0]]

    Source: Bussmann, Leask and Nanda, "BatchTopK sparse autoencoders", 2024.

    """

    def __init__(
        self, k: int, *, momentum: float = 0.95, revive: float = 0.0, patience: int = 100, **kwargs: Any
    ) -> None:
        super().__init__(k, revive=revive, patience=patience, **kwargs)
        self.momentum = read_float(momentum, "momentum", "BatchTopK")
        if self.momentum >= 1:
            raise InputError(f"Expected a number between 0 and 1 for `momentum` of BatchTopK, got {momentum!r}.")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.level = self.add_weight(shape=(), initializer="zeros", trainable=False, dtype="float32", name="level")

    def select(self, z: Any, training: bool) -> tuple[Any, Any]:
        if training:
            flat = ops.reshape(z, (-1,))
            level = kth_largest(flat, self.k * (ops.shape(flat)[0] // self.units))[0]
            average = self.momentum * self.level + (1 - self.momentum) * level
            self.level.assign(ops.where(self.level > 0, average, level))
        else:
            level = ops.convert_to_tensor(self.level)
        level = ops.cast(level, z.dtype)
        return _drop(z, z < level), level

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum}


def _count(condition: Any) -> Any:
    return ops.sum(ops.cast(condition, "int32"), axis=-1, keepdims=True)


def _drop(z: Any, dropped: Any) -> Any:
    """Return the positive part of what is not dropped; what is not a number stays, so that a divergence shows."""
    return ops.where(ops.logical_or(dropped, z <= 0), ops.zeros_like(z), z)

"""`JumpReLU`: a rectifier with a trained threshold for each unit."""

import math
from typing import Any

import keras

from bridle._keras import ops
from bridle.layers._activation import SparseActivation, read_float


@keras.saving.register_keras_serializable("bridle")
class JumpReLU(SparseActivation):
    """A rectifier with a trained threshold: `out_j = z_j` where `z_j > threshold_j`, exactly 0 elsewhere.

    The threshold is `exp(log_threshold_j)`. A step has no gradient, so that of the threshold is estimated within
    `bandwidth` of the step, with K(u) = 1 for |u| < 1/2 and 0 elsewhere:

        d out_j / d threshold_j = -(threshold_j / bandwidth) * K((z_j - threshold_j) / bandwidth)

    With `l0 > 0` the loss gets `l0 * mean_positions sum_j [z_j > threshold_j]`, the mean number of active units, with
    the gradient `-K((z_j - threshold_j) / bandwidth) / bandwidth` for each threshold.

    Args:
        l0: float ≥ 0, the strength of the number of active units. Default 0: none.
        threshold: float > 0, the initial threshold. Default 0.1.
        bandwidth: float > 0, the width of the window in which thresholds have a gradient. Default 0.1. Rajamanoharan
            et al. use 0.001 for both, for inputs of mean square 1 and batches of thousands.
        revive: float ≥ 0, the strength of the term that revives dead units (see `SparseActivation`). Default 0.
        patience: int ≥ 1, batches without activity after which a unit is dead. Default 100.
        kwargs: name, dtype and further arguments of `keras.layers.Layer`.

    Input and output: shape (batch, …, units).

    Errors: `InputError` for a number outside its range.

    >>> import bridle, keras
    >>> z = keras.ops.array([[0.25, 0.75, -1.0]])
    >>> keras.ops.convert_to_numpy(bridle.layers.JumpReLU(threshold=0.5)(z)).tolist()
    [[0.0, 0.75, 0.0]]

    Source: Rajamanoharan et al., "Jumping ahead: improving reconstruction fidelity with JumpReLU sparse autoencoders",
    2024.

    """

    def __init__(
        self,
        *,
        l0: float = 0.0,
        threshold: float = 0.1,
        bandwidth: float = 0.1,
        revive: float = 0.0,
        patience: int = 100,
        **kwargs: Any,
    ) -> None:
        super().__init__(revive=revive, patience=patience, **kwargs)
        self.l0 = read_float(l0, "l0", "JumpReLU", zero=True)
        self.threshold = read_float(threshold, "threshold", "JumpReLU")
        self.bandwidth = read_float(bandwidth, "bandwidth", "JumpReLU")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        initial = keras.initializers.Constant(math.log(self.threshold))
        self.log_threshold = self.add_weight(shape=(self.units,), initializer=initial, name="log_threshold")

    def select(self, z: Any, training: bool) -> tuple[Any, Any]:
        threshold = ops.cast(ops.exp(self.log_threshold), z.dtype)
        is_active = z > threshold
        if not training:
            return ops.where(is_active, z, ops.zeros_like(z)), threshold
        near = ops.abs(z - threshold) < self.bandwidth / 2
        slope = ops.stop_gradient(ops.cast(near, z.dtype) / self.bandwidth)
        moved = slope * (threshold - ops.stop_gradient(threshold))  # 0, with the gradient of the estimate
        if self.l0:
            count = ops.sum(ops.cast(is_active, z.dtype) - moved, axis=-1)
            self.add_loss(self.l0 * ops.mean(count))
        activations = ops.where(is_active, z, ops.zeros_like(z)) - ops.stop_gradient(threshold) * moved
        return activations, threshold

    def get_config(self) -> dict[str, Any]:
        own = {"l0": self.l0, "threshold": self.threshold, "bandwidth": self.bandwidth}
        return {**super().get_config(), **own}

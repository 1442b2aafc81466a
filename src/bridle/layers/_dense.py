"""Decoders whose atoms have norm one, and encoders and decoders that share their weights."""

from typing import Any

import keras

from bridle._errors import InputError
from bridle._keras import ops
from bridle.layers._activation import read_count, read_units


@keras.saving.register_keras_serializable("bridle")
class UnitVectors(keras.initializers.RandomNormal):
    """Initial weights of norm one along an axis, in random directions.

    Args:
        axis: int, the axis along which the norm is 1. Default 1: each row of a kernel.
        seed: int or `keras.random.SeedGenerator`, as in Keras's initializers. Default None.

    >>> import bridle, keras
    >>> round(float(keras.ops.norm(bridle.layers.UnitVectors(seed=0)((1, 5)))), 5)
    1.0

    """

    def __init__(self, axis: int = 1, seed: Any = None) -> None:
        super().__init__(mean=0.0, stddev=1.0, seed=seed)
        self.axis = axis

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        values = super().__call__(shape, dtype)
        return values / ops.sqrt(ops.sum(ops.square(values), axis=self.axis, keepdims=True))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {"axis": self.axis, "seed": config["seed"]}


@keras.saving.register_keras_serializable("bridle")
class UnitNormDense(keras.layers.Dense):
    """A linear decoder whose atoms, the rows of its kernel, have norm one: `out = code @ kernel + bias`.

    Each update is followed by `kernel_j <- kernel_j / ||kernel_j||_2`. So a penalty on the code cannot be evaded by a
    small code and large atoms.

    Args:
        units: int ≥ 1, the size of the output.
        use_bias: bool. Default True.
        kwargs: further arguments of `keras.layers.Dense`, but for `kernel_constraint`.

    Input: shape (batch, …, code); output: shape (batch, …, units).

    Errors: `InputError` for a `kernel_constraint`.

    >>> import bridle, keras
    >>> decoder = bridle.layers.UnitNormDense(3)
    >>> decoder.build((None, 8))
    >>> keras.ops.norm(decoder.kernel, axis=1).shape
    (8,)

    Source: the basis of Olshausen and Field, "Emergence of simple-cell receptive field properties by learning a sparse
    code for natural images", Nature 381, 1996, and of Lee et al., "Efficient sparse coding algorithms", NIPS 2006.

    """

    def __init__(self, units: int, *, use_bias: bool = True, **kwargs: Any) -> None:
        if kwargs.pop("kernel_constraint", None) is not None:
            raise InputError(
                "Expected no kernel_constraint for UnitNormDense, which has one of its own, got one. "
                "Use keras.layers.Dense with your constraint instead."
            )
        kwargs.setdefault("kernel_initializer", UnitVectors(1))
        constraint = keras.constraints.UnitNorm(axis=1)
        super().__init__(units, use_bias=use_bias, kernel_constraint=constraint, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("kernel_constraint")
        return config


@keras.saving.register_keras_serializable("bridle")
class TiedDense(keras.layers.Layer):
    """An encoder and a decoder with one kernel: `x @ kernel + bias`, and back `code @ kernel.T + decoder_bias`.

    Call the layer twice, `layer(x)` and `layer(code, decode=True)`. Its atoms are the columns of the kernel.

    Args:
        units: int ≥ 1, the size of the code.
        unit_norm: bool, whether each update is followed by `kernel_j <- kernel_j / ||kernel_j||_2` for the columns j.
            Default False.
        use_bias: bool, whether there are biases. Default True.
        kernel_initializer: initializer of the kernel. Default: random directions of norm one.
        kwargs: name, dtype and further arguments of `keras.layers.Layer`.

    Input: shape (batch, …, features), and (batch, …, units) with `decode=True`; output the other way round.

    Errors: `InputError` for `units` that is no whole number ≥ 1.

    >>> import bridle, keras
    >>> x, tied = keras.Input((64,)), bridle.layers.TiedDense(16)
    >>> model = keras.Model(x, tied(keras.layers.ReLU(name="code")(tied(x)), decode=True))
    >>> model.count_params()  # 64 * 16 + 16 + 64
    1104

    Source: Ranzato, Poultney, Chopra and LeCun, "Efficient learning of sparse representations with an energy-based
    model", NIPS 2006.

    """

    def __init__(
        self,
        units: int,
        *,
        unit_norm: bool = False,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = read_count(units, "units", "TiedDense")
        self.unit_norm, self.use_bias = unit_norm, use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer or UnitVectors(0))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Add the kernel of shape (features, units), and the biases."""
        features = read_units(input_shape, self)
        self.kernel = self.add_weight(
            shape=(features, self.units),
            initializer=self.kernel_initializer,
            constraint=keras.constraints.UnitNorm(axis=0) if self.unit_norm else None,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
            self.decoder_bias = self.add_weight(shape=(features,), initializer="zeros", name="decoder_bias")

    def call(self, x: Any, decode: bool = False) -> Any:
        """Return the code of inputs, or with `decode` the reconstruction from a code."""
        product = ops.matmul(x, ops.transpose(self.kernel) if decode else self.kernel)
        if not self.use_bias:
            return product
        return product + (self.decoder_bias if decode else self.bias)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for `from_config` and saved models."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        own = {"units": self.units, "unit_norm": self.unit_norm, "use_bias": self.use_bias}
        return {**super().get_config(), **own, "kernel_initializer": initializer}

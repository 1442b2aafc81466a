"""`RowCodes`: a code for each row of the data, trained like a weight; sparse coding without an encoder."""

from typing import Any

import keras

from bridle._errors import InputError
from bridle._keras import ops
from bridle.layers._activation import read_count


@keras.saving.register_keras_serializable("bridle")
class RowCodes(keras.layers.Layer):
    """A free code for each row: row number i gives `codes_i`, a vector of `units` numbers that training finds.

    Followed by a decoder, this is sparse coding: with `{"<name>/codes": bridle.L1(strength, exact=True)}` it minimizes

        mean_i loss(x_i, codes_i @ atoms) + strength * sum_ij |codes_ij|

    and the zeros of the codes are exact. The sum is over all rows, so `strength` is that of one row divided by the
    number of rows. Train with all rows in one batch: a proximal step moves every code, also those not in a batch.

    Args:
        rows: int ≥ 1, the number of rows.
        units: int ≥ 1, the size of a code.
        initializer: initializer of the codes. Default "zeros", from which the first step is along `atoms @ x_i`.
        kwargs: name, dtype and further arguments of `keras.layers.Layer`.

    Input: row numbers from 0 to `rows - 1`, of shape (batch,) or (batch, 1); output: shape (batch, units).

    Errors: `InputError` for numbers below 1, and when it is built on an input of another shape.

    >>> import bridle, keras, numpy as np
    >>> layers = [keras.Input((1,)), bridle.layers.RowCodes(100, 32), bridle.layers.UnitNormDense(8, use_bias=False)]
    >>> model = keras.Sequential(layers)
    >>> model.predict(np.arange(100)[:, None], verbose=0).shape
    (100, 8)

    Source: Olshausen and Field, Nature 381, 1996; Lee, Battle, Raina and Ng, "Efficient sparse coding algorithms",
    NIPS 2006.

    """

    def __init__(self, rows: int, units: int, *, initializer: Any = "zeros", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows, self.units = read_count(rows, "rows", "RowCodes"), read_count(units, "units", "RowCodes")
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Add the codes, of shape (rows, units)."""
        if len(input_shape) > 2 or (len(input_shape) == 2 and input_shape[1] != 1):
            raise InputError(
                f"Expected row numbers of shape (batch,) or (batch, 1) at {self.name!r}, got {input_shape}. "
                "Give np.arange(rows)[:, None] as x, and the data as y."
            )
        self.codes = self.add_weight(shape=(self.rows, self.units), initializer=self.initializer, name="codes")

    def call(self, row_numbers: Any) -> Any:
        """Return the codes of some rows."""
        return ops.take(self.codes, ops.cast(ops.reshape(row_numbers, (-1,)), "int32"), axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch, units)."""
        return input_shape[0], self.units

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for `from_config` and saved models."""
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "rows": self.rows, "units": self.units, "initializer": initializer}

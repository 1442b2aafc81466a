"""Hoyer: a measure of sparseness that does not depend on scale."""

from typing import Any, Literal

from bridle._errors import InputError
from bridle._keras import ops
from bridle.regularizers._kinds import at_least_float32, broadcast_mask, count_samples
from bridle.regularizers._penalty import Penalty
from bridle.regularizers._registry import penalty
from bridle.regularizers._strength import read_word

MIN_MAGNITUDE = 1e-30
"""A tensor with a smaller largest entry counts as zero: its slope, about 1 / |x|, is not finite in float32."""


@penalty
class Hoyer(Penalty):
    """`strength * (||x||_1 / ||x||_2)^2`: between 1 (one entry is not zero) and the number of entries (all equal).

    Scaling `x` changes nothing, so it makes tensors sparse without making them small. At 0 it is 0.

    On a weight it is computed over the tensor, or per unit (the last axis) and summed. On an activation it is computed
    per sample over all units, time and space, and averaged over the samples of the batch. As an `activity_regularizer`
    of plain Keras it would see the batch as one tensor: place it with `bridle.regularize`.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        over: `"tensor"` (default), or `"unit"` for weights.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for another `over`; for
    an activation with `over="unit"`.

    >>> import bridle
    >>> float(bridle.Hoyer(1.0)([[2.0, 2.0], [0.0, 0.0]]))
    2.0

    Source: Hoyer, "Non-negative matrix factorization with sparseness constraints", JMLR 5, 2004; Yang, Wen and Li,
    "DeepHoyer", ICLR 2020.

    """

    names = ("strength",)
    kind = "hoyer"
    options = ("over",)

    def __init__(self, strength: object = "auto", *, over: Literal["tensor", "unit"] = "tensor") -> None:
        self.over = read_word(over, "hoyer(over=…)", ("tensor", "unit"))
        if over == "unit":
            self.allowed_on = ("weight",)
        super().__init__(strength)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        x = at_least_float32(x)
        groups = ops.reshape(x, (-1, *x.shape[-1:]) if self.over == "unit" else (-1, 1))
        return (ops.sum(_ratios(groups, axis=0)),)

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        if self.over == "unit":
            raise InputError("Expected a weight for hoyer(over='unit'), got an activation. Use over='tensor' there.")
        x = at_least_float32(x)
        rows = ops.reshape(x * broadcast_mask(mask, x), (ops.shape(x)[0], -1))
        return (ops.sum(_ratios(rows, axis=1)) / count_samples(x, mask),)


def _ratios(x: Any, axis: int) -> Any:
    """Return `(sum |x|)^2 / sum x^2` along an axis; 0 for zeros.

    Dividing by the largest entry first keeps the squares within the range of float32.
    """
    largest = ops.stop_gradient(ops.max(ops.abs(x), axis=axis, keepdims=True))
    nonzero = largest > MIN_MAGNITUDE
    scaled = ops.where(nonzero, x, 0.0) / ops.where(nonzero, largest, 1.0)
    squares = ops.sum(ops.square(scaled), axis=axis)
    return ops.square(ops.sum(ops.abs(scaled), axis=axis)) / ops.maximum(squares, 1.0)

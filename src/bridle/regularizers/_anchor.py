"""Distance from the starting weights: L2SP."""

from typing import Any, cast

import keras
import numpy as np

from bridle._errors import InputError, short_repr
from bridle._keras import ops
from bridle.regularizers._kinds import WeightPenalty, at_least_float32
from bridle.regularizers._registry import penalty
from bridle.regularizers._strength import read_real

EXPECTED_ANCHOR = "'pretrained', a finite number, or an array of the shape of the weight"
"""The allowed anchors, for messages."""


@penalty
class L2SP(WeightPenalty):
    """`strength * sum (w - anchor)^2`: keeps weights near a starting point instead of near zero.

    The sum is over entries, without a factor 1/2; nothing is averaged.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        anchor: `"pretrained"` (default) for the values of the weight in the model when the penalty is placed; a float,
            such as 1.0 for the `gamma` of a normalisation layer; or an array of the shape of the weight.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for an anchor of
    another kind or shape; and if `"pretrained"` is called without a model.

    A saved model stores its anchors. `keras.models.clone_model` draws new weights, and with them new anchors.

    >>> import bridle
    >>> float(bridle.L2SP(0.5, anchor=1.0)([1.0, 3.0]))
    2.0
    >>> float(bridle.L2SP(0.5).with_anchor([1.0, 2.0])([1.0, 3.0]))
    0.5

    Source: Li, Grandvalet and Davoine, "Explicit inductive bias for transfer learning with convolutional networks",
    ICML 2018.

    """

    names = ("strength",)
    kind = "l2sp"
    options = ("anchor",)

    def __init__(self, strength: object = "auto", *, anchor: Any = "pretrained") -> None:
        self.anchor = _read_anchor(anchor)
        super().__init__(strength)

    @property
    def needs_anchor(self) -> bool:
        """True while the anchor is the word `"pretrained"`."""
        return isinstance(self.anchor, str)

    def with_anchor(self, array: Any) -> "L2SP":
        """Return this penalty bound to the given weights: an array, a tensor or a variable, which is not copied."""
        return type(self)(*self.strengths, anchor=array)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        x = at_least_float32(x)
        if self.needs_anchor:
            raise InputError(
                "Expected weights to stay near in l2sp(anchor='pretrained'), got none yet. Place it with "
                "bridle.regularize or a bridle.Study, which take them from the model, or give anchor=<number or array>."
            )
        if not isinstance(self.anchor, float) and tuple(self.anchor.shape) != tuple(x.shape):
            raise InputError(
                f"Expected in l2sp(anchor=…) the shape {tuple(x.shape)} of the weight, got {tuple(self.anchor.shape)}. "
                "Give the weights that it starts from, or one number for all of them."
            )
        return (ops.sum(ops.square(x - ops.stop_gradient(ops.cast(self.anchor, x.dtype)))),)


def _read_anchor(value: Any) -> Any:
    if isinstance(value, keras.Variable) or ops.is_tensor(value):
        return value
    if isinstance(value, str) and value == "pretrained":
        return value
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        return _read_array(value)
    return read_real(cast(object, value), "l2sp(anchor=…)", EXPECTED_ANCHOR)


def _read_array(value: Any) -> np.ndarray:
    try:
        array = np.asarray(value, dtype="float64")
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"Expected in l2sp(anchor=…) {EXPECTED_ANCHOR}, got {short_repr(value, 100)}.") from None
    infinite = array[~np.isfinite(array)]
    if infinite.size:
        raise InputError(f"Expected in l2sp(anchor=…) finite numbers only, got {infinite[0]} among them.")
    return array

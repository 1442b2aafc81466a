"""Custom: a user-defined function as a penalty."""

import math
from collections.abc import Callable
from typing import Any, cast

import keras

from bridle._errors import InputError, KindError
from bridle._keras import as_float, ops
from bridle.regularizers._kinds import at_least_float32, broadcast_mask, count_samples
from bridle.regularizers._penalty import Penalty
from bridle.regularizers._registry import penalty

REGISTER_ADVICE = "Write it as a named function under @keras.saving.register_keras_serializable()."
"""The end of messages about a function that Keras cannot save."""


@penalty
class Custom(Penalty):
    """`strength * function(x)`, for a function of one tensor that is written with `keras.ops`.

    The shape of the result determines sums and averages:

    - the shape of `x`: one value per entry. On a weight they are summed. On an activation they are summed over
      units, time and space, and averaged over the samples that count.
    - shape (batch,), for an activation: one value per sample, averaged over the samples that count. The function
      sees the padded steps of a sample.
    - a single number: added to the loss unchanged. On an activation it is a statistic of the whole batch, with padded
      steps and samples of weight zero.

    Half-precision tensors reach the function in float32. Values must be ≥ 0.

    Args:
        function: callable that takes one tensor and returns one tensor.
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        name: str, the name in tables. Default: the name of the function.

    Errors: `KindError` if `function` is not callable. `InputError` for a negative or infinite strength, for text, and
    for an empty list; for a result of another shape; for a negative result or NaN outside compiled code; for saving a
    function that is not registered with Keras.

    >>> import bridle, keras
    >>> cubes = bridle.Custom(lambda w: keras.ops.abs(w) ** 3, 0.5, name="cubes")
    >>> float(cubes([1.0, -2.0]))
    4.5

    """

    names = ("strength",)
    options = ("function", "name")

    def __init__(self, function: Callable[[Any], Any], strength: object = "auto", *, name: str | None = None) -> None:
        if not callable(function):
            raise KindError(f"Expected a function of one tensor in bridle.Custom, got {function!r}.")
        if name is not None and not (isinstance(cast(object, name), str) and name.strip()):
            raise InputError(
                f"Expected text in bridle.Custom(name=…), got {name!r}. Leave it out for {_function_name(function)!r}."
            )
        self.function, self.name = function, name
        self.label = name or _function_name(function)
        self.kind = f"custom:{self.label}"
        super().__init__(strength)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        x = at_least_float32(x)
        value = self._result(x, (tuple(x.shape), ()))
        return (self._check(ops.sum(value)),)

    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        x = at_least_float32(x)
        value = self._result(x, (tuple(x.shape), tuple(x.shape[:1]), ()))
        if not value.shape:
            return (self._check(value),)
        if mask is not None and len(value.shape) < len(mask.shape):
            mask = ops.max(ops.reshape(mask, (ops.shape(mask)[0], -1)), axis=1)
        return (self._check(ops.sum(value * broadcast_mask(mask, value)) / count_samples(x, mask)),)

    def _result(self, x: Any, allowed: tuple[tuple[Any, ...], ...]) -> Any:
        value = self.function(x)
        if not ops.is_tensor(value) and not isinstance(value, float | int):
            raise InputError(self._message(f"got {type(value).__name__}"))
        value = ops.cast(value, x.dtype)
        if tuple(value.shape) not in allowed:
            raise InputError(self._message(f"got shape {tuple(value.shape)} for {tuple(x.shape)}"))
        return value

    def _message(self, got: str) -> str:
        return (
            f"Expected from the function {self.label!r} a tensor of the shape of its input (a "
            f"value per entry), of shape (batch,) on an activation (a value per sample), or a single number, {got}."
        )

    def _check(self, value: Any) -> Any:
        scalar = as_float(value)
        if scalar is not None and (math.isnan(scalar) or scalar < 0):
            raise InputError(
                f"Expected from the function {self.label!r} a value ≥ 0, got {scalar:g}. A penalty "
                "that is not a number or negative cannot be minimised: change the function."
            )
        return value

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "function": _serialize(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Custom":
        function = keras.saving.deserialize_keras_object(config["function"])
        return super().from_config({**config, "function": function})


def _function_name(function: Callable[[Any], Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _serialize(function: Callable[[Any], Any]) -> Any:
    """Return the configuration that Keras saves for a function and can read back.

    Errors: `InputError` for a function that Keras cannot read back.
    """
    if _function_name(function) != "<lambda>":
        try:
            config = keras.saving.serialize_keras_object(function)
            keras.saving.deserialize_keras_object(config)
        except (TypeError, ValueError, ImportError):
            pass
        else:
            return config
    raise InputError(
        f"Expected a function that Keras can save in bridle.Custom, got {_function_name(function)!r}. {REGISTER_ADVICE}"
    )

"""The base class of all penalties: a pure, non-negative function of one tensor, and a Keras regularizer."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

import keras

from bridle._errors import InputError
from bridle._keras import ops
from bridle.regularizers._regularizer import Regularizer

Per = Literal["sample", "batch", "unit"]
Tensor = Literal["weight", "activation"]
"""The kinds of tensors that a penalty can be placed on."""
CONVENTIONS = ("sample", "batch", "unit")
"""The values of `per`."""


class Penalty(Regularizer, keras.regularizers.Regularizer):
    """Base class of penalties: a sum over components, each a strength times a pure function of one tensor.

    `R(x) = sum_i strength_i * value_i(x)`, where `value_i` is the value of the component at strength one.

    To write a penalty, derive from `Entrywise` (a sum over entries: override `entry_values`),
    `WeightPenalty` (override `weight_values`), `ActivationPenalty` (override `activation_values`), or `Penalty`
    (override both of the latter). Name the strengths in `names` and every other argument in `options`. Let the
    constructor store each option as an attribute of that name, then pass the strengths to `super().__init__`. A
    penalty that allows `exact=True` overrides `proximal`; one that needs the weights of a model overrides
    `needs_anchor` and `with_anchor`. Register the class with `keras.saving.register_keras_serializable()`, and
    check it with `bridle.testing.check_penalty`.
    """

    at_evaluation: ClassVar[bool] = True
    """False for penalties of the training pass only, which are not part of a validation loss."""
    domain: Literal["real", "unit"] = "real"
    """`"unit"` if values must be in (0, 1), such as outputs of sigmoid and softmax; else `"real"`."""
    after_noise: ClassVar[bool] = False
    """True if it sees the output of a layer with the noise of `Dropout` or `GaussianNoise` there, False without."""
    needs_time: ClassVar[bool] = False
    """True if an activation must have shape (batch, time, …)."""
    per: Per = "sample"
    """The treatment of the batch axis of an activation; see `Entrywise`."""
    exact: bool = False
    """True if a proximal step after each update replaces the gradient of the penalty, which makes exact zeros."""

    def __init__(self, *strengths: object) -> None:
        if self.per not in CONVENTIONS:
            raise InputError(f"Expected per='sample', 'batch' or 'unit' in {self.kind}, got {self.per!r}.")
        if not isinstance(cast(object, self.exact), bool):
            raise InputError(f"Expected exact=True or exact=False in {self.kind}, got {self.exact!r}.")
        super().__init__(*strengths)

    @abc.abstractmethod
    def weight_values(self, x: Any) -> tuple[Any, ...]:
        """Return the value of each component for a weight at strength one: one scalar for each of `names`."""
        raise NotImplementedError

    @abc.abstractmethod
    def activation_values(self, x: Any, mask: Any = None) -> tuple[Any, ...]:
        """Return the value of each component for an activation of shape (batch, …) at strength one.

        `mask`, of shape (batch,) or (batch, time), is 1 where an entry counts. It is 0 for padded steps and for
        samples of weight zero, which are neither summed nor counted as samples. None counts everything.
        """
        raise NotImplementedError

    @property
    def needs_anchor(self) -> bool:
        """True if the penalty must first be bound to the weights of a model by `with_anchor`."""
        return False

    def with_anchor(self, array: Any) -> "Penalty":
        """Return this penalty bound to the given weights: an array, a tensor or a variable."""
        raise InputError(f"Expected a penalty with an anchor, got {self.kind}.")

    def proximal(self, x: Any, step: Any, strengths: Sequence[Any]) -> Any:
        """Take the proximal step of an `exact` penalty: `argmin_z sum (z - x)^2 / (2 step) + R(z)`.

        Args:
            x: a weight after the optimizer's update.
            step: the optimizer's step for each entry, of the shape of `x`, all above zero.
            strengths: the strength of each component.

        """
        raise InputError(f"Expected a penalty with a proximal step, got {self.kind}.")

    def __call__(self, x: Any) -> Any:
        values = self.weight_values(x)
        total = ops.convert_to_tensor(0.0, dtype=values[0].dtype)
        for strength, value in zip(self.fixed(), values, strict=True):
            total = total + strength * value
        return total

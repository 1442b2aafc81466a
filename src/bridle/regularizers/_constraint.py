"""The base class of constraints: a projection of a weight after each update."""

import abc
from collections.abc import Sequence
from typing import Any

import keras

from bridle._keras import ops
from bridle.regularizers._regularizer import On, Regularizer


class Constraint(Regularizer, keras.constraints.Constraint):
    """Base class of constraints: each update of the optimizer ends with a projection of the weight.

    It comes after the constraint that the layer has in Keras. Strength 0 is no constraint. A constraint with fixed
    strengths is one of Keras too: `keras.layers.Dense(8, kernel_constraint=bridle.MaxNorm(3.0))`.
    """

    allowed_on: tuple[On, ...] = ("weight",)

    @abc.abstractmethod
    def project(self, x: Any, strengths: Sequence[Any]) -> Any:
        """Return the projection of a weight, of the shape and type of `x`, for strengths above zero."""
        raise NotImplementedError

    def __call__(self, w: Any) -> Any:
        w, strengths = ops.convert_to_tensor(w), self.fixed()
        return self.project(w, strengths) if all(strength > 0 for strength in strengths) else w

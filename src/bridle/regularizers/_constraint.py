"""The base class of constraints: a projection of a weight after each update."""

import abc
from collections.abc import Sequence
from typing import Any

from bridle.regularizers._regularizer import On, Regularizer


class Constraint(Regularizer):
    """Base class of constraints: each update of the optimizer ends with a projection of the weight.

    It comes after the constraint that the layer has in Keras. Strength 0 is no constraint.
    """

    allowed_on: tuple[On, ...] = ("weight",)

    @abc.abstractmethod
    def project(self, x: Any, strengths: Sequence[Any]) -> Any:
        """Return the projection of a weight, of the shape and type of `x`, for strengths above zero."""
        raise NotImplementedError

"""The base class of noise: a random perturbation of a tensor while a model trains."""

import abc
from collections.abc import Sequence
from typing import Any, Protocol

from bridle.regularizers._regularizer import On, Regularizer


class Draw(Protocol):
    """Random numbers of one site in one step, which depend on no strength."""

    def uniform(self, shape: tuple[Any, ...]) -> Any:
        """Return float32 numbers of this shape, evenly distributed in [0, 1)."""
        ...

    def normal(self, shape: tuple[Any, ...]) -> Any:
        """Return float32 numbers of this shape from the standard normal distribution."""
        ...


class Noise(Regularizer):
    """Base class of noise: perturbs a tensor in the training pass, and does nothing in evaluation and prediction.

    The expectation over draws is the tensor itself. Strength 0 is exactly no noise.
    """

    allowed_on: tuple[On, ...] = ("weight", "activation", "inputs")

    @abc.abstractmethod
    def perturb(self, x: Any, strengths: Sequence[Any], draw: Draw, mask: Any = None) -> Any:
        """Return the tensor with noise, of the shape and type of `x`.

        Args:
            x: a weight, or an activation of shape (batch, …).
            strengths: the strength of each of `names`, all above zero.
            draw: the random numbers of the site in this step.
            mask: shape (batch,) or (batch, time), 0 for padded steps, which stay as they are; None for none.

        """
        raise NotImplementedError

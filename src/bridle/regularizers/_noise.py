"""Noise in the training pass: Dropout, GaussianNoise, DropConnect."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol

from bridle._keras import ops
from bridle.regularizers._kinds import broadcast_mask
from bridle.regularizers._registry import regularizer
from bridle.regularizers._regularizer import On, Regularizer
from bridle.regularizers._strength import RATES, read_flag, read_word

Shape = tuple[Any, ...]
Shared = Literal["none", "time", "space"]
SHARED = ("none", "time", "space")
"""The values of `shared`."""


class Draw(Protocol):
    """Random numbers of one site in one step, which depend on no strength."""

    def uniform(self, shape: Shape) -> Any:
        """Return float32 numbers of this shape, evenly distributed in [0, 1)."""
        ...

    def normal(self, shape: Shape) -> Any:
        """Return float32 numbers of this shape from the standard normal distribution."""
        ...


class Noise(Regularizer):
    """Base class of noise: perturbs a tensor in the training pass, and does nothing in evaluation and prediction.

    A draw is multiplied with the tensor or added to it. Its expectation is 1 or 0, so the expectation of the tensor is
    kept. Strength 0 is exactly no noise. Padded steps stay as they are.
    """

    allowed_on: tuple[On, ...] = ("weight", "activation", "inputs")
    multiplies: bool = True
    """True if a draw is multiplied with the tensor, False if it is added."""

    @abc.abstractmethod
    def sample(self, shape: Shape, strengths: Sequence[Any], draw: Draw) -> Any:
        """Return one draw in float32, of a shape that broadcasts to `shape`.

        Args:
            shape: that of the tensor: a weight, or an activation (batch, …) with channels last.
            strengths: the strength of each of `names`, all above zero.
            draw: the random numbers of the site in this step.

        """
        raise NotImplementedError

    @property
    def neutral(self) -> float:
        """The draw that changes no bit of any tensor: 1 as a factor, -0.0 as a summand."""
        return 1.0 if self.multiplies else -0.0

    def apply(self, x: Any, sample: Any, mask: Any = None) -> Any:
        """Return the tensor with a draw, of the shape and type of `x`.

        Args:
            x: a weight, or an activation of shape (batch, …).
            sample: what `sample` returned, or `neutral`.
            mask: shape (batch,) or (batch, time), 0 for padded steps, which stay as they are; None for none.

        """
        if mask is not None:
            sample = ops.where(broadcast_mask(mask, x) > 0, sample, self.neutral)
        sample = ops.cast(sample, x.dtype)
        return x * sample if self.multiplies else x + sample


@regularizer
class Dropout(Noise):
    """Each unit is dropped with probability `rate` in training; the others are divided by `1 - rate`.

    `x <- x * (u < 1 - rate) / (1 - rate)`, with u even in [0, 1), drawn for each unit, sample and batch. In a study, u
    depends on seed, fold, epoch, step and site, and not on the rate: a unit that a smaller rate drops, a larger one
    drops too.

    Args:
        rate: float in [0, 1), list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default: 0.1 to 0.8).
        shared: `"none"` (default) draws for each unit. `"time"` draws once for all time steps of a sample, axis 1
            (locked or variational dropout). `"space"` draws once for all positions of a channel, as the layers
            `SpatialDropout1D` to `3D` of Keras do.

    Errors: `InputError` for a rate outside [0, 1), for text, and for an empty list.

    >>> import bridle
    >>> arm = {"hidden/output": bridle.Dropout([0.1, 0.5]), "inputs": bridle.Dropout(0.2)}

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", JMLR 15, 2014; shared over time:
    Gal and Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", NeurIPS 2016;
    over space: Tompson, Goroshin, Jain, LeCun and Bregler, "Efficient object localization", CVPR 2015.

    """

    names = ("rate",)
    kind = "dropout"
    options = ("shared",)
    allowed_on = ("activation", "inputs")
    upper: ClassVar[float] = 1.0
    auto = RATES

    def __init__(self, rate: object = "auto", *, shared: Shared = "none") -> None:
        self.shared = read_word(shared, "dropout(shared=…)", SHARED)
        super().__init__(rate)

    def sample(self, shape: Shape, strengths: Sequence[Any], draw: Draw) -> Any:
        return inverted_mask(shared_shape(shape, self.shared), strengths[0], draw)


@regularizer
class DropConnect(Noise):
    """Each weight is dropped with probability `rate`, for one batch; the others are divided by `1 - rate`.

    `w <- w * (u < 1 - rate) / (1 - rate)`, with u even in [0, 1), drawn for each weight and batch. On a recurrent
    kernel the draw is the same at every time step, which is the weight drop of AWD-LSTM. Penalties and decay see the
    weights without noise.

    Args:
        rate: float in [0, 1), list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default: 0.1 to 0.8).

    Errors: `InputError` for a rate outside [0, 1), for text, and for an empty list.

    >>> import bridle
    >>> arm = {"lstm/recurrent_kernel": bridle.DropConnect(0.5)}

    Source: Wan, Zeiler, Zhang, LeCun and Fergus, "Regularization of neural networks using DropConnect", ICML 2013;
    Merity, Keskar and Socher, "Regularizing and optimizing LSTM language models", ICLR 2018.

    """

    names = ("rate",)
    kind = "dropconnect"
    allowed_on = ("weight",)
    upper: ClassVar[float] = 1.0
    auto = RATES

    def __init__(self, rate: object = "auto") -> None:
        super().__init__(rate)

    def sample(self, shape: Shape, strengths: Sequence[Any], draw: Draw) -> Any:
        return inverted_mask(shape, strengths[0], draw)


@regularizer
class GaussianNoise(Noise):
    """Normal noise in training: `x + deviation * n`, or `x * (1 + deviation * n)` with `multiplicative=True`.

    n is standard normal, drawn for each entry, sample and batch; on a weight, for each entry and batch. The
    multiplicative form with `deviation = sqrt(rate / (1 - rate))` is `GaussianDropout(rate)` of Keras.

    Args:
        deviation: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        multiplicative: bool, whether to multiply instead of adding. Default False.

    Errors: `InputError` for a negative or infinite deviation, for text, and for an empty list.

    >>> import bridle
    >>> arm = {"inputs": bridle.GaussianNoise("auto"), "hidden/output": bridle.GaussianNoise(0.5, multiplicative=True)}

    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7, 1995; on
    weights: Graves, "Practical variational inference for neural networks", NeurIPS 2011.

    """

    names = ("deviation",)
    kind = "gaussiannoise"
    options = ("multiplicative",)

    def __init__(self, deviation: object = "auto", *, multiplicative: bool = False) -> None:
        self.multiplicative = self.multiplies = read_flag(multiplicative, "gaussiannoise(multiplicative=…)")
        super().__init__(deviation)

    def sample(self, shape: Shape, strengths: Sequence[Any], draw: Draw) -> Any:
        noise = strengths[0] * draw.normal(shape)
        return 1.0 + noise if self.multiplicative else noise


def inverted_mask(shape: Shape, rate: Any, draw: Draw) -> Any:
    """Return 0 with probability `rate`, else `1 / (1 - rate)`, entry by entry."""
    keep = 1.0 - rate
    return ops.where(draw.uniform(shape) < keep, 1.0 / keep, 0.0)


def shared_shape(shape: Shape, shared: str) -> Shape:
    """Return the shape of a draw: 1 on the axes that share it."""
    if shared == "time":
        return (shape[0], 1, *shape[2:])
    return (shape[0], *(1 for _ in shape[1:-1]), shape[-1]) if shared == "space" else shape

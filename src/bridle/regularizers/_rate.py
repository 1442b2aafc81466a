"""The rate of a dropout or noise layer that a model has."""

from bridle.regularizers._registry import regularizer
from bridle.regularizers._regularizer import On, Regularizer
from bridle.regularizers._strength import RATES


@regularizer
class Rate(Regularizer):
    """Rate of a dropout or noise layer, in place of the one that the layer was built with.

    A number, a list, a range or a schedule at a target such as `drop/rate` or `lstm/dropout` is read as a `Rate`.

    Args:
        rate: float, the fraction of units to drop, from 0 to below 1; for `GaussianNoise` the standard deviation.

    """

    names = ("rate",)
    kind = "rate"
    allowed_on: tuple[On, ...] = ("rate",)
    absent = -1.0
    """The layer keeps the rate that it was built with."""
    auto = RATES

    def __init__(self, rate: object) -> None:
        super().__init__(rate)

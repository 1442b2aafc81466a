"""The base class of decay: a weight shrinks after each update, apart from the gradient of the loss."""

from bridle.regularizers._regularizer import On, Regularizer


class Decay(Regularizer):
    """Base class of decoupled decay: each update of the optimizer also shrinks the weight.

    Strength 0 leaves the update of the optimizer as it is.
    """

    allowed_on: tuple[On, ...] = ("weight",)

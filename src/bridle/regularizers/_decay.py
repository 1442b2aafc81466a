"""Decay: a weight shrinks after each update, apart from the gradient of the loss."""

from bridle.regularizers._registry import regularizer
from bridle.regularizers._regularizer import On, Regularizer


class Decay(Regularizer):
    """Base class of decoupled decay: each update of the optimizer also shrinks the weight.

    Strength 0 leaves the update of the optimizer as it is.
    """

    allowed_on: tuple[On, ...] = ("weight",)


@regularizer
class WeightDecay(Decay):
    """`w <- w - learning_rate * rate * w` at each update, before the step along the gradient: decoupled decay.

    The loss does not contain it, so adaptive optimizers do not rescale it. It is the decay of `AdamW`, for every
    optimizer of Keras, with the learning rate of the step also under a schedule. With plain SGD it is `L2(rate / 2)`.

    Where a rate is above 0, it replaces the `weight_decay` of the optimizer for that weight: no weight decays twice,
    and a weight that the optimizer excludes decays too. At rate 0 the optimizer decays the weight by its own rate.

    Args:
        rate: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.

    Errors: `InputError` for a negative or infinite rate, for text, and for an empty list; at an activation, at a weight
    that is not trained, and at a weight that decays already.

    >>> import bridle
    >>> bridle.WeightDecay(0.01)
    WeightDecay(rate=0.01)

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    """

    names = ("rate",)
    kind = "weightdecay"

    def __init__(self, rate: object = "auto") -> None:
        super().__init__(rate)

"""The base class of label treatments: the labels of a batch change while a model trains."""

from bridle.regularizers._regularizer import On, Regularizer


class LabelTreatment(Regularizer):
    """Base class of treatments of the labels of each training batch; validation and test labels stay as they are.

    Strength 0 leaves the labels as they are.
    """

    allowed_on: tuple[On, ...] = ("labels",)

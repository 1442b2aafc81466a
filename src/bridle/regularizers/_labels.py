"""Label treatments: the labels of a batch, and for mix-up its rows too, change while a model trains."""

from typing import ClassVar, Literal

from bridle.regularizers._registry import regularizer
from bridle.regularizers._regularizer import On, Regularizer
from bridle.regularizers._strength import Grid


class LabelTreatment(Regularizer):
    """Base class of treatments of the labels of each training batch; validation and test labels stay as they are.

    Strength 0 leaves the labels as they are.
    """

    allowed_on: tuple[On, ...] = ("labels",)
    effect: ClassVar[Literal["smoothing", "mixing"]]
    """What the strength is: the share of smoothed labels, or the parameter of the distribution of mixtures."""


@regularizer
class LabelSmoothing(LabelTreatment):
    r"""Label smoothing: a share `eps` of the labels is replaced by evenly drawn classes, in expectation.

    The loss of a row becomes `(1 - eps) * loss(label) + eps * mean_k loss(class k)`. For cross-entropy it is the loss
    of the labels `(1 - eps) * y + eps / K`, with `K` classes, or 2 for binary labels: the `label_smoothing` of Keras.
    Integer labels, `ignore_class`, hinge losses and the generalized cross-entropy are smoothed too. Masks, sample
    weights and class weights act as before.

    Write it at the target `"labels"`. It acts on every output whose loss has classes, and leaves the others alone.
    Where `eps` is above 0, it takes the place of the loss's own `label_smoothing`, so that labels are not smoothed
    twice. The loss that `fit` reports while it trains is the smoothed one. Validation, evaluation and scores of a study
    use the labels as they are.

    Args:
        eps: float, 0 ≤ `eps` < 1, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), 0.05 to 0.4.

    Errors: `InputError` for a strength outside [0, 1). When it is placed: for a model whose loss has no classes, that
    has a custom `compute_loss`, or that is compiled without a loss.

    >>> import bridle, keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> bridle.regularize(model, {"labels": bridle.LabelSmoothing(0.1)}).terms
    {'labels': LabelSmoothing(eps=0.1)}

    Source: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for computer vision",
    CVPR 2016.

    """

    names = ("eps",)
    kind = "labelsmoothing"
    upper = 1.0
    auto = Grid((0.05, 0.1, 0.2, 0.3, 0.4), open=True, linear=True)
    effect = "smoothing"

    def __init__(self, eps: object = "auto") -> None:
        super().__init__(eps)


@regularizer
class Mixup(LabelTreatment):
    r"""Mix-up: each row of a batch, and its label, mixed with another row of the batch.

    One permutation and one share `s` are drawn for each batch. Row `i` with partner `j` becomes
    `s * x_i + (1 - s) * x_j`, and its loss `s * w_i * loss(y_i) + (1 - s) * w_j * loss(y_j)`, with the weights `w` of
    the rows. The share is the larger of `t` and `1 - t`, for `t` from the distribution Beta(alpha, alpha), which gives
    the same distribution of batches. Labels of any form are mixed in this way, also integers. For cross-entropy it is
    the loss of mixed labels. Rows of weight 0 neither get nor give a share.

    Write it at the target `"labels"`; for both treatments write a list: `[LabelSmoothing(0.1), Mixup(0.2)]`. All inputs
    of a row are mixed with the same share, and all outputs. The loss that `fit` reports while it trains is the mixed
    one, and metrics compare predictions of mixed rows with the label of the larger share. Validation, evaluation and
    scores of a study use the rows as they are. In a study, all strengths draw the same numbers: a larger one mixes
    every batch more.

    Args:
        alpha: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), 0.1 to 0.8.

    Errors: `InputError` for a negative or infinite strength. When it is placed: for a model with an input of integers
    or of an embedding, with a loss that compares rows, with a custom `compute_loss`, or compiled without a loss.

    >>> import bridle
    >>> bridle.Mixup([0.1, 0.4])
    Mixup(alpha=0.1..0.4)

    Source: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk minimization", ICLR 2018.

    """

    names = ("alpha",)
    kind = "mixup"
    auto = Grid((0.1, 0.2, 0.4, 0.8), open=True, linear=True)
    effect = "mixing"

    def __init__(self, alpha: object = "auto") -> None:
        super().__init__(alpha)

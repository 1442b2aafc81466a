"""Sums of magnitudes and of squares: L1, L2, and both."""

from collections.abc import Sequence
from typing import Any

from bridle._keras import ops
from bridle.regularizers._kinds import Entrywise
from bridle.regularizers._penalty import Per
from bridle.regularizers._registry import penalty


@penalty
class L1(Entrywise):
    """`strength * sum |x|`: shrinks every entry at the same rate, toward exact zeros.

    On weights the sum is over entries. On activations it is over units and, by default, averaged over the
    samples of the batch (see `per`).

    With `exact=True` the gradient omits the penalty, and a proximal step after each update replaces it:
    `w <- sign(w) * max(|w| - step * strength, 0)`, where `step` is the step of the optimizer per unit of gradient:
    the learning rate for SGD; see `bridle.regularize` for other optimizers. Its zeros are exactly 0.0.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        per: for activations, `"sample"` (default) averages over samples, `"unit"` over units too, `"batch"` not at all.
        exact: bool, whether to use the proximal step; weights only. Default False.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list.

    >>> import bridle
    >>> float(bridle.L1(0.5)([[1.0, -3.0]]))
    2.0

    Source: Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 58, 1996; the proximal step:
    Daubechies, Defrise and De Mol, Communications on Pure and Applied Mathematics 57, 2004.

    """

    names = ("strength",)
    kind = "l1"
    options = ("per", "exact")

    def __init__(self, strength: object = "auto", *, per: Per = "sample", exact: bool = False) -> None:
        self.per, self.exact = per, exact
        super().__init__(strength)

    def entry_values(self, x: Any) -> tuple[Any, ...]:
        return (ops.abs(x),)

    def proximal(self, x: Any, step: Any, strengths: Sequence[Any]) -> Any:
        reach = step * strengths[0]
        return x - ops.clip(x, -reach, reach)


@penalty
class L2(Entrywise):
    """`strength * sum x^2`, without a factor 1/2: its gradient is `2 * strength * x`, as in Keras.

    On weights the sum is over entries. On activations it is over units and, by default, averaged over the
    samples of the batch (see `per`). PyTorch's `weight_decay=wd` in SGD is `L2(wd / 2)`.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        per: for activations, `"sample"` (default) averages over samples, `"unit"` over units too, `"batch"` not at all.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list.

    >>> import bridle
    >>> float(bridle.L2(0.5)([[1.0, -3.0]]))
    5.0

    Source: Hoerl and Kennard, "Ridge regression", Technometrics 12, 1970.

    """

    names = ("strength",)
    kind = "l2"

    def __init__(self, strength: object = "auto", *, per: Per = "sample") -> None:
        self.per = per
        super().__init__(strength)

    def entry_values(self, x: Any) -> tuple[Any, ...]:
        return (ops.square(x),)


@penalty
class L1L2(Entrywise):
    """`l1 * sum |x| + l2 * sum x^2`: the elastic net, with a strength for each part.

    On weights the sums are over entries. On activations they are over units and, by default, averaged over the
    samples of the batch (see `per`). Two ranges span a rectangular grid.

    Args:
        l1: strength of the magnitudes, as in `L1`.
        l2: strength of the squares, as in `L2`.
        per: for activations, `"sample"` (default) averages over samples, `"unit"` over units too, `"batch"` not at all.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list.

    >>> import bridle
    >>> float(bridle.L1L2(l1=0.5, l2=0.25)([[1.0, -3.0]]))
    4.5

    Source: Zou and Hastie, "Regularization and variable selection via the elastic net", JRSS B 67, 2005.

    """

    names = ("l1", "l2")
    kind = "l1l2"

    def __init__(self, l1: object = "auto", l2: object = "auto", *, per: Per = "sample") -> None:
        self.per = per
        super().__init__(l1, l2)

    def entry_values(self, x: Any) -> tuple[Any, ...]:
        return ops.abs(x), ops.square(x)

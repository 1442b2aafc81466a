"""Smooth or bounded sums over entries: Log, SmoothL1, and Binarizing."""

import math
from typing import Any

from bridle._keras import ops
from bridle.regularizers._kinds import Entrywise
from bridle.regularizers._penalty import Per
from bridle.regularizers._registry import penalty
from bridle.regularizers._strength import read_real


@penalty
class Log(Entrywise):
    """`strength * sum log(1 + x^2)`: shrinks small entries like L2, and large ones much less.

    On weights the sum is over entries. On activations it is over units and, by default, averaged over the
    samples of the batch (see `per`).

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        per: for activations, `"sample"` (default) averages over samples, `"unit"` over units too, `"batch"` not at all.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list.

    >>> import bridle
    >>> round(float(bridle.Log(1.0)([[0.0, 1.0]])), 4)
    0.6931

    Source: Olshausen and Field, "Sparse coding with an overcomplete basis set", Vision Research 37, 1997; Lee,
    Battle, Raina and Ng, "Efficient sparse coding algorithms", NeurIPS 2007.

    """

    names = ("strength",)
    kind = "log"

    def __init__(self, strength: object = "auto", *, per: Per = "sample") -> None:
        self.per = per
        super().__init__(strength)

    def entry_values(self, x: Any) -> tuple[Any, ...]:
        return (ops.log1p(ops.square(x)),)


@penalty
class SmoothL1(Entrywise):
    """`strength * sum (sqrt(x^2 + epsilon) - sqrt(epsilon))`: L1 without its kink at zero.

    It is 0 at 0. The form of Lee et al. leaves `sqrt(epsilon)` per entry in, which moves the loss and no gradient.
    On weights the sum is over entries. On activations it is over units and, by default, averaged over the
    samples of the batch (see `per`).

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        epsilon: float ≥ 1e-12, the square of the magnitude at which the penalty changes from x^2 to |x|.
        per: for activations, `"sample"` (default) averages over samples, `"unit"` over units too, `"batch"` not at all.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list, and for an `epsilon`
    below 1e-12.

    >>> import bridle
    >>> float(bridle.SmoothL1(1.0, epsilon=9.0)([[0.0, 4.0]]))
    2.0

    Source: Lee, Battle, Raina and Ng, "Efficient sparse coding algorithms", NeurIPS 2007.

    """

    names = ("strength",)
    kind = "smoothl1"
    options = ("epsilon", "per")

    def __init__(self, strength: object = "auto", *, epsilon: float = 1e-3, per: Per = "sample") -> None:
        self.per = per
        self.epsilon = read_real(epsilon, "smoothl1(epsilon=…)", "a number of at least 1e-12, such as 1e-3", low=1e-12)
        super().__init__(strength)

    def entry_values(self, x: Any) -> tuple[Any, ...]:
        squares = ops.square(x)
        return (squares / (ops.sqrt(squares + self.epsilon) + math.sqrt(self.epsilon)),)


@penalty
class Binarizing(Entrywise):
    """`strength * sum x (1 - x)` for values in (0, 1): drives each value to 0 or to 1.

    Values outside are clipped to 0 or 1, where the penalty is 0. On weights the sum is over entries. On
    activations it is over units and, by default, averaged over the samples of the batch (see `per`).

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        per: for activations, `"sample"` (default) averages over samples, `"unit"` over units too, `"batch"` not at all.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list.

    >>> import bridle
    >>> float(bridle.Binarizing(1.0)([[0.0, 0.5, 1.0, 7.0]]))
    0.25

    Source: the double-well term of Murray and Ng, "An algorithm for nonlinear optimization problems with binary
    variables", Computational Optimization and Applications 47, 2010.

    """

    names = ("strength",)
    kind = "binarizing"
    domain = "unit"

    def __init__(self, strength: object = "auto", *, per: Per = "sample") -> None:
        self.per = per
        super().__init__(strength)

    def entry_values(self, x: Any) -> tuple[Any, ...]:
        inside = ops.clip(x, 0.0, 1.0)
        return (inside * (1.0 - inside),)

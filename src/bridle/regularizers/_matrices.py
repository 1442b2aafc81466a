"""Penalties on a weight matrix: orthogonality, singular values, norms of units."""

from typing import Any, Literal

from bridle._errors import InputError
from bridle._keras import ops
from bridle.regularizers._blocks import safe_sqrt
from bridle.regularizers._kinds import WeightPenalty, at_least_float32
from bridle.regularizers._registry import penalty
from bridle.regularizers._strength import read_real, read_word


@penalty
class Orthogonality(WeightPenalty):
    """`strength * ||W^T W - I||_F^2`: pulls the columns of a weight toward orthonormality.

    `W` is the weight with all axes but the last flattened: a column holds the weights that enter one unit. The sum
    is over the entries of the product; nothing is averaged. Unlike Keras's `OrthogonalRegularizer` it accepts any rank,
    and penalizes lengths other than one.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        by: `"columns"` (default), or `"rows"` for `||W W^T - I||_F^2`. Only the shorter side can reach zero.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for another `by`; for
    a weight of fewer than two axes.

    >>> import bridle
    >>> float(bridle.Orthogonality(1.0)([[1.0, 0.0], [0.0, 2.0]]))
    9.0

    Source: Brock, Lim, Ritchie and Weston, "Neural photo editing with introspective adversarial networks",
    ICLR 2017; Bansal, Chen and Wang, "Can we gain more from orthogonality regularizations in training deep CNNs?",
    NeurIPS 2018.

    """

    names = ("strength",)
    kind = "orthogonality"
    options = ("by",)

    def __init__(self, strength: object = "auto", *, by: Literal["columns", "rows"] = "columns") -> None:
        self.by = read_word(by, "orthogonality(by=…)", ("columns", "rows"))
        super().__init__(strength)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        w = _matrix(x, self.kind)
        product = ops.matmul(ops.transpose(w), w) if self.by == "columns" else ops.matmul(w, ops.transpose(w))
        return (ops.sum(ops.square(product - ops.eye(product.shape[0], dtype=product.dtype))),)


@penalty
class SpectralNorm(WeightPenalty):
    """`strength * sigma_1(W)`: the largest factor by which a weight stretches its input.

    `W` is the weight with all axes but the last flattened, `sigma_1` its largest singular value. Nothing is
    averaged. If several singular values are the largest, the gradient is that of one of them. At 0 it is 0.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for a weight of fewer
    than two axes.

    >>> import bridle
    >>> float(bridle.SpectralNorm(0.5)([[3.0, 0.0], [0.0, 2.0]]))
    1.5

    Source: Yoshida and Miyato, "Spectral norm regularization for improving the generalizability of deep learning",
    2017 (there, half its square).

    """

    names = ("strength",)
    kind = "spectral"

    def __init__(self, strength: object = "auto") -> None:
        super().__init__(strength)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        return (_sum_singular_values(_matrix(x, self.kind), largest_only=True),)


@penalty
class Nuclear(WeightPenalty):
    """`strength * sum_i sigma_i(W)`: the sum of the singular values, which pulls a weight toward low rank.

    `W` is the weight with all axes but the last flattened. The sum is over its singular values; nothing is
    averaged. Values that are zero add nothing to the gradient.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for a weight of fewer
    than two axes.

    >>> import bridle
    >>> float(bridle.Nuclear(0.5)([[3.0, 0.0], [0.0, 2.0]]))
    2.5

    Source: Fazel, Hindi and Boyd, "A rank minimization heuristic with application to minimum order system
    approximation", American Control Conference 2001.

    """

    names = ("strength",)
    kind = "nuclear"

    def __init__(self, strength: object = "auto") -> None:
        super().__init__(strength)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        return (_sum_singular_values(_matrix(x, self.kind)),)


@penalty
class SoftMaxNorm(WeightPenalty):
    """`strength * sum_u max(0, ||w_u||_2 - limit)^2`: penalizes the norm of a unit beyond a limit.

    The sum is over units, the last axis of the weight; `||w_u||_2` is the norm of the incoming weights of unit `u`.
    Nothing is averaged. `MaxNorm` cuts at the limit instead. This penalty was called `MaxNorm` before that constraint
    existed, and files and texts of that time, such as `maxnorm(strength=0.1)`, still give it.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        limit: float ≥ 0, the length up to which nothing is charged.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for a `limit` below 0.

    >>> import bridle
    >>> float(bridle.SoftMaxNorm(1.0, limit=3.0)([[3.0, 1.0], [4.0, 1.0]]))
    4.0

    Source: the constraint of Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", JMLR 15, 2014,
    as a penalty.

    """

    names = ("strength",)
    kind = "softmaxnorm"
    options = ("limit",)

    def __init__(self, strength: object = "auto", *, limit: float = 3.0) -> None:
        self.limit = read_real(limit, "softmaxnorm(limit=…)", "a length ≥ 0, such as 3", low=0.0)
        super().__init__(strength)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        x = at_least_float32(x)
        norms = safe_sqrt(ops.sum(ops.square(x), axis=tuple(range(len(x.shape) - 1))))
        return (ops.sum(ops.square(ops.maximum(norms - self.limit, 0.0))),)


def _matrix(x: Any, kind: str) -> Any:
    x = at_least_float32(x)
    if len(x.shape) < 2:
        raise InputError(
            f"Expected a weight of at least two axes for {kind}, got shape {tuple(x.shape)}. "
            "Place it on a kernel, or use l2 here."
        )
    return ops.reshape(x, (-1, x.shape[-1]))


def _sum_singular_values(w: Any, largest_only: bool = False) -> Any:
    """Return the sum of the singular values of a matrix, or the largest of them.

    The derivative of a singular value is the outer product of its two vectors. It is explicit here, because the
    vectors of a zero singular value are arbitrary and would increase the rank of a matrix of low rank.
    """
    left, sizes, right = ops.linalg.svd(ops.stop_gradient(w), full_matrices=False)
    if largest_only:
        left, sizes, right = left[:, :1], sizes[:1], right[:1]
    rank = ops.cast(sizes > 1e-6 * sizes[0], w.dtype)
    slope = ops.stop_gradient(ops.matmul(left * rank, right))
    return ops.stop_gradient(ops.sum(sizes)) + ops.sum(slope * (w - ops.stop_gradient(w)))

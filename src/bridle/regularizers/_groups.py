"""Group lasso: sums of the norms of groups of weights."""

from collections.abc import Sequence
from typing import Any

from bridle._keras import ops
from bridle.regularizers._blocks import Groups, find_blocks, read_groups, shrink, sum_lengths
from bridle.regularizers._kinds import WeightPenalty, at_least_float32
from bridle.regularizers._registry import penalty


@penalty
class GroupLasso(WeightPenalty):
    """`strength * sum_g sqrt(|g|) ||w_g||_2`: groups of weights fall to zero together.

    The sum is over groups, `||w_g||_2` is the norm of the weights of group `g`, `|g|` their number. Nothing is
    averaged.

    With `exact=True` the gradient omits the penalty, and a proximal step after each update replaces it:
    `argmin_z sum (z - w)^2 / (2 step) + R(z)`. Its zeros are exactly 0.0.

    Args:
        strength: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        groups: the definition of a group, `"inputs"` by default:
            `"inputs"`, all weights that leave one input (the axis before the last; of a vector, every entry);
            `"units"` or `"filters"`, all weights that enter one unit (the last axis);
            a whole number k, the inputs in k consecutive blocks of equal size;
            a list of whole numbers, one per input: inputs with the same number form a group.
        exact: bool, whether to use the proximal step. Default False.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for other `groups`,
    and if they do not fit the number of inputs of the weight.

    >>> import bridle
    >>> float(bridle.GroupLasso(1.0, groups="units")([[3.0, 0.0], [4.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))
    10.0

    Source: Yuan and Lin, "Model selection and estimation in regression with grouped variables", JRSS B 68, 2006;
    the proximal step for one step size per weight: Yun, Lozano and Yang, "Adaptive proximal gradient methods for
    structured neural networks", NeurIPS 2021.

    """

    names = ("strength",)
    kind = "grouplasso"
    options = ("groups", "exact")

    def __init__(self, strength: object = "auto", *, groups: Groups = "inputs", exact: bool = False) -> None:
        self.groups, self.exact = read_groups(groups, self.kind), exact
        super().__init__(strength)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        x = at_least_float32(x)
        return (sum_lengths(x, find_blocks(x, self.groups, self.kind)),)

    def proximal(self, x: Any, step: Any, strengths: Sequence[Any]) -> Any:
        return shrink(x, step, strengths[0], find_blocks(x, self.groups, self.kind))


@penalty
class SparseGroupLasso(WeightPenalty):
    """`l1 * sum |w| + group * sum_g sqrt(|g|) ||w_g||_2`: few groups, and few weights within them.

    The first sum is over entries, the second over groups: `||w_g||_2` is the norm of the weights of group `g`,
    `|g|` their number. Nothing is averaged. Two ranges span a rectangular grid.

    With `exact=True` the gradient omits the penalty, and a proximal step after each update replaces it
    (see `GroupLasso`): the step of `L1`, and then that of the groups.

    Args:
        l1: strength of the magnitudes, as in `L1`.
        group: strength of the groups, as in `GroupLasso`.
        groups: as in `GroupLasso`.
        exact: bool, whether to use the proximal step. Default False.

    Errors: `InputError` for a negative or infinite strength, for text, and for an empty list; for other `groups`,
    and if they do not fit the number of inputs of the weight.

    >>> import bridle
    >>> float(bridle.SparseGroupLasso(l1=1.0, group=0.5, groups="units")([[2.0, 0.0], [2.0, 0.0]]))
    6.0

    Source: Simon, Friedman, Hastie and Tibshirani, "A sparse-group lasso", Journal of Computational and Graphical
    Statistics 22, 2013.

    """

    names = ("l1", "group")
    kind = "sparsegrouplasso"
    options = ("groups", "exact")

    def __init__(
        self, l1: object = "auto", group: object = "auto", *, groups: Groups = "inputs", exact: bool = False
    ) -> None:
        self.groups, self.exact = read_groups(groups, self.kind), exact
        super().__init__(l1, group)

    def weight_values(self, x: Any) -> tuple[Any, ...]:
        x = at_least_float32(x)
        return ops.sum(ops.abs(x)), sum_lengths(x, find_blocks(x, self.groups, self.kind))

    def proximal(self, x: Any, step: Any, strengths: Sequence[Any]) -> Any:
        # shrinking a group keeps signs and zeros, so the two steps may follow each other, for any step per entry
        shrunk = ops.sign(x) * ops.maximum(ops.abs(x) - step * strengths[0], 0.0)
        return shrink(shrunk, step, strengths[1], find_blocks(x, self.groups, self.kind))

"""Constraints: the norms of groups of weights, and their signs."""

from collections.abc import Sequence
from typing import Any

import keras

from bridle._errors import InputError
from bridle._keras import ops
from bridle.regularizers._blocks import Groups, find_blocks, read_groups
from bridle.regularizers._constraint import Constraint
from bridle.regularizers._kinds import at_least_float32
from bridle.regularizers._registry import regularizer
from bridle.regularizers._regularizer import Regularizer
from bridle.regularizers._schedule import Schedule
from bridle.regularizers._strength import Grid, Strength


@regularizer
class MaxNorm(Constraint):
    """Limit on the norms of groups of weights: `w_g <- w_g * min(||w_g||_2, limit) / ||w_g||_2` after each update.

    `||w_g||_2` is the norm of the weights of group `g`, by default of all weights that enter one unit. A smaller limit
    is a stronger constraint: paths of a study run from large limits to small ones, and `1se` takes the smallest limit
    within one standard error of the best. Limit 0 is no constraint. Default groups are those of
    `keras.constraints.MaxNorm(limit, axis)` with all axes but the last, and so are the numbers: a division by
    `||w_g||_2 + 1e-7`.

    Args:
        limit: float ≥ 0, list of floats, `bridle.grid`, `bridle.schedule`, or `"auto"` (default), tuned by a study.
        groups: `"units"` (default) or `"filters"`, all weights that enter one unit, which is the last axis;
            `"inputs"`, all weights that leave one input, which is the axis before;
            a whole number k, the inputs in k consecutive blocks of equal size;
            a list of whole numbers, one per input: inputs with the same number form a group.

    Errors: `InputError` for a negative or infinite limit, for text, and for an empty list; for other `groups`, and if
    they do not fit the number of inputs; at an activation, at a weight that is not trained, and at a weight that has a
    constraint of bridle already.

    >>> import bridle
    >>> [[round(float(w), 3) for w in row] for row in bridle.MaxNorm(2.5)([[3.0, 1.0], [4.0, 1.0]])]
    [[1.5, 1.0], [2.0, 1.0]]

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout", JMLR 15, 2014, section 5.1.

    """

    names = ("limit",)
    kind = "maxnorm"
    options = ("groups",)

    def __init__(self, limit: object = "auto", *, groups: Groups = "units") -> None:
        self.groups = read_groups(groups, self.kind)
        super().__init__(limit)

    def project(self, x: Any, strengths: Sequence[Any]) -> Any:
        w = at_least_float32(x)
        blocks = find_blocks(w, self.groups, self.kind)
        norms = ops.sqrt(blocks.sums(ops.square(w)))
        factors = ops.clip(norms, 0, ops.cast(strengths[0], w.dtype)) / (keras.config.epsilon() + norms)
        return ops.cast(w * blocks.broadcast(factors, w), x.dtype)

    @classmethod
    def kind_of_text(cls, keywords: Sequence[str], positional: int) -> str:
        of_penalty = "strength" in keywords or (positional > 0 and "limit" in keywords)
        return "softmaxnorm" if of_penalty else cls.kind

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """Return the constraint, or the penalty of that name in files of versions before it was `SoftMaxNorm`."""
        if "strength" in config:
            return keras.saving.get_registered_object("bridle>SoftMaxNorm").from_config(config)
        return super().from_config(config)


class Switch(Constraint):
    """Base class of constraints that are on or off: strength 1 is on, 0 is off."""

    names = ("on",)

    def _read(self, value: object, where: str) -> Strength | Schedule:
        read = super()._read(value, where)
        peak = read.peak if isinstance(read, Schedule) else read
        values = peak.values if isinstance(peak, Grid) else (peak,)
        if not {*values} <= {0.0, 1.0}:
            raise InputError(f"Expected 1 or 0 in {where}, got {value!r}. Leave it out: {type(self).__name__}().")
        return read


@regularizer
class UnitNorm(Switch):
    """Norm one for groups of weights: `w_g <- w_g / ||w_g||_2` after each update.

    `||w_g||_2` is the norm of the weights of group `g`, by default of all weights that enter one unit. The numbers are
    those of `keras.constraints.UnitNorm(axis)` with all axes but the last: a division by `||w_g||_2 + 1e-7`.

    Args:
        on: 1 (default) or 0; `bridle.schedule.steps({epoch: 1})` switches it on in an epoch.
        groups: as in `MaxNorm`.

    Errors: `InputError` as in `MaxNorm`, and for other values of `on`.

    >>> import bridle
    >>> [[round(float(w), 3) for w in row] for row in bridle.UnitNorm()([[3.0, 0.0], [4.0, 2.0]])]
    [[0.6, 0.0], [0.8, 1.0]]

    Source: Salimans and Kingma, "Weight normalization", NeurIPS 2016, separates the norm of a unit from its direction;
    here the norm is fixed.

    """

    kind = "unitnorm"
    options = ("groups",)

    def __init__(self, on: object = 1.0, *, groups: Groups = "units") -> None:
        self.groups = read_groups(groups, self.kind)
        super().__init__(on)

    def project(self, x: Any, strengths: Sequence[Any]) -> Any:
        w = at_least_float32(x)
        blocks = find_blocks(w, self.groups, self.kind)
        norms = keras.config.epsilon() + ops.sqrt(blocks.sums(ops.square(w)))
        return ops.cast(w / blocks.broadcast(norms, w), x.dtype)


@regularizer
class NonNegative(Switch):
    """Weights that are not negative: `w <- max(w, 0)` after each update, as in `keras.constraints.NonNeg`.

    Args:
        on: 1 (default) or 0; `bridle.schedule.steps({epoch: 1})` switches it on in an epoch.

    Errors: `InputError` for other values of `on`; at an activation, at a weight that is not trained, and at a weight
    that has a constraint of bridle already.

    >>> import bridle
    >>> [float(w) for w in bridle.NonNegative()([-1.0, 2.0])]
    [0.0, 2.0]

    Source: Lee and Seung, "Learning the parts of objects by non-negative matrix factorization", Nature 401, 1999.

    """

    kind = "nonnegative"

    def __init__(self, on: object = 1.0) -> None:
        super().__init__(on)

    def project(self, x: Any, strengths: Sequence[Any]) -> Any:
        return ops.maximum(x, 0)

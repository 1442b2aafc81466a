"""Regularizers of the fit as a whole, at the target `training`: early stopping, and averages of the weights."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import numpy as np

from bridle._errors import InputError, short_repr
from bridle.regularizers._registry import regularizer
from bridle.regularizers._regularizer import On, Regularizer
from bridle.regularizers._strength import Grid

MAX_PATIENCE = 10**9
"""The largest number of epochs of patience."""


class WholeFit(Regularizer):
    """Base class of what belongs to the fit as a whole and to no tensor of the model."""

    allowed_on: tuple[On, ...] = ("training",)


def _whole(value: object) -> int:
    """Return a whole number as an int, and -1 for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return -1
    return int(cast("int", value))


@regularizer
class EarlyStopping(WholeFit):
    """Early stopping of each fit by a measure on rows set aside for it, with the rule of Keras.

    The rows are a share of the training rows of each fit. They are neither trained on nor used for the score, so the
    score stays unbiased, and it contains the cost of the rows that are missing in training. The monitored measure never
    contains a penalty. With `WeightAveraging` it is measured with the averaged weights.

    For all fits of a study: `Study(early_stopping=…)`. For one arm: `{"training": bridle.EarlyStopping(…)}`, beside
    penalties if you like. Such an arm trains on fewer rows than the others, with preprocessors that are fitted on all
    training rows of the fold, as in a pipeline of scikit-learn. Refits on all rows set aside and stop by the same rule.

    Args:
        patience: int ≥ 0, the number of epochs without improvement after which a fit ends. None trains for all epochs.
            Default 10.
        validation_fraction: float between 0 and 1, the share of the training rows to set aside. Default 0.2.
        monitor: `"loss"` (default), without penalties, or the name of a compiled metric, which is coarse on few rows.
            Write `"min:name"` or `"max:name"` if Keras does not know the direction of the metric.
        min_delta: float ≥ 0, the smallest improvement that counts, in the units of the prepared target. Default 0.
        restore_best_weights: bool, whether to return to the weights of the best epoch at the end. Default True.

    Errors: `InputError` for values outside these ranges.

    >>> import bridle
    >>> bridle.EarlyStopping(patience=20).validation_fraction
    0.2

    """

    kind = "earlystopping"
    names: ClassVar[tuple[str, ...]] = ()
    options = ("patience", "validation_fraction", "monitor", "min_delta", "restore_best_weights")

    def __init__(
        self,
        patience: int | None = 10,
        validation_fraction: float = 0.2,
        monitor: str = "loss",
        min_delta: float = 0.0,
        restore_best_weights: bool = True,
    ) -> None:
        self.patience, self.validation_fraction, self.monitor = patience, validation_fraction, monitor
        self.min_delta, self.restore_best_weights = min_delta, restore_best_weights
        self._check(self._option_values())
        self.patience = None if patience is None else int(patience)
        super().__init__()

    @staticmethod
    def _check(options: Mapping[str, object]) -> None:
        """Raise `InputError` for options outside their ranges."""
        patience, fraction, monitor, min_delta, restores = options.values()
        epochs = 0 if patience is None else _whole(patience)
        if epochs < 0:
            raise InputError(f"Expected patience as a whole number ≥ 0, got {short_repr(patience)}.")
        if epochs > MAX_PATIENCE:
            raise InputError(f"Expected patience as a whole number up to {MAX_PATIENCE:,}, got {epochs}.")
        if isinstance(fraction, bool) or not isinstance(fraction, float) or not 0 < fraction < 1:
            raise InputError(
                f"Expected validation_fraction as a share of the training rows between 0 and 1, got {fraction!r}."
            )
        if not isinstance(monitor, str):
            raise InputError(f"Expected monitor as 'loss' or the name of a metric, got {short_repr(monitor)}.")
        if isinstance(min_delta, bool) or not isinstance(min_delta, int | float) or not min_delta >= 0:
            raise InputError(f"Expected min_delta as a number ≥ 0, got {min_delta!r}.")
        if not isinstance(restores, bool):
            raise InputError(f"Expected restore_best_weights as True or False, got {restores!r}.")
        if patience is None and not restores:
            raise InputError(
                "Expected patience or restore_best_weights=True in EarlyStopping, got neither: it would do nothing."
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EarlyStopping) and self._option_values() == other._option_values()

    def __hash__(self) -> int:
        return hash(tuple(self._option_values().values()))


@regularizer
class WeightAveraging(WholeFit):
    """Exponential moving average of the trainable weights over the steps of a fit, which then ends with the average.

    `average = decay * average + (1 - decay) * weight` after each step, from the weights after the first step on, as
    with `use_ema=True, ema_momentum=decay` of a Keras optimizer. It averages over about `1 / (1 - decay)` steps. Curves
    and early stopping measure the averaged weights. Training itself does not change. Weights are averaged after exact
    zeros and constraints were applied; statistics of normalization layers are not averaged.

    It replaces the average of an optimizer with `use_ema=True`, so that weights are never averaged twice.

    Args:
        decay: float from 0 to below 1, a list of them, a `bridle.schedule`, or `"auto"` for 0.9, 0.97, 0.99, 0.997 and
            0.999. 0 is no average. A decay that rises from 0 begins to average where it leaves 0.

    Errors: `InputError` for other values; in a study also for an optimizer that averages during training
    (`ema_overwrite_frequency`, `ScheduleFreeAdamW`).

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim., 1992.

    >>> import bridle
    >>> bridle.WeightAveraging(0.99)
    WeightAveraging(decay=0.99)

    """

    kind = "weightaveraging"
    names: ClassVar[tuple[str, ...]] = ("decay",)
    upper: ClassVar[float] = 1.0
    auto: ClassVar[Grid] = Grid((0.9, 0.97, 0.99, 0.997, 0.999))

    def __init__(self, decay: Any = 0.99) -> None:
        super().__init__(decay)

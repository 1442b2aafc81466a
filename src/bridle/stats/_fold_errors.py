"""Errors of candidates in folds, as the learned curves count them."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from bridle.results import StudyResult
from bridle.stats._prior import LOG_LOSS as LOG_LOSS_ERROR
from bridle.stats._prior import SHARE, SHARE_FLOOR, SQUARE
from bridle.stats._rows import LOG_LOSS
from bridle.stats._summary import nan_mean

DATA_LOSS = "data loss"
"""The entry of the provenance with the kind of the model's loss: `CROSS_ENTROPY`, `SQUARED_ERROR` or another one."""
CROSS_ENTROPY = "cross entropy of classes"
SQUARED_ERROR = "squared error"
ACCURACIES = ("acc", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")
EXPLAINED = ("r2", "r2_score")
SQUARES = ("mse", "mean_squared_error")
ROOTS = ("rmse", "root_mean_squared_error")
MIN_LOSS = 1e-12


@dataclass(frozen=True)
class Errors:
    """Errors of one measure over some folds."""

    measure: str
    folds: Float[np.ndarray, "candidate fold"]
    """The errors, averaged over seeds."""
    none: Float[np.ndarray, "candidate fold"]
    """Those of none, averaged over the seeds that the candidate has."""
    level: float
    """The error of none as the learned curves count it; NaN if its unit is unknown."""
    training: Float[np.ndarray, "candidate"]
    """Training losses as the learned curves count them; NaN if unknown."""
    unit: float
    """The gain in the score that a relative gain of 1 amounts to."""


@dataclass(frozen=True)
class FoldErrors:
    """Errors and training losses of candidates in all folds, averaged over seeds."""

    measure: str
    errors: Float[np.ndarray, "candidate fold"]
    none: Float[np.ndarray, "candidate fold"]
    """Those of none, averaged over the seeds that the candidate has."""
    training: Float[np.ndarray, "candidate fold"]
    levels: Float[np.ndarray, "fold"]
    """The errors of none as the learned curves count them."""
    units: Float[np.ndarray, "fold"]
    """The gains in the score that a relative gain of 1 amounts to."""
    scales: Float[np.ndarray, "fold"]
    """What training losses are divided by."""

    def over(self, used: Bool[np.ndarray, "fold"]) -> Errors:
        """Return the errors over some folds."""
        level, unit, scale = (float(nan_mean(table[used], 0)) for table in (self.levels, self.units, self.scales))
        training = nan_mean(self.training[:, used], axis=1) / max(scale, MIN_LOSS)
        return Errors(self.measure, self.errors[:, used], self.none[:, used], level, training, unit)


def read_fold_errors(result: StudyResult, none: int) -> FoldErrors | None:
    """Return the errors behind the score; None for scores and losses that the learned curves do not know.

    They know the cross entropy and the accuracy of mutually exclusive classes, squared errors and r². A squared error
    without r² has no unit: its training losses are then relative to twice the error of none.

    Args:
        result: the measurements of the study.
        none: the candidate without a penalty.

    """
    score, measured = result.score.measure, {name.removeprefix("validation/") for name in result.quantities}
    loss, ones = result.provenance.get(DATA_LOSS), np.ones(result.folds)
    unknown = np.full((len(result.setting_arm), result.folds), np.nan)

    def of(quantity: str, part: str = "validation") -> Float[np.ndarray, "candidate fold"]:
        name = f"{part}/{quantity}"
        return nan_mean(result.scores_of(name), axis=1) if name in result.quantities else unknown

    def of_none(quantity: str) -> Float[np.ndarray, "candidate fold"]:
        name = f"validation/{quantity}"
        table = result.scores_of(name) if name in result.quantities else unknown[:, None]
        return nan_mean(np.where(np.isfinite(table), table[none], np.nan), axis=1)

    is_accuracy = score in ACCURACIES and result.score.maximize
    if is_accuracy or (score == "loss" and (measured & {*ACCURACIES} or result.provenance.get(LOG_LOSS) is True)):
        if loss not in (None, CROSS_ENTROPY):
            return None
        errors, of_pairs = (1 - of(score), 1 - of_none(score)) if is_accuracy else (of(score), of_none(score))
        measure, floor = (SHARE, SHARE_FLOOR) if is_accuracy else (LOG_LOSS_ERROR, 0.0)
        level = errors[none]
        return FoldErrors(measure, errors, of_pairs, of("loss", "train"), level, level + floor, ones)
    is_square = score == "loss" and (measured & {*EXPLAINED, *SQUARES, *ROOTS} or loss == SQUARED_ERROR)
    if (loss not in (None, SQUARED_ERROR) and score not in (*SQUARES, *ROOTS)) or not (
        is_square or score in (*SQUARES, *ROOTS) or (score in EXPLAINED and result.score.maximize)
    ):
        return None
    measure, power = "loss" if score in EXPLAINED else score, 2 if score in ROOTS else 1
    errors = of(measure) ** power
    name = next((name for name in EXPLAINED if name in measured), None)
    if name is None:
        training, levels, scales = of(measure, "train") ** power, unknown[none], 2 * errors[none]
    else:
        training, levels, scales = 1 - of(name, "train"), 1 - of(name)[none], ones
    units = levels if score in EXPLAINED else of(score)[none] / 2 if score in ROOTS else errors[none]
    return FoldErrors(SQUARE, errors, of_none(measure) ** power, training, levels, units, scales)

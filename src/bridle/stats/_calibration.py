"""Confidence of a classifier: log loss and calibration error, before and after one temperature."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import minimize_scalar

TEMPERATURES = (0.05, 100.0)
"""The range of a temperature."""
PRIOR_SD = 1.0
"""Standard deviation of log T before any row is seen, around T = 1; it matters below some hundred rows."""
BINS = 15
"""The most bins of a calibration error."""
MAX_FITTED = 1_000_000
"""The most logits that a temperature is fitted to; of more, evenly spaced rows are used."""
TINY = 1e-7
"""The smallest probability that has a logit, as in Keras."""


@dataclass(frozen=True)
class ClassRows:
    """Logits of classes for some rows, from several networks, with the classes and weights of the rows."""

    logits: Float[np.ndarray, "seed row class"]
    labels: Int[np.ndarray, "row"]
    weights: Float[np.ndarray, "row"]
    averaged: bool = False
    """True if the prediction is the mean of the probabilities of all networks."""

    def log_probabilities(self, temperature: float) -> Float[np.ndarray, "network row class"]:
        """Return the log probabilities of the classes, with all logits divided by a temperature."""
        scaled = (self.logits - self.logits.max(axis=2, keepdims=True)) / temperature
        logs = scaled - np.log(np.exp(scaled).sum(axis=2, keepdims=True))
        return np.log(np.maximum(np.exp(logs).mean(axis=0, keepdims=True), TINY)) if self.averaged else logs

    def every(self, step: int) -> "ClassRows":
        """Return evenly spaced rows."""
        return ClassRows(self.logits[:, ::step], self.labels[::step], self.weights[::step], self.averaged)

    def divided(self, temperature: float) -> "ClassRows":
        """Return the same rows with all logits divided by a temperature."""
        return ClassRows(self.logits / temperature, self.labels, self.weights, self.averaged)


@dataclass(frozen=True)
class CrossFit:
    """Log loss and calibration error over folds: as they are, then with the temperature of the other folds."""

    temperature: float
    """The temperature of all folds together."""
    log_loss: tuple[float, float]
    error: tuple[float, float]


def logits_of(probabilities: Float[np.ndarray, "*any class"]) -> Float[np.ndarray, "*any class"]:
    """Return logits of probabilities, which are not taken below 1e-7."""
    return np.log(np.maximum(probabilities, TINY))


def log_loss(rows: ClassRows, temperature: float = 1.0) -> float:
    """Return the mean of `-log p(class)` over rows, weighted, and over networks."""
    logs = rows.log_probabilities(temperature)
    losses = -logs[:, np.arange(len(rows.labels)), rows.labels]
    return float(np.average(losses.mean(axis=0), weights=rows.weights))


def fit_temperature(rows: ClassRows) -> float:
    """Return the temperature T that makes the log loss of `softmax(logits / T)` smallest.

    With n rows of equal weight it minimizes `log loss + (log T)² / (2 n)`, the log loss and a normal prior of log T: a
    few rows that are all predicted well would give a temperature near 0. T > 1 means that the networks are too
    confident.

    >>> import numpy as np
    >>> logits = np.random.default_rng(0).normal(size=(1, 4000, 3))
    >>> noise = np.random.default_rng(1).gumbel(size=(4000, 3))
    >>> rows = ClassRows(3 * logits, (logits[0] + noise).argmax(axis=1), np.ones(4000))
    >>> round(fit_temperature(rows), 1)
    2.9

    Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017, section 4.2.
    """
    step = -(-rows.logits.size // MAX_FITTED)
    some = rows.every(step) if step > 1 else rows
    bounds = (float(np.log(TEMPERATURES[0])), float(np.log(TEMPERATURES[1])))
    precision = 1 / (2 * PRIOR_SD**2 * effective_count(rows.weights))

    def cost(power: float) -> float:
        return log_loss(some, float(np.exp(power))) + precision * power**2

    minimum = cast(Any, minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-4}))
    return float(np.exp(float(minimum.x)))


def effective_count(weights: Float[np.ndarray, "row"]) -> float:
    """Return the number of rows of equal weight that tell as much: `(sum w)² / sum w²` (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def calibration_error(
    confidence: Float[np.ndarray, "row"],
    correct: Bool[np.ndarray, "row"],
    weights: Float[np.ndarray, "row"] | None = None,
    *,
    bins: int | None = None,
) -> float:
    """Return the expected calibration error: the mean over bins of `|share correct - mean confidence|`.

    Bins have equal numbers of rows, in the order of confidence, and count by their weight.

    Args:
        confidence: probability of the predicted class.
        correct: True if that is the class of the row.
        weights: weights of the rows; None for equal ones.
        bins: their number. Default: the largest one up to 15 for which the share of correct rows rises from bin to bin,
            for this and for every smaller number. Few rows in a bin look miscalibrated by chance; this keeps bins large
            where there are few rows.

    Source: Roelofs, Cain, Shlens and Mozer, "Mitigating bias in calibration error estimation", AISTATS 2022.

    """
    order = np.argsort(confidence, kind="stable")
    weights = np.ones(len(order)) if weights is None else weights
    columns = np.stack([weights, weights * confidence, weights * correct])[:, order]
    if bins is not None:
        return _binned(columns, bins)[0]
    error = _binned(columns, 1)[0]
    for count in range(2, min(BINS, len(order)) + 1):
        wider, rises = _binned(columns, count)
        if not rises:
            break
        error = wider
    return error


def _binned(columns: Float[np.ndarray, "3 row"], bins: int) -> tuple[float, bool]:
    """Return the calibration error over bins of equal numbers of rows, and whether the share of correct rows rises."""
    edges = np.arange(bins) * columns.shape[1] // bins
    weight, confidence, correct = np.add.reduceat(columns, edges, axis=1)
    error = float(np.abs(confidence - correct).sum() / weight.sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = correct / weight
    return error, bool(np.all(np.diff(shares[np.isfinite(shares)]) >= 0))


def mean_calibration_error(rows: ClassRows) -> float:
    """Return the calibration error of the most probable class, averaged over networks."""
    logs = rows.log_probabilities(1.0)
    errors = [
        calibration_error(np.exp(network.max(axis=1)), network.argmax(axis=1) == rows.labels, rows.weights)
        for network in logs
    ]
    return float(np.mean(errors))


def cross_fit_temperature(folds: Sequence[ClassRows]) -> CrossFit:
    """Fit a temperature to all folds but one, apply it to that one, and measure; the log loss is the mean over folds.

    Args:
        folds: the predictions for the validation rows of each fold, two folds at least.

    """
    together = _joined(folds)
    others = (_joined([*folds[:index], *folds[index + 1 :]]) for index in range(len(folds)))
    cooled = [rows.divided(fit_temperature(rest)) for rows, rest in zip(folds, others, strict=True)]
    losses = np.mean([(log_loss(before), log_loss(after)) for before, after in zip(folds, cooled, strict=True)], axis=0)
    errors = mean_calibration_error(together), mean_calibration_error(_joined(cooled))
    return CrossFit(fit_temperature(together), (float(losses[0]), float(losses[1])), errors)


def _joined(folds: Sequence[ClassRows]) -> ClassRows:
    return ClassRows(
        np.concatenate([rows.logits for rows in folds], axis=1),
        np.concatenate([rows.labels for rows in folds]),
        np.concatenate([rows.weights for rows in folds]),
        folds[0].averaged,
    )

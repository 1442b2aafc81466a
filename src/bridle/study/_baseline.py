"""Scores of the best constant prediction, which a network has to beat."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from bridle.study.data import Data
from bridle.study.design import Prepared

ACCURACIES = ("acc", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")
"""Names of accuracies."""
SQUARES = ("mse", "mean_squared_error")
"""Names of squared errors."""
ABSOLUTES = ("mae", "mean_absolute_error")
"""Names of absolute errors."""
ROOTS = ("rmse", "root_mean_squared_error")
"""Names of root mean squared errors."""
BASELINE_KINDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(ACCURACIES, "share"),
        **dict.fromkeys(SQUARES, "square"),
        **dict.fromkeys(ABSOLUTES, "absolute"),
        **dict.fromkeys(ROOTS, "root"),
        **dict.fromkeys(("r2", "r2_score"), "explained"),
    }
)
"""The formula of the best constant score, by the name of a measure."""


def constant_facts(prepared: Prepared) -> dict[str, dict[str, float]]:
    """Return the scores of the best constant prediction, and the scale of a target of numbers, for the record.

    `constant` has one entry for each measure with a known formula; `target` is there for a target of numbers. Both
    are over all rows, with their weights. Empty where the target is prepared, since its units are then others.
    """
    rows, measures = prepared.rows, ("loss", *prepared.engine.program.metric_names)
    if rows.target_preprocessor is not None:
        return {"constant": {name: 0.0 for name in measures if BASELINE_KINDS.get(name) == "explained"}}
    data = prepared.preparer.check(rows.y, rows.y, rows.sample_weight)
    scores = constant_scores(data, prepared.preparer.loss, measures)
    numeric = data.labels is None and scores
    return {"constant": scores} | ({"target": scale(data)} if numeric else {})


def scale(data: Data) -> dict[str, float]:
    """Return the mean and the standard deviation of a target, over rows and columns."""
    return {"mean": float(np.mean(data.y)), "standard deviation": float(np.std(np.asarray(data.y, float)))}


def constant_scores(data: Data, loss: str, measures: Sequence[str]) -> dict[str, float]:
    """Return the scores of the best constant, for each measure with a known formula.

    For one target of classes: the share of the largest class as accuracy. For a target of numbers: its variance as
    squared error, its mean distance to the median as absolute error, 0 as R2; averaged over columns.
    """
    if isinstance(data.y, dict | tuple):
        return {}
    kinds = {name: BASELINE_KINDS.get(loss if name == "loss" else name, "") for name in measures}
    if data.labels is not None:
        counts = np.bincount(data.labels, data.weight)
        return {name: float(counts.max() / counts.sum()) for name, kind in kinds.items() if kind == "share"}
    if "crossentropy" in loss.lower().replace("_", "") or np.ndim(data.y) > 2:
        return {}
    values = np.asarray(data.y, float).reshape(len(data.y), -1)
    square = float(np.average((values - np.average(values, 0, data.weight)) ** 2, 0, data.weight).mean())
    best = {"square": square, "root": square**0.5, "explained": 0.0}
    if data.weight is None:
        best["absolute"] = float(np.abs(values - np.median(values, 0)).mean())
    return {name: best[kind] for name, kind in kinds.items() if kind in best}

"""What a network has to beat: the scores of the best constant prediction."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from bridle.study.data import Data
from bridle.study.design import Prepared

ACCURACIES = ("acc", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")
SQUARES = ("mse", "mean_squared_error")
ABSOLUTES = ("mae", "mean_absolute_error")
ROOTS = ("rmse", "root_mean_squared_error")
NAMED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(ACCURACIES, "share"),
        **dict.fromkeys(SQUARES, "square"),
        **dict.fromkeys(ABSOLUTES, "absolute"),
        **dict.fromkeys(ROOTS, "root"),
        **dict.fromkeys(("r2", "r2_score"), "explained"),
    }
)


def constant_facts(prepared: Prepared) -> dict[str, dict[str, float]]:
    """Return the scores of the best constant prediction, and the scale of a target of numbers, for the record.

    `constant` has one entry for each measure of which that is known; `target` is there for a target of numbers. Both
    are over all rows, with their weights. Empty where the target is prepared, since its units are then others.
    """
    rows, measures = prepared.rows, ("loss", *prepared.engine.program.metric_names)
    if rows.target_preprocessor is not None:
        return {"constant": {name: 0.0 for name in measures if NAMED.get(name) == "explained"}}
    data = prepared.preparer.check(rows.y, rows.y, rows.sample_weight)
    found = constant_scores(data, prepared.preparer.loss, measures)
    numbers = data.labels is None and found
    return {"constant": found} | ({"target": scale(data)} if numbers else {})


def scale(data: Data) -> dict[str, float]:
    """Return the mean and the standard deviation of a target, over rows and columns."""
    return {"mean": float(np.mean(data.y)), "standard deviation": float(np.std(np.asarray(data.y, float)))}


def constant_scores(data: Data, loss: str, measures: Sequence[str]) -> dict[str, float]:
    """Return what the best constant scores, for each measure of which that is known.

    For one target of classes: the share of the largest class as accuracy. For a target of numbers: its variance as
    squared error, its mean distance to the median as absolute error, 0 as R2; averaged over columns.
    """
    if isinstance(data.y, dict | tuple):
        return {}
    kinds = {name: NAMED.get(loss if name == "loss" else name, "") for name in measures}
    if data.labels is not None:
        counts = np.bincount(data.labels, data.weight)
        return {name: float(counts.max() / counts.sum()) for name, kind in kinds.items() if kind == "share"}
    if "crossentropy" in loss.lower().replace("_", "") or np.ndim(data.y) > 2:
        return {}
    values = np.asarray(data.y, float).reshape(len(data.y), -1)
    square = float(np.average((values - np.average(values, 0, data.weight)) ** 2, 0, data.weight).mean())
    known = {"square": square, "root": square**0.5, "explained": 0.0}
    if data.weight is None:
        known["absolute"] = float(np.abs(values - np.median(values, 0)).mean())
    return {name: known[kind] for name, kind in kinds.items() if kind in known}

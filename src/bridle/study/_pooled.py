"""Scores as functions of predictions: of single folds, and of all together where single ones do not define them."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from bridle._keras import UntraceableError, predicted_shapes
from bridle.engine import Fold
from bridle.stats import pseudo_values
from bridle.study.design._prepared import Prepared
from bridle.study.design._row_scores import row_scorer

Leaves = tuple[np.ndarray, ...]
"""Predictions of some rows, one array for each output and mask."""

Part = tuple[Any, list[np.ndarray], Any]
"""Labels, leaves of predictions and weights of one fold's rows."""


class PooledScorer:
    """The validation rows of each fold, and the measure over several folds together."""

    def __init__(self, prepared: Prepared) -> None:
        engine, folds = prepared.engine, prepared.folds
        objective, self._engine, self._targets = engine.objective, engine, prepared.targets
        column = objective.measure_names.index(prepared.score.measure)
        structure = jax.tree.structure(predicted_shapes(prepared.model, folds[0].rows.x))
        self._rows = [_validation_rows(fold) for fold in folds]

        def measure(y: Any, leaves: list[Any], weight: Any) -> Any:
            return objective.measure(y, jax.tree.unflatten(structure, leaves), weight)[column]

        self._measure, self._compiled = measure, jax.jit(measure)
        score = row_scorer(engine.program, prepared.score.measure)
        self._score_rows = lambda y, leaves, weight: score(y, jax.tree.unflatten(structure, leaves), weight)
        self._compiled_rows = jax.jit(self._score_rows)

    def scores(self, predictions: Sequence[tuple[np.ndarray, ...]]) -> np.ndarray:
        """Return the pseudo-value of every fold, from the predictions of one candidate's and seed's fits."""
        parts = [self._part(fold, leaves) for fold, leaves in enumerate(predictions)]
        without = [self._over(parts[:fold] + parts[fold + 1 :]) for fold in range(len(parts))]
        return pseudo_values(self._over(parts), np.array(without))

    def row_scores(self, predictions: Sequence[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
        """Return the scores of the rows of every fold, with respect to the measure over all rows."""
        parts = [self._part(fold, leaves) for fold, leaves in enumerate(predictions)]
        rows = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
        scores = np.asarray((self._score_rows if self._engine.untraced else self._compiled_rows)(*rows))
        return np.split(scores, np.cumsum([len(jax.tree.leaves(y)[0]) for y, _, _ in parts])[:-1])

    def _over(self, parts: Sequence[Part]) -> float:
        if not parts:
            return np.nan
        rows = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
        return float((self._measure if self._engine.untraced else self._compiled)(*rows))

    def _part(self, fold: int, leaves: Sequence[np.ndarray]) -> Part:
        """Return labels and predictions of a fold, in the original units of the target."""
        (y, weight), target = self._rows[fold], self._targets[fold]
        if target is None:
            return y, list(leaves), weight
        return (
            jax.tree.map(lambda leaf: to_original_units(target, leaf), y),
            [to_original_units(target, leaf) for leaf in leaves],
            weight,
        )


class Scorer:
    """The score of a study as a function of predictions."""

    def __init__(self, prepared: Prepared) -> None:
        self.prepared, objective = prepared, prepared.engine.objective
        self.column = objective.measure_names.index(prepared.score.measure)
        structure = jax.tree.structure(predicted_shapes(prepared.model, prepared.folds[0].rows.x))

        def measure(y: Any, leaves: Any, weight: Any) -> Any:
            return objective.measure(y, jax.tree.unflatten(structure, leaves), weight)[self.column]

        self._measure, self._compiled = measure, jax.jit(measure)

    def folds(self, predictions: Sequence[Leaves]) -> Float[np.ndarray, "fold"]:
        """Return the score of each fold from the predictions of the first folds; NaN for the others."""
        folds = self.prepared.folds
        scores = np.full(len(folds), np.nan)
        if self.prepared.score.pooled:
            complete = len(predictions) == len(folds)
            return PooledScorer(self.prepared).scores(predictions) if complete else scores
        factors = self.prepared.units.factors[:, self.column]
        for index, (leaves, fold) in enumerate(zip(predictions, folds, strict=False)):
            y, weight = _validation_rows(fold)
            scores[index] = float(factors[index]) * self.score(y, leaves, weight)
        return scores

    def score(self, y: Any, leaves: Leaves, weight: Any) -> float:
        """Return the score of predictions of some rows, in the units that the network sees."""
        try:
            return float(self._compiled(y, leaves, weight))
        except (TypeError, IndexError, UntraceableError):  # a metric that cannot be traced
            return float(self._measure(y, leaves, weight))


def _validation_rows(fold: Fold) -> tuple[Any, Any]:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[fold.cuts[-1] :], (fold.rows.y, fold.rows.weight))


def to_original_units(target: Any, values: np.ndarray) -> np.ndarray:
    """Return values of a prepared target in its original units; masks stay as they are."""
    if values.dtype == bool:
        return values
    columns = values.reshape(-1, target.n_features_in_)
    return target.inverse_transform(columns).reshape(values.shape).astype(np.float32)

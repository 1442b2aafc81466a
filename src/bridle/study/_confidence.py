"""Confidence of the networks of a classifier out of fold, before and after one temperature."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from bridle.engine import FitResult, Fold
from bridle.results import MAX_AVERAGED, Calibration, Confidence
from bridle.stats import ClassRows, cross_fit_temperature, logits_of
from bridle.study._provenance import is_classifier
from bridle.study.design._prepared import Prepared
from bridle.study.execution._requests import FitKey

Results = Mapping[FitKey, FitResult]


def measure_confidence(
    prepared: Prepared, results: Results, candidates: int, selected: Sequence[int]
) -> Confidence | None:
    """Measure log loss and calibration error of selected candidates; None for models that are no classifiers.

    The temperature that is applied to a fold is fitted to the predictions of the other folds. With a single
    validation set there are none, and the result is None.

    Args:
        prepared: the study.
        results: its fits, with their predictions for the validation rows.
        candidates: their number.
        selected: those to measure.

    """
    if len(prepared.folds) < 2 or not is_classifier(prepared):
        return None
    seeds = prepared.question.seed_numbers[:MAX_AVERAGED]
    single, mean = (_blank(candidates) for _ in range(2))
    measured = False
    for candidate in selected:
        folds = _class_rows(prepared, results, candidate, seeds)
        if folds is None:
            continue
        measured = True
        _enter(single, candidate, folds)
        together = [ClassRows(rows.logits, rows.labels, rows.weights, averaged=True) for rows in folds]
        _enter(mean, candidate, together)
    return Confidence(single, mean) if measured else None


def _class_rows(prepared: Prepared, results: Results, candidate: int, seeds: Sequence[int]) -> list[ClassRows] | None:
    """Return the logits of a candidate's networks for each fold, with the classes; None if any are missing.

    Seeds count that have a finished fit in every fold.
    """
    folds = range(len(prepared.folds))
    fits = [[results.get((candidate, seed, fold)) for fold in folds] for seed in seeds]
    finished = [[fit for fit in row if fit is not None and fit.diverged_at < 0 and fit.predictions] for row in fits]
    complete = [row for row in finished if len(row) == len(folds)]
    is_logit, parts = bool(getattr(prepared.engine.program.model.loss, "from_logits", False)), []
    for index, fold in enumerate(prepared.folds):
        labels, weights = _labels_and_weights(fold)
        if labels is None or not complete or not weights.sum() > 0:
            return None
        outputs = np.stack([np.asarray(row[index].predictions[0], float) for row in complete])
        parts.append(ClassRows(_logits(outputs, is_logit), labels, weights))
    return parts


def _labels_and_weights(fold: Fold) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the classes of the validation rows, None unless they are whole numbers, and the weights of these rows."""
    begin = fold.cuts[-1]
    y = np.asarray(jax.tree.leaves(fold.rows.y)[0])[begin:]
    weights = np.ones(len(y))
    for weight in jax.tree.leaves(fold.rows.weight):
        weights = np.asarray(weight, float)[begin:].reshape(len(y), -1)[:, 0]
    if not np.array_equal(y, np.round(y)):
        return None, weights
    return (y.argmax(axis=1) if y.size > len(y) else y.reshape(-1)).astype(int), weights


def _logits(outputs: np.ndarray, is_logit: bool) -> np.ndarray:
    """Return the logits of all classes from the outputs of networks; for one unit, that of the first class is 0."""
    if outputs.shape[2] > 1:
        return outputs if is_logit else logits_of(outputs)
    if is_logit:
        return np.concatenate([np.zeros_like(outputs), outputs], axis=2)
    return np.concatenate([logits_of(1 - outputs), logits_of(outputs)], axis=2)


def _blank(candidates: int) -> Calibration:
    return Calibration(*(np.full(shape, np.nan) for shape in (candidates, (candidates, 2), (candidates, 2))))


def _enter(calibration: Calibration, candidate: int, folds: Sequence[ClassRows]) -> None:
    """Enter the temperature, log loss and calibration error of one candidate."""
    measured = cross_fit_temperature(folds)
    calibration.temperature[candidate] = measured.temperature
    calibration.log_loss[candidate], calibration.error[candidate] = measured.log_loss, measured.error

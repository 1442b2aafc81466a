"""Row scores of a study, collected from its fits."""

import warnings
from collections.abc import Sequence

import numpy as np

from bridle.results import ALL_ROWS, RowScores
from bridle.study.design._prepared import Prepared
from bridle.study.design._row_scores import SMALLEST, TOLERANCE, row_weights
from bridle.study.execution._requests import FitKey

UNKNOWN_REASON = "the score has no gradient with respect to sample weights, or the fits are of an older version"
"""The reason why a study whose fits should have row scores has none."""
Scores = Sequence[np.ndarray | None]
"""The row scores of each fit, in the units of its fold."""


def collect_row_scores(prepared: Prepared, fits: Sequence[FitKey], scores: Scores, means: np.ndarray) -> RowScores:
    """Return row scores in the units of the score.

    A fit has none where they have another mean than its score, or another length than its fold.

    Args:
        prepared: the study.
        fits: the fits.
        scores: their row scores; None for a fit without.
        means: the score of each fit, or NaN to use the row scores as they are.

    """
    column = prepared.engine.objective.measure_names.index(prepared.score.measure)
    factors = prepared.units.factors[:, column]
    if prepared.score.pooled:
        factors = np.ones_like(factors)
    indices, program = prepared.validation_indices, prepared.engine.program
    rows = np.full((len(indices), max(map(len, indices))), -1)
    weights, values = np.zeros(rows.shape, np.float32), np.full((len(fits), rows.shape[1]), np.nan, np.float32)
    for fold, index in enumerate(indices):
        rows[fold, : len(index)] = index
        weights[fold, : len(index)] = row_weights(program, prepared.score.measure, prepared.folds[fold])
    by_fold: dict[int, dict[int, np.ndarray]] = {}
    for member, ((_, _, fold), own) in enumerate(zip(fits, scores, strict=True)):
        if fold != ALL_ROWS and own is not None and own.shape == indices[fold].shape:
            by_fold.setdefault(fold, {})[member] = own
    for fold, unscaled in by_fold.items():
        members, size = list(unscaled), len(indices[fold])
        scaled = np.stack(list(unscaled.values())) * factors[fold]
        right = _have_means(scaled, weights[fold, :size], means[members])
        values[members, :size] = np.where(right[:, None], scaled, np.nan)
    return RowScores(values, rows, weights)


def missing_text(prepared: Prepared) -> str:
    """Return the fact of a study without row scores, with its reason."""
    return f"none: {prepared.no_row_scores or UNKNOWN_REASON}"


def varies(scores: RowScores) -> bool:
    """Return True if the rows of some fit differ; they never do for a measure that ignores weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # fits without row scores
        return bool((np.nanmax(scores.values, axis=1) > np.nanmin(scores.values, axis=1)).any())


def _have_means(scores: np.ndarray, weights: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return for each fit whether its row scores have the weighted mean that they should have."""
    missing = np.isnan(means)
    if not weights.any():
        return missing
    sizes = np.average(np.abs(scores), axis=1, weights=weights)
    sizes = np.maximum(np.maximum(np.abs(means), sizes), SMALLEST)
    return missing | (np.abs(np.average(scores, axis=1, weights=weights) - means) <= TOLERANCE * sizes)

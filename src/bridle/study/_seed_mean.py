"""Scores of the mean of the predictions of all seeds, out of fold and on held-out rows."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from bridle._keras import has_convex_loss, mean_obstacle
from bridle.engine import FitResult, is_stored, predict, predict_by_blocks
from bridle.engine import Rows as DeviceRows
from bridle.results import ALL_ROWS, MAX_AVERAGED, SeedMean
from bridle.study._pooled import Leaves, Scorer, to_original_units
from bridle.study.design._prepared import Prepared
from bridle.study.execution._requests import FitKey

Results = Mapping[FitKey, FitResult]


def score_seed_mean(
    prepared: Prepared,
    results: Results,
    candidates: int,
    refitted: Sequence[int],
    held_out: Mapping[str, DeviceRows],
) -> SeedMean | None:
    """Score the mean of the predictions of all seeds; None for one seed.

    Args:
        prepared: the study.
        results: its fits.
        candidates: their number.
        refitted: those that were refitted.
        held_out: the held-out rows as the refits see them, by name.

    """
    seeds = prepared.question.seed_numbers[:MAX_AVERAGED]
    if len(seeds) < 2:
        return None
    shape = candidates, len(prepared.folds)
    seed_mean = SeedMean(
        np.full(shape, np.nan),
        {name: np.full(candidates, np.nan) for name in held_out},
        has_convex_loss(prepared.model),
        mean_obstacle(prepared.model),
    )
    if prepared.engine.program.has_own_loss:
        return seed_mean
    scorer, factor = Scorer(prepared), prepared.units.factors
    predict_rows = partial(predict, prepared.engine.objective)
    predict_rows = predict_rows if prepared.engine.untraced else jax.jit(predict_rows)

    def leaves(variables: Sequence[np.ndarray], x: Any) -> list[Any]:
        fit = partial(predict_rows, list(variables[:split]), list(variables[split:]))
        return jax.device_get(jax.tree.leaves(predict_by_blocks(fit, x) if is_stored(x) else fit(x)))

    split = len(prepared.model.trainable_variables)
    for candidate in refitted:
        means = mean_predictions(results, candidate, seeds, shape[1])
        if means is not None:
            seed_mean.scores[candidate] = scorer.folds(means)
        refits = [results.get((candidate, seed, ALL_ROWS)) for seed in seeds]
        trained = [fit.variables for fit in refits if fit is not None and fit.diverged_at < 0]
        for name, rows in held_out.items() if trained else ():
            predictions = [leaves(fit, rows.x) for fit in trained]
            score = scorer.score(rows.y, mean_leaves(predictions), rows.weight)
            seed_mean.held_out[name][candidate] = factor[-1, scorer.column] * score
    return seed_mean


def mean_predictions(results: Results, candidate: int, seeds: Sequence[int], folds: int) -> list[Leaves] | None:
    """Return the mean predictions of a candidate for the validation rows of each fold; None if any are missing."""
    means = []
    for fold in range(folds):
        fits = [results.get((candidate, seed, fold)) for seed in seeds]
        leaves = [fit.predictions for fit in fits if fit is not None and fit.diverged_at < 0 and fit.predictions]
        if not leaves:
            return None
        means.append(mean_leaves(leaves))
    return means


def validation_predictions(prepared: Prepared, results: Results, candidates: Sequence[int]) -> dict[int, np.ndarray]:
    """Return the mean predictions of candidates for the rows that folds validate, in original units.

    Their shape is (row, output), or (row, target, class).

    NaN for a row that no fold validates; a row that several folds validate has the mean. Candidates are left out whose
    fits hold no predictions, or more than one number array of two or three axes.
    """
    seeds, indices = prepared.question.seed_numbers[:MAX_AVERAGED], prepared.validation_indices
    count, predicted = 1 + max(int(index.max(initial=-1)) for index in indices), {}
    for candidate in candidates:
        folds = mean_predictions(results, candidate, seeds, len(indices))
        if folds is None or any(len(leaves) != 1 or leaves[0].ndim not in (2, 3) for leaves in folds):
            continue
        total, times = np.zeros((count, *folds[0][0].shape[1:])), np.zeros(count)
        for index, (values,), target in zip(indices, folds, prepared.targets, strict=True):
            total[index] += values if target is None else to_original_units(target, values)
            times[index] += 1
        with np.errstate(invalid="ignore"):
            predicted[candidate] = (total / times.reshape(-1, *[1] * (total.ndim - 1))).astype(np.float32)
    return predicted


def mean_leaves(predictions: Sequence[Sequence[Any]]) -> Leaves:
    """Return the mean of predictions leaf by leaf; of masks and other leaves that are no numbers, the first."""
    return tuple(map(_mean, zip(*predictions, strict=True)))


def _mean(leaves: Sequence[np.ndarray]) -> np.ndarray:
    first = np.asarray(leaves[0])
    if first.dtype.kind in "biu":
        return first
    mean = np.mean([np.asarray(leaf, np.float32) for leaf in leaves], axis=0, dtype=np.float64)
    return mean.astype(first.dtype)

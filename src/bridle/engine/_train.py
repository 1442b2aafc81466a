"""Training of one batch of fits, block by block, and the result of each fit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import jax
import numpy as np

from bridle.engine._objective import Recipe, Training
from bridle.engine._programs import Programs, Readings, RowReadings, Start
from bridle.engine._state import Fold, Rows, State
from bridle.engine._stored_programs import StoredPrograms
from bridle.engine.rewrites import untranspose_kernels

BLOCK_SECONDS = 0.2
"""Time that one call of the training program should take: progress and stopping happen between calls."""


@dataclass(frozen=True)
class FitSpec:
    """Everything that decides one fit: candidate, seed, rows and programs."""

    index: int
    seed: int
    fold: int
    """Index of the fold, part of the fit's identity; -1 for all rows."""
    strengths: np.ndarray
    start: Callable[[], Start]
    """Function that returns the initial variables when they are needed."""
    rows: Fold
    programs: Programs | StoredPrograms


@dataclass(frozen=True)
class FitResult:
    """Result of one fit."""

    curves: np.ndarray
    """float32 (point, quantity). The last point, and every point after an early stop, is of the variables kept."""
    diverged_at: int
    """The first epoch whose loss was not finite, or -1."""
    epochs: int
    """Number of epochs that were trained."""
    kept_epoch: int
    """The epoch whose variables are the result."""
    diagnostics: np.ndarray
    measures: Mapping[str, np.ndarray]
    """Data loss and metrics on each held-out set."""
    variables: tuple[np.ndarray, ...]
    """The trained variables: the trainable ones, then the others; empty if the fit diverged."""
    predictions: tuple[np.ndarray, ...] = ()
    """Predictions and masks of the validation rows, as leaves of one tree, if the recipe requests them."""
    row_scores: np.ndarray | None = None
    """float32 (row,): the scores of the validation rows, if the objective defines them and the fit is finite."""


def train_batch(
    training: Training,
    fits: Sequence[FitSpec],
    starts: Sequence[Start],
    held_out: Mapping[str, Rows],
    report: Callable[[int], None],
) -> list[FitResult]:
    """Train one batch of fits on the same programs through all epochs, or until each has diverged or stopped.

    `report` is called after each block with its number of epochs; an exception from it ends the training.
    """
    programs: Any = fits[0].programs
    rows = fits[0].rows.rows
    training = replace(training, recipe=programs.recipe)
    recipe = training.recipe
    state = programs.stack([programs.initial_state(start) for start in starts])
    strengths = programs.stack([fit.strengths for fit in fits])
    identity = programs.stack([np.array([fit.seed, fit.fold + 1]).astype(np.uint32) for fit in fits])
    blocks: list[np.ndarray] = []
    total, point, epoch = len(recipe.stops), 0, 0
    while point < total and not _all_ended(recipe, state):
        affordable = max(1, int(BLOCK_SECONDS / programs.point_seconds)) if programs.point_seconds else 1
        count = min(affordable, programs.capacity, total - point)
        points, began = programs.points(point, count), perf_counter()
        state, curves = programs.train(state, strengths, rows, identity, np.int32(epoch), points, np.int32(count))
        blocks.append(np.asarray(curves)[..., :count, :])
        point, epoch = point + count, epoch + int(points.lengths.sum())
        programs.point_seconds = (perf_counter() - began) / count
        report(int(points.lengths.sum()))
    curves = np.full((*blocks[0].shape[:-2], total, blocks[0].shape[-1]), np.nan, np.float32)
    curves[..., :point, :] = np.concatenate(blocks, axis=-2)
    readings = programs.read(state, rows, dict(held_out))
    row_readings = RowReadings(None, None) if programs.read_rows is None else programs.read_rows(state, rows)
    results = zip(
        programs.unstack(curves),
        programs.unstack((state.diverged_at, state.memory)),
        programs.unstack(readings),
        programs.unstack(row_readings),
        strict=True,
    )
    return [fit_result(training, *result) for result in results]


def _all_ended(recipe: Recipe, state: State) -> bool:
    ended = np.asarray(state.diverged_at) >= 0
    if recipe.stopping is not None:
        ended = ended | (np.asarray(state.memory.stopped) > 0)
    return bool(np.all(ended))


def fit_result(
    training: Training, curves: np.ndarray, ending: Any, readings: Readings, row_readings: RowReadings
) -> FitResult:
    """Return the result of one fit. Curves after its divergence are NaN, however many blocks went on."""
    recipe = training.recipe
    diverged_at, memory = ending
    diverged = int(diverged_at)
    if diverged < 0 and not np.isfinite(curves[-1, training.cost_count]) and not _was_stopped(recipe, memory):
        diverged = int(recipe.stops[-1])
    if diverged >= 0:
        return _diverged_result(recipe, curves, diverged, readings)
    epochs = int(memory.stopped) if _was_stopped(recipe, memory) else int(recipe.stops[-1])
    last = int(np.searchsorted(recipe.stops, epochs))
    curves[last:] = curves[last]
    after = min(last + 1, len(curves) - 1)
    curves[after:, curves.shape[1] - readings.measures.size :] = readings.measures
    kept_epoch = int(memory.best_epoch) if recipe.keeps_best else epochs
    trained = (*untranspose_kernels(readings.trainable), *readings.other)
    variables = tuple(np.asarray(value, order="C") for value in trained)
    leaves = jax.tree.leaves((readings.predictions, row_readings.predictions))  # one of them at most
    predictions, measures = tuple(map(np.asarray, leaves)), readings.held_out
    scores = None if row_readings.scores is None else np.asarray(row_readings.scores)
    return FitResult(curves, -1, epochs, kept_epoch, readings.facts, measures, variables, predictions, scores)


def _was_stopped(recipe: Recipe, memory: Any) -> bool:
    return recipe.stopping is not None and int(memory.stopped) > 0


def _diverged_result(recipe: Recipe, curves: np.ndarray, epoch: int, readings: Readings) -> FitResult:
    """Return the result of a fit whose loss was not finite in an epoch; nothing is read off its variables."""
    curves[np.searchsorted(recipe.stops, epoch) + 1 :] = np.nan
    held_out = {name: np.full_like(array, np.nan) for name, array in readings.held_out.items()}
    return FitResult(curves, epoch, epoch, epoch, np.full_like(readings.facts, np.nan), held_out, ())

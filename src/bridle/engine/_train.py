"""Train the members of one call block by block, and read off what became of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import jax
import numpy as np

from bridle.engine._objective import Objective, Recipe
from bridle.engine._programs import Fold, Programs, Seen, Start
from bridle.engine._state import Rows, State
from bridle.engine.rewrites import turn_back

BLOCK_SECONDS = 0.2
"""How long one call of the training program should take: progress and stopping happen between calls."""


@dataclass(frozen=True)
class FitSpec:
    """One member: what to train, from which seed, on which rows."""

    number: int
    seed: int
    fold: int
    """The fold's number, part of the member's identity; -1 for all rows."""
    setting: np.ndarray
    start: Callable[[], Start]
    """What it begins with, made when it is needed."""
    rows: Fold
    programs: Programs


@dataclass(frozen=True)
class FitResult:
    """What became of one member."""

    curves: np.ndarray
    """float32 (point, quantity). The last point, and every point after an early stop, is that of the variables kept."""
    diverged_at: int
    """The first epoch whose loss was not finite, or -1."""
    epochs: int
    """How many were trained."""
    kept: int
    """The epoch whose variables were kept."""
    diagnostics: np.ndarray
    measures: Mapping[str, np.ndarray]
    """Data loss and metrics on each held-out set."""
    variables: tuple[np.ndarray, ...]
    """The trained variables: the trainable ones, then the others; empty where the member diverged."""
    predictions: tuple[np.ndarray, ...] = ()
    """Predictions and masks of the rows that judge it, as leaves of one tree, where the recipe asks for them."""


def train(
    objective: Objective,
    recipe: Recipe,
    shard: Sequence[FitSpec],
    starts: Sequence[Start],
    held_out: Mapping[str, Rows],
    passed: Callable[[int], None],
) -> list[FitResult]:
    """Train the members of one call through all their epochs, or until each has diverged or stopped.

    `passed` hears how many epochs each block took; what it raises ends the training.
    """
    programs, rows = shard[0].programs, shard[0].rows.rows
    state = programs.stack([programs.begin(start) for start in starts])
    setting = programs.stack([fit.setting for fit in shard])
    identity = programs.stack([np.array([fit.seed, fit.fold + 1]).astype(np.uint32) for fit in shard])
    curves: list[np.ndarray] = []
    total, point, epoch = len(recipe.stops), 0, 0
    while point < total and not _ended(recipe, state):
        wanted = max(1, int(BLOCK_SECONDS / programs.pace[-1])) if programs.pace else 1
        count = min(wanted, programs.capacity, total - point)
        points, began = programs.points(recipe, point, count), perf_counter()
        state, measured = programs.train(state, setting, rows, identity, np.int32(epoch), points, np.int32(count))
        curves.append(np.asarray(measured)[..., :count, :])
        point, epoch = point + count, epoch + int(points.lengths.sum())
        programs.pace[:] = [(perf_counter() - began) / count]
        passed(int(points.lengths.sum()))
    whole = np.full((*curves[0].shape[:-2], total, curves[0].shape[-1]), np.nan, np.float32)
    whole[..., :point, :] = np.concatenate(curves, axis=-2)
    seen = programs.look(state, rows, dict(held_out))
    members = zip(
        programs.unstack(whole),
        programs.unstack((state.diverged_at, state.memory)),
        programs.unstack(seen),
        strict=True,
    )
    return [_outcome(objective, recipe, *member) for member in members]


def _ended(recipe: Recipe, state: State) -> bool:
    ended = np.asarray(state.diverged_at) >= 0
    if recipe.stopping is not None:
        ended = ended | (np.asarray(state.memory.stopped) > 0)
    return bool(np.all(ended))


def _outcome(objective: Objective, recipe: Recipe, curves: np.ndarray, ending: Any, seen: Seen) -> FitResult:
    """One member. What was measured after it diverged is blank, however many blocks went on."""
    diverged_at, memory = ending
    lost = int(diverged_at)
    if lost < 0 and not np.isfinite(curves[-1, 1 + len(objective.part_names)]) and not _was_stopped(recipe, memory):
        lost = int(recipe.stops[-1])
    if lost >= 0:
        return _lost(recipe, curves, lost, seen)
    epochs = int(memory.stopped) if _was_stopped(recipe, memory) else int(recipe.stops[-1])
    last = int(np.searchsorted(recipe.stops, epochs))
    curves[last:] = curves[last]
    after = min(last + 1, len(curves) - 1)
    curves[after:, curves.shape[1] - seen.measures.size :] = seen.measures
    kept = int(memory.best_epoch) if recipe.keeps_best else epochs
    variables = tuple(np.asarray(value, order="C") for value in (*turn_back(seen.trainable), *seen.other))
    predictions = tuple(np.asarray(leaf) for leaf in jax.tree.leaves(seen.predictions))
    return FitResult(curves, -1, epochs, kept, seen.facts, seen.held_out, variables, predictions)


def _was_stopped(recipe: Recipe, memory: Any) -> bool:
    return recipe.stopping is not None and int(memory.stopped) > 0


def _lost(recipe: Recipe, curves: np.ndarray, epoch: int, seen: Seen) -> FitResult:
    """A member whose loss was not finite in an epoch; nothing is read off its variables."""
    curves[np.searchsorted(recipe.stops, epoch) + 1 :] = np.nan
    held_out = {name: np.full_like(array, np.nan) for name, array in seen.held_out.items()}
    return FitResult(curves, epoch, epoch, epoch, np.full_like(seen.facts, np.nan), held_out, ())

"""Sizes of the blocks in which rows on disk are read: to train on, to predict, and to compute diagnostics over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from bridle.engine._objective import Training
from bridle.engine._programs import Start
from bridle.engine._state import Fold, Rows, row_count
from bridle.engine._stored import BLOCK_BYTES, row_bytes, spread_out
from bridle.engine._sweep import Sweep, make_sweep, point_sweeps

MAX_DIAGNOSED_ROWS = 4096
"""Training rows, evenly spaced, over which diagnostics are computed where there are more."""


@dataclass(frozen=True)
class Layout:
    """Sizes of the blocks of one shape of rows."""

    count: int
    """Rows to train on."""
    size: int
    """Rows of a batch."""
    batches: int
    """Batches of a block."""
    sweeps: tuple[Sweep, ...]
    """Predictions at a measuring point."""
    monitored: Sweep | None
    """Predictions of the rows that early stopping monitors."""
    every: Sweep
    """Predictions of all rows after training."""
    validation: Sweep | None
    """Predictions of the validation rows after training."""
    held_out: Mapping[str, Sweep]

    @property
    def tail(self) -> int:
        """Rows of the last batch, if it is smaller."""
        return self.count % self.size

    @property
    def diagnosed(self) -> np.ndarray:
        """Training rows over which diagnostics are computed."""
        return spread_out(self.count, MAX_DIAGNOSED_ROWS)

    def blocks(self) -> Sequence[tuple[int, int]]:
        """Return the first row and the number of batches of each block of an epoch, without a smaller last batch."""
        total = self.count // self.size
        return [(n * self.size, min(self.batches, total - n)) for n in range(0, total, self.batches)]


def make_layout(training: Training, fold: Fold, start: Start | None, held_out: Mapping[str, Rows]) -> Layout:
    """Return the sizes of blocks; without a start for a model that cannot be traced."""
    count, total, x = fold.train, row_count(fold.rows.y), fold.rows.x
    size = min(training.recipe.batch_size, count)
    batches = max(1, min(count // size, BLOCK_BYTES // max(1, size * row_bytes(fold.rows))))
    forward = None if start is None else jax.jit(partial(training.objective.predict, start.trainable, start.other))
    every, monitored, last = make_sweep(x, 0, total), None, fold.cuts[-1]
    if training.recipe.stopping is not None:
        monitored = make_sweep(x, *fold.cuts[:2])
    validation = make_sweep(x, last, total) if last < total else None
    outside = {name: make_sweep(part.x, 0, row_count(part.y)) for name, part in held_out.items()}
    return Layout(count, size, batches, point_sweeps(forward, x, total, count), monitored, every, validation, outside)


def sides_of(sweep: Sweep, cuts: tuple[int, ...], total: int) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return the sides of a fold that a sweep of a measuring point covers: training rows, and the others."""
    sides = tuple(zip((0, *cuts), (*cuts, total), strict=True))
    named = {"training": sides[:1], "others": sides[1:] if cuts[0] < total else ()}
    return {
        name: part for name, part in named.items() if part and sweep.first <= part[0][0] and part[-1][1] <= sweep.end
    }

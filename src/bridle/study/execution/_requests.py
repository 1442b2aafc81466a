"""Orders: fits as plain numbers, each with the rows of its study all that a fit is a function of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bridle.engine import FitSpec, Fold, Rows
from bridle.results import ALL_ROWS
from bridle.study.design import Prepared


@dataclass(frozen=True)
class FitRequest:
    """One fit to be made."""

    strengths: bytes
    """float32 (slot,), one for each strength of the study."""
    rate: float | None
    """The learning rate, where it is not the optimizer's."""
    seed: int
    fold: int
    """Its number, or that of a refit on all rows."""


@dataclass(frozen=True)
class RowSet:
    """The rows on which orders are made: folds, or all rows with those that are held out."""

    folds: Sequence[Fold]
    held_out: Mapping[str, Rows]

    def rows(self, fold: int) -> Fold:
        """The rows of one order."""
        return self.folds[0 if fold == ALL_ROWS else fold]


def order(strengths: np.ndarray, rate: float | None, seed: int, fold: int) -> FitRequest:
    """An order from a row of strengths."""
    return FitRequest(np.asarray(strengths, np.float32).tobytes(), rate, seed, fold)


def fits_of(
    prepared: Prepared, chains: Sequence[Sequence[FitRequest]], ground: RowSet, members: int | None = None
) -> list[list[FitSpec]]:
    """The fits that orders ask for, numbered in their order; traces the programs that they need.

    `members` is about how many of such fits there will be in all.
    """
    total = sum(map(len, chains)) if members is None else members
    found, number = [], 0
    for chain in chains:
        made = []
        for each in chain:
            rows, start = ground.rows(each.fold), partial(prepared.engine.start, each.seed, each.rate)
            programs = prepared.engine.programs(rows, ground.held_out, total)
            setting = np.frombuffer(each.strengths, np.float32)
            made.append(FitSpec(number, each.seed, each.fold, setting, start, rows, programs))
            number += 1
        found.append(made)
    return found

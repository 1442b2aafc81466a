"""Folds in the order of time, with a gap: no window of a validation row has a step that training rows know."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped

from bridle._errors import InputError

Pair = tuple[Int[np.ndarray, "row"], Int[np.ndarray, "row"]]
"""The positions of training rows and of validation rows."""


@dataclass(frozen=True)
class TimeSplit:
    """Rows to learn from, rows held out, and folds of the rows to learn from."""

    learn: Int[np.ndarray, "row"]
    test: Int[np.ndarray, "row"]
    folds: tuple[Pair, ...]
    gap: int
    """The number of rows between the two sides of the held-out split that belong to neither."""


def split_in_time(
    begins: Shaped[np.ndarray, "row"], ends: Shaped[np.ndarray, "row"], folds: int, share: float
) -> TimeSplit:
    """Hold out the last rows, and split the others into folds that validate on later rows.

    Each split has a time T. Training rows have their answers at T or before, validation rows begin their windows after
    T. So no step of a validation window is the answer of a training row, in no series. Rows between are in neither.

    Args:
        begins: the time of the first step of each row.
        ends: the time of the answer of each row, in ascending order.
        folds: the number of folds.
        share: the share of rows to hold out.

    Errors: `InputError` for a share outside of (0, 1), and for too few rows on a side.

    >>> times = np.arange(20)
    >>> split = split_in_time(times[:-2], times[2:], 2, 0.25)
    >>> [(int(train.max()), int(validation.min())) for train, validation in split.folds]
    [(3, 6), (8, 11)]
    >>> int(split.learn.max()), int(split.test.min())
    (13, 16)

    """
    if not 0 < share < 1:
        raise InputError(f"Expected the held-out share between 0 and 1, got {share}. Try 0.2.")
    rows, count = np.arange(len(ends)), len(ends) - max(1, round(share * len(ends)))
    limit = ends[max(count - 1, 0)]
    learn, test = rows[ends <= limit], rows[begins > limit]
    _check(learn, test, "the held-out rows")
    edges = [ends[len(learn) * block // (folds + 1) - 1] for block in range(1, folds + 1)]
    pairs = []
    for number, (begin, end) in enumerate(zip(edges, [*edges[1:], limit], strict=True)):
        train = rows[ends <= begin]
        validation = rows[(begins > begin) & (ends <= end)]
        _check(train, validation, f"fold {number}")
        pairs.append((train, validation))
    return TimeSplit(learn, test, tuple(pairs), len(rows) - len(learn) - len(test))


def _check(train: np.ndarray, validation: np.ndarray, where: str) -> None:
    if len(train) < 2 or not len(validation):
        raise InputError(
            f"Expected at least 2 windows to train on and 1 to validate on for {where}, got {len(train)} and "
            f"{len(validation)}: windows that reach back over the cut are left out. Use fewer folds, a shorter window, "
            "or more rows."
        )

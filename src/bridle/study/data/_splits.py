"""Folds: training and validation rows of each fit, by scikit-learn's splitters."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)

from bridle._errors import InputError, short_repr
from bridle.study.data._arrays import Data
from bridle.study.data._splitter import Splitter

SHUFFLE_SEED = 0
"""Folds are the same for every seed and every arm, so that members are paired."""


class WholeTimeSplit(TimeSeriesSplit):
    """Folds in the order of time that keep rows of the same time, given as groups, together.

    Each cut of `TimeSeriesSplit` moves to the next change of time.
    """

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # noqa: N803
        """Yield the row numbers of training and validation."""
        moments = np.arange(len(X)) if groups is None else np.asarray(groups)

        def end(rows: np.ndarray) -> int:
            return int(np.searchsorted(moments, moments[rows[-1]], "right"))

        for train, validation in super().split(X):
            begin = end(validation[:1] - 1)
            yield np.arange(train[0], end(train)), np.arange(begin, end(validation))


@dataclass(frozen=True)
class Split:
    """The row numbers of one fold."""

    train: np.ndarray
    validation: np.ndarray
    watch: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    """Rows that early stopping watches, none of them trained on."""


def split_rows(data: Data, folds: int | Splitter, groups: Any = None) -> list[Split]:
    """Split rows into folds.

    Args:
        data: the rows.
        folds: how many, a scikit-learn splitter such as `TimeSeriesSplit(5)`, or listed folds. A number means
            stratified folds where there are classes, whole groups where there are groups, else plain shuffled ones.
        groups: one group for each row, or None.

    Errors: `InputError` for fewer than two folds, a fold with fewer than two rows to train on or none to judge, a
    class that some fold's training rows lack, fewer rows of a class than folds.

    """
    if groups is not None and len(groups) != data.rows:
        raise InputError(f"Expected one group for each of {data.rows} rows, got {len(groups)}.")
    splitter = _default(data, folds, groups) if isinstance(folds, int | np.integer) else folds
    if not hasattr(splitter, "get_n_splits"):
        raise InputError(
            "Expected folds as a number ≥ 2, a scikit-learn splitter or [(train, validation), …], got "
            f"{short_repr(folds)}."
        )
    labels = _strata(data, folds) if groups is None and isinstance(folds, int | np.integer) else data.labels
    labels = np.zeros(data.rows, int) if labels is None else labels
    try:
        splits = [Split(*map(np.asarray, pair)) for pair in splitter.split(np.zeros((data.rows, 1)), labels, groups)]
    except InputError:
        raise
    except ValueError as error:
        raise InputError(
            f"Expected folds that fit {data.rows} rows, got {splitter}. scikit-learn says: {error}"
        ) from error
    for index, split in enumerate(splits):
        if max(int(rows.max(initial=0)) for rows in (split.train, split.validation)) >= data.rows:
            raise InputError(f"Expected folds with row numbers below {data.rows}, got {splitter}, made for other rows.")
        _check(data, split, index)
    return splits


def in_time(splits: Sequence[Split]) -> bool:
    """Return True if every fold trains on rows before its validation rows, as in `TimeSeriesSplit`."""
    return all(len(split.validation) and split.train.max() < split.validation.min() for split in splits)


def time_ordered_splitter(
    folds: int, inside: int | Splitter, option: str = "nested", *, kind: type[TimeSeriesSplit] = TimeSeriesSplit
) -> Splitter:
    """Return a splitter into folds in the order of time, with the gap and sizes of the folds inside them.

    Errors: `InputError` for fewer than two folds, as `option`.
    """
    if isinstance(folds, bool) or folds < 2:
        raise InputError(f"Expected at least 2 {'outer ' if option == 'nested' else ''}folds, got {option}={folds!r}.")
    splitter: Any = copy(inside) if isinstance(inside, TimeSeriesSplit) else kind(folds)
    splitter.n_splits = int(folds)
    return splitter


def set_aside(split: Split, share: float, data: Data, groups: Any = None, ordered: bool = False) -> Split:
    """Set a share of the training rows aside for early stopping: whole groups, or every class in proportion.

    With `ordered`, for folds in the order of time, the last rows are watched; groups in a row stay together.

    Errors: `InputError` where too few rows or groups are left on a side.
    """
    if not share:
        return split
    count, train = round(share * len(split.train)), split.train
    if not 1 <= count <= len(train) - 2:
        raise InputError(
            f"Expected at least one row to watch and two to train on, got {len(train)} training rows for a share of "
            f"{share:g}. Change validation_fraction in bridle.EarlyStopping."
        )
    if ordered:
        begin = _begin(len(train) - count, None if groups is None else np.asarray(groups)[train])
        return Split(train[:begin], split.validation, train[begin:])
    options = {"n_splits": 1, "test_size": share if groups is not None else count, "random_state": SHUFFLE_SEED}
    labels = None if data.labels is None else data.labels[train]
    kind = GroupShuffleSplit if groups is not None else ShuffleSplit if labels is None else StratifiedShuffleSplit
    train_groups = None if groups is None else np.asarray(groups)[train]
    try:
        train_part, watch_part = next(kind(**options).split(np.zeros((len(train), 1)), labels, train_groups))
    except ValueError as error:
        raise InputError(f"Expected rows to set aside for early stopping. scikit-learn says: {error}") from error
    return Split(train[np.sort(train_part)], split.validation, train[np.sort(watch_part)])


def _begin(position: int, groups: np.ndarray | None) -> int:
    """Return the position, or the one before it at which its group begins where that leaves rows to train on."""
    if groups is None:
        return position
    changes = np.flatnonzero(groups[1:] != groups[:-1]) + 1
    return int(changes[(changes > 1) & (changes <= position)].max(initial=0)) or position


def _default(data: Data, folds: int, groups: Any) -> Splitter:
    if isinstance(folds, bool) or folds < 2:
        raise InputError(f"Expected at least 2 folds, got {folds}. With one split, give it as validation=(x, y).")
    if folds * 2 > data.rows:
        raise InputError(
            f"Expected at least 2 rows in each fold, got {data.rows} rows for {folds} folds. Use fewer folds."
        )
    if groups is not None:
        if data.labels is None:
            return GroupKFold(folds)
        return StratifiedGroupKFold(folds, shuffle=True, random_state=SHUFFLE_SEED)
    if data.labels is None:
        kind = KFold if _strata(data, folds) is None else StratifiedKFold
        return kind(folds, shuffle=True, random_state=SHUFFLE_SEED)
    classes, counts = np.unique(data.labels, return_counts=True)
    if counts.min() < folds:
        few = int(classes[counts.argmin()])
        raise InputError(
            f"Expected at least {folds} rows of each class for {folds} folds, got {counts.min()} of class {few}. "
            "Use fewer folds, or leave that class out."
        )
    return StratifiedKFold(folds, shuffle=True, random_state=SHUFFLE_SEED)


def _strata(data: Data, folds: int) -> np.ndarray | None:
    """The class of each row; of several outputs or labels their combinations, where each is in enough rows."""
    if data.labels is not None:
        return data.labels
    columns = _label_columns(data)
    if columns is None:
        return None
    _, combined, counts = np.unique(columns, axis=0, return_inverse=True, return_counts=True)
    return combined.reshape(-1) if folds <= counts.min() and len(counts) > 1 else None


def _label_columns(data: Data) -> np.ndarray | None:
    """The classes of several outputs, or 0 and 1 for each of several labels, as columns; None if there are none."""
    if isinstance(data.y, np.ndarray):
        return data.y if data.several_labels else None
    columns = [np.reshape(leaf, -1) for leaf in jax.tree.leaves(data.y) if leaf.size == len(leaf)]
    columns = [column for column in columns if column.dtype.kind in "iu" or np.isin(column, (0, 1)).all()]
    return np.stack(columns, axis=1) if columns else None


def unstratified_notes(data: Data, folds: int | Splitter, groups: Any = None) -> list[str]:
    """Return what to say where folds of classes of several outputs or labels do not hold each in proportion."""
    if not isinstance(folds, int | np.integer) or data.labels is not None or _label_columns(data) is None:
        return []
    if groups is None and _strata(data, folds) is not None:
        return []
    why = f"some combinations in fewer than {folds} rows" if groups is None else "and rows are in groups"
    return [
        f"Folds are not stratified: y has several outputs or labels, {why}. Give a splitter of "
        "scikit-learn as folds=… to choose them."
    ]


def _check(data: Data, split: Split, index: int) -> None:
    for side, rows, least in (("training", split.train, 2), ("validation", split.validation, 1)):
        if len(rows) < least:
            raise InputError(
                f"Expected at least {least} {side} rows in fold {index}, got {len(rows)}. Use fewer folds."
            )
    if data.labels is None:
        return
    missing = np.setdiff1d(data.labels, data.labels[split.train])
    if len(missing):
        raise InputError(
            f"Expected every class among the training rows of fold {index}, got none of class {missing[0]}. "
            "Use stratified folds (a number), fewer folds, or more rows of that class."
        )

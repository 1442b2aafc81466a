"""Rows of each fold on the device: prepared on the fold's training rows, training rows first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from bridle._errors import InputError
from bridle.engine import Fold, put_fold
from bridle.engine import Rows as DeviceRows
from bridle.study.data._arrays import Data, class_weighted
from bridle.study.data._rows import RowPreparer, take_rows
from bridle.study.data._splits import Split, Splitter, in_time, set_aside, split_rows


@dataclass(frozen=True)
class Folds:
    """The folds of a study."""

    rows: list[Fold]
    """On the device."""
    counts: np.ndarray
    """The number of training and of validation rows of each fold."""
    ordered: bool
    """True if every fold validates on rows after those it trains on, as in `TimeSeriesSplit`."""
    targets: tuple[Any, ...]
    """The preprocessor of the target fitted in each fold, or None."""
    validation: tuple[np.ndarray, ...]
    """The indices of the validation rows of each fold: in the study's rows, or in the given validation rows."""


def make_folds(preparer: RowPreparer, folds: int | Splitter, watch: float = 0.0) -> Folds:
    """Return rows cut into folds, each prepared on its own training rows.

    Args:
        preparer: the rows, and what they must fit.
        folds: how many, or a scikit-learn splitter.
        watch: the share of each fold's training rows that early stopping watches instead.

    """
    rows = preparer.rows
    data = preparer.all_rows()
    ordered = False
    if rows.validation is not None:
        every = np.arange(data.rows)
        split = set_aside(Split(every, every[:0]), watch, data, rows.groups)
        fitted = preparer.fitted(split.train if watch else None)
        every_fitted = [fitted]
        outside = preparer.outside(rows.validation, fitted, "validation")
        parts, indices = [_fold(preparer, split, fitted, outside)], (np.arange(outside.rows),)
    else:
        splits = split_rows(data, folds, rows.groups)
        ordered = in_time(splits)
        splits = [set_aside(split, watch, data, rows.groups, ordered) for split in splits]
        every_fitted = [preparer.fitted(split.train) for split in splits]
        parts = [_fold(preparer, split, fitted) for split, fitted in zip(splits, every_fitted, strict=True)]
        indices = tuple(np.asarray(split.validation) for split in splits)
    total = [len(jax.tree.leaves(part.rows.y)[0]) for part in parts]
    counts = [[part.train, count - part.cuts[-1]] for part, count in zip(parts, total, strict=True)]
    return Folds(parts, np.array(counts), ordered, tuple(target for _, target in every_fitted), indices)


@dataclass(frozen=True)
class RefitRows:
    """All rows of a study to refit on, and its held-out rows."""

    fold: Fold
    """On the device."""
    data: Data
    """The same rows as arrays."""
    held_out: Mapping[str, DeviceRows]
    """On the device, by name."""
    held_out_counts: dict[str, int]
    """The number of held-out rows by name."""


def make_refit_rows(preparer: RowPreparer, watch: float = 0.0, ordered: bool = False) -> RefitRows:
    """Return all rows to refit on, and the held-out rows prepared in the same way.

    Rows for early stopping are set aside as in the folds, and the preprocessors are fitted without them.
    """
    rows, fitted = preparer.rows, preparer.fitted(None)
    data = preparer.arrays(rows.x, rows.y, rows.sample_weight, fitted)
    every = np.arange(data.rows)
    split = set_aside(Split(every, every[:0]), watch, data, rows.groups, ordered)
    if watch and preparer.prepares:
        fitted = preparer.fitted(split.train)
        data = preparer.arrays(rows.x, rows.y, rows.sample_weight, fitted)
    preparer.final[:] = [fitted]
    held_out = {name: preparer.outside(parts, fitted, name) for name, parts in rows.held_out.items()}
    device = {name: put_fold(part.x, part.y, part.weight, part.rows).rows for name, part in held_out.items()}
    counts = {name: part.rows for name, part in held_out.items()}
    return RefitRows(_fold(preparer, split, fitted), data, device, counts)


def _fold(preparer: RowPreparer, split: Split, fitted: tuple[Any, Any], validation: Data | None = None) -> Fold:
    """Return the rows of one split on the device: training, early-stopping and validation rows."""
    rows = preparer.rows
    sides = [side for side in (split.train, split.watch, split.validation) if len(side)]
    pieces = [
        preparer.arrays(
            take_rows(rows.x, side),
            take_rows(rows.y, side),
            None if rows.sample_weight is None else take_rows(rows.sample_weight, side),
            fitted,
            "fold",
        )
        for side in sides
    ]
    pieces[0] = class_weighted(pieces[0], rows.class_weight, preparer.loss, preparer.outputs)
    pieces += [] if validation is None else [validation]
    try:
        x, y = (
            jax.tree.map(lambda *arrays: np.concatenate(arrays), *trees)
            for trees in zip(*((p.x, p.y) for p in pieces), strict=True)
        )
    except ValueError as error:
        raise InputError(
            f"Expected validation rows of the same shape as the training rows. NumPy says: {error}"
        ) from error
    return put_fold(x, y, _joined_weights(pieces), len(split.train), len(split.watch))


def _joined_weights(pieces: Sequence[Data]) -> Any:
    """Return the weights of all sides in one structure, 1 where a side has none; None if no side has any."""
    weights = [piece.weight for piece in pieces if piece.weight is not None]
    if not weights:
        return None
    widest = max(weights, key=lambda weight: max(leaf.ndim for leaf in jax.tree.leaves(weight)))

    def alike(piece: Data) -> Any:
        if piece.weight is not None and jax.tree.structure(piece.weight) == jax.tree.structure(widest):
            return jax.tree.map(_widened, piece.weight, widest)
        one = np.ones(piece.rows, np.float32) if piece.weight is None else piece.weight
        return jax.tree.map(lambda leaf: _widened(one, leaf), widest)

    try:
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *map(alike, pieces))
    except (ValueError, AttributeError) as error:
        raise InputError(
            f"Expected weights of validation rows of the same structure as those of the training rows. {error}"
        ) from error


def _widened(weight: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Broadcast a weight of each row to the steps of `like`."""
    shape = (*weight.shape, *[1] * (like.ndim - weight.ndim))
    return np.broadcast_to(weight.reshape(shape), (len(weight), *like.shape[1:]))

"""Rows of each fold on the device: prepared on the fold's training rows, training rows first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from bridle._errors import InputError
from bridle.engine import Fold, put_fold
from bridle.engine import Rows as DeviceRows
from bridle.sources._stored import StoredArray, join_stored
from bridle.study.data._arrays import Data, class_weighted
from bridle.study.data._rows import RowPreparer, in_memory, take_rows
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
    fitted: tuple[tuple[Any, Any], ...]
    """The preprocessors of the rows and the target fitted in each fold, or None."""
    validation: tuple[np.ndarray, ...]
    """The indices of the validation rows of each fold: in the study's rows, or in the given validation rows."""
    by_share: Mapping[float, list[Fold]]
    """The folds with each requested share of their training rows set aside."""


def make_folds(
    preparer: RowPreparer, folds: int | Splitter, watch: float = 0.0, shares: Collection[float] = ()
) -> Folds:
    """Return rows cut into folds, each prepared on its own training rows.

    Args:
        preparer: the rows, and what they must fit.
        folds: how many, or a scikit-learn splitter.
        watch: the share of each fold's training rows that early stopping watches instead.
        shares: other such shares, for arms with a rule of their own. All folds are prepared alike: by preprocessors
            that were fitted with the share `watch` set aside.

    """
    rows = preparer.rows
    data = preparer.all_rows()
    ordered = rows.ordered
    if rows.validation is not None:
        every = np.arange(data.rows)
        splits = [Split(every, every[:0])]
        fitted = [preparer.fitted(set_aside(splits[0], watch, data, rows.groups, ordered).train if watch else None)]
        outside = preparer.outside(rows.validation, fitted[0], "validation")
        indices: tuple[np.ndarray, ...] = (np.arange(outside.rows),)
    else:
        splits, outside = split_rows(data, folds, rows.groups), None
        ordered = in_time(splits)
        fitted = [preparer.fitted(set_aside(split, watch, data, rows.groups, ordered).train) for split in splits]
        indices = tuple(np.asarray(split.validation) for split in splits)

    def cut(share: float) -> list[Fold]:
        cuts = [set_aside(split, share, data, rows.groups, ordered) for split in splits]
        known = 1 if share == watch else 2
        return [_fold(preparer, split, pair, outside, known) for split, pair in zip(cuts, fitted, strict=True)]

    by_share = {share: cut(share) for share in dict.fromkeys((watch, *shares))}
    parts = by_share[watch]
    total = [len(jax.tree.leaves(part.rows.y)[0]) for part in parts]
    counts = [[part.train, count - part.cuts[-1]] for part, count in zip(parts, total, strict=True)]
    return Folds(parts, np.array(counts), ordered, tuple(fitted), indices, by_share)


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
    by_share: Mapping[float, Fold]
    """All rows with each requested share set aside."""

    def arm_folds(self, shares: Sequence[float]) -> list[Fold]:
        """Return all rows for each of some shares."""
        return [self.by_share[share] for share in shares]


def make_refit_rows(
    preparer: RowPreparer, watch: float = 0.0, ordered: bool = False, shares: Collection[float] = ()
) -> RefitRows:
    """Return all rows to refit on, and the held-out rows prepared in the same way.

    The share `watch`, and each of `shares`, is set aside for early stopping as in the folds. The preprocessors are
    fitted without the share `watch`.
    """
    rows, fitted = preparer.rows, preparer.fitted(None)
    data = preparer.arrays(rows.x, rows.y, rows.sample_weight, fitted)
    every = np.arange(data.rows)
    cuts = {
        share: set_aside(Split(every, every[:0]), share, data, rows.groups, ordered)
        for share in dict.fromkeys((watch, *shares))
    }
    if watch and preparer.prepares:
        fitted = preparer.fitted(cuts[watch].train)
        data = preparer.arrays(rows.x, rows.y, rows.sample_weight, fitted)
    preparer.final[:] = [fitted]
    held_out = {name: preparer.outside(parts, fitted, name) for name, parts in rows.held_out.items()}
    device = {name: put_fold(part.x, part.y, part.weight, part.rows).rows for name, part in held_out.items()}
    counts = {name: part.rows for name, part in held_out.items()}
    by_share = {
        share: _fold(preparer, split, fitted, known=1 if share == watch else 2) for share, split in cuts.items()
    }
    return RefitRows(by_share[watch], data, device, counts, by_share)


def _fold(
    preparer: RowPreparer, split: Split, fitted: tuple[Any, Any], validation: Data | None = None, known: int = 1
) -> Fold:
    """Return the rows of one split on the device: training, early-stopping and validation rows.

    `fitted` are preprocessors fitted to the first `known` of these sides.
    """
    rows = preparer.rows
    parts = (split.train, split.watch, split.validation)
    sides = {number: side for number, side in enumerate(parts) if len(side)}
    pieces = [
        preparer.arrays(
            take_rows(rows.x, side),
            take_rows(rows.y, side),
            None if rows.sample_weight is None else take_rows(rows.sample_weight, side),
            fitted,
            "fold",
            training=number < known,
        )
        for number, side in sides.items()
    ]
    pieces[0] = class_weighted(pieces[0], rows.class_weight, preparer.loss, preparer.outputs)
    pieces += [] if validation is None else [validation]
    try:
        x, y = (jax.tree.map(_joined, *trees) for trees in zip(*((p.x, p.y) for p in pieces), strict=True))
    except ValueError as error:
        raise InputError(
            f"Expected validation rows of the same shape as the training rows. NumPy says: {error}"
        ) from error
    return put_fold(x, y, _joined_weights(pieces), len(split.train), len(split.watch))


def _joined(*sides: Any) -> Any:
    """Return the rows of all sides one after another, where those of the first side are: on disk or in memory."""
    if isinstance(sides[0], StoredArray):
        return join_stored(sides)
    return np.concatenate([in_memory(side) for side in sides])


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

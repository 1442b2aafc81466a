"""Rows of each fold on the device: prepared on the fold's training rows, training rows first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from bridle._errors import InputError
from bridle.engine import Fold, put_fold
from bridle.engine import Rows as DeviceRows
from bridle.results import StoredTransformer
from bridle.study.data._arrays import Data, class_weighted, read_rows
from bridle.study.data._preparation import as_column, fit_transformer, transform_rows
from bridle.study.data._rows import Rows
from bridle.study.data._splits import Split, Splitter, in_time, set_aside, split_rows
from bridle.study.data._transformers import store_transformer, transformer_text

STORED_CHECK_ROWS = 100
"""The number of rows that check a stored preprocessor against the fitted one."""


@dataclass(frozen=True)
class RowPreparer:
    """Preparation of rows: the user's preprocessors, and the checks against model and loss."""

    rows: Rows
    loss: str
    outputs: tuple[int | None, ...]
    final: list[tuple[Any, Any]] = field(default_factory=list)
    """The preprocessors of x and y that the refits use, once they are fitted."""
    _on_all_rows: list[tuple[Any, Any]] = field(default_factory=list, repr=False, compare=False)
    """The preprocessors fitted on all rows, once they are needed."""

    @property
    def prepares(self) -> bool:
        """True if a preprocessor is fitted to rows before training."""
        return self.rows.preprocessor is not None or self.rows.target_preprocessor is not None

    def check(self, x: Any, y: Any, weight: Any = None, name: str = "") -> Data:
        """Return arrays after the checks of `read_rows`."""
        return read_rows(x, y, loss=self.loss, outputs=self.outputs, weight=weight, name=name)

    def fitted(self, train: np.ndarray | None) -> tuple[Any, Any]:
        """Return the preprocessors of x and y, fitted on rows by index; None is all rows, fitted once."""
        if train is None and self._on_all_rows:
            return self._on_all_rows[0]
        x, y = (value if train is None else take_rows(value, train) for value in (self.rows.x, self.rows.y))
        target = self.rows.target_preprocessor
        fitted_target = None if target is None else fit_transformer(target, as_column(y))
        fitted = fit_transformer(self.rows.preprocessor, x, y), fitted_target
        if train is None:
            self._on_all_rows.append(fitted)
        return fitted

    def stored(self) -> dict[str, StoredTransformer]:
        """Return the preprocessors of the refits in storable form, by `x` and `y`; before refits their text."""
        templates = {"x": self.rows.preprocessor, "y": self.rows.target_preprocessor}
        templates = {part: transformer for part, transformer in templates.items() if transformer is not None}
        if not self.final or not templates:
            return {part: StoredTransformer(transformer_text(transformer)) for part, transformer in templates.items()}
        fitted, some = dict(zip("xy", self.final[0], strict=True)), np.arange(min(STORED_CHECK_ROWS, len(self.rows.y)))
        rows = {"x": lambda: take_rows(self.rows.x, some), "y": lambda: as_column(take_rows(self.rows.y, some))}
        return {part: store_transformer(fitted[part], rows[part]()) for part in templates}

    def all_rows(self) -> Data:
        """Return all rows as arrays, the preprocessors fitted on all of them."""
        rows = self.rows
        return self.arrays(rows.x, rows.y, rows.sample_weight, self.fitted(None))

    def arrays(self, x: Any, y: Any, weight: Any, fitted: tuple[Any, Any], name: str = "") -> Data:
        """Return rows after fitted preprocessors, checked."""
        label = f"{name} " if name else ""
        if fitted[0] is not None:
            x = transform_rows(fitted[0], x, f"{label}x")
        if fitted[1] is not None:
            y = transform_rows(fitted[1], as_column(y), f"{label}y")
        return self.check(x, y, weight, name)

    def outside(self, parts: Sequence[Any], fitted: tuple[Any, Any], name: str) -> Data:
        """Return additional rows, `(x, y)` or `(x, y, weight)`, prepared and checked."""
        x, y, weight = (*parts, None)[:3]
        return self.arrays(x, y, weight, fitted, name)


def take_rows(values: Any, rows: np.ndarray) -> Any:
    """Return rows by index, of an array, a table, or a structure of arrays."""
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if isinstance(values, dict):
        return {key: take_rows(value, rows) for key, value in values.items()}
    if isinstance(values, tuple) or (isinstance(values, list) and values and isinstance(values[0], np.ndarray)):
        return tuple(take_rows(value, rows) for value in values)
    return np.asarray(values)[rows]


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


def make_folds(preparer: RowPreparer, folds: int | Splitter, watch: float = 0.0) -> Folds:
    """Return rows cut into folds, each prepared on its own training rows.

    Args:
        reader: the rows, and what they must fit.
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
        parts = [_fold(preparer, split, fitted, preparer.outside(rows.validation, fitted, "validation"))]
    else:
        splits = split_rows(data, folds, rows.groups)
        ordered = in_time(splits)
        splits = [set_aside(split, watch, data, rows.groups, ordered) for split in splits]
        every_fitted = [preparer.fitted(split.train) for split in splits]
        parts = [_fold(preparer, split, fitted) for split, fitted in zip(splits, every_fitted, strict=True)]
    total = [len(jax.tree.leaves(part.rows.y)[0]) for part in parts]
    counts = [[part.train, count - part.cuts[-1]] for part, count in zip(parts, total, strict=True)]
    return Folds(parts, np.array(counts), ordered, tuple(target for _, target in every_fitted))


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
    """Return the weights of all sides in one structure, 1 where a side has none; None where no side has any."""
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

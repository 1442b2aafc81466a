"""Rows of each fold as the engine wants them: prepared on its own training rows, training rows first."""

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

STORED_CHECK = 100
"""So many rows see to it that a stored preparation does what the fitted one does."""


@dataclass(frozen=True)
class RowPreparer:
    """How rows become arrays: the preparation a person gave, and the checks against model and loss."""

    rows: Rows
    loss: str
    outputs: tuple[int | None, ...]
    final: list[tuple[Any, Any]] = field(default_factory=list)
    """The preparations of x and y that the refits use, once they are fitted."""

    @property
    def prepares(self) -> bool:
        """Whether anything is fitted to rows before they are trained on."""
        return self.rows.preprocessor is not None or self.rows.target_preprocessor is not None

    def check(self, x: Any, y: Any, weight: Any = None, name: str = "") -> Data:
        """Arrays after the checks of `read_rows`."""
        return read_rows(x, y, loss=self.loss, outputs=self.outputs, weight=weight, name=name)

    def fitted(self, train: np.ndarray | None) -> tuple[Any, Any]:
        """The preparations of x and y, fitted on the given rows (None is all rows)."""
        x, y = (value if train is None else take_rows(value, train) for value in (self.rows.x, self.rows.y))
        target = self.rows.target_preprocessor
        own = None if target is None else fit_transformer(target, as_column(y))
        return fit_transformer(self.rows.preprocessor, x, y), own

    def stored(self) -> dict[str, StoredTransformer]:
        """The preparations of the refits in a form that can be stored, by `x` and `y`; before refits their text."""
        given = {"x": self.rows.preprocessor, "y": self.rows.target_preprocessor}
        given = {part: transformer for part, transformer in given.items() if transformer is not None}
        if not self.final or not given:
            return {part: StoredTransformer(transformer_text(transformer)) for part, transformer in given.items()}
        fitted, some = dict(zip("xy", self.final[0], strict=True)), np.arange(min(STORED_CHECK, len(self.rows.y)))
        rows = {"x": lambda: take_rows(self.rows.x, some), "y": lambda: as_column(take_rows(self.rows.y, some))}
        return {part: store_transformer(fitted[part], rows[part]()) for part in given}

    def arrays(self, x: Any, y: Any, weight: Any, fitted: tuple[Any, Any], name: str = "") -> Data:
        """Rows after a fitted preparation, checked."""
        label = f"{name} " if name else ""
        if fitted[0] is not None:
            x = transform_rows(fitted[0], x, f"{label}x")
        if fitted[1] is not None:
            y = transform_rows(fitted[1], as_column(y), f"{label}y")
        return self.check(x, y, weight, name)

    def outside(self, parts: Sequence[Any], fitted: tuple[Any, Any], name: str) -> Data:
        """Rows that come with the study, `(x, y)` or `(x, y, weight)`, prepared and checked."""
        x, y, weight = (*parts, None)[:3]
        return self.arrays(x, y, weight, fitted, name)


def take_rows(values: Any, rows: np.ndarray) -> Any:
    """Rows by number, of an array, a table, or a structure of arrays."""
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
    """Rows to train on and to judge, for each fold."""
    ordered: bool
    """Whether every fold judges rows that come after those it trains on, as in `TimeSeriesSplit`."""
    targets: tuple[Any, ...]
    """The preparation of the target that was fitted in each fold, or None."""


def make_folds(preparer: RowPreparer, folds: int | Splitter, watch: float = 0.0) -> Folds:
    """Cut rows into folds, each prepared on its own training rows.

    Args:
        reader: the rows, and what they must fit.
        folds: how many, or a scikit-learn splitter.
        watch: the share of each fold's training rows that early stopping watches instead.

    """
    rows = preparer.rows
    whole = preparer.arrays(rows.x, rows.y, rows.sample_weight, preparer.fitted(None))
    ordered = False
    if rows.validation is not None:
        every = np.arange(whole.rows)
        split = set_aside(Split(every, every[:0]), watch, whole, rows.groups)
        fitted = preparer.fitted(split.train if watch else None)
        every_fitted = [fitted]
        parts = [_fold(preparer, split, fitted, preparer.outside(rows.validation, fitted, "validation"))]
    else:
        splits = split_rows(whole, folds, rows.groups)
        ordered = in_time(splits)
        splits = [set_aside(each, watch, whole, rows.groups, ordered) for each in splits]
        every_fitted = [preparer.fitted(split.train) for split in splits]
        parts = [_fold(preparer, split, fitted) for split, fitted in zip(splits, every_fitted, strict=True)]
    total = [len(jax.tree.leaves(part.rows.y)[0]) for part in parts]
    counts = [[part.train, count - part.cuts[-1]] for part, count in zip(parts, total, strict=True)]
    return Folds(parts, np.array(counts), ordered, tuple(target for _, target in every_fitted))


def all_rows(
    preparer: RowPreparer, watch: float = 0.0, ordered: bool = False
) -> tuple[Fold, Data, Mapping[str, DeviceRows], Mapping[str, int]]:
    """All rows to refit on, and the held-out rows prepared as these are.

    Rows are watched as those of the folds are, which says `ordered`, and the preparation is fitted without them.
    """
    rows, fitted = preparer.rows, preparer.fitted(None)
    whole = preparer.arrays(rows.x, rows.y, rows.sample_weight, fitted)
    every = np.arange(whole.rows)
    split = set_aside(Split(every, every[:0]), watch, whole, rows.groups, ordered)
    if watch and preparer.prepares:
        fitted = preparer.fitted(split.train)
        whole = preparer.arrays(rows.x, rows.y, rows.sample_weight, fitted)
    preparer.final[:] = [fitted]
    held = {name: preparer.outside(parts, fitted, name) for name, parts in rows.held_out.items()}
    device = {name: put_fold(data.x, data.y, data.weight, data.rows).rows for name, data in held.items()}
    return _fold(preparer, split, fitted), whole, device, {name: data.rows for name, data in held.items()}


def _fold(preparer: RowPreparer, split: Split, fitted: tuple[Any, Any], validation: Data | None = None) -> Fold:
    """The rows of one split on the device: to train on, to watch, to judge (or the given ones to judge)."""
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
    """The weights of all sides in one structure, 1 where a side has none; None where no side has any."""
    given = [piece.weight for piece in pieces if piece.weight is not None]
    if not given:
        return None
    widest = max(given, key=lambda weight: max(leaf.ndim for leaf in jax.tree.leaves(weight)))

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
    """A weight for each row as one for each step, where the other is one for each step."""
    shape = (*weight.shape, *[1] * (like.ndim - weight.ndim))
    return np.broadcast_to(weight.reshape(shape), (len(weight), *like.shape[1:]))

"""Preparation of a table as a matrix: one layout for all folds, statistics from the training rows of each."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float32, Shaped
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from bridle._errors import InputError
from bridle.tables._checks import DAMAGED, is_finite_list, is_flags, saved
from bridle.tables._columns import find_column, first_of, labels_of, numbers_of
from bridle.tables._dates import date_features, read_dates
from bridle.tables._encoding import Encoding, cross_fitted, learn_encoding
from bridle.tables._layout import ABSENT, Column, Layout
from bridle.tables._words import Vocabulary, learn_vocabulary

BLOCK = 32
"""Features that are standardised at a time: the copies of a block are small beside the matrix."""
LEARNED_RULES = {
    "medians": ("finite numbers", is_finite_list),
    "means": ("finite numbers", is_finite_list),
    "scales": ("numbers > 0", lambda value: is_finite_list(value) and all(item > 0 for item in value)),
    "seen": ("a list of true and false", is_flags),
    "columns": ("what was learned of columns", lambda value: isinstance(value, Mapping)),
}
FORMATS = ("bridle preparation 1", "bridle preparation 2")
"""The second has columns with an encoding or a vocabulary of their own, or dates."""
PREPARATION_RULES = {
    "format": (" or ".join(map(repr, FORMATS)), lambda value: value in FORMATS),
    "layout": ("a layout", lambda value: isinstance(value, Mapping)),
    "learned": ("learned statistics", lambda value: isinstance(value, Mapping)),
}


@dataclass(frozen=True)
class Learned:
    """Statistics that a preparation learned from its training rows.

    `medians`, `means` and `scales` (standard deviations, 1 where one is 0) hold one number for each feature that is
    standardised; `seen` tells of each feature whether the training rows show it: a category, a missing cell, or any
    number. `columns` has the encoding or the vocabulary of columns with one, by their names.
    """

    medians: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    seen: tuple[bool, ...]
    columns: Mapping[str, Encoding | Vocabulary] = field(default_factory=dict)


@dataclass(frozen=True)
class NewRows:
    """Rows of a new table, to predict."""

    rows: Any
    """Rows as the preparation transforms them."""
    names: pd.DataFrame
    """One line for each row: the columns that name it in a table of predictions."""
    notes: tuple[str, ...] = ()


class Preparation(TransformerMixin, BaseEstimator):
    """Turn a table into a matrix of the features that `layout` names. A scikit-learn transformer.

    A number x becomes (x' − mean) / sd, where x' is x, or the median where x is missing; median, mean and sd (divided
    by the number of rows, 1 where it is 0) come from the rows given to `fit`. Indicators and categories are 0 or 1.
    A feature that those rows do not show is 0 everywhere: a category that none of them has, an indicator where none
    of them has a missing cell, a number that all of them miss. So is every feature of an unknown category.

    Dates, encoded columns and free text learn from those rows alone too. The target of a row is never part of its own
    features: `transform_training` and `fit_transform` encode each training row by the others, so they differ from
    `transform` where a column is encoded.

    The width is that of the layout, whatever rows are given to `fit`.

    >>> from bridle.tables import find_layout
    >>> table = pd.DataFrame({"a": ["x", "y", "x"], "b": [0.0, None, 2.0]})
    >>> Preparation(find_layout(table)).fit(table).transform(table).tolist()[1]
    [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def fit(self, table: pd.DataFrame, y: object = None) -> "Preparation":
        """Learn medians, means, scales, encodings, words, and which features occur, from these rows alone.

        `y` has the target of each row, for encoded columns.
        """
        if not len(table):
            raise InputError("Expected at least one training row, got none. Use fewer folds or more rows.")
        self.learned_ = _learn(self.layout, table, y)
        return self

    def transform(self, table: pd.DataFrame) -> Float32[np.ndarray, "row feature"]:
        """Return the features of these rows. Columns that the layout does not name are ignored.

        Errors: `InputError` for a column that is not there (near names listed), and for text or an infinite number in
        a number column (column, row and cell named).
        """
        check_is_fitted(self)
        return _apply(self.layout, self.learned_, table)

    def transform_training(self, table: pd.DataFrame, y: object) -> Float32[np.ndarray, "row feature"]:
        """Return the features of training rows with the target `y`; encoded columns are cross-fitted."""
        check_is_fitted(self)
        return _apply(self.layout, self.learned_, table, y)

    def fit_transform(self, table: pd.DataFrame, y: object = None) -> Float32[np.ndarray, "row feature"]:
        """Learn from training rows and return their features."""
        return self.fit(table, y).transform_training(table, y)

    def get_feature_names_out(self, input_features: object = None) -> Shaped[np.ndarray, "feature"]:
        """Return the names of the features; `input_features` is not used."""
        return np.array(self.layout.features, dtype=object)

    @property
    def input_shape(self) -> int:
        """The number of features of a prepared row."""
        return len(self.layout.features)

    def new_rows(self, table: pd.DataFrame) -> NewRows:
        """Return the rows of a new table: each is named by its index alone."""
        return NewRows(table, pd.DataFrame(index=table.index))

    def unknown_counts(self, table: pd.DataFrame) -> dict[str, dict[str, int]]:
        """Count, by text column, the rows with each category that the training rows do not have.

        >>> from bridle.tables import find_layout
        >>> table = pd.DataFrame({"a": ["x", "y", "x"]})
        >>> Preparation(find_layout(table)).fit(table).unknown_counts(pd.DataFrame({"a": ["x", "z", "z"]}))
        {'a': {'z': 2}}
        """
        check_is_fitted(self)
        features = {name for name, occurs in zip(self.layout.features, self.learned_.seen, strict=True) if occurs}
        counts = {}
        for column in self.layout.columns:
            if column.kind == "text":
                positions = column.positions
                learned = {label for label, index in positions.items() if column.features[index] in features}
                labels = Counter(labels_of(find_column(table, column.name), ABSENT))
                counts[column.name] = {label: count for label, count in labels.items() if label not in learned}
            encoding = self.learned_.columns.get(column.name)
            if isinstance(encoding, Encoding):
                labels = Counter(labels_of(find_column(table, column.name), ABSENT))
                known = {*encoding.categories, ABSENT}
                counts[column.name] = {label: count for label, count in labels.items() if label not in known}
        return {name: unknown for name, unknown in counts.items() if unknown}

    def to_json(self) -> dict[str, object]:
        """Return the fitted preparation as strict JSON; `from_json` restores it bit for bit."""
        check_is_fitted(self)
        lists = ("medians", "means", "scales", "seen")
        learned: dict[str, object] = {name: list(getattr(self.learned_, name)) for name in lists}
        columns = {name: column.to_json() for name, column in self.learned_.columns.items()}
        learned |= {"columns": columns} if columns else {}
        plain = all(column.kind in ("number", "text") for column in self.layout.columns)
        return {"format": FORMATS[0 if plain else 1], "layout": self.layout.to_json(), "learned": learned}

    @staticmethod
    def from_json(content: object) -> "Preparation":
        """Restore a fitted preparation from `to_json`; `InputError` names an invalid entry."""
        fields = saved(content, "preparation", PREPARATION_RULES)
        preparation = Preparation(Layout.from_json(fields["layout"]))
        preparation.learned_ = _learned_from_json(fields["learned"], preparation.layout)
        return preparation


def _features(
    column: Column, cells: pd.Series, learned: Encoding | Vocabulary | None = None, y: object = None
) -> Shaped[np.ndarray, "row feature"]:
    """Return the raw features of a column: numbers unchanged, NaN for missing ones; the others 0 or 1.

    With `y`, the rows are training rows: encoded columns are cross-fitted.
    """
    if column.kind == "number":
        values = numbers_of(cells, column.format)
        return np.stack([values, np.isnan(values)], axis=1) if column.indicator else values[:, None].copy()
    if column.kind == "date":
        dates = read_dates(cells, column.pattern)
        parts = date_features(dates, column.parts)
        return np.column_stack([parts, np.isnat(dates)]) if column.indicator else parts
    if isinstance(learned, Vocabulary):
        return learned.features(labels_of(cells, ""), column.size)
    labels = labels_of(cells, ABSENT)
    if isinstance(learned, Encoding):
        return learned.features(labels) if y is None else cross_fitted(labels, y, column.size)
    codes, distinct = pd.factorize(labels)
    positions = column.positions
    indices = np.array([positions.get(label, -1) for label in distinct], dtype=np.intp)[codes]
    return (indices[:, None] == np.arange(len(column.categories))).astype(np.float64)


def _learn(layout: Layout, table: pd.DataFrame, y: object) -> Learned:
    """Learn from training rows, a few columns at a time."""
    columns = {column.name: _learned_column(column, table, y) for column in layout.columns}
    encoders = {name: learned for name, learned in columns.items() if learned is not None}
    seen: list[bool] = []
    numbers = _number_features(layout, table, encoders, y, seen)
    blocks = []
    while block := list(islice(numbers, BLOCK)):
        blocks.append(_statistics(block))
    medians, means, scales = (
        tuple(value for block in blocks for value in block[kind]) for kind in ("medians", "means", "scales")
    )
    return Learned(medians, means, scales, tuple(seen), encoders)


def _learned_column(column: Column, table: pd.DataFrame, y: object) -> Encoding | Vocabulary | None:
    if column.kind not in ("encoded", "words"):
        return None
    cells = find_column(table, column.name)
    if column.kind == "words":
        return learn_vocabulary(labels_of(cells, ""), column.size)
    return learn_encoding(labels_of(cells, ABSENT), y, column.size)


def _number_features(
    layout: Layout,
    table: pd.DataFrame,
    encoders: Mapping[str, Encoding | Vocabulary],
    y: object,
    seen: list[bool],
) -> Iterator[Float[np.ndarray, "row"]]:
    """Yield the features to standardise, in order; add to `seen` whether the rows show each feature."""
    for column in layout.columns:
        if column.kind == "words":
            seen += [True] * column.size
            continue
        raw = _features(column, find_column(table, column.name), encoders.get(column.name), y)
        for index, is_number in enumerate(column.standardised):
            values = raw[:, index]
            seen.append(bool((~np.isnan(values)).any() if is_number else (values == 1).any()))
            if is_number:
                yield values


def _statistics(features: list[Float[np.ndarray, "row"]]) -> dict[str, list[float]]:
    """Return medians, means and scales of features, missing values replaced by the median, 0 where all are missing."""
    medians = [_median(values) for values in features]
    filled = np.stack(
        [np.where(np.isnan(values), median, values) for values, median in zip(features, medians, strict=True)]
    ).T
    scaler = StandardScaler(copy=False).fit(filled)
    return {"medians": medians, "means": scaler.mean_.tolist(), "scales": scaler.scale_.tolist()}


def _median(values: Float[np.ndarray, "row"]) -> float:
    present = values[~np.isnan(values)]
    return float(np.median(present)) if len(present) else 0.0


def _apply(
    layout: Layout, learned: Learned, table: pd.DataFrame, y: object = None
) -> Float32[np.ndarray, "row feature"]:
    """Impute and standardise. Written out, because a fitted scikit-learn object cannot be rebuilt from plain JSON."""
    features = np.empty((len(table), len(layout.features)), np.float32)
    seen, first, number = np.array(learned.seen, bool), 0, 0
    for column in layout.columns:
        raw = _features(column, find_column(table, column.name), learned.columns.get(column.name), y)
        span = slice(first, first + raw.shape[1])
        for index in np.flatnonzero(column.standardised):
            values = np.where(np.isnan(raw[:, index]), learned.medians[number], raw[:, index])
            raw[:, index] = (values - learned.means[number]) / learned.scales[number]
            number += 1
        with np.errstate(over="ignore"):
            features[:, span] = np.where(seen[span], raw, 0)
        _refuse_infinite(column, ~np.isfinite(features[:, span]), table)
        first = span.stop
    return features


def _refuse_infinite(column: Column, bad: Bool[np.ndarray, "row feature"], table: pd.DataFrame) -> None:
    if bad.any():
        raise InputError(
            f"Expected numbers like the training rows' in column {column.name!r:.80}, got "
            f"{first_of(table[column.name], np.asarray(bad.any(axis=1)))}. Correct the cell or leave it empty."
        )


def _learned_from_json(content: object, layout: Layout) -> Learned:
    content = {"columns": {}, **content} if isinstance(content, Mapping) else content
    fields = saved(content, "preparation", LEARNED_RULES)
    for name in ("medians", "means", "scales", "seen"):
        size = len(layout.features) if name == "seen" else len(layout.numbers)
        if len(fields[name]) != size:
            raise InputError(
                f"Expected {size} entries in {name!r} of the saved preparation, got {len(fields[name])}. {DAMAGED}"
            )
    sizes = {column.name: column for column in layout.columns if column.kind in ("encoded", "words")}
    if set(fields["columns"]) != set(sizes):
        names = f"{sorted(sizes)!r:.200}, got {sorted(map(str, fields['columns']))!r:.200}"
        raise InputError(f"Expected what was learned of the columns {names}. {DAMAGED}")
    kinds = {"encoded": Encoding.from_json, "words": Vocabulary.from_json}
    columns = {name: kinds[column.kind](fields["columns"][name], column.size) for name, column in sizes.items()}
    medians, means, scales, seen = (tuple(fields[name]) for name in ("medians", "means", "scales", "seen"))
    return Learned(medians, means, scales, seen, columns)

"""Preparation of a table as a matrix: one layout for all folds, statistics from the training rows of each."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float32, Shaped
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from bridle._errors import InputError
from bridle.tables._checks import DAMAGED, is_finite_list, is_flags, saved
from bridle.tables._columns import find_column, first_of, labels_of, numbers_of
from bridle.tables._layout import ABSENT, Column, Layout

LEARNED_RULES = {
    "medians": ("finite numbers", is_finite_list),
    "means": ("finite numbers", is_finite_list),
    "scales": ("numbers > 0", lambda value: is_finite_list(value) and all(item > 0 for item in value)),
    "seen": ("a list of true and false", is_flags),
}
PREPARATION_RULES = {
    "format": ("'bridle preparation 1'", lambda value: value == "bridle preparation 1"),
    "layout": ("a layout", lambda value: isinstance(value, Mapping)),
    "learned": ("learned statistics", lambda value: isinstance(value, Mapping)),
}


@dataclass(frozen=True)
class Learned:
    """Statistics that a preparation learned from its training rows.

    `medians`, `means` and `scales` (standard deviations, 1 where one is 0) hold one number for each number column;
    `seen` tells of each feature whether the training rows show it: a category, a missing cell, or any number.
    """

    medians: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    seen: tuple[bool, ...]


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

    The width is that of the layout, whatever rows are given to `fit`.

    >>> from bridle.tables import find_layout
    >>> table = pd.DataFrame({"a": ["x", "y", "x"], "b": [0.0, None, 2.0]})
    >>> Preparation(find_layout(table)).fit(table).transform(table).tolist()[1]
    [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def fit(self, table: pd.DataFrame, y: object = None) -> "Preparation":
        """Learn medians, means, scales and which features occur, from these rows alone."""
        if not len(table):
            raise InputError("Expected at least one training row, got none. Use fewer folds or more rows.")
        self.learned_ = _learn(self.layout, _raw(self.layout, table))
        return self

    def transform(self, table: pd.DataFrame) -> Float32[np.ndarray, "row feature"]:
        """Return the features of these rows. Columns that the layout does not name are ignored.

        Errors: `InputError` for a column that is not there (near names listed), and for text or an infinite number in
        a number column (column, row and cell named).
        """
        check_is_fitted(self)
        return _apply(self.layout, self.learned_, _raw(self.layout, table), table)

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
        return {name: unknown for name, unknown in counts.items() if unknown}

    def to_json(self) -> dict[str, object]:
        """Return the fitted preparation as strict JSON; `from_json` restores it bit for bit."""
        check_is_fitted(self)
        learned = {name: list(values) for name, values in asdict(self.learned_).items()}
        return {"format": "bridle preparation 1", "layout": self.layout.to_json(), "learned": learned}

    @staticmethod
    def from_json(content: object) -> "Preparation":
        """Restore a fitted preparation from `to_json`; `InputError` names an invalid entry."""
        fields = saved(content, "preparation", PREPARATION_RULES)
        preparation = Preparation(Layout.from_json(fields["layout"]))
        preparation.learned_ = _learned_from_json(fields["learned"], preparation.layout)
        return preparation


def _raw(layout: Layout, table: pd.DataFrame) -> Float[np.ndarray, "row feature"]:
    """Return the raw features: numbers unchanged, NaN for missing cells; the others 0 or 1."""
    return np.concatenate([_features(column, find_column(table, column.name)) for column in layout.columns], axis=1)


def _features(column: Column, cells: pd.Series) -> Float[np.ndarray, "row feature"]:
    if column.kind == "number":
        values = numbers_of(cells, column.format)
        return np.stack([values, np.isnan(values)], axis=1)[:, : len(column.features)]
    positions = column.positions
    indices = np.array([positions.get(label, -1) for label in labels_of(cells, ABSENT)], dtype=np.intp)
    return (indices[:, None] == np.arange(len(column.categories))).astype(np.float64)


def _learn(layout: Layout, raw: Float[np.ndarray, "row feature"]) -> Learned:
    numbers = layout.numbers
    occurring = (raw == 1).any(axis=0)
    occurring[numbers] = ~np.isnan(raw[:, numbers]).all(axis=0)
    if not len(numbers):
        return Learned((), (), (), tuple(occurring.tolist()))
    imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(raw[:, numbers])
    scaler = StandardScaler().fit(imputer.transform(raw[:, numbers]))
    learned = (imputer.statistics_, scaler.mean_, scaler.scale_, occurring)
    return Learned(*(tuple(values.tolist()) for values in learned))


def _apply(
    layout: Layout, learned: Learned, raw: Float[np.ndarray, "row feature"], table: pd.DataFrame
) -> Float32[np.ndarray, "row feature"]:
    """Impute and standardise. Written out, because a fitted scikit-learn object cannot be rebuilt from plain JSON."""
    numbers = layout.numbers
    imputed = np.where(np.isnan(raw[:, numbers]), learned.medians, raw[:, numbers])
    raw[:, numbers] = (imputed - learned.means) / learned.scales
    with np.errstate(over="ignore"):
        features = np.where(learned.seen, raw, 0).astype(np.float32)
    _refuse_infinite(layout, ~np.isfinite(features), table)
    return features


def _refuse_infinite(layout: Layout, bad: Bool[np.ndarray, "row feature"], table: pd.DataFrame) -> None:
    if bad.any():
        feature = int(np.flatnonzero(bad.any(axis=0))[0])
        name = layout.features[feature]
        raise InputError(
            f"Expected numbers like the training rows' in column {name!r:.80}, got "
            f"{first_of(table[name], bad[:, feature])}. Correct the cell or leave it empty."
        )


def _learned_from_json(content: object, layout: Layout) -> Learned:
    fields = saved(content, "preparation", LEARNED_RULES)
    for name, values in fields.items():
        size = len(layout.features) if name == "seen" else len(layout.numbers)
        if len(values) != size:
            raise InputError(
                f"Expected {size} entries in {name!r} of the saved preparation, got {len(values)}. {DAMAGED}"
            )
    return Learned(*(tuple(fields[name]) for name in LEARNED_RULES))

"""From a table to a matrix: the layout is found once, the numbers in it are learned inside each fold."""

import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float32, Int, Shaped
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from bridle._errors import InputError, KindError, near
from bridle.estimators._table import DAMAGED, first_of, is_count, is_names, kind_of, labels_of, numbers_of, saved

ABSENT, OTHER = "(missing)", "(other)"
MOST_CATEGORIES = 30
NEARLY_ALL, NEARLY_ALL_ROWS = 0.9, 20
MOSTLY_NUMBERS = 0.9
ID_FILL = 0.5
ID_NAMES = frozenset({"id", "index", "row", "rowid", "rowindex", "rownumber", "rownames"})
ID_ENDING = re.compile(r"([_ .-](id|ID|Id)|[a-z]I[dD])$")
DATE = re.compile(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))([T ]\d{1,2}:\d{2}.*)?")


@dataclass(frozen=True)
class Column:
    """One column that is used. `kind` is `number` or `text`; `missing` counts its missing cells.

    A number becomes one feature, and a second one, 0 or 1, where cells are missing. A text becomes one feature, 0 or
    1, for each of `categories`; those in `merged` count as the category `(other)`, a missing cell as `(missing)`.
    """

    name: str
    kind: str
    missing: int
    categories: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()

    @property
    def indicator(self) -> bool:
        """Whether a number has an indicator of its missing cells."""
        return self.kind == "number" and self.missing > 0

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        if self.kind == "text":
            return tuple(f"{self.name}={category}" for category in self.categories)
        return (self.name, f"{self.name} {ABSENT}") if self.indicator else (self.name,)

    def sentence(self, rows: int) -> str:
        """What is done with it, for a person."""
        gap = f"{self.missing} of {rows} missing"
        if self.kind == "number":
            filled = f"{gap}, median of the training rows put in, with an indicator column"
            return f"`{self.name}`: {filled if self.missing else 'number'}"
        kept = len(self.categories) - (ABSENT in self.categories) - bool(self.merged)
        rare = f", the {kept} most frequent of {kept + len(self.merged)} categories, the others as one"
        absent = f", {gap}, a category of their own" if self.missing else ""
        return f"`{self.name}`: text{rare if self.merged else f', {kept} categories'}{absent}"


@dataclass(frozen=True)
class Layout:
    """Which features a table gives, in order; the same in every fold. `left_out` pairs a column with the reason.

    It holds names, kinds and categories of a table of `rows` rows, and no statistics of them.
    """

    columns: tuple[Column, ...]
    left_out: tuple[tuple[str, str], ...]
    rows: int

    @property
    def features(self) -> tuple[str, ...]:
        """The names of all features."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns to read as text from a new file: `read_table(path, text=layout.text_columns)`."""
        return tuple(column.name for column in self.columns if column.kind == "text")

    @property
    def numbers(self) -> Int[np.ndarray, "number"]:
        """The places of the numbers, which are the features to standardise."""
        widths = [len(column.features) for column in self.columns]
        is_number = np.array([column.kind == "number" for column in self.columns], dtype=bool)
        return (np.cumsum(widths) - widths)[is_number]

    def sentences(self) -> list[str]:
        """What is done with each column, for a person: the used ones, then those left out."""
        used = [column.sentence(self.rows) for column in self.columns]
        return used + [f"`{name}`: left out, {reason}" for name, reason in self.left_out]

    def to_json(self) -> dict[str, object]:
        """The layout as strict JSON."""
        columns = [
            {**asdict(column), "categories": list(column.categories), "merged": list(column.merged)}
            for column in self.columns
        ]
        return {"columns": columns, "left_out": [list(pair) for pair in self.left_out], "rows": self.rows}

    @staticmethod
    def from_json(content: object) -> "Layout":
        """The layout that `to_json` wrote; `InputError` names the entry that cannot be one."""
        fields = saved(content, "layout", LAYOUT_RULES)
        columns = tuple(_column_from_json(column) for column in fields["columns"])
        names = [column.name for column in columns]
        if len(set(names)) < len(names):
            raise InputError(f"Expected distinct column names in the saved layout, got {names!r:.200}. {DAMAGED}")
        return Layout(columns, tuple(map(tuple, fields["left_out"])), fields["rows"])


def find_layout(table: pd.DataFrame, target: str | None = None) -> Layout:
    """Decide once, from all rows that will be cut into folds, what each column but `target` becomes.

    Left out, with the reason: columns that are entirely missing or constant; dates; ids. An id is a column of whole
    numbers or text named id, index, row or Unnamed: 0; whole numbers that all differ and either are named like
    `customer_id` or, none missing, rise or fall along the table's index in small steps (they fill half of their
    range); text of which at least 90 % of the values differ (all of them below 20 rows).

    A text column keeps its 30 most frequent categories and merges the others.

    Errors: `InputError` for a number that is not finite, for a column of many texts of which nine in ten are numbers
    (a slip in one cell), and where no column is left.

    >>> table = pd.DataFrame({"id": [1, 2, 3], "a": ["x", "y", "x"], "b": [0.5, None, 2]})
    >>> find_layout(table).features
    ('a=x', 'a=y', 'b', 'b (missing)')
    """
    inputs = [table[name] for name in table.columns if name != target]
    reasons = {column.name: _reason(column) for column in inputs}
    columns = tuple(_column(column) for column in inputs if reasons[column.name] is None)
    left_out = tuple((name, reason) for name, reason in reasons.items() if reason)
    if not columns:
        listed = "; ".join(f"{name!r}: {reason}" for name, reason in left_out)
        raise InputError(f"Expected at least one column to predict from, got none that can be used ({listed}).")
    return Layout(columns, left_out, len(table))


@dataclass(frozen=True)
class Learned:
    """What a recipe learned from its training rows.

    `medians`, `means` and `scales` (standard deviations, 1 where one is 0) hold one number for each number column;
    `seen` tells of each feature whether the training rows show it: a category, a missing cell, or any number.
    """

    medians: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    seen: tuple[bool, ...]


class Recipe(TransformerMixin, BaseEstimator):
    """Turn a table into a matrix of the features that `layout` names. A scikit-learn transformer.

    A number x becomes (x' − mean) / sd, where x' is x, or the median where x is missing; median, mean and sd (divided
    by the number of rows, 1 where it is 0) come from the rows given to `fit`. Indicators and categories are 0 or 1.
    A feature that those rows do not show is 0 everywhere: a category that none of them has, an indicator where none
    of them has a missing cell, a number that all of them miss. So is every feature of an unknown category.

    The width is that of the layout, whatever rows are given to `fit`.

    >>> table = pd.DataFrame({"a": ["x", "y", "x"], "b": [0.0, None, 2.0]})
    >>> Recipe(find_layout(table)).fit(table).transform(table).tolist()[1]
    [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def fit(self, table: pd.DataFrame, y: object = None) -> "Recipe":
        """Learn medians, means, scales and which features occur, from these rows alone."""
        if not len(table):
            raise InputError("Expected at least one training row, got none. Use fewer folds or more rows.")
        self.learned_ = _learn(self.layout, _raw(self.layout, table))
        return self

    def transform(self, table: pd.DataFrame) -> Float32[np.ndarray, "row feature"]:
        """The features of these rows. Columns that the layout does not name are ignored.

        Errors: `InputError` for a column that is not there (near names listed), and for text or an infinite number in
        a number column (column, row and cell named).
        """
        check_is_fitted(self)
        return _apply(self.layout, self.learned_, _raw(self.layout, table), table)

    def get_feature_names_out(self, input_features: object = None) -> Shaped[np.ndarray, "feature"]:
        """The names of the features; `input_features` is not used."""
        return np.array(self.layout.features, dtype=object)

    def unknown_counts(self, table: pd.DataFrame) -> dict[str, dict[str, int]]:
        """By text column, each category that the training rows do not have and how many of these rows have it.

        >>> table = pd.DataFrame({"a": ["x", "y", "x"]})
        >>> Recipe(find_layout(table)).fit(table).unknown_counts(pd.DataFrame({"a": ["x", "z", "z"]}))
        {'a': {'z': 2}}
        """
        check_is_fitted(self)
        seen = {name for name, shown in zip(self.layout.features, self.learned_.seen, strict=True) if shown}
        counts = {}
        for column in self.layout.columns:
            if column.kind == "text":
                place = _places(column)
                known = {label for label, index in place.items() if column.features[index] in seen}
                labels = Counter(labels_of(_find(table, column.name), ABSENT))
                counts[column.name] = {label: count for label, count in labels.items() if label not in known}
        return {name: unknown for name, unknown in counts.items() if unknown}

    def to_json(self) -> dict[str, object]:
        """The fitted recipe as strict JSON; `Recipe.from_json` gives it back and transforms bit for bit the same."""
        check_is_fitted(self)
        learned = {name: list(values) for name, values in asdict(self.learned_).items()}
        return {"format": "bridle recipe 1", "layout": self.layout.to_json(), "learned": learned}

    @staticmethod
    def from_json(content: object) -> "Recipe":
        """The fitted recipe that `to_json` wrote; `InputError` names the entry that cannot be one."""
        fields = saved(content, "recipe", RECIPE_RULES)
        recipe = Recipe(Layout.from_json(fields["layout"]))
        recipe.learned_ = _learned_from_json(fields["learned"], recipe.layout)
        return recipe


def _is_finite_list(value: object) -> bool:
    limit = sys.float_info.max
    return isinstance(value, list) and all(type(item) in (int, float) and abs(item) <= limit for item in value)


def _is_flags(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, bool) for item in value)


def _is_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in value
    )


COLUMN_RULES = {
    "name": ("a column name", lambda value: isinstance(value, str)),
    "kind": ("'number' or 'text'", lambda value: value in ("number", "text")),
    "missing": ("a count", is_count),
    "categories": ("distinct texts", is_names),
    "merged": ("distinct texts", is_names),
}
LAYOUT_RULES = {
    "columns": ("a list of at least one column", lambda value: isinstance(value, list) and len(value) > 0),
    "left_out": ("pairs of a column and a reason", _is_pairs),
    "rows": ("a count", is_count),
}
LEARNED_RULES = {
    "medians": ("finite numbers", _is_finite_list),
    "means": ("finite numbers", _is_finite_list),
    "scales": ("numbers > 0", lambda value: _is_finite_list(value) and all(item > 0 for item in value)),
    "seen": ("a list of true and false", _is_flags),
}
RECIPE_RULES = {
    "format": ("'bridle recipe 1'", lambda value: value == "bridle recipe 1"),
    "layout": ("a layout", lambda value: isinstance(value, Mapping)),
    "learned": ("what was learned", lambda value: isinstance(value, Mapping)),
}


def _reason(column: pd.Series) -> str | None:
    """Why a column is left out, or None."""
    known = column.dropna()
    if known.empty:
        return "entirely missing"
    kind, whole = kind_of(known), len(known) == len(column)
    values = numbers_of(known) if kind == "number" else labels_of(known)
    if whole and (values == values[0]).all():
        return f"the same value {labels_of(known)[0]!r} in every row"
    if kind == "date" or (kind == "text" and all(DATE.fullmatch(label) for label in values)):
        return "dates are not used; add year, month or weekday as a column of its own"
    if kind == "number":
        return _number_id(known, whole)
    return _text_id(known) if kind == "text" else None


def _named_id(name: str) -> bool:
    return re.sub(r"[_ .-]", "", name.lower()) in ID_NAMES or name.lower().startswith("unnamed:")


def _number_id(known: pd.Series, whole: bool) -> str | None:
    """Why numbers are an id, or None; `whole` says that no cell is missing, as in a column that counts the rows."""
    values = numbers_of(known)
    if (values % 1).any():
        return None
    if _named_id(known.name):
        return "named like a row number or an id"
    if len(np.unique(values)) < len(values):
        return None
    if ID_ENDING.search(known.name):
        return "named like an id, and every value differs"
    steps = np.diff(values[_order(known.index)])
    dense = whole and len(values) > 2 and np.abs(steps.sum()) <= (len(values) - 1) / ID_FILL
    return "whole numbers that count the rows" if dense and ((steps > 0).all() or (steps < 0).all()) else None


def _order(index: pd.Index) -> Int[np.ndarray, "row"]:
    """The rows by their label where that is a number, so that a random part of a table is seen in the file's order."""
    return np.argsort(index, kind="stable") if pd.api.types.is_numeric_dtype(index) else np.arange(len(index))


def _text_id(known: pd.Series) -> str | None:
    labels = labels_of(known)
    distinct = len(set(labels))
    if _named_id(known.name):
        return "named like a row number or an id"
    _refuse_slip(known, distinct)
    if distinct == len(labels) > 1:
        return "every value differs"
    nearly = len(labels) >= NEARLY_ALL_ROWS and distinct >= NEARLY_ALL * len(labels)
    return f"nearly every value differs ({distinct} in {len(labels)} rows)" if nearly else None


def _refuse_slip(known: pd.Series, distinct: int) -> None:
    """Refuse a column of many texts that are numbers but for a few: as categories its order would be lost."""
    numeric = pd.to_numeric(known.astype(str), errors="coerce").notna().to_numpy()
    if distinct > MOST_CATEGORIES and numeric.mean() >= MOSTLY_NUMBERS and not numeric.all():
        raise InputError(f"Expected numbers in column {known.name!r}, as {numeric.sum()} of {len(known)} cells hold, "
                         f"got {first_of(known, ~numeric)}. Correct the cell or leave it empty.")


def _column(column: pd.Series) -> Column:
    missing = int(column.isna().sum())
    if kind_of(column) == "number":
        return Column(column.name, "number", missing)
    counts = Counter(labels_of(column, ABSENT))
    absent = [ABSENT] if counts.pop(ABSENT, 0) else []
    by_count = sorted(counts, key=lambda label: (label == OTHER, -counts[label], label))
    kept, merged = sorted(by_count[:MOST_CATEGORIES]), sorted(by_count[MOST_CATEGORIES:])
    other = [OTHER] if merged else []
    return Column(column.name, "text", missing, (*kept, *other, *absent), tuple(x for x in merged if x != OTHER))


def _find(table: pd.DataFrame, name: str) -> pd.Series:
    if not isinstance(table, pd.DataFrame):
        raise KindError(f"Expected a pandas DataFrame, got {type(table).__name__}. Try pandas.DataFrame(…, columns=…).")
    if name not in table.columns:
        names = map(str, table.columns)
        raise InputError(f"Expected the column {name!r} in the table, got none of that name. {near(name, names)}")
    found = table[name]
    if found.ndim > 1:
        raise InputError(f"Expected one column {name!r} in the table, got {found.shape[1]} of that name. Rename them.")
    return found


def _places(column: Column) -> dict[str, int]:
    """Which feature of a text column each known category turns on."""
    own = {label: index for index, label in enumerate(column.categories)}
    return {**dict.fromkeys(column.merged, own.get(OTHER)), **own}


def _raw(layout: Layout, table: pd.DataFrame) -> Float[np.ndarray, "row feature"]:
    """The features before anything is learned: numbers as they are, NaN where missing; the others 0 or 1."""
    return np.concatenate([_features(column, _find(table, column.name)) for column in layout.columns], axis=1)


def _features(column: Column, cells: pd.Series) -> Float[np.ndarray, "row feature"]:
    if column.kind == "number":
        values = numbers_of(cells)
        return np.stack([values, np.isnan(values)], axis=1)[:, : len(column.features)]
    place = _places(column)
    chosen = np.array([place.get(label, -1) for label in labels_of(cells, ABSENT)], dtype=np.intp)
    return (chosen[:, None] == np.arange(len(column.categories))).astype(np.float64)


def _learn(layout: Layout, raw: Float[np.ndarray, "row feature"]) -> Learned:
    numbers = layout.numbers
    seen = (raw == 1).any(axis=0)
    seen[numbers] = ~np.isnan(raw[:, numbers]).all(axis=0)
    if not len(numbers):
        return Learned((), (), (), tuple(seen.tolist()))
    imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(raw[:, numbers])
    scaler = StandardScaler().fit(imputer.transform(raw[:, numbers]))
    learned = (imputer.statistics_, scaler.mean_, scaler.scale_, seen)
    return Learned(*(tuple(values.tolist()) for values in learned))


def _apply(
    layout: Layout, learned: Learned, raw: Float[np.ndarray, "row feature"], table: pd.DataFrame
) -> Float32[np.ndarray, "row feature"]:
    """Impute and standardise. Written out, because a fitted scikit-learn object cannot be rebuilt from plain JSON."""
    numbers = layout.numbers
    known = np.where(np.isnan(raw[:, numbers]), learned.medians, raw[:, numbers])
    raw[:, numbers] = (known - learned.means) / learned.scales
    with np.errstate(over="ignore"):
        features = np.where(learned.seen, raw, 0).astype(np.float32)
    _refuse_infinite(layout, ~np.isfinite(features), table)
    return features


def _refuse_infinite(layout: Layout, bad: Bool[np.ndarray, "row feature"], table: pd.DataFrame) -> None:
    if bad.any():
        feature = int(np.flatnonzero(bad.any(axis=0))[0])
        name = layout.features[feature]
        raise InputError(f"Expected numbers like the training rows' in column {name!r}, got "
                         f"{first_of(table[name], bad[:, feature])}. Correct the cell or leave it empty.")


def _column_from_json(content: object) -> Column:
    fields = saved(content, "column", COLUMN_RULES)
    lists = (tuple(fields["categories"]), tuple(fields["merged"]))
    column = Column(fields["name"], fields["kind"], fields["missing"], *lists)
    fits = bool(column.categories) == (column.kind == "text") and (not column.merged or OTHER in column.categories)
    if not fits or set(column.merged) & set(column.categories):
        raise InputError(f"Expected categories that fit the kind {column.kind!r} of the saved column {column.name!r}, "
                         f"got {lists[0]!r:.200} with {lists[1]!r:.200} merged. {DAMAGED}")
    return column


def _learned_from_json(content: object, layout: Layout) -> Learned:
    fields = saved(content, "recipe", LEARNED_RULES)
    for name, values in fields.items():
        size = len(layout.features) if name == "seen" else len(layout.numbers)
        if len(values) != size:
            raise InputError(f"Expected {size} entries in {name!r} of the saved recipe, got {len(values)}. {DAMAGED}")
    return Learned(*(tuple(fields[name]) for name in LEARNED_RULES))

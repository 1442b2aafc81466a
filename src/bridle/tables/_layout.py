"""Layout of a table: its features, decided once for all folds."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Int

from bridle._errors import InputError, short_repr
from bridle.tables._checks import DAMAGED, is_count, is_names, is_pairs, saved
from bridle.tables._column_selection import DATES, MOST_CATEGORIES, NEARLY, UNLIKE, reason_to_leave
from bridle.tables._columns import kind_of, labels_of
from bridle.tables._dates import PARTS, PATTERNS, date_pattern, read_dates, standardised, varying_parts
from bridle.tables._number_format import PLAIN, NumberFormat, is_format, looks_like_number
from bridle.tables._records import MISSING
from bridle.tables._words import feature_count, is_free_text

ABSENT, OTHER = "(missing)", "(other)"
MAX_LEFT_OUT = 5
"""The most columns left out that a summary names."""
KINDS = {"number": "number", "text": "text", "date": "date", "encoded": "many-category", "words": "free-text"}
"""The kinds of columns, and what a summary calls them."""
MAX_SIZE = 100_000
COLUMN_RULES = {
    "name": ("a column name", lambda value: isinstance(value, str)),
    "kind": (f"one of {list(KINDS)}", lambda value: isinstance(value, str) and value in KINDS),
    "missing": ("a count", is_count),
    "categories": ("distinct texts", is_names),
    "merged": ("distinct texts", is_names),
    "format": ("a format of numbers", is_format),
    "parts": ("parts of a date", lambda value: is_names(value) and set(value) <= set(PARTS)),
    "pattern": ("a format of dates", lambda value: isinstance(value, str) and value in ("", *PATTERNS)),
    "words": ("distinct texts", is_names),
    "size": (f"a count up to {MAX_SIZE}", lambda value: is_count(value) and value <= MAX_SIZE),
}
TRUTHS = ({"TRUE", "True", "true"}, {"FALSE", "False", "false"})
LAYOUT_RULES = {
    "columns": ("a list of at least one column", lambda value: isinstance(value, list) and len(value) > 0),
    "left_out": ("pairs of a column and a reason", is_pairs),
    "rows": ("a count", is_count),
    "width": ("a count", is_count),
}


@dataclass(frozen=True)
class LayoutRules:
    """Kinds of columns that are used, as versions of the defaults differ in them.

    `dates` become a trend and parts of the calendar. `encode` gives columns of more than 30 categories the mean of
    the target and the frequency of each, instead of merging the rare ones. `words` uses free text. All are learned
    from the training rows of each fold.
    """

    dates: bool = False
    encode: bool = False
    words: bool = False
    outputs: int = 1
    """The number of means of the target for each category: 1, or one for each of several classes or targets."""


@dataclass(frozen=True)
class Column:
    """One column that is used. `kind` is one of `KINDS`; `missing` counts its missing cells.

    A number becomes one feature, and a second one, 0 or 1, where cells are missing. A text becomes one feature, 0 or
    1, for each of `categories`; those in `merged` count as the category `(other)`, a missing cell as `(missing)`.
    A date becomes the features `parts`, an encoded column `size` means of the target and a frequency, and free text
    (`words`) `size` weights of terms or of directions.
    """

    name: str
    kind: str
    missing: int
    categories: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    format: NumberFormat = field(default=PLAIN, repr=False)
    """How its numbers are written in text; not part of a study's identity, which has the numbers themselves."""
    parts: tuple[str, ...] = field(default=(), repr=False)
    pattern: str = field(default="", repr=False)
    """The format of dates in text; "" for others."""
    size: int = field(default=0, repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)
    """Words such as `NA` that are categories of an encoded column; in other columns they mean a missing cell."""

    @property
    def indicator(self) -> bool:
        """True for a number or a date with an indicator of its missing cells."""
        return self.kind in ("number", "date") and self.missing > 0

    @property
    def standardised(self) -> tuple[bool, ...]:
        """True for each of its features that is a number to standardise."""
        absent = (False,) * self.indicator
        if self.kind == "date":
            return (*standardised(self.parts), *absent)
        return (True, *absent) if self.kind == "number" else (self.kind == "encoded",) * len(self.features)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        if self.kind == "text":
            return tuple(f"{self.name}={category}" for category in self.categories)
        if self.kind == "words":
            return tuple(f"{self.name} feature {number}" for number in range(1, self.size + 1))
        absent = (f"{self.name} {ABSENT}",) * self.indicator
        if self.kind == "date":
            return (*(f"{self.name} {part}" for part in self.parts), *absent)
        if self.kind == "encoded":
            means = [f"{self.name} mean {number}" for number in range(1, self.size + 1)]
            return (*(means if self.size > 1 else [f"{self.name} mean"]), f"{self.name} frequency")
        return (self.name, *absent)

    @property
    def positions(self) -> dict[str, int]:
        """Index of the feature that each category of a text column turns on."""
        indices = {label: index for index, label in enumerate(self.categories)}
        spellings = {}
        if set().union(*TRUTHS) >= set(indices) - {ABSENT}:
            spellings = {same: indices[label] for truth in TRUTHS for label in truth & set(indices) for same in truth}
        other = cast(int, indices.get(OTHER))  # exists if categories are merged
        return {**dict.fromkeys(self.merged, other), **spellings, **indices}

    def sentence(self, rows: int) -> str:
        """Describe the use of the column in one line."""
        gap = f"{self.missing} of {rows} missing"
        filled = f"{gap}, median of the training rows put in, with an indicator column"
        if self.kind == "number":
            return f"`{self.name}`: {filled if self.missing else 'number'}"
        if self.kind == "date":
            days = [part for part in self.parts if standardised((part,))[0]] + ["weekday"] * ("Monday" in self.parts)
            return f"`{self.name}`: date, used as {', '.join(days)}{f'; {filled}' if self.missing else ''}"
        absent = f", {gap}, a category of their own" if self.missing else ""
        if self.kind == "encoded":
            return (
                f"`{self.name}`: text of many categories, used as the mean of the target and the frequency of each in "
                f"the training rows of a fold{absent}"
            )
        if self.kind == "words":
            empty = f"; {gap}, without a word" if self.missing else ""
            return f"`{self.name}`: free text, up to {self.size} features from TF-IDF of words and pairs{empty}"
        count = len(self.categories) - (ABSENT in self.categories) - bool(self.merged)
        rare = f", the {count} most frequent of {count + len(self.merged)} categories, the others as one"
        return f"`{self.name}`: text{rare if self.merged else f', {count} categories'}{absent}{self._numeric()}"

    def _numeric(self) -> str:
        """Say that most categories are numbers, which lose their order as categories."""
        labels = [*(set(self.categories) - {ABSENT, OTHER}), *self.merged]
        numeric = [label for label in labels if looks_like_number(label)]
        if len(numeric) <= len(labels) / 2:
            return ""
        others = sorted(set(labels) - set(numeric))
        advice = f"; for a number, leave {', '.join(map(short_repr, others[:3]))} empty" if others else ""
        return f" ({len(numeric)} of them are numbers{advice})"


@dataclass(frozen=True)
class Layout:
    """Features that a table gives, in order; the same in every fold. `left_out` pairs a column with the reason.

    It holds names, kinds and categories of a table of `rows` rows, and no statistics of them.
    """

    columns: tuple[Column, ...]
    left_out: tuple[tuple[str, str], ...]
    rows: int
    width: int = field(default=0, repr=False)
    """Columns of the table with the target and all others, to number those of a file without names; 0 for unknown."""

    @property
    def features(self) -> tuple[str, ...]:
        """The names of all features."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that hold text."""
        return tuple(column.name for column in self.columns if column.kind in ("text", "encoded", "words"))

    @property
    def learns_target(self) -> bool:
        """True if the preparation needs the target of its training rows."""
        return any(column.kind == "encoded" for column in self.columns)

    @property
    def numbers(self) -> Int[np.ndarray, "number"]:
        """The positions of the features to standardise: numbers, and those of dates and encoded columns."""
        return np.flatnonzero([flag for column in self.columns for flag in column.standardised])

    def sentences(self) -> list[str]:
        """Describe the use of each column: the used ones, then those left out."""
        used = [column.sentence(self.rows) for column in self.columns]
        return used + [f"`{name}`: left out, {reason}" for name, reason in self.left_out]

    def summary(self) -> str:
        """Count the columns by kind, and name those left out, in one line.

        >>> Layout((Column("a", "number", 0), Column("b", "number", 2)), (("id", "numbers its rows"),), 9).summary()
        '2 number columns (1 with missing cells); left out: id'
        """
        parts = []
        for kind, words in KINDS.items():
            columns = [column for column in self.columns if column.kind == kind]
            gaps = sum(column.missing > 0 for column in columns)
            missing = f" ({gaps} with missing cells)" if gaps else ""
            parts += [f"{len(columns)} {words} column{'s' * (len(columns) != 1)}{missing}"] if columns else []
        names = [f"{name:.40}" for name, _ in self.left_out]
        more = f" and {len(names) - MAX_LEFT_OUT} more" if len(names) > MAX_LEFT_OUT else ""
        left_out = f"; left out: {', '.join(names[:MAX_LEFT_OUT])}{more}" if names else ""
        return f"{', '.join(parts)}{left_out}"

    def to_json(self) -> dict[str, object]:
        """The layout as strict JSON."""
        columns = [_column_to_json(column) for column in self.columns]
        width = {"width": self.width} if self.width else {}
        return {"columns": columns, "left_out": [list(pair) for pair in self.left_out], "rows": self.rows, **width}

    @staticmethod
    def from_json(content: object) -> "Layout":
        """The layout that `to_json` wrote; `InputError` names the entry that cannot be one."""
        content = {"width": 0, **content} if isinstance(content, Mapping) else content
        fields = saved(content, "layout", LAYOUT_RULES)
        columns = tuple(_column_from_json(column) for column in fields["columns"])
        names = [column.name for column in columns]
        if len(set(names)) < len(names):
            raise InputError(f"Expected distinct column names in the saved layout, got {names!r:.200}. {DAMAGED}")
        return Layout(columns, tuple(map(tuple, fields["left_out"])), fields["rows"], fields["width"])


def find_layout(
    table: pd.DataFrame,
    target: str | None = None,
    formats: Mapping[str, NumberFormat] | None = None,
    rules: LayoutRules = LayoutRules(),
    keep: Collection[str] = (),
) -> Layout:
    """Decide once, from all rows that will be cut into folds, what each column but `target` becomes.

    Left out, with the reason: columns that are entirely missing or constant; dates; ids. An id is a column of whole
    numbers or text named id, index, row or Unnamed: 0; whole numbers that all differ and either are named like
    `customer_id` or, none missing, rise or fall along the table's index in small steps (they fill half of their
    range); text of which at least 90 % of the values differ (all of them below 20 rows).

    A text column keeps its 30 most frequent categories and merges the others. `formats` are those in which numbers
    were written where the table comes from, to read new rows in the same way. `rules` use dates, free text and many
    categories. Columns of `keep` are never left out.

    Errors: `InputError` for a number that is not finite, for a column of many texts of which nine in ten are numbers
    (a slip in one cell), and where no column is left.

    >>> table = pd.DataFrame({"id": [1, 2, 3], "a": ["x", "y", "x"], "b": [0.5, None, 2]})
    >>> find_layout(table).features
    ('a=x', 'a=y', 'b', 'b (missing)')
    """
    formats = formats or {}
    inputs = [name for name in table.columns if name != target]
    choices = {name: _choice(table[name], formats.get(name, PLAIN), rules, name in keep) for name in inputs}
    columns = tuple(choice for choice in choices.values() if isinstance(choice, Column))
    left_out = tuple((name, choice) for name, choice in choices.items() if isinstance(choice, str))
    if not columns:
        listed = "; ".join(f"{name!r:.80}: {reason}" for name, reason in left_out[:5])
        listed += f"; and {len(left_out) - 5} more" if len(left_out) > 5 else ""
        raise InputError(
            f"Expected at least one column to predict from, got none that can be used ({listed}). "
            f"{_way_on(left_out, target)}"
        )
    return Layout(columns, left_out, len(table))


def _choice(column: pd.Series, number_format: NumberFormat, rules: LayoutRules, keep: bool) -> Column | str:
    """Return what a column becomes, or the reason to leave it out; with `keep` it never is."""
    reason = None if keep else reason_to_leave(column)
    if reason == DATES and rules.dates:
        return _date_column(column)
    if rules.words and (reason is None or reason.startswith((UNLIKE, NEARLY))):
        labels = labels_of(column.dropna()) if kind_of(column) == "text" else np.array([])
        if len(set(labels)) > MOST_CATEGORIES and is_free_text(labels):
            return Column(column.name, "words", int(column.isna().sum()), size=feature_count(len(column)))
    return reason or _column(column, number_format, rules)


def _date_column(column: pd.Series) -> Column | str:
    """Return a column of dates, or the reason why they cannot be used."""
    try:
        pattern = date_pattern(column)
        parts = varying_parts(read_dates(column, pattern))
    except InputError as error:
        return str(error)
    return Column(column.name, "date", int(column.isna().sum()), parts=parts, pattern=pattern) if parts else DATES


def _way_on(left_out: Sequence[tuple[str, str]], target: str | None) -> str:
    """Say which columns can be added to a table of dates, or in general."""
    dated = [name for name, reason in left_out if reason == DATES]
    if not dated:
        return "Add a column that is related to the target."
    date, goal = dated[0], target or "target"
    return (
        f"Predict a series from its past: table['{goal} 1 before'] = table[{goal!r}].shift(1), and from "
        f"the date: table['month'] = pandas.to_datetime(table[{date!r}]).dt.month."
    )


def _column(column: pd.Series, number_format: NumberFormat, rules: LayoutRules) -> Column:
    missing = int(column.isna().sum())
    if kind_of(column) == "number":
        return Column(column.name, "number", missing, format=number_format)
    counts = Counter(labels_of(column, ABSENT))
    if rules.encode and len(counts) - (ABSENT in counts) > MOST_CATEGORIES:
        words = tuple(sorted(set(counts) & MISSING))
        return Column(column.name, "encoded", missing, size=rules.outputs, words=words)
    absent = [ABSENT] if counts.pop(ABSENT, 0) else []
    by_count = sorted(counts, key=lambda label: (label == OTHER, -counts[label], label))
    frequent, merged = sorted(by_count[:MOST_CATEGORIES]), sorted(by_count[MOST_CATEGORIES:])
    rest = [OTHER] if merged else []
    return Column(column.name, "text", missing, (*frequent, *rest, *absent), tuple(x for x in merged if x != OTHER))


PLAIN_COLUMN = {"format": PLAIN.to_json(), "parts": [], "pattern": "", "size": 0, "words": []}
"""The entries of a saved column that are not written."""


def _column_to_json(column: Column) -> dict[str, Any]:
    """Return a column as strict JSON, without what `PLAIN_COLUMN` has."""
    content = {**asdict(column), "categories": list(column.categories), "merged": list(column.merged)}
    extra = {"format": column.format.to_json(), "parts": list(column.parts)}
    extra |= {"pattern": column.pattern, "size": column.size, "words": list(column.words)}
    used = {name: value for name, value in extra.items() if value != PLAIN_COLUMN[name]}
    return {name: value for name, value in content.items() if name not in extra} | used


def _column_from_json(content: object) -> Column:
    if isinstance(content, Mapping):
        content = {**PLAIN_COLUMN, **content}
    fields = saved(content, "column", COLUMN_RULES)
    lists = (tuple(fields["categories"]), tuple(fields["merged"]))
    number_format, parts = NumberFormat(**fields["format"]), tuple(fields["parts"])
    named = (fields["name"], fields["kind"], fields["missing"])
    column = Column(*named, *lists, number_format, parts, fields["pattern"], fields["size"], tuple(fields["words"]))
    fits = bool(column.categories) == (column.kind == "text") and (not column.merged or OTHER in column.categories)
    fits = fits and bool(parts) == (column.kind == "date")
    fits = fits and (not column.words or column.kind == "encoded")
    fits = fits and bool(column.size) == (column.kind in ("encoded", "words"))
    if not fits or set(column.merged) & set(column.categories):
        raise InputError(
            f"Expected categories that fit the kind {column.kind!r} of the saved column {column.name!r:.80}, "
            f"got {lists[0]!r:.200} with {lists[1]!r:.200} merged. {DAMAGED}"
        )
    return column

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
from bridle.tables._column_selection import DATES, MOST_CATEGORIES, reason_to_leave
from bridle.tables._columns import kind_of, labels_of
from bridle.tables._number_format import PLAIN, NumberFormat, is_format, looks_like_number

ABSENT, OTHER = "(missing)", "(other)"
MAX_LEFT_OUT = 5
"""The most columns left out that a summary names."""
COLUMN_RULES = {
    "name": ("a column name", lambda value: isinstance(value, str)),
    "kind": ("'number' or 'text'", lambda value: value in ("number", "text")),
    "missing": ("a count", is_count),
    "categories": ("distinct texts", is_names),
    "merged": ("distinct texts", is_names),
    "format": ("a format of numbers", is_format),
}
TRUTHS = ({"TRUE", "True", "true"}, {"FALSE", "False", "false"})
LAYOUT_RULES = {
    "columns": ("a list of at least one column", lambda value: isinstance(value, list) and len(value) > 0),
    "left_out": ("pairs of a column and a reason", is_pairs),
    "rows": ("a count", is_count),
    "width": ("a count", is_count),
}


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
    format: NumberFormat = field(default=PLAIN, repr=False)
    """How its numbers are written in text; not part of a study's identity, which has the numbers themselves."""

    @property
    def indicator(self) -> bool:
        """True for a number with an indicator of its missing cells."""
        return self.kind == "number" and self.missing > 0

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        if self.kind == "text":
            return tuple(f"{self.name}={category}" for category in self.categories)
        return (self.name, f"{self.name} {ABSENT}") if self.indicator else (self.name,)

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
        if self.kind == "number":
            filled = f"{gap}, median of the training rows put in, with an indicator column"
            return f"`{self.name}`: {filled if self.missing else 'number'}"
        count = len(self.categories) - (ABSENT in self.categories) - bool(self.merged)
        rare = f", the {count} most frequent of {count + len(self.merged)} categories, the others as one"
        absent = f", {gap}, a category of their own" if self.missing else ""
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
        return tuple(column.name for column in self.columns if column.kind == "text")

    @property
    def numbers(self) -> Int[np.ndarray, "number"]:
        """The positions of the numbers, which are the features to standardise."""
        widths = [len(column.features) for column in self.columns]
        is_number = np.array([column.kind == "number" for column in self.columns], dtype=bool)
        return (np.cumsum(widths) - widths)[is_number]

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
        for kind in ("number", "text"):
            columns = [column for column in self.columns if column.kind == kind]
            gaps = sum(column.missing > 0 for column in columns)
            missing = f" ({gaps} with missing cells)" if gaps else ""
            parts += [f"{len(columns)} {kind} column{'s' * (len(columns) != 1)}{missing}"] if columns else []
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
    keep: Collection[str] = (),
) -> Layout:
    """Decide once, from all rows that will be cut into folds, what each column but `target` becomes.

    Left out, with the reason: columns that are entirely missing or constant; dates; ids. An id is a column of whole
    numbers or text named id, index, row or Unnamed: 0; whole numbers that all differ and either are named like
    `customer_id` or, none missing, rise or fall along the table's index in small steps (they fill half of their
    range); text of which at least 90 % of the values differ (all of them below 20 rows).

    A text column keeps its 30 most frequent categories and merges the others. `formats` are those in which numbers
    were written where the table comes from, to read new rows in the same way. Columns of `keep` are never left out.

    Errors: `InputError` for a number that is not finite, for a column of many texts of which nine in ten are numbers
    (a slip in one cell), and where no column is left.

    >>> table = pd.DataFrame({"id": [1, 2, 3], "a": ["x", "y", "x"], "b": [0.5, None, 2]})
    >>> find_layout(table).features
    ('a=x', 'a=y', 'b', 'b (missing)')
    """
    inputs = [table[name] for name in table.columns if name != target]
    reasons = {column.name: None if column.name in keep else reason_to_leave(column) for column in inputs}
    formats = formats or {}
    columns = tuple(
        _column(column, formats.get(column.name, PLAIN)) for column in inputs if reasons[column.name] is None
    )
    left_out = tuple((name, reason) for name, reason in reasons.items() if reason)
    if not columns:
        listed = "; ".join(f"{name!r:.80}: {reason}" for name, reason in left_out[:5])
        listed += f"; and {len(left_out) - 5} more" if len(left_out) > 5 else ""
        raise InputError(
            f"Expected at least one column to predict from, got none that can be used ({listed}). "
            f"{_way_on(left_out, target)}"
        )
    return Layout(columns, left_out, len(table))


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


def _column(column: pd.Series, number_format: NumberFormat) -> Column:
    missing = int(column.isna().sum())
    if kind_of(column) == "number":
        return Column(column.name, "number", missing, format=number_format)
    counts = Counter(labels_of(column, ABSENT))
    absent = [ABSENT] if counts.pop(ABSENT, 0) else []
    by_count = sorted(counts, key=lambda label: (label == OTHER, -counts[label], label))
    frequent, merged = sorted(by_count[:MOST_CATEGORIES]), sorted(by_count[MOST_CATEGORIES:])
    rest = [OTHER] if merged else []
    return Column(column.name, "text", missing, (*frequent, *rest, *absent), tuple(x for x in merged if x != OTHER))


def _column_to_json(column: Column) -> dict[str, Any]:
    """A column as strict JSON; the format of plain numbers is not written."""
    content = {**asdict(column), "categories": list(column.categories), "merged": list(column.merged)}
    del content["format"]
    return content if column.format == PLAIN else {**content, "format": column.format.to_json()}


def _column_from_json(content: object) -> Column:
    if isinstance(content, Mapping):
        content = {"format": PLAIN.to_json(), **content}
    fields = saved(content, "column", COLUMN_RULES)
    lists = (tuple(fields["categories"]), tuple(fields["merged"]))
    column = Column(fields["name"], fields["kind"], fields["missing"], *lists, NumberFormat(**fields["format"]))
    fits = bool(column.categories) == (column.kind == "text") and (not column.merged or OTHER in column.categories)
    if not fits or set(column.merged) & set(column.categories):
        raise InputError(
            f"Expected categories that fit the kind {column.kind!r} of the saved column {column.name!r:.80}, "
            f"got {lists[0]!r:.200} with {lists[1]!r:.200} merged. {DAMAGED}"
        )
    return column

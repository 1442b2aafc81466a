"""Formats of numbers in text cells: decimal sign, thousands separator, currency or percent sign."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

LONGEST = 60
"""Characters of a cell that can be a formatted number."""
ALIKE = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "’": "'", "‘": "'", "−": "-"})
UNIT = r"%|[$¢£¥€₹₽₩₺₫₪฿]|(?:US|R|A|C|CA|AU|NZ|HK|S)\$|USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|BRL|kr|zł"
CELL = re.compile(
    rf"(?P<sign>[-+]?) ?(?P<before>{UNIT})? ?(?P<inner>[-+]?)(?P<body>[\d.,][\d.,' ]*(?:[eE][-+]?\d+)?)"
    rf" ?(?P<after>{UNIT})?",
    re.ASCII,
)
OTHER = {".": ",", ",": "."}


@dataclass(frozen=True)
class Cell:
    """A formatted number in its parts: is it negative, its unit, and its digits with their signs."""

    negative: bool
    unit: str
    body: str


@dataclass(frozen=True)
class NumberFormat:
    """Format of a column of numbers: `decimal` sign, `thousands` separator ("" for none), `unit` ("" for none).

    >>> NumberFormat(",", ".").read("4.123,45"), NumberFormat(unit="$").read("-$0.5"), NumberFormat().read("1,5")
    (4123.45, -0.5, None)
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    def read(self, cell: str) -> float | None:
        """Return the number in a cell, or None if the cell is not written in this format.

        Without a thousands separator, those are read as well that no decimal sign can be mistaken for: `1,234.5`.
        """
        parts = _parts(cell)
        if parts is None or (parts.unit != self.unit and (parts.unit or self.unit == "%")):
            return None
        alone = formats_of([parts.body])
        clear = bool(alone) and all(form.decimal == self.decimal for form in alone)
        thousands = alone[0].thousands if clear and not self.thousands else self.thousands
        if not _pattern(self.decimal, thousands).fullmatch(parts.body):
            return None
        digits = parts.body.replace(thousands, "") if thousands else parts.body
        value = float(digits.replace(self.decimal, "."))
        return -value if parts.negative else value

    def read_all(self, cells: pd.Series) -> pd.Series:
        """Return the numbers of text cells as float64, NaN for a cell that is missing or in another format."""
        plain = pd.to_numeric(cells, errors="coerce") if self == PLAIN else pd.Series(np.nan, cells.index)
        left = cells[plain.isna() & cells.notna()]
        numbers = {cell: self.read(str(cell)) for cell in left.unique()}
        return plain.fillna(cells.map(numbers).astype(float)) if len(left) else plain.astype(float)

    def expected(self) -> str:
        """Say what a cell should hold; what differs from Python's own format is named."""
        text = "numbers" if self.decimal == "." else "numbers with a decimal comma"
        text += f", thousands separated by {self.thousands!r}," if self.thousands else ""
        return f"{text} in {self.unit}" if self.unit else text

    def to_json(self) -> dict[str, str]:
        """Return the format as strict JSON."""
        return {"decimal": self.decimal, "thousands": self.thousands, "unit": self.unit}


PLAIN = NumberFormat()


def is_format(value: object) -> bool:
    """Check for a dictionary that `NumberFormat.to_json` may have written."""
    return (
        isinstance(value, Mapping)
        and set(value) == {"decimal", "thousands", "unit"}
        and value["decimal"] in (".", ",")
        and value["thousands"] in ("", " ", "'", OTHER[value["decimal"]])
        and isinstance(value["unit"], str)
    )


def looks_like_number(cell: str) -> bool:
    """Check for a number in any format.

    >>> [looks_like_number(cell) for cell in ("1.5", "4.123,45", "$1,006", "40.7%", "1.2.3", "n/k", "")]
    [True, True, True, True, False, False, False]
    """
    parts = _parts(cell)
    return parts is not None and any(_pattern(*signs).fullmatch(parts.body) for signs in _signs())


def formats_of(cells: Iterable[str]) -> list[NumberFormat]:
    """Return every format in which all cells can be read: none for text, two where the cells leave it open.

    >>> [(f.decimal, f.thousands) for f in formats_of(["20,038", "19,456"])]
    [('.', ','), (',', '')]
    """
    parts = []
    for cell in cells:
        part = _parts(cell)
        if part is None:
            return []
        parts.append(part)
    units = {part.unit for part in parts}
    if len(units - {""}) > 1 or units == {"", "%"}:
        return []
    unit = max(units, default="")
    signs = [pair for pair in _signs() if all(_pattern(*pair).fullmatch(part.body) for part in parts)]
    plain = {decimal for decimal, thousands in signs if not thousands}
    return [NumberFormat(*pair, unit) for pair in signs if not pair[1] or pair[0] not in plain]


def choose_formats(
    columns: Mapping[str, list[NumberFormat]], decimal: str | None, default: str
) -> dict[str, tuple[NumberFormat, bool]]:
    """Choose one format for each column that has any, and tell whether nothing but `default` decided.

    A column that can be read with one decimal sign only shows the convention of the table. Where such columns
    disagree, or there are none, it is `default`; `decimal` overrules both.

    >>> choose_formats({"a": formats_of(["4,5"]), "b": formats_of(["20,038"])}, None, ".")["b"]
    (NumberFormat(decimal=',', thousands='', unit=''), False)
    """
    signs = {formats[0].decimal for formats in columns.values() if len({form.decimal for form in formats}) == 1}
    convention = decimal or (signs.pop() if len(signs) == 1 else None)
    choices = {}
    for name, formats in columns.items():
        fitting = [form for form in formats if form.decimal == (convention or default)] or formats
        if fitting:
            ambiguous = len(formats) > 1 and any(form.thousands in OTHER for form in formats)
            choices[name] = fitting[0], ambiguous and convention is None
    return choices


def example(names: Sequence[str], cell: str, form: NumberFormat, ambiguous: bool) -> str:
    """Say how a cell of some columns is read, and how to have it read otherwise where that is open.

    >>> example(["price"], "$1,006", NumberFormat(".", ",", "$"), False)
    "`price`: '$1,006' is read as 1006."
    """
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    sentence = f"`{names[0]}`{more}: {cell!r:.40} is read as {form.read(cell):.15g}"
    if not ambiguous:
        return f"{sentence}."
    alternative = OTHER[form.decimal]
    change = f"--decimal {alternative} (decimal={alternative!r}) changes that."
    return f"{sentence}, since no other column shows the decimal sign; {change}"


def _parts(cell: str) -> Cell | None:
    """Split a cell into sign, unit and digits; None for anything but a formatted number."""
    if len(cell) > LONGEST:
        return None
    text = cell.translate(ALIKE).strip()
    bracketed = text.startswith("(") and text.endswith(")")
    match = CELL.fullmatch(text[1:-1] if bracketed else text)
    if match is None:
        return None
    signs, units = match["sign"] + match["inner"] + "-" * bracketed, [match["before"], match["after"]]
    if len(signs) > 1 or all(units):
        return None
    return Cell(signs == "-", units[0] or units[1] or "", match["body"].strip())


def _signs() -> list[tuple[str, str]]:
    """List all pairs of a decimal sign and a thousands separator."""
    return [(decimal, thousands) for decimal in OTHER for thousands in ("", OTHER[decimal], " ", "'")]


@cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    """Build the pattern of digits; groups have three digits, or two before the last three as in India."""
    point, comma = re.escape(decimal), re.escape(thousands)
    groups = rf"|[1-9]\d{{0,2}}(?:{comma}\d{{3}})+|[1-9]\d?(?:{comma}\d\d)+{comma}\d{{3}}" if thousands else ""
    return re.compile(rf"(?:(?:\d+{groups})(?:{point}\d+)?|{point}\d+)(?:[eE][-+]?\d+)?", re.ASCII)

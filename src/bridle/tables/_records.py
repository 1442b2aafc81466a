"""Records of a text file: how its cells are separated, each row as a list of cells, and which cells are missing."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from itertools import islice

import pandas as pd

from bridle._errors import InputError
from bridle.tables._number_format import looks_like_number

SEPARATORS = (",", ";", "\t", "|")
SPACES = " "
"""Cells separated by any number of spaces or tabs."""
FIRST = 20
"""Records that decide how cells are separated."""


def find_separator(content: str) -> str:
    """Return the separator that cuts the first records into the same number of cells.

    Of several, the one that leaves the fewest cells with another separator in them, then the one with most cells.
    Spaces separate where no other separator does, or where what stands between them are numbers alone.
    """
    first = "\n".join(islice(content.lstrip("\r\n").splitlines(), 5 * FIRST))
    cuts = {separator: _cut(first, separator) for separator in SEPARATORS}
    fit = {separator: cells for separator, cells in cuts.items() if cells}
    best = max(fit, key=lambda separator: (_clean(fit[separator], separator), len(fit[separator][0])), default="")
    spaced = _cut(as_spaced(first), SPACES)
    if spaced and (not best or _cuts_numbers(fit[best])) and _has_numbers(spaced):
        return SPACES
    return best or ","


def as_spaced(content: str) -> str:
    """Return the text with one space between cells that any number of spaces and tabs separate."""
    return "\n".join(line.replace("\t", " ").strip() for line in content.splitlines())


def read_records(content: str, separator: str, where: str, width: int = 0, line: int = 1) -> Iterator[list[str]]:
    """Yield the header and then each row, cells stripped; a row of another length than the header is refused.

    A part of a file has a `width` already, and begins at its `line`.
    """
    content = as_spaced(content) if separator == SPACES else content
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    first = line - 1
    try:
        for record in reader:
            cells = [cell.strip() for cell in record]
            if len(cells) > 1 or any(cells):
                width = width or len(cells)
                if len(cells) != width:
                    raise InputError(
                        f"Expected as many cells in each row of {where} as the first line has, {width}, "
                        f"got {len(cells)} in line {line} ({separator.join(cells)!r:.60}). "
                        f'Add or remove cells; put "…" around a cell that holds {separator!r}.'
                    )
                yield cells
            line = first + reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"Expected a table in {where}, got a row that cannot be read from line {line}: {error}. "
            "Look at its quotation marks."
        ) from None


def first_record_lines(content: str, separator: str) -> int:
    """Return the number of lines up to the end of the first record that is not blank."""
    content = as_spaced(content) if separator == SPACES else content
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, skipinitialspace=True)
    return next((reader.line_num for record in reader if any(cell.strip() for cell in record)), 0)


def _cut(content: str, separator: str) -> list[list[str]]:
    """Return the first records, or none where they have different numbers of cells, or one cell only."""
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        records = [record for record in islice(reader, FIRST) if record]
    except csv.Error:
        return []
    widths = {len(record) for record in records}
    return records if len(widths) == 1 and widths != {1} else []


def _clean(records: list[list[str]], separator: str) -> float:
    """Return the share of cells that hold no other separator; a number may hold its decimal comma."""
    others = set(SEPARATORS) - {separator}
    cells = [cell for record in records for cell in record]
    return sum(looks_like_number(cell) or not others & set(cell) for cell in cells) / len(cells)


def _cuts_numbers(records: list[list[str]]) -> bool:
    """Check for cells such as `5 2` that spaces would cut into numbers, in every row."""
    return all(any(re.search(r"\d +[-+]?\d", cell) and not looks_like_number(cell) for cell in row) for row in records)


def _has_numbers(records: list[list[str]]) -> bool:
    """Check for a column of numbers below the first record; cells that count as missing tell nothing."""
    columns = [set(column[1:] or column) - MISSING for column in zip(*records, strict=True)]
    return any(column and all(map(looks_like_number, column)) for column in columns)


WORDS = frozenset({"NA", "NaN", "nan", "NULL", "null", "None"})
"""Words that programs write for a missing cell, and people for a category."""
MISSING = WORDS | {"", "?", "N/A", "n/a", "#N/A", "<NA>"}
"""Cells of a text file that count as missing, after spaces around them are taken off."""
TITLE = re.compile(r"[A-Z][a-z]+([ /-][A-Za-z]+)*")


def mask_missing(cells: pd.Series, categories: Collection[str] = ()) -> pd.Series:
    """Return text cells with NaN for missing ones; a word that is among `categories` is not."""
    return cells.mask(cells.isin(MISSING - set(categories)))


def words_as_categories(cells: pd.Series) -> set[str]:
    """Return the words of a text column that are one of its categories.

    `NA` (or another of `WORDS`) is one where all other cells are codes of the same length and case, as `DE` and `FR`;
    `None` also among words that begin with a capital letter.

    >>> words_as_categories(pd.Series(["DE", "NA", ""])), words_as_categories(pd.Series(["MALE", "NA"]))
    ({'NA'}, set())
    """
    distinct = set(cells.unique())
    words, others = distinct & WORDS, distinct - MISSING
    return {word for word in words if others and _is_category(word, others)}


def _is_category(word: str, others: Collection[str]) -> bool:
    if all(_shape(cell) == _shape(word) for cell in others):
        return True
    return word == "None" and all(TITLE.fullmatch(cell) for cell in others)


def _shape(text: str) -> str:
    """Return the case of each character."""
    return "".join("A" if letter.isupper() else "a" if letter.islower() else "." for letter in text)

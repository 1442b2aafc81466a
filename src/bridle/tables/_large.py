"""Large text files, read in blocks: numbers are parsed as they are read, and only text stays text."""

import io
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

import numpy as np
import pandas as pd

from bridle._errors import InputError
from bridle.tables._formats import SAVE_AS_CSV
from bridle.tables._records import MISSING, SPACES, as_spaced, read_records
from bridle.tables._table import plain_formats

BLOCK_LINES = 50_000
SAMPLE = 5000
"""Rows that tell which columns hold numbers."""
QUOTE = '"'
Opener = Callable[[], BinaryIO]


@dataclass(frozen=True)
class Lines:
    """Lines of a text file and how its cells are separated; `width` is the number of columns.

    `skip` lines have the names.
    """

    open: Opener
    encoding: str
    separator: str
    width: int
    skip: int
    where: str
    block: int = BLOCK_LINES

    def blocks(self) -> Iterator[str]:
        """Yield blocks of whole records as text, blank ones left out, after checking the number of their cells.

        Errors: those of `read_records`; `InputError` for binary content; `UnicodeDecodeError` in another encoding.
        """
        with self.open() as raw, io.TextIOWrapper(raw, self.encoding, newline="") as stream:
            number = 1 + sum(1 for _ in islice(stream, self.skip))
            while lines := list(islice(stream, self.block)):
                if number == 1:
                    lines[0] = lines[0].removeprefix("\ufeff")
                if self.separator == SPACES:
                    lines = [f"{as_spaced(line)}\n" for line in lines]
                if not self._is_plain(lines):
                    lines += self._rest_of_record(lines, stream)
                    text = "".join(self._checked(lines, number))
                else:
                    text = "".join(lines)
                number += len(lines)
                if text:
                    yield text

    def _is_plain(self, lines: Sequence[str]) -> bool:
        """Check for lines of whole records, none blank, each with as many cells as the table has columns."""
        between, blank = self.width - 1, f"{self.separator} \t\r\n"
        for line in lines:
            bare = line if QUOTE not in line else self._outside_quotes(line)
            if bare is None or bare.count(self.separator) != between or "\0" in line or not line.strip(blank):
                return False
        return True

    def _outside_quotes(self, line: str) -> str | None:
        """Return a line without its quoted cells; None unless each quoted text is a whole cell within the line."""
        parts = line.split(QUOTE)
        if len(parts) % 2 == 0:
            return None
        first, *between, last = parts[::2]
        begins = not first.rstrip(" ") or first.rstrip(" ").endswith(self.separator)
        whole = all(
            part == "" or (part.startswith(self.separator) and part.rstrip(" ").endswith(self.separator))
            for part in between
        )
        ends = last.startswith(self.separator) or not last.strip("\r\n")
        return "".join(parts[::2]) if begins and whole and ends else None

    def _rest_of_record(self, lines: Sequence[str], stream: io.TextIOWrapper) -> list[str]:
        """Return the further lines of a record whose quoted cell goes on after the last of these lines."""
        is_open = sum(line.count(QUOTE) for line in lines) % 2 == 1
        rest: list[str] = []
        while is_open and (line := stream.readline()):
            rest.append(line)
            is_open = line.count(QUOTE) % 2 == 0
        return rest

    def _checked(self, lines: list[str], number: int) -> list[str]:
        """Return the lines of the records that are not blank, written again; `number` is that of the first line."""
        content = "".join(lines)
        if "\0" in content:
            line = number + content.count("\n", 0, content.index("\0"))
            raise InputError(
                f"Expected a table of text in {self.where}, got binary content in line {line}. {SAVE_AS_CSV}"
            )
        records = read_records(content, self.separator, self.where, self.width, number)
        return [self._line(record) for record in records]

    def _line(self, record: Sequence[str]) -> str:
        """Return a record as one line; line breaks in cells stay in quotes."""
        quoted = [QUOTE + cell.replace(QUOTE, QUOTE * 2) + QUOTE for cell in record]
        return f"{self.separator.join(quoted)}\n"


@dataclass
class _Column:
    """Cells of a column by blocks: numbers while all are numbers, else text."""

    is_text: bool
    parts: list[pd.Series] = field(default_factory=list)


def read_large(
    lines: Lines, names: Sequence[str], text: Collection[str]
) -> tuple[dict[str, pd.Series], dict[str, pd.Series]]:
    """Read a text file in blocks.

    Args:
        lines: the file.
        names: the names of its columns.
        text: columns that stay text.

    Returns: the columns of plain numbers, NaN where a cell is missing; and the other columns as text.

    Errors: those of `Lines.blocks`.

    """
    columns, late = _read_pass(lines, names, set(text), range(len(names)))
    if late:
        positions = [index for index, name in enumerate(names) if name in late]
        columns |= _read_pass(lines, names, late, positions)[0]
    joined = {name: pd.concat(column.parts, ignore_index=True) for name, column in columns.items() if column.parts}
    numbers = {name: values for name, values in joined.items() if not columns[name].is_text}
    return numbers, {name: values for name, values in joined.items() if name not in numbers}


def _read_pass(
    lines: Lines, names: Sequence[str], text: set[str], positions: Sequence[int]
) -> tuple[dict[str, _Column], set[str]]:
    """Read the columns at some positions; return them, and the names of those that turned out to be text too late."""
    columns: dict[str, _Column] = {}
    late: set[str] = set()
    for block in lines.blocks():
        if not columns:
            first = _parse(lines, block, names, positions, set(names), SAMPLE)
            columns = {name: _Column(name in text or not _is_plain_number(first[name])) for name in first}
        as_text = {name for name, column in columns.items() if column.is_text}
        frame = _parse(lines, block, names, positions, as_text)
        for name in columns:
            if name in late:
                continue
            if name in as_text:
                columns[name].parts.append(frame[name].astype("str").str.strip())
            elif _is_number(frame[name]):
                columns[name].parts.append(frame[name])
            else:
                late.add(name)
                columns[name].parts.clear()
    return columns, late


def _parse(
    lines: Lines, block: str, names: Sequence[str], positions: Sequence[int], text: set[str], rows: int | None = None
) -> pd.DataFrame:
    """Parse some columns of a block, or of its first rows; those of `text` as they are written."""
    missing = sorted(MISSING)
    return pd.read_csv(
        io.StringIO(block),
        sep=lines.separator,
        header=None,
        names=list(names),
        usecols=list(positions),
        index_col=False,
        dtype={name: str for index, name in enumerate(names) if name in text and index in set(positions)},
        na_values={name: missing for name in names if name not in text},
        keep_default_na=False,
        skipinitialspace=True,
        low_memory=False,
        nrows=rows,
    )


def _is_plain_number(cells: pd.Series) -> bool:
    """Check whether text cells are numbers as Python writes them, none with a point that may separate thousands."""
    stripped = cells.str.strip()
    present = stripped[~stripped.isin(MISSING)]
    plain = not pd.to_numeric(present, errors="coerce").isna().any()
    return plain and len(present) > 0 and len(plain_formats(present)) < 2


def _is_number(cells: pd.Series) -> bool:
    """Check for numbers, or for missing cells only."""
    if cells.dtype == bool or not pd.api.types.is_numeric_dtype(cells):
        return bool(cells.isna().all())
    return cells.dtype != np.uint64 and not pd.api.types.is_complex_dtype(cells)

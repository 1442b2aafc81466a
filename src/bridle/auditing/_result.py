"""The result of an audit: rows, a table, and a text for the terminal."""

import textwrap
from dataclasses import dataclass

import keras
import pandas as pd

from bridle._text import escape_control_characters
from bridle.auditing._rows import Row
from bridle.auditing._words import count, number

WIDTH = 100
HEADS = ("where", "written", "charged", "expected", "finding")
WIDEST = (32, 24, 10, 10, 100)


@dataclass(frozen=True)
class Audit:
    """What one batch shows about the penalties of a model; made by `bridle.audit`."""

    model: str
    """The name of the model."""
    batch: str
    """Which batch it was."""
    rows: tuple[Row, ...]
    total: float
    """All that was added to the loss of the batch, beside the loss of the data."""
    notes: tuple[str, ...] = ()
    """What the audit could not see."""

    @property
    def findings(self) -> tuple[Row, ...]:
        """The rows with something to say."""
        return tuple(row for row in self.rows if row.findings)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def table(self) -> pd.DataFrame:
        """The rows with the columns where, written, charged, expected, level and finding."""
        columns = ["where", "written", "charged", "expected", "level", "finding"]
        return pd.DataFrame([[getattr(row, name) for name in columns] for row in self.rows], columns=columns)

    def __str__(self) -> str:
        head = f"Audit of {self.model!r}: {self.batch}. Keras {keras.__version__} on {keras.backend.backend()}."
        parts = [_wrapped(head), self._grid(), self._said()]
        parts += [_wrapped(f"Not seen: {note}") for note in self.notes]
        return escape_control_characters("\n\n".join(part for part in parts if part)) + "\n"

    def _grid(self) -> str:
        if not self.rows:
            return "There is no penalty in this model."
        lines = [HEADS, *((r.where, r.written, number(r.charged), number(r.expected), r.label) for r in self.rows)]
        lines = [tuple(_cut(cell, widest) for cell, widest in zip(line, WIDEST, strict=True)) for line in lines]
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        return "\n".join(_line(line, widths) for line in lines)

    def _said(self) -> str:
        if self.ok:
            return "Nothing found: every penalty is charged as it is written." if self.rows else ""
        texts = [f"{row.where} – {found.label}: {found.text}" for row in self.findings for found in row.findings]
        head = f"{count(len(texts), 'finding')}. Keras adds {number(self.total)} to the loss of this batch."
        return "\n\n".join([head, *(_wrapped(text) for text in texts)])


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    where, written, charged, expected = (
        cell.rjust(width) if column > 1 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells[:4], widths, strict=True))
    )
    start = f"{where}  {written}  {charged}  {expected}  "
    room = max(14, WIDTH - len(start))
    label = textwrap.wrap(cells[4], room) or [""]
    return "\n".join([(start + label[0]).rstrip(), *(" " * len(start) + rest for rest in label[1:])])


def _cut(cell: str, widest: int) -> str:
    return cell if len(cell) <= widest else cell[: widest - 1] + "…"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)

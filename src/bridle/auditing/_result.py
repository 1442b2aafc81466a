"""The result of an audit: rows with findings, a table, and a text for the terminal."""

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import keras
import pandas as pd

from bridle._cards import card, paragraph, table_box
from bridle.auditing._format import count_text, number_text
from bridle.wording import escape_control_characters

Level = Literal["wrong", "warning"]
Kind = Literal["penalty", "noise", "constraint", "decay", "labels", "average"]
Subject = TypeVar("Subject")

LINE_CHARS = 100
"""The width of the text."""
COLUMN_CHARS = (32, 24, 10, 10, 100)
"""The largest width of each column."""
HEADINGS = ("where", "written", "charged", "expected", "finding")
EFFECT_CHARS = (32, 48, 400)
"""The largest width of each column of what is no part of the loss."""
EFFECT_HEADINGS = ("where", "written", "in training")


@dataclass(frozen=True)
class Finding:
    """Problem of one penalty.

    `level` is `"wrong"` if the loss differs from the declaration of the model. It is `"warning"` if the loss agrees,
    but the penalty is probably a mistake or is lost on saving.
    """

    label: str
    """A few words, for the table."""
    text: str
    """The problem, its cause, and what to do."""
    level: Level = "wrong"


@dataclass(frozen=True)
class Rule(Generic[Subject]):
    """A finding with the condition under which it applies to a measured penalty."""

    label: str | Callable[[Subject], str]
    applies: Callable[[Subject], bool]
    text: Callable[[Subject], str]
    level: Level = "wrong"

    def finding(self, subject: Subject) -> Finding:
        """Return the finding about a penalty to which the rule applies."""
        label = self.label if isinstance(self.label, str) else self.label(subject)
        return Finding(label, self.text(subject), self.level)


def apply_rules(rules: Iterable[Rule[Subject]], subject: Subject) -> tuple[Finding, ...]:
    """Return the findings of all rules that apply, in order."""
    return tuple(rule.finding(subject) for rule in rules if rule.applies(subject))


def apply_first_rule(rules: Iterable[Rule[Subject]], subject: Subject) -> tuple[Finding, ...]:
    """Return the finding of the first rule that applies; nothing if none does."""
    return next(((rule.finding(subject),) for rule in rules if rule.applies(subject)), ())


@dataclass(frozen=True)
class Row:
    """Penalty at one target, evaluated on one batch; or noise, a constraint, a decay and so on of the model."""

    where: str
    """The target, such as `hidden/kernel`."""
    written: str
    """The penalty, or the layer, constraint, optimizer or loss, as the model declares it."""
    charged: float
    """The value that Keras adds to the loss; NaN if it has no part of the loss."""
    expected: float
    """The value of the penalty. On weights it counts once. On activations it is the sum over units, averaged over
    samples, without padded steps and samples of weight zero."""
    findings: tuple[Finding, ...] = ()
    kind: Kind = "penalty"
    """`"penalty"`, or what acts in training without a part of the loss: `"noise"`, `"constraint"`, `"decay"`,
    `"labels"`, `"average"`."""
    effect: str = ""
    """The effect in training, in words; empty for a penalty in the loss, whose effect is `charged`."""

    @property
    def finding(self) -> str:
        """Labels and texts of all findings; empty if there are none."""
        return " ".join(f"{finding.label}: {finding.text}" for finding in self.findings)

    @property
    def label(self) -> str:
        """Labels of all findings."""
        return "; ".join(finding.label for finding in self.findings)

    @property
    def level(self) -> Level | None:
        """The most serious level; None if there are no findings."""
        levels = {finding.level for finding in self.findings}
        return "wrong" if "wrong" in levels else "warning" if levels else None


@dataclass(frozen=True)
class Audit:
    """Everything that regularizes a model, on one batch: penalties, declared and charged, and what else is active.

    `bridle.audit` returns it.
    """

    model: str
    """The name of the model."""
    batch: str
    """A description of the batch."""
    rows: tuple[Row, ...]
    total: float
    """The sum of all values that are added to the data loss of the batch."""
    notes: tuple[str, ...] = ()
    """Questions that the audit cannot answer."""

    @property
    def findings(self) -> tuple[Row, ...]:
        """The rows that have findings."""
        return tuple(row for row in self.rows if row.findings)

    @property
    def ok(self) -> bool:
        """True if no row has a finding."""
        return not self.findings

    def table(self) -> pd.DataFrame:
        """Return the rows with the columns where, written, charged, expected, level, finding, kind and effect."""
        columns = ["where", "written", "charged", "expected", "level", "finding", "kind", "effect"]
        return pd.DataFrame([[getattr(row, name) for name in columns] for row in self.rows], columns=columns)

    def __str__(self) -> str:
        head = f"Audit of {self.model!r}: {self.batch}. Keras {keras.__version__} on {keras.backend.backend()}."
        parts = [_wrapped(head), self._grid(), self._effects(), self._findings_text()]
        parts += [_wrapped(f"Unknown: {note}") for note in self.notes]
        return escape_control_characters("\n\n".join(part for part in parts if part)) + "\n"

    def _repr_html_(self) -> str:
        """Return the rows of the audit as a table, and the findings below it."""
        head = f"Audit of {self.model!r}: {self.batch}. Keras {keras.__version__} on {keras.backend.backend()}."
        lines = [(r.where, r.written, r.charged, r.expected, r.effect, r.label) for r in self.rows]
        table = table_box((*HEADINGS[:4], "effect", "finding"), lines) if lines else ""
        found = [paragraph(line) for line in self._findings_text().split("\n\n") if line]
        return card(paragraph(head), table, *found, *(paragraph(f"Unknown: {note}") for note in self.notes))

    def _grid(self) -> str:
        rows = [row for row in self.rows if not row.effect]
        if not rows:
            return "There is no penalty in this model."
        lines = [
            HEADINGS,
            *((r.where, r.written, number_text(r.charged), number_text(r.expected), r.label) for r in rows),
        ]
        lines = [tuple(map(_cut, line, COLUMN_CHARS)) for line in lines]
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        return "\n".join(_line(line, widths) for line in lines)

    def _effects(self) -> str:
        """Return the table of what acts in training without a part of the loss; empty if there is nothing."""
        rows = [row for row in self.rows if row.effect]
        if not rows:
            return ""
        lines = [EFFECT_HEADINGS, *((r.where, r.written, " – ".join(filter(None, [r.effect, r.label]))) for r in rows)]
        lines = [tuple(map(_cut, line, EFFECT_CHARS)) for line in lines]
        widths = [max(len(line[column]) for line in lines) for column in range(2)]
        return "\n".join(["Active in training, and no part of the loss:", *(_line(line, widths) for line in lines)])

    def _findings_text(self) -> str:
        if self.ok:
            return NO_FINDINGS[any(row.effect for row in self.rows)] if self.rows else ""
        texts = [f"{row.where} – {finding.label}: {finding.text}" for row in self.findings for finding in row.findings]
        head = f"{count_text(len(texts), 'finding')}. Keras adds {number_text(self.total)} to the loss of this batch."
        return "\n\n".join([head, *map(_wrapped, texts)])


NO_FINDINGS = {
    False: "No findings: every penalty is charged as declared.",
    True: "No findings: everything is active as declared.",
}


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    columns = [
        cell.rjust(width) if column > 1 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells[:-1], widths, strict=True))
    ]
    start = "  ".join([*columns, ""])
    room = max(14, LINE_CHARS - len(start))
    label = textwrap.wrap(cells[-1], room) or [""]
    return "\n".join([(start + label[0]).rstrip(), *(" " * len(start) + rest for rest in label[1:])])


def _cut(cell: str, chars: int) -> str:
    return cell if len(cell) <= chars else cell[: chars - 1] + "…"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, LINE_CHARS, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)

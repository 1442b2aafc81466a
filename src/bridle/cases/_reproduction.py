"""Cases that measure something and hold it against a reference: options, lines, answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from bridle import report
from bridle._api import Result, Study
from bridle.plots import Drawing
from bridle.store import write_text

PAGE_FILE = "report.html"
"""The page of a case in its folder."""
UNFINISHED = "The whole case was still running when this page was written; its page replaces this one."
SMALL = "A small version: its numbers are not those of the case."
"""What the answer of `--quick` says first."""


@dataclass(frozen=True)
class CaseOptions:
    """Options of one run of a case.

    `study` runs a study of the case and, with a `folder`, stores it there, so that a second run goes on.
    """

    folder: Path | None = None
    """The folder of the case; None to store nothing."""
    quick: bool = False
    """True for a small version, in seconds: few seeds, epochs and strengths."""
    seeds: int | None = None
    """The number of seeds; None for that of the case."""
    data: Path | None = None
    """A local file or folder of larger data; None for the data of the case."""
    progress: bool = True
    extend: bool = False
    client: Any = None

    def seed_count(self, usual: int, quick: int = 2) -> int:
        """Return the number of seeds: that of the user, else `usual`, or at most `quick` in a small version."""
        count = self.seeds or usual
        return min(count, quick) if self.quick else count

    def study(self, name: str, study: Study, x: Any, y: Any = None, **rows: Any) -> Result:
        """Run a study, stored in the subfolder `name` if the case has a folder.

        `rows` are further arguments of `Study.run`, such as `preprocessor`, `test` and `refit`.
        """
        store = None if self.folder is None else self.folder / name
        options = {"extend": self.extend, "client": self.client, "progress": self.progress}
        return study.run(x, y, store=store, **options, **rows)


@dataclass(frozen=True)
class Line:
    """One measured quantity, its reference and its bar.

    `reproduced` is None for a quantity that was not measured, or that is reported without a bar.
    """

    quantity: str
    """The quantity, such as "FVU of 8 units"."""
    reference: str
    """The reference and its source, such as "PCA 0.206"."""
    bar: str
    """The condition for "reproduced", such as "within 1 %"."""
    value: float | None
    interval: tuple[float, float] | None = None
    """The 95 % interval of the value, if it has one."""
    reproduced: bool | None = None
    note: str = ""
    """The reason why a quantity was not reproduced or not measured."""
    digits: int = 3
    """Significant digits of the value in texts."""

    @property
    def measured(self) -> str:
        """The value with its interval, as text."""
        if self.value is None or not isfinite(self.value):
            return "not measured"
        text = f"{self.value:.{self.digits}g}"
        if self.interval is None or not all(map(isfinite, self.interval)):
            return text
        low, high = self.interval
        return f"{text} ({low:.{self.digits}g} to {high:.{self.digits}g})"

    @property
    def answer(self) -> str:
        """The judgement as text: "yes", "no", "not measured", or empty without a bar."""
        if self.reproduced is None:
            return "" if self.value is not None and isfinite(self.value) else "not measured"
        return "yes" if self.reproduced else "no"


LINE_HEADERS = ("quantity", "reference", "reproduced if", "measured", "reproduced?")
"""Headers of the table of lines."""


def line_rows(lines: tuple[Line, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the rows of the table "reference, measured, reproduced?"."""
    return tuple((line.quantity, line.reference, line.bar, line.measured, line.answer) for line in lines)


@dataclass(frozen=True)
class CaseAnswer:
    """Lines, verdict and sections of a case that ran."""

    lines: tuple[Line, ...]
    verdict: str
    """The answer to the question of the case, in one or two sentences."""
    sections: tuple[report.Section, ...]
    """One section per study, the most important first."""
    pictures: tuple[Drawing, ...] = ()
    """Pictures of the case itself, shown before those of the first study."""
    tables: tuple[report.Sheet, ...] = ()
    """Further tables of the case itself."""


@dataclass(frozen=True)
class ReproductionCase:
    """A case study that measures quantities with references.

    `run` makes its studies with `CaseOptions.study` and returns a `CaseAnswer`. It raises `InputError` for data that it
    cannot use.
    """

    name: str
    title: str
    question: str
    """The question of the case, in two or three sentences."""
    protocol: str
    """Data, model, arms and measures, in a few sentences, with the sources of the references."""
    run: Callable[[CaseOptions], CaseAnswer]
    data: str = ""
    """A description of the file that `--data` takes; empty for a case that takes none."""


@dataclass(frozen=True)
class Reproduction:
    """A case with its answer."""

    case: ReproductionCase
    answer: CaseAnswer
    quick: bool = False

    @property
    def verdict(self) -> str:
        """The answer in words; a small version says that it is one."""
        return f"{SMALL} {self.answer.verdict}" if self.quick else self.answer.verdict

    @property
    def notes(self) -> tuple[str, ...]:
        """The reasons of the lines that were not reproduced or not measured."""
        return tuple(f"{line.quantity}: {line.note}" for line in self.answer.lines if line.note)

    def sections(self, again: str = "") -> list[report.Section]:
        """Return the sections of the report; the first one begins with the verdict and the table of lines."""
        first, *others = self.answer.sections
        sheet = report.Sheet("Reference and measured (with 95 % interval)", LINE_HEADERS, line_rows(self.answer.lines))
        intro = "\n".join((self.verdict, *self.notes, first.intro))
        tables = (sheet, *self.answer.tables, *first.tables)
        first = replace(first, intro=intro, tables=tables, pictures=(*self.answer.pictures, *first.pictures))
        return [replace(section, again=section.again or again) for section in (first, *others)]

    def write(self, folder: str | Path, again: str = "") -> report.Written:
        """Write `report.html`, `result.json` and the figures; `again` is the command that repeats the case."""
        lead = f"{self.case.question}\n{self.case.protocol}"
        extra = {"case": self.case.name, "quick": self.quick, "verdict": self.verdict, "lines": self.records()}
        return report.write(folder, self.case.title, self.sections(again), lead=lead, extra=extra)

    def records(self) -> list[Mapping[str, object]]:
        """Return the lines as plain values, for JSON."""
        return [
            {
                "quantity": line.quantity,
                "reference": line.reference,
                "bar": line.bar,
                "value": line.value,
                "interval": None if line.interval is None else list(line.interval),
                "measured": line.measured,
                "reproduced": line.reproduced,
                "note": line.note,
            }
            for line in self.answer.lines
        ]


def write_first_page(case: ReproductionCase, options: CaseOptions) -> Path | None:
    """Run a small version of a case and write its page, if the folder of the case has no page yet.

    The first study of some cases takes minutes; this page comes within one, and that of the whole case replaces it.
    Returns the page, or None where there is nothing to write.
    """
    if options.folder is None or options.quick or (page := options.folder / PAGE_FILE).exists():
        return None
    small = replace(options, folder=None, quick=True, extend=False, client=None)
    sections = run_reproduction(case, small).sections()
    return write_text(page, report.page(case.title, sections, f"{UNFINISHED}\n{case.question}"))


def run_reproduction(case: ReproductionCase, options: CaseOptions) -> Reproduction:
    """Run a case and return it with its answer."""
    return Reproduction(case, case.run(options), options.quick)

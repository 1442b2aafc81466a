"""The shipped case studies: tutorials in two protocols, and measurements held against references."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bridle import report
from bridle._api import Result, Study, run_prepared
from bridle._errors import InputError, nearest_names
from bridle.cases._binary_code import binary_code
from bridle.cases._case import Case, Protocol, Published
from bridle.cases._circles import circles
from bridle.cases._claims import Measured, as_table, claim_sentences, measure
from bridle.cases._confidence import confidence
from bridle.cases._dictionary import dictionary
from bridle.cases._double_descent import double_descent
from bridle.cases._invariance import invariance
from bridle.cases._iris import iris
from bridle.cases._language import language
from bridle.cases._moons import moons
from bridle.cases._overcomplete import overcomplete
from bridle.cases._pronunciation import pronunciation
from bridle.cases._rectifier import rectifier
from bridle.cases._reproduction import (
    LINE_HEADERS,
    CaseAnswer,
    CaseOptions,
    Line,
    Reproduction,
    ReproductionCase,
    line_rows,
    run_reproduction,
    write_first_page,
)
from bridle.cases._sesm import sesm
from bridle.cases._sparse_coding import sparse_coding
from bridle.cases._undercomplete import undercomplete
from bridle.cases._vowels import vowels
from bridle.study import RunOptions, race_of
from bridle.study.design import Plan, Prepared, make_timed_plan

__all__ = [
    "CASES",
    "LINE_HEADERS",
    "Case",
    "CaseAnswer",
    "CaseOptions",
    "CaseResult",
    "Line",
    "Measured",
    "Protocol",
    "Published",
    "Reproduction",
    "ReproductionCase",
    "find_case",
    "line_rows",
    "prepare_case",
    "run_case",
    "run_reproduction",
    "write_first_page",
]


CASES: Mapping[str, Callable[[], Case | ReproductionCase]] = {
    "moons": moons,
    "circles": circles,
    "iris": iris,
    "undercomplete": undercomplete,
    "overcomplete": overcomplete,
    "dictionary": dictionary,
    "sparse-coding": sparse_coding,
    "sesm": sesm,
    "invariance": invariance,
    "binary-code": binary_code,
    "language": language,
    "vowels": vowels,
    "pronunciation": pronunciation,
    "confidence": confidence,
    "rectifier": rectifier,
    "double-descent": double_descent,
}
"""Every shipped case: those of two protocols, then those that hold a measurement against a reference."""


@dataclass(frozen=True)
class PreparedCase:
    """A case ready to run."""

    case: Case
    tutorial: Prepared
    honest: Prepared

    @property
    def plans(self) -> tuple[Plan, Plan]:
        """Fits and estimated times of both protocols (this compiles what the run uses)."""
        return make_timed_plan(self.tutorial), make_timed_plan(self.honest, rounds=True)


@dataclass(frozen=True)
class CaseResult:
    """Both studies of a case, and the published lines next to the measured ones."""

    case: Case
    tutorial: Result
    honest: Result
    lines: tuple[Measured, ...]
    claims: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """Return the table "published, measured, holds?"."""
        return as_table(self.case, list(self.lines))

    def sections(self, again: str = "") -> list[report.Section]:
        """Return the sections of the report; `again` is the command that repeats both studies."""
        arm = next((line.published.arm for line in self.lines if line.published.strength is not None), None)
        published = {
            line.published.strength: line.published.test
            for line in self.lines
            if line.published.arm == arm and line.published.strength is not None
        }
        return [
            self.honest.section("Honest protocol", again=again),
            self.tutorial.section(
                "Tutorial protocol",
                published=published,
                tables=(_published_sheet(self.table()),),
                intro=" ".join(self.claims),
                again=again,
            ),
        ]

    def write(self, folder: str | Path, again: str = "") -> report.Written:
        """Write `report.html`, `result.json` and the figures into a folder; `again` is the command to repeat."""
        extra = {
            "case": self.case.name,
            "claims": list(self.claims),
            "published": [
                {
                    "arm": line.published.arm,
                    "strength": line.published.strength,
                    "published": {"train": line.published.train, "test": line.published.test},
                    "measured": {
                        "train": line.train[0],
                        "train_sd": line.train[1],
                        "test": line.test[0],
                        "test_sd": line.test[1],
                    },
                    "holds": line.holds,
                }
                for line in self.lines
            ],
        }
        return report.write(folder, self.case.title, self.sections(again), lead=self.case.question, extra=extra)


def _published_sheet(table: pd.DataFrame) -> report.Sheet:
    rows = tuple(tuple(row) for row in table.itertuples(index=False))
    return report.Sheet("Published and measured (mean ± standard deviation over runs)", tuple(table.columns), rows)


def find_case(name: str) -> Case | ReproductionCase:
    """Return a shipped case by name."""
    if name not in CASES:
        raise InputError(f"Expected a shipped case, got {name!r}. {nearest_names(name, CASES)}")
    return CASES[name]()


def prepare_case(case: Case, *, seeds: int = 30, epochs: int | None = None) -> PreparedCase:
    """Check and prepare both protocols."""
    test = {} if case.new_rows is None else {"fresh": case.new_rows}
    return PreparedCase(
        case, _prepare(case, case.tutorial, seeds, epochs, test), _prepare(case, case.honest, seeds, epochs, test)
    )


def run_case(
    prepared: PreparedCase,
    folder: str | Path | None = None,
    *,
    extend: bool = False,
    client: Any = None,
    progress: bool = True,
) -> CaseResult:
    """Run both protocols, the honest one as a race by seeds; with `folder`, two folders in it store every fit.

    `extend` and `client` are those of `Study.run`.
    """
    options = RunOptions(extend=extend, client=client, progress=progress)
    folders = (None, None) if folder is None else (Path(folder) / "tutorial", Path(folder) / "honest")
    tutorial = run_prepared(prepared.tutorial, replace(options, store=folders[0]))
    race = race_of(prepared.honest, folders[1])
    honest = run_prepared(prepared.honest, replace(options, store=folders[1], race=race))
    lines, claims = measure(prepared.case, tutorial.data), claim_sentences(prepared.case, tutorial.data)
    return CaseResult(prepared.case, tutorial, honest, tuple(lines), tuple(claims))


def _prepare(case: Case, protocol: Protocol, seeds: int, epochs: int | None, test: Mapping[str, object]) -> Prepared:
    study = Study(
        case.model(),
        protocol.arms,
        seeds=protocol.seeds(seeds),
        folds=protocol.folds or 2,
        epochs=epochs or case.epochs,
        batch_size=case.batch_size,
    )
    if protocol.folds is None:
        return study.prepare(*protocol.train, validation=protocol.test, test=test)
    tests = {"test": protocol.test} if len(protocol.test[1]) else {}
    return study.prepare(*protocol.train, test={**tests, **test}, preprocessor=protocol.preprocessor)

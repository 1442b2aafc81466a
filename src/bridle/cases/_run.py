"""Run a case in both protocols and put the answers side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bridle import report
from bridle._api import Result, Study, conduct
from bridle._errors import InputError, nearest_names
from bridle.cases._case import Case, Protocol
from bridle.cases._circles import circles
from bridle.cases._claims import Measured, as_table, measure, sentences
from bridle.cases._iris import iris
from bridle.cases._moons import moons
from bridle.study.design import Plan, Prepared, make_timed_plan

CASES = {"moons": moons, "circles": circles, "iris": iris}


@dataclass(frozen=True)
class Prepare:
    """A case ready to run, with what it will do."""

    case: Case
    tutorial: Prepared
    honest: Prepared

    @property
    def plans(self) -> tuple[Plan, Plan]:
        """Every member of both protocols, and about how long they take (this compiles what the run uses)."""
        return make_timed_plan(self.tutorial), make_timed_plan(self.honest)


@dataclass(frozen=True)
class CaseResult:
    """Both studies of a case, and the published lines beside the measured ones."""

    case: Case
    tutorial: Result
    honest: Result
    lines: tuple[Measured, ...]
    claims: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """The table "published, measured, holds?"."""
        return as_table(self.case, list(self.lines))

    def sections(self, again: str = "") -> list[report.Section]:
        """The parts of the report; `again` is the command that repeats both studies."""
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
                tables=(_sheet(self.table()),),
                intro=" ".join(self.claims),
                again=again,
            ),
        ]

    def write(self, folder: str | Path, again: str = "") -> report.Written:
        """Write `report.html`, `result.json` and the figures into a folder; `again` is the command that repeats it."""
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


def _sheet(table: pd.DataFrame) -> report.Sheet:
    rows = tuple(tuple(row) for row in table.itertuples(index=False))
    return report.Sheet("Published and measured (mean ± standard deviation over runs)", tuple(table.columns), rows)


def find_case(name: str) -> Case:
    """A shipped case by name."""
    if name not in CASES:
        raise InputError(f"Expected a shipped case, got {name!r}. {nearest_names(name, CASES)}")
    return CASES[name]()


def prepare_case(case: Case, *, seeds: int = 30, epochs: int | None = None) -> Prepare:
    """Check and lay out both protocols."""
    fresh = {} if case.fresh is None else {"fresh": case.fresh}
    return Prepare(
        case, _prepared(case, case.tutorial, seeds, epochs, fresh), _prepared(case, case.honest, seeds, epochs, fresh)
    )


def run_case(
    prepared: Prepare,
    folder: str | Path | None = None,
    *,
    extend: bool = False,
    client: Any = None,
    progress: bool = True,
) -> CaseResult:
    """Run both protocols; with `folder`, two folders in it keep every fit as it is made.

    `extend` and `client` are those of `Study.run`.
    """
    options = {"extend": extend, "client": client, "progress": progress}
    places = (None, None) if folder is None else (Path(folder) / "tutorial", Path(folder) / "honest")
    tutorial = conduct(prepared.tutorial, store=places[0], **options)
    honest = conduct(prepared.honest, store=places[1], **options)
    lines, claims = measure(prepared.case, tutorial.data), sentences(prepared.case, tutorial.data)
    return CaseResult(prepared.case, tutorial, honest, tuple(lines), tuple(claims))


def _prepared(case: Case, protocol: Protocol, seeds: int, epochs: int | None, fresh: Mapping[str, object]) -> Prepared:
    study = Study(
        case.model(),
        protocol.arms,
        seeds=protocol.seeds(seeds),
        folds=protocol.folds or 2,
        epochs=epochs or case.epochs,
        batch_size=case.batch_size,
    )
    if protocol.folds is None:
        return study.prepare(*protocol.train, validation=protocol.test, test=fresh)
    tests = {"test": protocol.test} if len(protocol.test[1]) else {}
    return study.prepare(*protocol.train, test={**tests, **fresh}, preprocessor=protocol.prepare)

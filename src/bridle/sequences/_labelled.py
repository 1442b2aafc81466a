"""Sequences of a long table with one label each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bridle._errors import InputError, short_repr
from bridle.sequences._clock import pattern_from_json
from bridle.sequences._rows import SequenceRows
from bridle.sequences._sorted import SortedSteps, constant_cells, sort_steps
from bridle.tables import NewRows, Structure, find_column


@dataclass(frozen=True)
class CutTable:
    """Table that is cut into the rows of a study."""

    x: SequenceRows
    heads: pd.DataFrame
    """One row for each row of `x`: its target, group and weight."""
    steps: SortedSteps
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Sequences:
    """Sequences of a long table: rows with the same value of `sequence`, in the order of `time`."""

    sequence: str
    time: str

    def cut(self, table: pd.DataFrame, target: str, structure: Structure) -> CutTable:
        """Cut a table into sequences; those without a target are left out.

        `structure` has the columns of groups and weights, which are the same in all rows of a sequence.

        Errors: `InputError` for columns that are missing or have two roles, for several targets in one sequence, for
        sequences of one row only, and those of `sort_steps`.
        """
        check_roles(table, {"sequence": self.sequence, "time": self.time, "target": target, **structure.columns})
        steps = sort_steps(table, self.time, self.sequence)
        bounds = steps.bounds
        if len(bounds) == len(steps.series) + 1:
            raise InputError(
                f"Expected several rows of each sequence of column {short_repr(self.sequence)}, got "
                f"{len(steps.series)} sequences of one row. Leave --sequence out, or give the column that "
                "rows of one sequence share."
            )
        words = {target: "target", **{name: role for role, name in structure.columns.items()}}
        heads = pd.DataFrame({name: constant_cells(steps, name, role) for name, role in words.items()})
        rows = SequenceRows(self._features(steps, list(words)), bounds[:-1], bounds[1:])
        known = heads[target].notna().to_numpy(bool)
        notes = [*steps.notes, *self._notes(rows, int((~known).sum()))]
        return CutTable(rows.iloc[known], heads[known].reset_index(drop=True), steps, tuple(notes))

    def cutter(self, cut: CutTable, group: str | None) -> "NewSequences":
        """Return the cutter of new tables, which need no column of groups."""
        return NewSequences(self.sequence, self.time, cut.steps.clock.has_dates, cut.steps.clock.pattern)

    def _features(self, steps: SortedSteps, roles: list[str]) -> pd.DataFrame:
        return steps.table.drop(columns=[self.sequence, self.time, *roles])

    def _notes(self, rows: SequenceRows, missing: int) -> list[str]:
        lengths = rows.lengths
        size = f"{lengths.min()}" if lengths.min() == lengths.max() else f"{lengths.min()} to {lengths.max()}"
        notes = [
            f"`{self.sequence}`: {len(rows)} sequences of {size} rows, in the order of `{self.time}`; not features."
        ]
        single = int((lengths == 1).sum())
        notes += [f"`{self.sequence}`: {single} sequences have one row only."] if single else []
        return [*notes, *([f"Left out for want of a target: {missing} sequences."] if missing else [])]


@dataclass(frozen=True)
class NewSequences:
    """Cutter of new tables into sequences."""

    sequence: str
    time: str
    has_dates: bool
    pattern: str = ""
    """The format of dates in text, "" where it was not found."""

    def cut_new(self, table: pd.DataFrame) -> NewRows:
        """Return the sequences of a table, in the order of their first rows, named by the column `sequence`."""
        steps = sort_steps(table, self.time, self.sequence, self.has_dates, self.pattern)
        bounds = steps.bounds
        names = steps.table[[self.sequence]].iloc[bounds[:-1]].reset_index(drop=True)
        return NewRows(SequenceRows(steps.table, bounds[:-1], bounds[1:]), names, steps.notes)

    def to_json(self) -> dict[str, object]:
        """Return the cutter as strict JSON."""
        return {
            "kind": "sequences",
            "sequence": self.sequence,
            "time": self.time,
            "dates": self.has_dates,
            "pattern": self.pattern,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "NewSequences":
        """Restore a cutter from `to_json`; `ValueError` for an entry that it cannot have."""
        sequence, time, dates = content["sequence"], content["time"], content["dates"]
        if not isinstance(sequence, str) or not isinstance(time, str) or not isinstance(dates, bool):
            raise ValueError(f"the columns {sequence!r:.40} and {time!r:.40}")
        return NewSequences(sequence, time, dates, pattern_from_json(content))


def check_roles(table: pd.DataFrame, roles: Mapping[str, str]) -> None:
    """Raise `InputError` for a column that is missing or has two roles."""
    for role, name in roles.items():
        others = [other for other, same in roles.items() if same == name and other != role]
        if others:
            raise InputError(
                f"Expected a separate column for {role}, got {short_repr(name)}, which is the {others[0]} too."
            )
    for name in roles.values():
        find_column(table, name)

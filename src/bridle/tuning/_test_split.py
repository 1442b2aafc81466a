"""The test split of a table, and notes on the table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from bridle._errors import InputError, short_repr
from bridle.tables import (
    LayoutRules,
    NumberFormat,
    Preparation,
    Problem,
    Structure,
    copies,
    encode_targets,
    find_layout,
    hints,
    large_class,
    strata,
    times_of,
)
from bridle.wording import join_names

SPLIT_SEED = 0
TRIES = 50
"""The number of random choices of held-out groups; the best one is nearest to the share of rows and of classes."""


@dataclass(frozen=True)
class HeldOut:
    """Table split into rows to learn from and held-out rows, with labels and weights."""

    preparation: Preparation
    x: pd.DataFrame
    y: np.ndarray
    test: tuple[Any, ...]
    """Held-out rows, labels and optional weights."""
    rows: Mapping[str, Any]
    """Optional `groups` and `sample_weight` of the rows to learn from."""


def hold_out(
    problem: Problem,
    table: pd.DataFrame,
    share: float,
    structure: Structure,
    folds: int,
    formats: Mapping[str, NumberFormat] | None = None,
    rules: LayoutRules = LayoutRules(),  # noqa: B008
) -> HeldOut:
    """Hold out a share of the rows: whole groups, or the last rows in time, or random rows stratified by class.

    `formats` and `rules` are those of `find_layout`.

    Errors: `InputError` for a share outside of (0, 1), and for too few rows, groups or rows of a class.
    """
    if not 0 < share < 1:
        raise InputError(f"Expected the held-out share between 0 and 1, got {share}. Try 0.2.")
    y, groups, weight = encode_targets(problem, table), structure.groups(table), structure.weights(table)
    learn, test = _sides(problem, table, y, share, structure, folds)
    _check_classes(problem, y, learn, test, folds, structure)
    x = table.drop(columns=[*problem.names, *structure.columns.values()])
    if not x.shape[1]:
        roles = ", ".join(f"{role} {short_repr(name)}" for role, name in structure.columns.items())
        raise InputError(
            f"Expected at least one feature column in addition to the target and {roles}, got none. Add columns that "
            "are known in advance, such as earlier values of the target, month or weekday."
        )
    rows = {"groups": groups, "sample_weight": weight}
    test_rows = (x.iloc[test], y[test]) if weight is None else (x.iloc[test], y[test], weight[test])
    learning = {name: values[learn] for name, values in rows.items() if values is not None}
    layout = find_layout(x.iloc[learn], problem.target, formats, rules)
    return HeldOut(Preparation(replace(layout, width=table.shape[1])), x.iloc[learn], y[learn], test_rows, learning)


def _sides(
    problem: Problem, table: pd.DataFrame, y: np.ndarray, share: float, structure: Structure, folds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the rows to learn from and of the held-out rows."""
    groups = structure.groups(table)
    if groups is not None:
        return _by_group(structure, groups, strata(problem, y), share, folds)
    if structure.time is not None:
        return _last(table, structure, share)
    held = ceil(share * len(table))
    classes = strata(problem, y, folds + 1, min(held, len(table) - held))
    try:
        return train_test_split(np.arange(len(table)), test_size=share, random_state=SPLIT_SEED, stratify=classes)
    except ValueError as error:
        raise InputError(f"Expected enough rows to hold {share:.0%} out, got {len(table)}. {error}") from error


def _by_group(
    structure: Structure, groups: np.ndarray, classes: np.ndarray | None, share: float, folds: int
) -> tuple[np.ndarray, np.ndarray]:
    count = len(np.unique(groups))
    if count < folds + 1:
        raise InputError(
            f"Expected at least {folds + 1} groups in column {short_repr(structure.group)}, one for each "
            "fold and one to "
            f"hold out, got {count}. Use fewer folds."
        )
    labels = np.zeros(len(groups), int) if classes is None else classes
    every = np.eye(labels.max() + 1)[labels]

    def distance(rows: np.ndarray) -> float:
        return float(np.abs(every[rows].sum(axis=0) - share * every.sum(axis=0)).sum())

    size = min(max(1, round(share * count)), count - folds)
    splits = GroupShuffleSplit(n_splits=TRIES, test_size=size, random_state=SPLIT_SEED).split(every, groups=groups)
    return min(splits, key=lambda pair: distance(pair[1]))


def _last(table: pd.DataFrame, structure: Structure, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the rows before a time and from that time on."""
    times = times_of(table[structure.time])
    cut = len(table) - max(1, round(share * len(table)))
    cut -= int((times[:cut] == times[cut]).sum())
    if cut < 2:
        raise InputError(
            f"Expected enough times in column {short_repr(structure.time)} to hold the last {share:.0%} "
            "of the rows out, "
            f"got {len(np.unique(times))} that differ in {len(table)} rows."
        )
    return np.arange(cut), np.arange(cut, len(table))


def _check_classes(
    problem: Problem, y: np.ndarray, learn: np.ndarray, test: np.ndarray, folds: int, structure: Structure
) -> None:
    """Raise `InputError` if groups or a time order leave too few rows of a class on a side."""
    two_each = problem.parts and max(problem.class_counts) == 2  # not shared out, see `strata`
    if not problem.class_counts or two_each or not (structure.group or structure.time):
        return
    how = (
        f"the groups of {short_repr(structure.group)}"
        if structure.group
        else f"the order of {short_repr(structure.time)}"
    )
    columns = y.reshape(len(y), -1).T
    classes = [
        (column == index, label)
        for part, column in zip(problem.parts or (problem,), columns, strict=True)
        for index, label in enumerate(part.classes or ())
    ]
    for rows, label in classes:
        count, test_count = int(rows[learn].sum()), int(rows[test].sum())
        if count < folds or (structure.group and not test_count):
            raise InputError(
                f"Expected at least {folds} training rows of each class, and held-out ones, got {count} training and "
                f"{test_count} held-out rows of class {short_repr(label)} by {how}. Use fewer folds, or drop it."
            )


MAX_REMARKS = 5
"""The most remarks on single columns in a summary."""


@dataclass(frozen=True)
class TableNotes:
    """Sentences about a table: warnings, its problem, its columns, and remarks on single columns."""

    problem: str
    columns: tuple[str, ...]
    """One sentence for each column."""
    column_summary: str
    """One sentence for all columns."""
    remarks: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """What explains a score before it is computed; said first."""

    @property
    def opening(self) -> tuple[str, ...]:
        """The warnings and the problem."""
        return (*self.warnings, self.problem)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences."""
        return (*self.opening, *self.columns, *self.remarks)

    @property
    def summary(self) -> tuple[str, ...]:
        """The warnings, the problem, the columns in one line, and the first remarks."""
        more = len(self.remarks) - MAX_REMARKS
        rest = (f"{more} more remarks on columns: --verbose and the report have all.",) if more > 0 else ()
        return (*self.opening, self.column_summary, *self.remarks[:MAX_REMARKS], *rest)


def describe_table(
    problem: Problem,
    split: HeldOut,
    table: pd.DataFrame,
    structure: Structure,
    *,
    warnings: Iterable[str] = (),
    remarks: Iterable[str] = (),
) -> TableNotes:
    """Describe a table: `warnings`, the problem, each column, the columns with a role, and `remarks`."""
    first = f"{problem.task.capitalize()} of {problem.target!r:.80}"
    if problem.classes is not None:
        more = " …" if len(problem.classes) > 8 else ""
        first += f", {len(problem.classes)} classes: {', '.join(problem.classes[:8])}{more}"
    if problem.parts:
        alike = set(problem.class_counts) == {2}
        first += (
            ", two classes each" if alike else f", {join_names([str(count) for count in problem.class_counts])} classes"
        )
    gap = f" Left out for want of a target: {problem.missing} of {problem.rows + problem.missing} rows."
    groups, all_groups, side = split.rows.get("groups"), structure.groups(table), ""
    if groups is not None and all_groups is not None:
        count = len(np.unique(groups))
        side = f" ({count} groups and {len(np.unique(all_groups)) - count} others)"
    if structure.time is not None:
        side = " (the last ones)"
    layout = split.preparation.layout
    return TableNotes(
        f"{first}. {len(split.x)} rows to learn from, {len(split.test[0])} held out{side}."
        f"{gap if problem.missing else ''}",
        tuple(f"{line}." for line in layout.sentences()),
        f"{layout.summary()}.",
        (*structure.sentences(), *remarks),
        tuple(warnings),
    )


def warnings(problem: Problem, split: HeldOut, table: pd.DataFrame, structure: Structure, measure: str) -> list[str]:
    """Return what explains a score before it is computed: copies of the target, a large class, groups and time."""
    used = table[[column.name for column in split.preparation.layout.columns]]
    large = large_class(problem, table[problem.target]) if "acc" in measure.lower() and not problem.targets else ""
    return [
        *(
            sentence
            for part, name in zip(problem.parts or [problem] * len(problem.names), problem.names, strict=True)
            for sentence in copies(used, table[name], part)
        ),
        *([large] if large else []),
        *hints(table.drop(columns=list(problem.names[1:])), problem.names[0], structure),
    ]

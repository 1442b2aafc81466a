"""Rows of a study file from an .npz file, read without pickle."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import TimeSeriesSplit
from sklearn.preprocessing import StandardScaler

from bridle._api import Study
from bridle._errors import InputError, nearest_names, short_repr
from bridle.results import Baseline
from bridle.study import fit_baselines
from bridle.study.design import Plan, Prepared, make_timed_plan
from bridle.tables import Problem, encode_target, find_problem
from bridle.untrusted import read_rows

NAMES = ("x", "y", "test_x", "test_y", "groups", "time")
TARGET = "y"


@dataclass(frozen=True)
class Arrays:
    """Arrays of a file. `test` is None or the pair of held-out arrays; `ordered` rows are in the order of time."""

    x: np.ndarray
    y: np.ndarray
    test: tuple[np.ndarray, np.ndarray] | None
    weight: np.ndarray | None
    groups: np.ndarray | None = None
    ordered: bool = False

    def folds(self, count: int) -> int | TimeSeriesSplit:
        """Return the number of folds, or the splitter of ordered rows."""
        return TimeSeriesSplit(count) if self.ordered else count

    def sentence(self) -> str:
        """Describe the number and shape of the rows."""
        rows = f"{len(self.x):,} rows of shape {self.x.shape[1:]}"
        return f"{rows} to learn from, {0 if self.test is None else len(self.test[0]):,} held out."


@dataclass(frozen=True)
class ArraysJob:
    """Prepared study of arrays: everything is checked, nothing is trained yet."""

    prepared: Prepared
    notes: tuple[str, ...]

    @property
    def summary(self) -> tuple[str, ...]:
        """The notes: those of arrays are few."""
        return self.notes

    @property
    def plan(self) -> Plan:
        """Every fit and the estimated time. It compiles the programs of the run."""
        return make_timed_plan(self.prepared)

    @cached_property
    def baselines(self) -> tuple[Baseline, ...]:
        """A constant, a linear model and gradient boosting on the same folds; none for rows that are no table."""
        return fit_baselines(self.prepared)


def read_arrays(path: Path) -> Arrays:
    """Read `x`, `y` and the optional `test_x`, `test_y`, `sample_weight`, `groups` and `time` from an .npz file.

    `time` has one number per row, by which the rows are sorted.

    Errors: those of `untrusted.read_rows`; `InputError` for other names, and for arrays without rows.
    """
    where = short_repr(path.name)
    if path.suffix != ".npz":
        raise InputError(
            f"Expected arrays in an .npz file, got {where}. Write one with numpy.savez({NAMES[0]}=…, y=…)."
        )
    arrays, weight = read_rows(path)
    arrays = arrays if isinstance(arrays, Mapping) else {}
    for name in arrays:
        if name not in NAMES:
            raise InputError(
                f"Expected the arrays {', '.join(NAMES)} in {where}, got {short_repr(name)}. "
                f"{nearest_names(name, NAMES)}"
            )
    missing = [name for name in NAMES[:2] if name not in arrays] or [
        name for name, partner in (NAMES[2:4], NAMES[3:1:-1]) if name not in arrays and partner in arrays
    ]
    if missing:
        raise InputError(
            f"Expected the array {missing[0]!r} in {where}, got a file without it. Write numpy.savez(file, x=x, y=y)."
        )
    single = [name for name, array in arrays.items() if not array.ndim]
    if single:
        raise InputError(f"Expected rows in {single[0]!r} of {where}, got a single value.")
    test = (arrays["test_x"], arrays["test_y"]) if "test_x" in arrays else None
    return _ordered(Arrays(arrays["x"], arrays["y"], test, weight, arrays.get("groups")), arrays.get("time"), where)


def _ordered(arrays: Arrays, time: np.ndarray | None, where: str) -> Arrays:
    """Sort the rows by time, if there is an array of times."""
    for name, array in (("groups", arrays.groups), ("time", time)):
        if array is not None and array.shape != (len(arrays.x),):
            raise InputError(
                f"Expected one value for each of {len(arrays.x)} rows in {name!r} of {where}, got shape {array.shape}."
            )
    if time is None:
        return arrays
    if arrays.groups is not None:
        raise InputError(f"Expected groups or time in {where}, got both. Folds follow one of them.")
    if time.dtype.kind not in "iuf" or not np.isfinite(time).all() or len(arrays.y) != len(time):
        raise InputError(f"Expected one finite number for each row in 'time' of {where}, got {time.dtype}.")
    order = np.argsort(time, kind="stable")
    weight = arrays.weight if arrays.weight is None or len(arrays.weight) != len(time) else arrays.weight[order]
    return replace(arrays, x=arrays.x[order], y=arrays.y[order], weight=weight, ordered=True)


def labelled(arrays: Arrays, task: str | None, folds: int) -> tuple[Arrays, Problem]:
    """Return the arrays with encoded labels for a dense network, and the problem of `y`.

    Errors: those of `find_problem`; `InputError` unless x has two dimensions and y one value per row.
    """
    if arrays.x.ndim != 2:
        raise InputError(
            f"Expected x of shape (rows, columns) for a dense network, got {arrays.x.shape}. Flatten its rows, "
            "or give [model] file or function."
        )
    column = _column(arrays.y, "y")
    problem = find_problem(column.assign(row=range(len(column))), TARGET, task, min_rows=folds)
    y = encode_target(problem, column[TARGET])
    test = arrays.test
    if test is not None:
        test = (test[0], encode_target(problem, _column(test[1], "test_y")[TARGET]))
    return replace(arrays, y=y, test=test), problem


def _column(y: np.ndarray, name: str) -> pd.DataFrame:
    """Return labels as a table with one column."""
    if not y.size or y.size != len(y) or y.dtype.kind not in "biufU":
        raise InputError(
            f"Expected one number or text for each row in {name}, got {y.dtype} of shape {y.shape}. For anything else "
            "give [model] file or function."
        )
    return pd.DataFrame({TARGET: y.reshape(-1)})


def prepared(
    study: Study, arrays: Arrays, *, scale: bool, problem: Problem | None, class_weight: object = None
) -> Prepared:
    """Prepare the study of arrays; `scale` scales the columns inside each fold, as a numeric target always is."""
    if scale and arrays.x.ndim != 2:
        raise InputError(f"Expected x of shape (rows, columns) for [data] scale, got {arrays.x.shape}. Leave it out.")
    options: dict[str, Any] = {"preprocessor": StandardScaler()} if scale else {}
    if problem is not None and problem.classes is None:
        options["target_preprocessor"] = StandardScaler()
    rows = {"test": arrays.test, "sample_weight": arrays.weight, "groups": arrays.groups, "class_weight": class_weight}
    return study.prepare(arrays.x, arrays.y, **rows, **options)

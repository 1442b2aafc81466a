"""The problem that the target column of a table poses, and its labels as numbers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from bridle._errors import InputError, nearest_names, short_repr
from bridle.tables._checks import DAMAGED, check_table, is_count, is_names, saved
from bridle.tables._columns import first_of, kind_of, labels_of, numbers_of
from bridle.tables._number_format import looks_like_number

TASKS = ("classification", "regression")
MOST_CLASSES, CLASS_SHARE = 20, 0.05
FEW_CLASSES, FEW_ROWS = 10, 5
LABELS: dict[str, Callable[[Sequence[str]], np.ndarray]] = {
    "text": lambda labels: np.array(labels, dtype=object),
    "bool": lambda labels: np.array([label == "True" for label in labels]),
    "integer": lambda labels: np.array([int(label) for label in labels]),
    "number": lambda labels: np.array([float(label) for label in labels]),
}
"""Functions that restore labels to their type in the table."""
PROBLEM_RULES = {
    "format": ("'bridle problem 1'", lambda value: value == "bridle problem 1"),
    "task": ("'classification' or 'regression'", lambda value: value in TASKS),
    "target": ("a column name", lambda value: isinstance(value, str)),
    "classes": ("two or more distinct labels or null", lambda value: value is None or (is_names(value) and value[1:])),
    "kind": (f"one of {list(LABELS)}", lambda value: isinstance(value, str) and value in LABELS),
    "rows": ("a count", is_count),
    "missing": ("a count", is_count),
    "targets": ("distinct texts", is_names),
    "parts": ("problems of classes", lambda value: isinstance(value, list)),
}


@dataclass(frozen=True)
class Problem:
    """Prediction problem: `classification` or `regression` of the column `target`.

    `classes` are the labels in order (numbers by size, text by alphabet), None for a regression; class number i is
    `classes[i]`. `kind` says what a label was in the table: `text`, `bool`, `integer` or `number`. `rows` have a
    target, `missing` rows have none and are left out.
    """

    task: str
    target: str
    classes: tuple[str, ...] | None
    kind: str
    rows: int
    missing: int
    targets: tuple[str, ...] = ()
    """The columns of several targets, all numbers or all of classes; empty for one."""
    parts: tuple["Problem", ...] = ()
    """The problem of each of several targets of classes; empty for others."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the target or targets."""
        return self.targets or (self.target,)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """The number of classes of each target; empty for numbers."""
        return tuple(len(part.classes or ()) for part in self.parts or (self,) if part.classes is not None)

    def to_json(self) -> dict[str, object]:
        """Return the problem as strict JSON."""
        content: dict[str, object] = {
            "format": "bridle problem 1",
            **asdict(self),
            "classes": self.classes and list(self.classes),
        }
        del content["targets"], content["parts"]
        content |= {"targets": list(self.targets)} if self.targets else {}
        content |= {"parts": [part.to_json() for part in self.parts]} if self.parts else {}
        return content

    @staticmethod
    def from_json(content: object) -> "Problem":
        """Restore a problem from `to_json`; `InputError` names an invalid entry."""
        content = {"targets": [], "parts": [], **content} if isinstance(content, Mapping) else content
        fields = saved(content, "problem", PROBLEM_RULES)
        classes, parts = fields["classes"], _saved_parts(fields["parts"], fields["targets"])
        if (classes is None) != (fields["task"] == "regression" or bool(parts)):
            raise InputError(f"Expected 'classes' to fit the task {fields['task']!r}, got {classes!r:.80}. {DAMAGED}")
        _check_labels(classes or [], fields["kind"])
        rest = {name: fields[name] for name in ("task", "target", "kind", "rows", "missing")}
        targets = tuple(fields["targets"])
        if len(targets) == 1 or (targets and classes is not None):
            raise InputError(f"Expected several targets of numbers or none, got {targets!r:.80}. {DAMAGED}")
        return Problem(**rest, classes=classes and tuple(classes), targets=targets, parts=parts)


def _saved_parts(content: list[object], targets: list[str]) -> tuple[Problem, ...]:
    """Restore the problems of several targets of classes."""
    parts = tuple(Problem.from_json({"parts": [], **part} if isinstance(part, Mapping) else part) for part in content)
    if parts and ([part.target for part in parts] != targets or any(part.classes is None for part in parts)):
        raise InputError(f"Expected classes of each of {targets!r:.80}, got {content!r:.80}. {DAMAGED}")
    return parts


def find_problem(table: pd.DataFrame, target: str, task: str | None = None, *, min_rows: int = 5) -> Problem:
    """Infer the prediction problem from a target column.

    Text, bool and category columns are classes. Whole numbers are classes where at most 20 differ and they are at
    most 5 % of the rows, or at most 10 differ and each has at least 5 rows; but more than 10, one of which has fewer
    than `min_rows` rows, are a regression. So is any other number. `task` overrules this. Rows without a target are
    counted and not looked at. Each class needs `min_rows` rows: the number of folds. A regression needs as many in all.

    Errors: `InputError` for a target that is no column, is missing in every row, has one value only, is a date or
    not finite; for text called a regression; for a class with too few rows.

    >>> find_problem(pd.DataFrame({"a": range(6), "b": list("xyxyxy")}), "b", min_rows=3).classes
    ('x', 'y')
    """
    check_table(table)
    if target not in table.columns:
        names = nearest_names(str(target), table.columns)
        raise InputError(f"Expected a column of the table as target, got {target!r:.80}. {names}")
    if task not in (None, *TASKS):
        raise InputError(f"Expected task 'classification' or 'regression', got {task!r:.80}. Leave it out to find it.")
    values = table[target].dropna()
    kind = _label_kind(values, target)
    counts = Counter(labels_of(values))
    if len(counts) == 1:
        raise InputError(
            f"Expected a target with at least two values, got {next(iter(counts))!r:.80} in all {len(values)} "
            f"rows of {target!r:.80}.{_gap(len(table) - len(values))} There is nothing to predict: give another target."
        )
    task = task or _guess(kind, counts, min_rows)
    missing = len(table) - len(values)
    if task == "regression":
        _check_regression(values, kind, min_rows)
        return Problem(task, target, None, kind, len(values), missing)
    _check_classes(counts, target, kind, min_rows)
    order = str if kind in ("text", "bool") else float
    return Problem(task, target, tuple(sorted(counts, key=order)), kind, len(values), missing)


def known_rows(problem: Problem, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a target, in their order and with their index."""
    return table[table[list(problem.names)].notna().all(axis=1)]


def encode_target(problem: Problem, column: pd.Series) -> Shaped[np.ndarray, "row"]:
    """Return class indices (int64) or, for a regression, float64.

    Errors: `InputError` for a missing cell, and for a label that is not a class of the problem.

    >>> encode_target(Problem("classification", "b", ("x", "y"), "text", 4, 0), pd.Series(["y", "x"])).tolist()
    [1, 0]
    """
    empty = column.isna().to_numpy(bool)
    if empty.any():
        raise InputError(
            f"Expected a target in every row, got {first_of(column, empty)}. Keep known_rows(problem, table)."
        )
    if problem.classes is None:
        return numbers_of(column)
    indices = {label: index for index, label in enumerate(problem.classes)}
    labels = labels_of(column)
    strange = np.array([label not in indices for label in labels], bool)
    if strange.any():
        names = nearest_names(labels[strange][0], indices)
        raise InputError(
            f"Expected one of the {len(indices)} classes of {problem.target!r:.80}, got "
            f"{first_of(column, strange)}. {names}"
        )
    return np.array([indices[label] for label in labels], dtype=np.int64)


def decode_target(problem: Problem, array: Shaped[np.ndarray, "row"]) -> Shaped[np.ndarray, "row"]:
    """The labels of class numbers, of the type that they had in the table; for a regression the numbers, float64.

    >>> decode_target(Problem("classification", "b", ("3", "10"), "integer", 4, 0), np.array([1, 0])).tolist()
    [10, 3]
    """
    if problem.classes is None:
        return np.asarray(array, dtype=np.float64)
    numbers = np.asarray(array)
    count = len(problem.classes)
    if not np.issubdtype(numbers.dtype, np.integer) or ((numbers < 0) | (numbers >= count)).any():
        raise InputError(
            f"Expected class numbers 0 to {count - 1} of an integer type, got {numbers!r:.200}. "
            "For probabilities, take argmax over the classes first."
        )
    return LABELS[problem.kind](problem.classes)[numbers]


def _label_kind(values: pd.Series, target: str) -> str:
    if values.empty:
        raise InputError(f"Expected values in the target {target!r:.80}, got missing cells only. Give another target.")
    kind = kind_of(values)
    if kind == "date":
        raise InputError(
            f"Expected numbers or classes in the target {target!r:.80}, got dates. Turn them into numbers."
        )
    if kind != "number":
        return kind
    numbers = numbers_of(values)
    return "integer" if np.array_equal(numbers, np.round(numbers)) else "number"


def _gap(missing: int) -> str:
    """Say that cells which count as missing may be a class."""
    advice = "If they hold the text NA, read the file with pandas.read_csv(…, keep_default_na=False)."
    return f" {missing} other rows have no value. {advice}" if missing else ""


def _guess(kind: str, counts: Mapping[str, int], min_rows: int) -> str:
    if kind in ("text", "bool"):
        return "classification"
    rows, distinct = sum(counts.values()), len(counts)
    some = distinct <= MOST_CLASSES and distinct <= CLASS_SHARE * rows
    few = distinct <= FEW_CLASSES and min(counts.values()) >= FEW_ROWS
    counted = distinct > FEW_CLASSES and min(counts.values()) < min_rows
    return "classification" if kind == "integer" and (some or few) and not counted else "regression"


def _check_regression(values: pd.Series, kind: str, min_rows: int) -> None:
    if kind in ("text", "bool"):
        raise InputError(
            f"Expected numbers in the target {values.name!r:.80} of a regression, got {values.iloc[0]!r:.80}. "
            "Choose classification (--task classification), or give a target of numbers."
        )
    if len(values) < min_rows:
        raise InputError(
            f"Expected at least {min_rows} rows with a target, one for each fold, got {len(values)}. "
            "Use fewer folds or more rows."
        )


def _check_classes(counts: Mapping[str, int], target: str, kind: str, min_rows: int) -> None:
    rare = sorted((count, label) for label, count in counts.items() if count < min_rows)
    if rare:
        listed = ", ".join(f"{label!r:.80}: {count}" for count, label in rare[:5]) + (" …" if len(rare) > 5 else "")
        alternative = (
            "" if kind in ("text", "bool") else ", or choose regression (--task regression, task='regression')"
        )
        if kind == "text" and sum(map(looks_like_number, counts)) > len(counts) / 2:
            strange = sorted(label for label in counts if not looks_like_number(label))[:3]
            alternative = f". Most look like numbers: {_alike(strange)}"
        raise InputError(
            f"Expected at least {min_rows} rows of each class of {target!r:.80}, one for each fold, got "
            f"{listed} ({len(rare)} of {len(counts)} classes). "
            f"Merge or remove them or use fewer folds{alternative}."
        )


def _alike(strange: Sequence[str]) -> str:
    return (
        f"leave {', '.join(map(short_repr, strange))} empty" if strange else "write all with one decimal sign and unit"
    )


def _check_labels(classes: list[str], kind: str) -> None:
    try:
        LABELS[kind](classes)
    except (ValueError, OverflowError):
        raise InputError(f"Expected 'classes' of kind {kind!r}, got {classes!r:.200}. {DAMAGED}") from None

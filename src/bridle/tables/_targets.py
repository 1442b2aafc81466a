"""Several targets of one table that one network predicts together: all numbers, or all classes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Int, Shaped

from bridle._errors import InputError, short_repr
from bridle.tables._columns import find_column
from bridle.tables._problem import Problem, encode_target, find_problem


def target_names(target: str | Sequence[str], columns: Iterable[object]) -> tuple[str, ...]:
    """Return the names of the targets: a column, a list of columns, or text with commas between them.

    Errors: `InputError` for a name that occurs twice, and for no name.

    >>> target_names("a, b", ["a", "b", "c"]), target_names("a,b", ["a,b", "c"])
    (('a', 'b'), ('a,b',))
    """
    if isinstance(target, str):
        is_column = target in set(columns) or "," not in target
        names = (target,) if is_column else tuple(name.strip() for name in target.split(","))
    else:
        names = tuple(target)
    if not names or len(set(names)) < len(names):
        raise InputError(f"Expected distinct columns as targets, got {short_repr(target)}. Name each once.")
    return names


def find_problems(table: pd.DataFrame, names: Sequence[str], task: str | None = None, *, min_rows: int = 5) -> Problem:
    """Return the problem of one target or of several; rows that lack any target are left out.

    Errors: those of `find_problem`; `InputError` for numbers beside classes.

    >>> table = pd.DataFrame({"a": [1.5, 2, 3], "b": [4.0, 5, None], "c": [0, 1, 0]})
    >>> problem = find_problems(table, ["a", "b"], min_rows=2)
    >>> problem.target, problem.targets, problem.rows, problem.missing
    ('a, b', ('a', 'b'), 2, 1)
    """
    if len(names) == 1:
        return find_problem(table, names[0], task, min_rows=min_rows)
    has_all = np.all([find_column(table, name).notna() for name in names], axis=0)
    problems = [find_problem(table[has_all], name, task, min_rows=min_rows) for name in names]
    missing = len(table) - int(has_all.sum())
    several = replace(problems[0], target=", ".join(names), classes=None, missing=missing, targets=tuple(names))
    if all(problem.classes is None for problem in problems):
        return replace(several, kind="number")
    for problem in problems:
        if problem.classes is None:
            raise InputError(
                f"Expected numbers in each of {len(names)} targets, or classes in each, got numbers in "
                f"{short_repr(problem.target)} and classes in others. Give --task regression or --task classification "
                "if all are of one kind, or predict it by a command of its own."
            )
    return replace(several, kind="text", parts=tuple(problems))


def encode_targets(problem: Problem, table: pd.DataFrame) -> Shaped[np.ndarray, "row ..."]:
    """Return the target of each row as `encode_target` does; several targets have one column each, classes as indices.

    Errors: those of `encode_target`.

    >>> table = pd.DataFrame({"a": [1.5, 2], "b": [4.0, 5]})
    >>> encode_targets(find_problems(table, ["b", "a"], min_rows=2), table).tolist()
    [[4.0, 1.5], [5.0, 2.0]]
    """
    if not problem.targets:
        return encode_target(problem, table[problem.target])
    parts = problem.parts or (problem,) * len(problem.targets)
    columns = zip(parts, problem.targets, strict=True)
    return np.column_stack([encode_target(part, table[name]) for part, name in columns])


def strata(
    problem: Problem, y: Shaped[np.ndarray, "row ..."], least: int = 1, most: int | None = None
) -> Int[np.ndarray, "row"] | None:
    """Return the stratum of each row, of which held-out rows get a like share; None for numbers.

    A stratum is a class; of several targets, a combination of classes. There are none where a combination is in
    fewer than `least` rows, or where there are more than `most` combinations. There are none for several targets of
    two classes each either, so that studies that were started before keep their held-out rows.

    >>> y = np.array([[0, 2], [1, 0], [0, 2], [1, 0]])
    >>> part = Problem("classification", "a", ("x", "y", "z"), "text", 4, 0)
    >>> strata(Problem("classification", "a, b", None, "text", 4, 0, ("a", "b"), (part, part)), y, 2).tolist()
    [0, 1, 0, 1]
    """
    if not problem.class_counts:
        return None
    if not problem.parts:
        return y
    if max(problem.class_counts) == 2:
        return None
    _, combined, counts = np.unique(y, axis=0, return_inverse=True, return_counts=True)
    is_possible = counts.min() >= least and (most is None or len(counts) <= most)
    return combined.reshape(-1) if is_possible else None

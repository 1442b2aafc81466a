"""Rows of a table that are held out from the start, and what was found in the others, in words."""

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from bridle._errors import InputError
from bridle.estimators._layout import find_layout
from bridle.estimators._preparation import Preparation
from bridle.estimators._problem import Problem, encode_target

SPLIT_SEED = 0


def hold_out(
    problem: Problem, known: pd.DataFrame, share: float
) -> tuple[Preparation, pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]:
    """The preparation, the rows to learn from, the held-out rows, and the labels of both.

    Errors: `InputError` for a share outside of (0, 1), and where too few rows are left.
    """
    if not 0 < share < 1:
        raise InputError(f"Expected the held-out share between 0 and 1, got {share}. Try 0.2.")
    y = encode_target(problem, known[problem.target])
    x = known.drop(columns=[problem.target])
    classes = y if problem.classes is not None else None
    try:
        x, test, y, y_test = train_test_split(x, y, test_size=share, random_state=SPLIT_SEED, stratify=classes)
    except ValueError as error:
        raise InputError(f"Expected enough rows to hold {share:.0%} out, got {len(known)}. {error}") from error
    return Preparation(find_layout(x, problem.target)), x, test, y, y_test


def notes(problem: Problem, preparation: Preparation, rows: int, test: int) -> list[str]:
    """What was found in a table, for a person: the problem, then each column."""
    said = f"{problem.task.capitalize()} of {problem.target!r:.80}"
    if problem.classes is not None:
        more = " …" if len(problem.classes) > 8 else ""
        said += f", {len(problem.classes)} classes: {', '.join(problem.classes[:8])}{more}"
    gap = f" Left out for want of a target: {problem.missing} of {problem.rows + problem.missing} rows."
    left = gap if problem.missing else ""
    return [
        f"{said}. {rows} rows to learn from, {test} held out.{left}",
        *(f"{line}." for line in preparation.layout.sentences()),
    ]

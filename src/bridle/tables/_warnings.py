"""Warnings about a table that explain a score before it is computed: copies of the target, and a large class."""

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped
from scipy.stats import rankdata

from bridle.tables._columns import kind_of, labels_of, numbers_of
from bridle.tables._problem import Problem

MIN_ROWS = 20
"""Rows with both a value and a target below which agreement may be chance."""
ROWS_PER_VALUE = 5
"""Rows of each value, on average, from which on values with one class each are no chance."""
SAME_ORDER = 1 - 1e-6
"""The rank correlation from which on a number has the order of the target."""
LARGE_SHARE = 0.8
"""An accuracy hardly depends on the other classes if one class has at least this share of the rows."""


def copies(features: pd.DataFrame, target: pd.Series, problem: Problem) -> list[str]:
    """Return a sentence for each column that gives the target away.

    For classes: every value of the column goes with one class, at least five rows to a value. For a number: the column
    rises or falls with it without exception. Missing cells are passed over; there must be 20 rows with a value.

    >>> frame = pd.DataFrame({"alive": ["yes", "no"] * 15})
    >>> target = frame.alive.map({"yes": 1, "no": 0}).rename("survived")
    >>> copies(frame, target, Problem("classification", "survived", ("0", "1"), "integer", 30, 0))[0][:28]
    '`alive` copies the target: e'
    """
    texts = {name: _copy_text(features[name], target, problem) for name in features.columns}
    advice = "If new rows do not have it, delete the column: the scores below mean nothing with it."
    return [f"`{name}` {text} {advice}" for name, text in texts.items() if text]


def _copy_text(column: pd.Series, target: pd.Series, problem: Problem) -> str:
    present = column.notna().to_numpy(bool)
    if present.sum() < MIN_ROWS:
        return ""
    values = column[present]
    if problem.classes is not None:
        if values.nunique() * ROWS_PER_VALUE > len(values):
            return ""
        return _class_text(labels_of(values), labels_of(target[present]))
    if kind_of(values) != "number":
        return ""
    return "copies the target: it has the same order in every row." if _same_order(values, target[present]) else ""


def _class_text(values: Shaped[np.ndarray, "row"], labels: Shaped[np.ndarray, "row"]) -> str:
    pairs, distinct = set(zip(values, labels, strict=True)), len(set(values))
    classes = len(set(labels))
    if classes < 2 or len(pairs) > distinct or distinct * ROWS_PER_VALUE > len(values):
        return ""
    if distinct == classes:
        return "copies the target: each of its values is one class."
    return f"gives the target away: each of its {distinct} values goes with one class only."


def _same_order(column: pd.Series, target: pd.Series) -> bool:
    values, numbers = numbers_of(column), numbers_of(target)
    if min(len(np.unique(values)), len(np.unique(numbers))) * 2 < MIN_ROWS:
        return False
    return abs(_correlation(rankdata(values), rankdata(numbers))) >= SAME_ORDER


def _correlation(left: Float[np.ndarray, "row"], right: Float[np.ndarray, "row"]) -> float:
    return float(np.corrcoef(left, right)[0, 1])


def large_class(problem: Problem, target: pd.Series) -> str:
    """Return a sentence if one class has most of the rows, for an accuracy as score; "" otherwise.

    >>> target = pd.Series(["no"] * 9 + ["yes"], name="ill")
    >>> large_class(Problem("classification", "ill", ("no", "yes"), "text", 10, 0), target)[:40]
    "90 % of the rows are 'no': an accuracy o"
    """
    if problem.classes is None:
        return ""
    labels, counts = np.unique(labels_of(target).astype(str), return_counts=True)
    share = float(counts.max() / counts.sum())
    if share < LARGE_SHARE:
        return ""
    score = "auc" if len(problem.classes) == 2 else "loss"
    return (
        f"{100 * share:.0f} % of the rows are {str(labels[counts.argmax()])!r:.80}: an accuracy of {share:.2f} "
        f"needs no model. Choose a score that the other classes count in (--score {score})."
    )

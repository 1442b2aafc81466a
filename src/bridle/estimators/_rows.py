"""Rows of an estimator: whole weights as copies, an order that does not depend on the caller, and folds."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from bridle._errors import InputError

Folds = list[tuple[np.ndarray, np.ndarray]]
"""Pairs of row numbers to train on and to validate on."""
LEAST_FOLDS = 2
"""The fewest folds of a cross-validation."""
MAX_COPIES = 10
"""The most rows that whole weights make of each row on average."""
FOLD_SEED = 0
"""Folds are the same for every seed."""


@dataclass(frozen=True)
class TrainingRows:
    """Rows in their final order. `groups` are whole numbers: rows of one group share a fold."""

    x: Float[np.ndarray, "row feature"]
    y: Shaped[np.ndarray, "row ..."]
    weight: Float[np.ndarray, "row"] | None
    groups: Int[np.ndarray, "row"]


def order_rows(
    x: Float[np.ndarray, "row feature"],
    y: Shaped[np.ndarray, "row ..."],
    weight: Float[np.ndarray, "row"] | None,
    groups: Shaped[np.ndarray, "row"] | None,
) -> TrainingRows:
    """Return rows sorted by features, then by target, so that a fit does not depend on their order.

    Whole weights repeat their rows, and rows of weight 0 are left out: a row of weight 3 is the same as three equal
    rows. Other weights stay weights, and so do whole ones that would make more than `MAX_COPIES` times as many rows.
    Without groups, equal rows share a group, and so a fold: no network is validated
    on a row that it was trained on.

    Errors: `InputError` if no row is left.
    """
    if weight is not None:
        if np.array_equal(weight, np.round(weight)) and weight.sum() <= MAX_COPIES * len(x):
            index, weight = np.repeat(np.arange(len(x)), weight.astype(int)), None
        else:
            index, weight = np.flatnonzero(weight > 0), weight[weight > 0]
        x, y, groups = x[index], y[index], None if groups is None else groups[index]
    if len(x) == 0:
        raise InputError("Expected at least one row with a sample_weight above 0, got none.")
    columns = np.stack([np.unique(column, return_inverse=True)[1] for column in y.reshape(len(y), -1).T], axis=1)
    order = np.lexsort((*columns.T[::-1], *x.T[::-1]))
    if groups is None:
        rows = np.concatenate([x[order], columns[order]], axis=1)
        codes = np.concatenate([[0], np.cumsum((rows[1:] != rows[:-1]).any(axis=1))])
    else:
        codes = np.unique(groups, return_inverse=True)[1][order]
    return TrainingRows(x[order], y[order], None if weight is None else weight[order], codes)


def choose_folds(labels: Int[np.ndarray, "row"] | None, groups: Int[np.ndarray, "row"], folds: int) -> Folds:
    """Return pairs (training rows, validation rows) of up to `folds` folds that keep groups whole.

    Classes are spread evenly over the folds. A class that is in one group alone is always trained on. Where rows,
    groups or classes are too few, there are fewer folds, at least two.

    Errors: `InputError` where two folds are not possible either.
    """
    classes = np.zeros(len(groups), int) if labels is None else labels
    spread = {label: len(np.unique(groups[classes == label])) for label in np.unique(classes).tolist()}
    divisible = np.flatnonzero([spread[label] >= LEAST_FOLDS for label in classes.tolist()])
    always = np.setdiff1d(np.arange(len(groups)), divisible)
    grouped = len(np.unique(groups)) < len(groups)
    most = min(folds, len(np.unique(groups[divisible])), max(spread.values()))
    for count in range(most, LEAST_FOLDS - 1, -1):
        splitter, shared = _splitter(labels is not None, grouped, count), groups[divisible] if grouped else None
        with warnings.catch_warnings():  # a class may have fewer rows than there are folds
            warnings.filterwarnings("ignore", message="The least populated class")
            sides = list(splitter.split(divisible, classes[divisible], shared))
        pairs = [(np.sort(np.concatenate([divisible[train], always])), divisible[rows]) for train, rows in sides]
        whole = all(set(classes[train].tolist()) == set(spread) and len(train) >= LEAST_FOLDS for train, _ in pairs)
        if whole and all(len(validation) for _, validation in pairs):
            return pairs
    raise InputError(
        f"Expected rows for at least {LEAST_FOLDS} folds, got {len(groups)} rows in {len(np.unique(groups))} groups. "
        "Give more rows of each class, or finer groups."
    )


def _splitter(stratified: bool, grouped: bool, count: int) -> Any:
    """Return the splitter of scikit-learn for these rows."""
    if grouped and not stratified:
        return GroupKFold(count)
    kind = StratifiedGroupKFold if grouped else StratifiedKFold if stratified else KFold
    return kind(count, shuffle=True, random_state=FOLD_SEED)

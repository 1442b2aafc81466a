"""Inner studies of a nested cross-validation: the same study on the training rows of one outer fold."""

from dataclasses import replace
from typing import Any

import numpy as np

from bridle.study.data import Split, Splitter, split_rows, take_rows, time_ordered_splitter
from bridle.study.design._prepare import Prepared, all_rows, with_rows

OUTER = "outer"
"""The name of the held-out rows of an inner study."""


def inner_study(prepared: Prepared, folds: int | Splitter, index: int) -> Prepared:
    """Return the same study on the training rows of one outer fold."""
    return outer_fold_study(prepared, outer_splits(prepared, folds)[index], index)


def outer_splits(prepared: Prepared, folds: int | Splitter) -> list[Split]:
    """Return the outer folds; in time order where the inner ones are."""
    if prepared.ordered and isinstance(folds, int | np.integer):
        folds = time_ordered_splitter(folds, prepared.question.folds)
    return split_rows(all_rows(prepared), folds, prepared.rows.groups)


def outer_fold_study(prepared: Prepared, split: Split, index: int) -> Prepared:
    """Return the same study on an outer fold's training rows, with the other rows held out."""
    rows = prepared.rows

    def part(values: Any, side: np.ndarray) -> Any:
        return None if values is None else take_rows(values, side)

    inner_rows = replace(
        rows,
        x=take_rows(rows.x, split.train),
        y=take_rows(rows.y, split.train),
        sample_weight=part(rows.sample_weight, split.train),
        groups=part(rows.groups, split.train),
        held_out={OUTER: tuple(part(values, split.validation) for values in (rows.x, rows.y, rows.sample_weight))},
    )
    return replace(with_rows(prepared, inner_rows), outer=index)

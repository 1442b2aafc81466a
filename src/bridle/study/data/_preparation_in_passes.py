"""Transformers of rows on disk: fitted block by block where they can be, applied where rows are read."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from bridle._errors import InputError
from bridle.sources import StoredArray
from bridle.study.data._preparation import explained, fit_transformer, transform_rows

MAX_FIT_BYTES = 2**28
"""The size of rows up to which a transformer is fitted to all of them at once, as to rows in memory."""


@dataclass(frozen=True)
class RowTransform:
    """A fitted transformer as a function of a block of rows."""

    transformer: Any
    name: str = field(default="x", compare=False)
    """What messages call the rows."""

    def __call__(self, rows: np.ndarray) -> Any:
        """Return rows as the transformer gives them."""
        return transform_rows(self.transformer, rows, self.name)


def transform_stored(transformer: Any, rows: StoredArray, name: str) -> StoredArray:
    """Return rows on disk that a fitted transformer is applied to whenever they are read."""
    return rows.transformed(RowTransform(transformer, name))


def fit_in_passes(transformer: Any, rows: StoredArray, target: Any = None) -> Any:
    """Return a copy of a transformer that is fitted to rows on disk; None for None.

    Up to `MAX_FIT_BYTES` the rows are read at once, and the fit is that of rows in memory. Of more rows, the
    transformer gets one block after another by `partial_fit`; the steps of a pipeline are fitted in turn, in one pass
    each.

    Errors: `InputError` for more rows and a transformer without `partial_fit`, which also learns something from rows.
    """
    if transformer is None:
        return None
    if rows.nbytes <= MAX_FIT_BYTES:
        return fit_transformer(transformer, rows.load(), target)
    if isinstance(transformer, Pipeline):
        return _fit_steps(transformer, rows)
    fitted = clone(transformer)
    with explained(transformer, rows, "the rows"):
        if hasattr(fitted, "partial_fit"):
            for first, last in rows.bounds():
                fitted.partial_fit(_block(rows, first, last))
            return fitted
        if not fitted.__sklearn_tags__().requires_fit:  # such as Normalizer: one block tells it the columns
            return fitted.fit(_block(rows, *next(rows.bounds())))
    raise InputError(
        f"Expected a preparation that learns in passes (partial_fit, as of StandardScaler, MinMaxScaler or "
        f"IncrementalPCA) for {rows.nbytes / 2**30:.1f} GiB of rows on disk, got {type(transformer).__name__}. Give one "
        "of these, or rows_in='memory'."
    )


def _fit_steps(pipeline: Pipeline, rows: StoredArray) -> Pipeline:
    """Return a pipeline whose steps are fitted one after another, each to the rows as the steps before give them."""
    fitted: list[tuple[str, Any]] = []
    for name, step in pipeline.steps:
        if step is None or step == "passthrough":
            fitted.append((name, step))
            continue
        before = rows.transformed(RowTransform(Pipeline(list(fitted)))) if fitted else rows
        fitted.append((name, fit_in_passes(step, before)))
    return Pipeline(fitted)


def _block(rows: StoredArray, first: int, last: int) -> np.ndarray:
    """Return some rows as a transformer of rows in memory would see them."""
    every = np.arange(first, last)
    return rows.raw(every) if rows.transform is None else rows.take(every)

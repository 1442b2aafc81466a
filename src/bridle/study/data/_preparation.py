"""Transformers of rows and targets: fitted, applied and inverted, with a sentence where they cannot be.

To rows on disk they are fitted block by block, and applied where the rows are read.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from bridle._errors import BridleError, InputError
from bridle.sources._stored import StoredArray

MAX_FIT_BYTES = 2**28
"""The size of rows up to which a transformer is fitted to all of them at once, as to rows in memory."""


@runtime_checkable
class CrossFitted(Protocol):
    """Transformer that gives the rows that it was fitted to other features than new rows.

    It encodes each training row by the targets of the others, since a row's own target may not be among its features.
    """

    def transform_training(self, rows: Any, target: Any) -> Any:
        """Return training rows with their target as features."""
        ...


def fit_transformer(transformer: Any, rows: Any, target: Any = None) -> Any:
    """Return a copy of a transformer that is fitted to these rows; None for None.

    Errors: `InputError` with what the transformer says, where it cannot be fitted.
    """
    if transformer is None:
        return None
    with _explained(transformer, rows, "the rows"):
        return clone(transformer).fit(rows, target)


def transform_rows(transformer: Any, rows: Any, name: str) -> Any:
    """Return rows as a fitted transformer gives them, dense.

    Errors: `InputError` with what the transformer says, where it cannot take them.
    """
    with _explained(transformer, rows, name):
        prepared = transformer.transform(rows)
    return prepared.toarray() if hasattr(prepared, "toarray") else prepared


def transform_training_rows(transformer: Any, rows: Any, target: Any, name: str) -> Any:
    """Return rows to which a transformer was fitted as it gives them to the training; see `CrossFitted`.

    Errors: those of `transform_rows`.
    """
    if not isinstance(transformer, CrossFitted):
        return transform_rows(transformer, rows, name)
    with _explained(transformer, rows, name):
        return transformer.transform_training(rows, target)


def restore_target(transformer: Any, values: np.ndarray) -> np.ndarray:
    """Return predictions in the units that a target had before a fitted transformer.

    Errors: `InputError` where it cannot be inverted.
    """
    if not hasattr(transformer, "inverse_transform"):
        raise InputError(
            f"Expected a preparation of the target with inverse_transform, got {type(transformer).__name__}. "
            "Use result.model().predict for predictions in the units that the network was trained on."
        )
    with _explained(transformer, values, "the predictions"):
        restored = np.asarray(transformer.inverse_transform(as_column(values)))
    return restored.reshape(values.shape) if restored.size == values.size else restored


def as_column(y: Any) -> np.ndarray:
    """Return a target as scikit-learn's transformers take it, with two axes."""
    y = np.asarray(y)
    return y.reshape(len(y), -1)


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


def transform_stored_training(transformer: Any, rows: StoredArray, target: Any, name: str) -> Any:
    """Return rows on disk to which a transformer was fitted as it gives them to the training.

    Those of a `CrossFitted` one are in memory then, since it encodes all of them by their targets at once; others stay
    on disk.

    Errors: `InputError` for more than `MAX_FIT_BYTES` of rows of a `CrossFitted` transformer.
    """
    if not isinstance(transformer, CrossFitted):
        return transform_stored(transformer, rows, name)
    if rows.nbytes > MAX_FIT_BYTES:
        raise InputError(
            f"Expected at most {MAX_FIT_BYTES / 2**20:.0f} MiB of training rows on disk for "
            f"{type(transformer).__name__}, which encodes each of them by the targets of all others, got "
            f"{rows.nbytes / 2**20:.0f} MiB. Give rows_in='memory', or a preparation without transform_training."
        )
    return transform_training_rows(transformer, rows.load(), target, name)


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
    with _explained(transformer, rows, "the rows"):
        if hasattr(fitted, "partial_fit"):
            for first, last in rows.bounds():
                fitted.partial_fit(_block(rows, first, last))
            return fitted
        if not fitted.__sklearn_tags__().requires_fit:  # such as Normalizer: one block tells it the columns
            return fitted.fit(_block(rows, *next(rows.bounds())))
    raise InputError(
        f"Expected a preparation that learns in passes (partial_fit, as of StandardScaler, MinMaxScaler or "
        f"IncrementalPCA) for {rows.nbytes / 2**30:.1f} GiB of rows on disk, got {type(transformer).__name__}. Give "
        "one of these, or rows_in='memory'."
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


@contextlib.contextmanager
def _explained(transformer: Any, rows: Any, name: str) -> Iterator[None]:
    """Turn what a transformer says about rows into a sentence."""
    try:
        yield
    except BridleError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        shape = tuple(getattr(rows, "shape", ())) or type(rows).__name__
        advice = "Give one that fits them, or prepare the rows before."
        if isinstance(shape, tuple) and len(shape) > 2:
            advice = (
                "Scale such rows inside the model (keras.layers.Rescaling), or before. scikit-learn's own take tables."
            )
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"Expected a preparation that fits {name} of shape {shape}, got {type(transformer).__name__}, "
            f"which says: {first:.300} {advice}"
        ) from error

"""Transformers of rows and targets: fitted, applied and inverted, with a sentence where they cannot be."""

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
from sklearn.base import clone

from bridle._errors import BridleError, InputError


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

"""Rows of each fold as the engine wants them: prepared on its own training rows, training rows first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from sklearn.base import clone

from bridle._errors import InputError
from bridle.population import Fold, put
from bridle.population import Rows as DeviceRows
from bridle.study._data import Data, read_rows
from bridle.study._question import Rows
from bridle.study._splits import Split, Splitter, split_rows


@dataclass(frozen=True)
class Reader:
    """How rows become arrays: the preparation a person gave, and the checks against model and loss."""

    rows: Rows
    loss: str
    outputs: tuple[int | None, ...]

    def check(self, x: Any, y: Any, weight: Any = None, name: str = "") -> Data:
        """Arrays after the checks of `read_rows`."""
        return read_rows(x, y, loss=self.loss, outputs=self.outputs, weight=weight, name=name)

    def fitted(self, train: np.ndarray | None) -> tuple[Any, Any]:
        """The preparations of x and y, fitted on the given rows (None is all rows)."""
        x, y = (value if train is None else take(value, train) for value in (self.rows.x, self.rows.y))
        own = None if self.rows.prepare is None else clone(self.rows.prepare).fit(x, y)
        target = self.rows.prepare_target
        return own, None if target is None else clone(target).fit(_column(y))

    def arrays(self, x: Any, y: Any, fitted: tuple[Any, Any], name: str = "", weight: Any = None) -> Data:
        """Rows after a fitted preparation, checked."""
        if fitted[0] is not None:
            x = fitted[0].transform(x)
        if fitted[1] is not None:
            y = fitted[1].transform(_column(y))
        return self.check(x, y, weight, name)


def take(values: Any, rows: np.ndarray) -> Any:
    """Rows by number, of an array, a table, or a structure of arrays."""
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if isinstance(values, dict):
        return {key: take(value, rows) for key, value in values.items()}
    if isinstance(values, tuple) or (isinstance(values, list) and values and isinstance(values[0], np.ndarray)):
        return tuple(take(value, rows) for value in values)
    return np.asarray(values)[rows]


def cut(reader: Reader, folds: int | Splitter) -> tuple[list[Split], list[Fold], np.ndarray]:
    """The splits of a study, the rows of each on the device, and (training, validation) counts per fold."""
    rows = reader.rows
    whole = reader.arrays(rows.x, rows.y, reader.fitted(None), weight=rows.weight)
    if rows.validation is not None:
        fitted = reader.fitted(None)
        other = reader.arrays(*rows.validation, fitted, name="validation")
        fold = _stack(whole, other)
        return [], [fold], np.array([[whole.rows, other.rows]])
    splits = split_rows(whole, folds, rows.groups)
    weight = whole.weight
    parts = []
    for split in splits:
        fitted = reader.fitted(split.train)
        pieces = [
            reader.arrays(
                take(rows.x, side), take(rows.y, side), fitted, "fold", None if weight is None else weight[side]
            )
            for side in (split.train, split.validation)
        ]
        parts.append(_stack(*pieces))
    return splits, parts, np.array([[len(split.train), len(split.validation)] for split in splits])


def everything(reader: Reader) -> tuple[Fold, Data, Mapping[str, DeviceRows], Mapping[str, int]]:
    """All rows to refit on, and the held-out rows prepared as these are."""
    rows, fitted = reader.rows, reader.fitted(None)
    whole = reader.arrays(rows.x, rows.y, fitted, weight=rows.weight)
    held = {name: reader.arrays(x, y, fitted, name) for name, (x, y) in rows.held_out.items()}
    device = {name: put(data.x, data.y, None, data.rows).rows for name, data in held.items()}
    return (
        put(whole.x, whole.y, whole.weight, whole.rows),
        whole,
        device,
        {name: data.rows for name, data in held.items()},
    )


def _stack(train: Data, validation: Data) -> Fold:
    try:
        x, y = jax.tree.map(lambda a, b: np.concatenate([a, b]), (train.x, train.y), (validation.x, validation.y))
    except ValueError as error:
        raise InputError(
            f"Expected validation rows of the same shape as the training rows. NumPy says: {error}"
        ) from error
    weight = None if train.weight is None else np.concatenate([train.weight, _ones(validation)])
    return put(x, y, weight, train.rows)


def _ones(data: Data) -> np.ndarray:
    return data.weight if data.weight is not None else np.ones(data.rows, np.float32)


def _column(y: Any) -> np.ndarray:
    y = np.asarray(y)
    return y.reshape(len(y), -1)

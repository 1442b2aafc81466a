"""Preparation of sequences and windows as padded arrays: statistics from the steps of the training rows alone."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import pandas as pd
from jaxtyping import Float32, Shaped
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from bridle._errors import InputError
from bridle.sequences._labelled import NewSequences
from bridle.sequences._rows import SequenceRows
from bridle.sequences._windows import MAX_SIZE, NewWindows
from bridle.tables import Layout, NewRows, Preparation

SEQUENCE_FORMAT = "bridle sequence preparation 1"
PRESENT = "(step)"
"""The name of the feature that is 1 in a step and 0 in padding."""


class Cutter(Protocol):
    """Way to cut a new table into rows."""

    def cut_new(self, table: pd.DataFrame) -> NewRows:
        """Return the rows of a new table and the columns that name them."""
        ...

    def to_json(self) -> dict[str, object]:
        """Return the cutter as strict JSON."""
        ...


class SequencePreparation(TransformerMixin, BaseEstimator):
    """Turn rows that are runs of steps into an array of shape `(row, step, feature)`. A scikit-learn transformer.

    Each step is prepared as a row of a table is: `bridle.tables.Preparation`, fitted on the steps of the training rows,
    each of them once. Sequences of different length keep their last `length` steps and are filled with zeros at the
    end; a feature more, 1 in each step and 0 in padding, tells them apart, so that `keras.layers.Masking()` finds the
    padding. Windows have one length and no such feature.

    Args:
        layout: the features of a step.
        length: the number of steps of a prepared row.
        padded: True for sequences, False for windows.
        cutter: how new tables are cut into rows.

    """

    def __init__(self, layout: Layout, length: int, padded: bool, cutter: Cutter) -> None:
        self.layout = layout
        self.length = length
        self.padded = padded
        self.cutter = cutter

    def fit(self, rows: SequenceRows, y: object = None) -> "SequencePreparation":
        """Learn the preparation of steps from the steps of these rows alone."""
        if not len(rows):
            raise InputError("Expected at least one training row, got none. Use fewer folds or more rows.")
        self.steps_ = Preparation(self.layout).fit(rows.used_steps())
        return self

    def transform(self, rows: SequenceRows) -> Float32[np.ndarray, "row step feature"]:
        """Return the rows as a padded array.

        Errors: those of `bridle.tables.Preparation.transform`.
        """
        check_is_fitted(self)
        covered = rows.covered
        features = self.steps_.transform(rows.steps.iloc[covered])
        if self.padded:
            features = np.concatenate([features, np.ones((len(features), 1), np.float32)], axis=1)
        features = np.concatenate([features, np.zeros((1, features.shape[1]), np.float32)])
        places = np.full(len(rows.steps) + 1, len(covered))
        places[covered] = np.arange(len(covered))
        return features[places[rows.positions(self.length)]]

    @property
    def input_shape(self) -> tuple[int, int]:
        """The number of steps and of features of a prepared row."""
        return self.length, len(self.layout.features) + self.padded

    def get_feature_names_out(self, input_features: object = None) -> Shaped[np.ndarray, "feature"]:
        """Return the names of the features of a step; `input_features` is not used."""
        return np.array([*self.layout.features, *[PRESENT] * self.padded], dtype=object)

    def new_rows(self, table: pd.DataFrame) -> NewRows:
        """Cut a new table into rows as the training table was cut.

        Errors: `InputError` for a missing column, wrong time stamps, and a table without a complete row.
        """
        new = self.cutter.cut_new(table)
        long = int((new.rows.lengths > self.length).sum())
        note = f"{long} sequences have more than {self.length} steps: the last ones are used."
        return NewRows(new.rows, new.names, (*new.notes, *([note] if long else [])))

    def unknown_counts(self, table: pd.DataFrame) -> dict[str, dict[str, int]]:
        """Count, by text column, the steps with each category that the training rows do not have."""
        check_is_fitted(self)
        return self.steps_.unknown_counts(table)

    def to_json(self) -> dict[str, object]:
        """Return the fitted preparation as strict JSON; `from_json` restores it bit for bit."""
        check_is_fitted(self)
        return {
            "format": SEQUENCE_FORMAT,
            "steps": self.steps_.to_json(),
            "length": self.length,
            "padded": self.padded,
            "cutter": self.cutter.to_json(),
        }


CUTTERS: Mapping[str, Callable[[Mapping[str, Any]], Cutter]] = MappingProxyType(
    {"sequences": NewSequences.from_json, "windows": NewWindows.from_json}
)
"""Functions that restore a cutter from JSON, by its kind."""


def read_preparation(content: Any) -> SequencePreparation:
    """Restore a fitted preparation from `SequencePreparation.to_json`.

    Errors: `InputError`, `ValueError`, `KeyError` or `TypeError` for an entry that it cannot have.
    """
    steps = Preparation.from_json(content["steps"])
    length, padded, cutter = content["length"], content["padded"], content["cutter"]
    if type(length) is not int or not 0 < length <= MAX_SIZE or not isinstance(padded, bool):
        raise ValueError(f"length {length!r:.40}, padded {padded!r:.40}")
    preparation = SequencePreparation(steps.layout, length, padded, CUTTERS[cutter["kind"]](cutter))
    preparation.steps_ = steps
    return preparation

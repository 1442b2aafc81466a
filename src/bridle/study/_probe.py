"""Predictions of refits for a few rows, for models with code of the user."""

import keras
import numpy as np

from bridle._keras import has_own_code, predictions_of, rows_as_inputs
from bridle.results import ALL_ROWS, Probe
from bridle.study._collector import ResultCollector
from bridle.study.data import Data
from bridle.study.design import Prepared

ROWS = 2


def probe(prepared: Prepared, ledger: ResultCollector, data: Data) -> Probe | None:
    """Return what each finished refit predicts for the first rows; None for a model of Keras's own parts alone.

    A copy of such a model is the same function by its configuration, so nothing is computed for it.
    """
    model = prepared.model
    rows = tuple(np.asarray(leaf[:ROWS]) for leaf in keras.tree.flatten(data.x))
    if not has_own_code(model) or rows_as_inputs(model, rows) is None:
        return None
    refits = {number: ledger.outcomes.get(key) for number, key in enumerate(ledger.members) if key[2] == ALL_ROWS}
    finished = {number: each for number, each in refits.items() if each is not None and each.diverged_at < 0}
    return Probe(rows, {number: predictions_of(model, each.variables, rows) for number, each in finished.items()})

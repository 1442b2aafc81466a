"""Padding of sequences that no layer masks."""

from typing import Any

import jax
import keras
import numpy as np
from jaxtyping import Bool

from bridle._keras import all_layers, first_rows, has_states, model_inputs
from bridle.engine import Rows, is_stored

MAX_SHARE = 1 / 3
"""The share of padded steps up to which nothing is said: images and signals also end in zeros."""
SAMPLE_ROWS = 4096
"""Rows that are looked at where they are on disk."""
ADVICE = (
    "Mask them: keras.layers.Embedding(…, mask_zero=True), or keras.layers.Masking() before the first layer. Losses, "
    "metrics and penalties then leave them out."
)


def padding_notes(model: keras.Model, rows: Rows) -> list[str]:
    """Return a note on each input of a recurrent model whose steps are mostly padding that no layer masks.

    Padding is the run of zeros at the begin or at the end of a sequence: class 0 of an embedding, or a step whose
    channels are all 0. Models with a mask, and rows with a weight for each step, have no notes.
    """
    inputs = model_inputs(model)
    weighted = any(np.ndim(weight) > 1 for weight in jax.tree.leaves(rows.weight))
    if inputs is None or inputs.pads_zeros or inputs.mask_value is not None or weighted:
        return []
    if not any(has_states(layer) for layer in all_layers(model)):
        return []
    notes = []
    for spec, values in zip(inputs.flat, _in_order(inputs.names, rows.x), strict=True):
        if values.ndim != (2 if spec.rows is not None else 3) or values.shape[1] < 2:
            continue
        at_end, share = padded_share(np.asarray(first_rows(values, SAMPLE_ROWS) if is_stored(values) else values))
        if share > MAX_SHARE:
            where = "after the last" if at_end else "before the first"
            notes.append(
                f"{share:.0%} of the steps of the input {spec.name!r} are zeros {where} other value of their row, and "
                f"the model has no mask: it reads and scores them like rows. {ADVICE}"
            )
    return notes


def padded_share(values: np.ndarray) -> tuple[bool, float]:
    """Return whether zeros at the end outnumber those at the begin, and their share of all steps.

    `values` has the shape (row, step) or (row, step, channel). A step counts if all of its channels are 0.

    >>> padded_share(np.array([[1, 0, 2, 0], [3, 0, 0, 0]]))
    (True, 0.5)
    """
    is_zero = np.logical_not(np.any(values.reshape(*values.shape[:2], -1), axis=2))
    at_end, at_begin = _run(is_zero[:, ::-1]), _run(is_zero)
    return bool(at_end >= at_begin), float(max(at_end, at_begin))


def _run(is_zero: Bool[np.ndarray, "row step"]) -> float:
    """Return the share of steps in the first run of zeros of each row."""
    return float(np.logical_and.accumulate(is_zero, axis=1).mean())


def _in_order(names: tuple[str, ...], x: Any) -> list[Any]:
    """Return the arrays of the inputs in the order of their names."""
    if isinstance(x, dict):
        return [x[name] for name in names]
    return jax.tree.leaves(x)

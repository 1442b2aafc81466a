"""Audit of what regularizes a model: penalties that Keras adds or silently drops, noise, constraints, decay, labels."""

import math
from typing import Any

import keras

from bridle._errors import InputError, KindError
from bridle._keras import has_compiled_step, has_own_loss, own_training
from bridle.auditing._activity_findings import explain_activity, explain_add_loss, explain_cell, is_unlikely
from bridle.auditing._batch import Batch, batch_of_rows, generated_batches
from bridle.auditing._bridle_effects import effect_rows
from bridle.auditing._bridle_rows import bridle_rows
from bridle.auditing._constraints import constraint_rows
from bridle.auditing._format import regularizer_text
from bridle.auditing._measure import Activity, Measured, measure
from bridle.auditing._noise import noise_rows
from bridle.auditing._result import Audit, Row
from bridle.auditing._training_findings import training_rows
from bridle.auditing._weight_findings import explain_weight
from bridle.placement import Regularized, find_sites, measuring, unwrapped

__all__ = [
    "Audit",
    "audit",
]


def audit(model: keras.Model, x: Any = None, *, sample_weight: Any = None) -> Audit:
    """Compare what a model declares to regularize it with what happens in a training step on one batch.

    Each regularizer of the model gets one row. `charged` is the value that Keras adds to the loss in `fit`. `expected`
    is the value of the penalty, computed in NumPy from its configuration: on a weight its value, once; on an activation
    the sum over units, averaged over samples, without padded steps and samples of weight zero. A row has findings if
    the two differ, if the penalty is lost on saving, or if it is probably a mistake.

    Whatever else regularizes the model gets a row too: dropout and noise of its layers, constraints on its weights,
    and, if it is compiled, weight decay and averages of its optimizer and smoothed labels of its loss. `kind` says
    which of these it is, and `effect` what a training step does with it, measured on the batch where that is possible.
    Findings name what is declared and does nothing, acts on something else, or is probably a mistake.

    The audit does not change the model.

    Args:
        model: built `keras.Model`, compiled or not, on any backend.
        x: rows as in `model.fit`: an array, or a list or dictionary of arrays; or a file, a dataset or a stream, as in
            `bridle.sources.read`. The first 256 rows are used. Default None: a batch generated from the shapes of the
            inputs.
        sample_weight: array of shape (rows,), as in `model.fit`. Default None.

    Returns: `bridle.Audit` with `ok`, `rows`, `findings` and `table()`. Print it for a report.

    Errors: `KindError` if `model` is not a Keras model; `InputError` for a model without weights, and for rows that do
    not fit its inputs.

    >>> import bridle, keras
    >>> layer = keras.layers.Dense(3, name="hidden", kernel_initializer="ones", kernel_regularizer="l2")
    >>> model = keras.Sequential([keras.Input((2,)), layer])
    >>> layer.trainable = False
    >>> result = bridle.audit(model)
    >>> [(row.where, row.charged, round(row.expected, 4), row.label) for row in result.rows]
    [('hidden/kernel', 0.0, 0.06, 'dropped because frozen')]
    >>> result.ok
    False

    """
    if not isinstance(model, keras.Model):
        raise KindError(f"Expected a keras.Model to audit, got {type(model).__name__}.")
    if not model.built:
        raise InputError(f"Expected a built model, got {model.name!r} without weights. Call it once on a batch.")
    inner = unwrapped(model)
    batch, measured = _run(model, inner, x, sample_weight)
    sites = find_sites(inner)
    rows = [
        *_keras_rows(measured),
        *bridle_rows(model, batch, measured),
        *effect_rows(model),
        *noise_rows(inner, batch.x, sites),
        *constraint_rows(inner, sites),
        *training_rows(model, sites),
    ]
    notes = [_forgotten_note(activity) for activity in measured.activities if is_unlikely(activity)]
    if has_compiled_step(model) and (measured.weights or measured.activities):
        notes.append(COMPILED_NOTE)
    method = own_training(inner) or ("compute_loss" if has_own_loss(inner) else None)
    if method is not None:
        notes.append(_custom_training_note(inner, method))
    return Audit(inner.name, batch.description, tuple(rows), measured.total, tuple(notes))


def _run(model: keras.Model, inner: keras.Model, x: Any, sample_weight: Any) -> tuple[Batch, Measured]:
    batches = generated_batches(inner, sample_weight) if x is None else [batch_of_rows(x, sample_weight, inner)]
    tried, refused = "", InputError()
    for batch in batches:
        try:
            with measuring(model):
                return batch, measure(model, inner, batch.x, batch.counted)
        except InputError as error:
            tried, refused = batch.description, error
    raise InputError(
        f"Expected rows for the model {inner.name!r}, got {tried}. {refused} Give x=, rows as in fit."
    ) from refused


def _keras_rows(measured: Measured) -> list[Row]:
    rows = [
        Row(w.where, regularizer_text(w.declared or w.regularizer), w.charged, w.expected, explain_weight(w))
        for w in measured.weights
    ]
    rows += [
        Row(a.where, regularizer_text(a.regularizer), a.charged, a.expected, explain_activity(a))
        for a in measured.activities
        if not is_unlikely(a)
    ]
    rows += [
        Row(cell.where, regularizer_text(cell.regularizer), cell.charged, math.nan, explain_cell(cell))
        for cell in measured.cells
    ]
    rows += [
        Row(added.where, "add_loss", added.charged, added.expected, explain_add_loss(added))
        for added in measured.add_losses
        if not isinstance(added.layer, Regularized)
    ]
    return rows


COMPILED_NOTE = (
    "whether a strength was changed after `fit` compiled its training step. Such a change has no effect until "
    "model.compile(…) is called again."
)


def _custom_training_note(model: keras.Model, method: str) -> str:
    return (
        f"whether {type(model).__name__}, which has a custom {method}, adds the penalties to its loss. The column "
        "charged holds what the training step of Keras would add: the sum of model.losses."
    )


def _forgotten_note(activity: Activity) -> str:
    kind, name = type(activity.layer).__name__, activity.layer.name
    return f"whether {kind} {name!r} was given an activity_regularizer: the layer ignores that argument."

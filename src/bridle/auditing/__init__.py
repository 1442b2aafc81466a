"""Audit: the penalties that Keras really charges for one batch, and those that it silently does not."""

import math
from typing import Any

import keras

from bridle._errors import InputError, KindError
from bridle._keras import decay_of, has_compiled_step, has_own_loss, own_training
from bridle.auditing._activity_findings import explain_activity, explain_add_loss, explain_cell, is_unlikely
from bridle.auditing._batch import Batch, batch_of_rows, generated_batches
from bridle.auditing._bridle_rows import bridle_rows
from bridle.auditing._format import regularizer_text
from bridle.auditing._measure import Activity, Measured, measure
from bridle.auditing._result import Audit, Row
from bridle.auditing._weight_findings import explain_decay, explain_weight
from bridle.placement import Regularized, find_sites, measuring, unwrapped

__all__ = [
    "Audit",
    "audit",
]


def audit(model: keras.Model, x: Any = None, *, sample_weight: Any = None) -> Audit:
    """Run one batch and report for every penalty what is written, what is really charged, and what is wrong.

    Each regularizer of the model gets one row. `charged` is what Keras adds to the loss when `fit` trains. `expected`
    is what the penalty means, computed in NumPy from its configuration: on a weight its value, once; on an activation
    the sum over units, averaged over samples, without padded steps and samples of weight zero. A row has findings if
    the two differ, or if the penalty will not stay or probably is not what was meant. The audit also judges weight
    decay of the compiled optimizer. It leaves the model unchanged.

    Args:
        model: any built Keras model, compiled or not, on any backend.
        x: rows as for `fit`: an array, or a list or dictionary of arrays. None generates a batch from the shapes of
            the inputs. At most 256 rows are taken.
        sample_weight: shape (rows,), as for `fit`.

    Returns an `Audit`: `ok`, `rows`, `findings`, `table()`, and text by `str`.

    Errors: `KindError` for anything but a model; `InputError` for a model without weights, and for rows that do not
    fit.

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
    rows = [
        *_keras_rows(measured),
        *bridle_rows(model, batch, measured),
        *_decay_rows(model, inner),
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
        f"Expected rows that the model {inner.name!r} can be called on, got {tried}. {refused} "
        "Give x=, rows as for fit."
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


def _decay_rows(model: keras.Model, inner: keras.Model) -> list[Row]:
    decay = decay_of(model)
    if decay is None:
        return []
    return [Row("optimizer", decay.text, math.nan, math.nan, explain_decay(decay, model, find_sites(inner)))]


COMPILED_NOTE = (
    "whether a strength was changed since `fit` compiled its training step, where such a change has no effect. "
    "If one was, call model.compile(…) again."
)


def _custom_training_note(model: keras.Model, method: str) -> str:
    return (
        f"whether {type(model).__name__}, which has its own {method}, adds the penalties to its loss there. What is "
        "charged above is what Keras's own training step would charge: the sum of model.losses."
    )


def _forgotten_note(activity: Activity) -> str:
    kind, name = type(activity.layer).__name__, activity.layer.name
    return f"{kind} {name!r} forgets an activity_regularizer that it is given; whether it was given one cannot be seen."

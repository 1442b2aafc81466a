"""`audit`: what is charged for one batch, and what silently is not."""

import math
from typing import Any

import keras

from bridle._errors import InputError, KindError
from bridle._keras import decay_of, has_compiled_step, has_own_loss, own_training
from bridle.auditing import _on_activities, _on_optimizer, _on_own, _on_weights
from bridle.auditing._batch import Batch, made_batches, own_batch
from bridle.auditing._measure import Activity, Measured, measure
from bridle.auditing._placed import placed_rows
from bridle.auditing._result import Audit
from bridle.auditing._rows import Row
from bridle.auditing._words import written
from bridle.placement import Regularized, find_sites, measuring, unwrapped


def audit(model: keras.Model, x: Any = None, *, sample_weight: Any = None) -> Audit:
    """Run one batch and tell, for every penalty: what is written, what is really charged, and what is wrong.

    For each regularizer of the model, one row: `charged` is what Keras adds to the loss on the way that `fit` takes;
    `expected` is what the penalty means (on a weight its value, once; on an activation the sum over units, averaged
    over samples, without padded steps and samples of weight zero), computed in NumPy from its configuration. Where
    they differ, or where the penalty will not stay or probably is not what was meant, the row has findings. Weight
    decay of the compiled optimizer is judged too. The model is left as it was.

    Args:
        model: any built Keras model, compiled or not, on any backend.
        x: rows as for `fit`: an array, or a list or dictionary of arrays. None makes a batch from the shapes of the
            inputs. At most 256 rows are taken.
        sample_weight: shape (rows,), as for `fit`.

    Returns an `Audit`: `ok`, `rows`, `findings`, `table()`, and text by `str`.

    Errors: `KindError` for what is no model; `InputError` for a model without weights, and for rows that do not fit.

    >>> import bridle, keras
    >>> layer = keras.layers.Dense(3, name="hidden", kernel_initializer="ones", kernel_regularizer="l2")
    >>> model = keras.Sequential([keras.Input((2,)), layer])
    >>> layer.trainable = False
    >>> found = bridle.audit(model)
    >>> [(row.where, row.charged, round(row.expected, 4), row.label) for row in found.rows]
    [('hidden/kernel', 0.0, 0.06, 'dropped because frozen')]
    >>> found.ok
    False

    """
    if not isinstance(model, keras.Model):
        raise KindError(f"Expected a keras.Model to audit, got {type(model).__name__}.")
    if not model.built:
        raise InputError(f"Expected a built model, got {model.name!r} without weights. Call it once on a batch.")
    inner = unwrapped(model)
    batch, measured = _run(model, inner, x, sample_weight)
    rows = [
        *_rows(measured),
        *placed_rows(model, batch, measured),
        *_of_training(model, inner),
    ]
    notes = [_forgotten_note(activity) for activity in measured.activities if _on_activities.hidden_by_others(activity)]
    if has_compiled_step(model) and (measured.weights or measured.activities):
        notes.append(UNKNOWN)
    method = own_training(inner) or ("compute_loss" if has_own_loss(inner) else None)
    if method is not None:
        notes.append(_own_note(inner, method))
    return Audit(inner.name, batch.said, tuple(rows), measured.total, tuple(notes))


def _run(model: keras.Model, inner: keras.Model, x: Any, sample_weight: Any) -> tuple[Batch, Measured]:
    batches = made_batches(inner, sample_weight) if x is None else [own_batch(x, sample_weight, inner)]
    refused: InputError | None = None
    for batch in batches:
        try:
            with measuring(model):
                return batch, measure(model, inner, batch.x, batch.counted)
        except InputError as error:
            refused = error
    raise InputError(
        f"Expected rows that the model {inner.name!r} can be called on, got {batch.said}. "
        f"{refused} Give x=, rows as for fit."
    ) from refused


def _rows(measured: Measured) -> list[Row]:
    rows = [
        Row(
            each.where,
            written(each.wanted or each.regularizer),
            each.charged,
            each.expected,
            _on_weights.found_on(each),
        )
        for each in measured.weights
    ]
    rows += [
        Row(each.where, written(each.regularizer), each.charged, each.expected, _on_activities.found_on(each))
        for each in measured.activities
        if not _on_activities.hidden_by_others(each)
    ]
    rows += [Row(e.where, written(e.regularizer), e.charged, math.nan, _on_own.found_in(e)) for e in measured.cells]
    own = [each for each in measured.own if not isinstance(each.layer, Regularized)]
    return rows + [Row(each.where, "add_loss", each.charged, each.expected, _on_own.found_on(each)) for each in own]


def _of_training(model: keras.Model, inner: keras.Model) -> list[Row]:
    """What belongs to the compiled training step and to no penalty alone."""
    rows = []
    decay = decay_of(model)
    if decay is not None:
        found = _on_optimizer.found_on(decay, model, find_sites(inner))
        rows.append(Row("optimizer", decay.written, math.nan, math.nan, found))
    return rows


UNKNOWN = (
    "whether a strength was changed since `fit` compiled its training step, where such a change has no effect. "
    "If one was, call model.compile(…) again."
)


def _own_note(model: keras.Model, method: str) -> str:
    return (
        f"whether {type(model).__name__}, which has its own {method}, adds the penalties to its loss there. What is "
        "charged above is what Keras's own training step would charge: the sum of model.losses."
    )


def _forgotten_note(activity: Activity) -> str:
    kind, name = type(activity.layer).__name__, activity.layer.name
    return f"{kind} {name!r} forgets an activity_regularizer that it is given; whether it was given one cannot be seen."

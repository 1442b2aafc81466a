"""Problems of penalties on activations, of `add_loss`, and of penalties inside the loop over time."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from bridle._keras import object_arguments, same_regularizer, saved_regularizer
from bridle.auditing._format import advice, count_text, number_text, penalty_source
from bridle.auditing._measure import Activity, AddLoss, Cell, is_batch_statistic
from bridle.auditing._result import Finding, Rule, apply_first_rule, apply_rules


def explain_activity(activity: Activity) -> tuple[Finding, ...]:
    """Return the findings about a penalty on an activation."""
    return (
        apply_first_rule(NOT_CHARGED, activity)
        or apply_rules(CHARGED_WRONGLY, activity)
        or apply_rules(UNEXPLAINED, activity)
    )


def explain_add_loss(added: AddLoss) -> tuple[Finding, ...]:
    """Return the findings about calls of `add_loss` in a layer."""
    return apply_first_rule(ADD_LOSS, added)


def explain_cell(cell: Cell) -> tuple[Finding, ...]:
    """Return the finding about the activity penalty of a recurrent layer's cell."""
    return (
        Finding(
            "inside the loop",
            f"this penalty of a cell lives inside the loop over time of {cell.layer_path!r}. `fit` on JAX stops with "
            "an UnexpectedTracerError; other backends charge steps one by one, padded ones too. "
            f"{advice(cell.layer_path + '/hidden_state', cell.regularizer)}",
        ),
    )


def is_unlikely(activity: Activity) -> bool:
    """Return True for an ignored penalty that can also be another argument of its layer."""
    return activity.forgotten and not activity.computable and bool(object_arguments(activity.layer))


def _advice(activity: Activity) -> str:
    return advice(activity.where, activity.regularizer)


def _kind(layer: keras.Layer) -> str:
    return type(layer).__name__


def _is_inside_time_distributed(activity: Activity) -> bool:
    """Return True if `TimeDistributed` calls the layer without the step in which Keras charges activity."""
    return not activity.charges and activity.around is not None and bool(activity.readings)


def _overflows(activity: Activity) -> bool:
    """Return True if a sum in float16 overflows before Keras divides it by the batch size."""
    return not math.isfinite(activity.charged) and math.isfinite(activity.expected)


def _extra_states(activity: Activity) -> int:
    """Return the number of states for which a recurrent layer is charged in addition to its output."""
    returns_states = isinstance(activity.layer, keras.layers.RNN) and activity.layer.return_state
    return max(0, len(activity.charges) - len(activity.readings)) if returns_states else 0


def _has_charged_twin(activity: Activity) -> bool:
    """Return True if a layer passes its activity penalty to an inner layer with the same output."""
    return activity.twin is not None and bool(activity.twin.charges) and bool(activity.charges)


def _twin_text(activity: Activity) -> str:
    inner = "" if activity.twin is None else activity.twin.layer.name
    return (
        f"{_kind(activity.layer)} charges its output, and {inner!r} inside it charges the same output again. "
        f"{_advice(activity)}"
    )


def _charges_padding(activity: Activity) -> bool:
    """Return True if the penalty is larger because Keras ignores masks."""
    return activity.computable and activity.expected < activity.meaning(masked=False) * (1 - 1e-6)


def _padding_text(activity: Activity) -> str:
    masks = [np.asarray(ops.convert_to_numpy(call.mask)) for call in activity.readings if call.mask is not None]
    padded, steps = sum(int((~mask.astype(bool)).sum()) for mask in masks), sum(mask.size for mask in masks)
    return (
        f"the {padded} of {count_text(steps, 'step')} that are padding are charged too: "
        f"{number_text(activity.charged)} instead of {number_text(activity.expected)}. {_advice(activity)}"
    )


def _weightless_samples(activity: Activity) -> int:
    """Return the number of samples of weight zero, which Keras's activity penalty ignores."""
    if not activity.computable or activity.counted is None:
        return 0
    return int((np.asarray(ops.convert_to_numpy(activity.counted)) == 0).sum())


def _is_divided_twice(activity: Activity) -> bool:
    """Return True if Keras divides a mean over the batch by the batch size."""
    return activity.computable and any(is_batch_statistic(activity.regularizer, r.value) for r in activity.readings)


def _is_shared(activity: Activity) -> bool:
    return activity.calls > 1 and activity.around is None


def _drops_calls(activity: Activity) -> bool:
    return _is_shared(activity) and any(charge.times == 0 for charge in activity.charges)


def _is_lost_on_save(activity: Activity) -> bool:
    """Return True if the saved form of the layer has no activity penalty, or another one."""
    is_saved, saved = saved_regularizer(activity.layer, "activity_regularizer")
    return not activity.outermost and is_saved and not same_regularizer(saved, activity.regularizer)


def has_zero_strengths(regularizer: Any) -> bool:
    """Return True for an `L1L2` with both strengths 0, such as that of the string 'L1L2'."""
    return type(regularizer) is keras.regularizers.L1L2 and not regularizer.l1 and not regularizer.l2


def _is_unexplained(activity: Activity) -> bool:
    half = activity.layer.compute_dtype in ("float16", "bfloat16")
    tolerance = 0.02 if half else 1e-3
    return activity.computable and not math.isclose(activity.charged, activity.expected, rel_tol=tolerance)


ZERO_STRENGTH_TEXT = (
    "keras.regularizers.L1L2 has 0 for both strengths unless they are given, also as the string 'L1L2'. "
    "Write keras.regularizers.L1L2(l1=0.01, l2=0.01)."
)

NOT_CHARGED: tuple[Rule[Activity], ...] = (
    Rule(
        "fails",
        lambda a: a.error is not None,
        lambda a: f"the regularizer cannot be computed on this output ({a.error}), so `fit` stops. {_advice(a)}",
    ),
    Rule(
        "not charged",
        lambda a: a.forgotten and a.computable,
        lambda a: f"{_kind(a.layer)} accepts activity_regularizer and ignores it. {_advice(a)}",
    ),
    Rule(
        "forgotten",
        lambda a: a.forgotten,
        lambda a: (
            f"{_kind(a.layer)} ignores activity_regularizer, and this one was built with an object that it does not "
            f"hold. If that was an activity_regularizer, nothing is charged. {advice(a.where, None)} Otherwise build "
            "the layer with names instead of objects, such as 'glorot_uniform'."
        ),
        "warning",
    ),
    Rule(
        "not charged",
        _is_inside_time_distributed,
        lambda a: (
            f"TimeDistributed calls the layer inside it without the step in which Keras charges activity. {_advice(a)}"
        ),
    ),
    Rule(
        "not charged",
        lambda a: not a.charges and a.outermost,
        lambda a: (
            "`fit` on JAX does not collect the activity_regularizer of the outermost model. Give it to the model's "
            f"last layer, or place {penalty_source(a.regularizer)} at that layer's output with bridle.regularize."
        ),
    ),
    Rule(
        "not charged",
        lambda a: not a.charges and not a.readings,
        lambda a: "the model does not call this layer, so nothing is charged.",
    ),
    Rule(
        "not charged",
        lambda a: not a.charges,
        lambda a: f"the layer runs, but Keras adds nothing for it. {_advice(a)}",
    ),
)
"""Reasons why nothing is charged: the first that applies is reported."""

CHARGED_WRONGLY: tuple[Rule[Activity], ...] = (
    Rule("strength 0", lambda a: has_zero_strengths(a.regularizer), lambda a: ZERO_STRENGTH_TEXT),
    Rule(
        "not finite",
        _overflows,
        lambda a: (
            f"Keras sums in {a.layer.compute_dtype} before it divides by the batch size, and the sum exceeds what "
            f"{a.layer.compute_dtype} holds. bridle sums in float32. {_advice(a)}"
        ),
    ),
    Rule(
        lambda a: f"charged {len(a.charges)} times",
        lambda a: _extra_states(a) > 0,
        lambda a: (
            f"with return_state=True the returned {_states_text(a)} charged in addition to the output. {_advice(a)}"
        ),
    ),
    Rule("charged twice", _has_charged_twin, _twin_text),
    Rule("includes padded steps", _charges_padding, _padding_text),
    Rule(
        "includes samples of weight 0",
        lambda a: _weightless_samples(a) > 0,
        lambda a: (
            f"the {count_text(_weightless_samples(a), 'sample')} of weight 0 in this batch are charged and counted "
            f"too. {_advice(a)}"
        ),
    ),
    Rule(
        "divided twice",
        _is_divided_twice,
        lambda a: (
            "the same batch twice gives the same value, so this is a mean over the batch already. Keras divides it by "
            f"the batch size again, here {a.readings[0].value.shape[0]}, so its strength depends on the batch size. "
            f"{_advice(a)} For sparsity there is bridle.KL."
        ),
    ),
    Rule(
        "charged for one call only",
        _drops_calls,
        lambda a: (
            f"the model calls this layer {a.calls} times, and `fit` on JAX keeps the charge of the last only. "
            f"{_advice(a)} That adds up all calls, on every backend."
        ),
    ),
    Rule(
        lambda a: f"charged {a.calls} times",
        lambda a: _is_shared(a) and not _drops_calls(a),
        lambda a: (
            f"the model calls this layer {a.calls} times and charges each call; its weights are charged once. If one "
            "call is meant, put keras.layers.ActivityRegularization after that call."
        ),
        "warning",
    ),
    Rule(
        "charged though frozen",
        lambda a: not a.layer.trainable and a.charged > 0,
        lambda a: (
            "the layer is frozen, which drops the penalties on its weights but not this one: it still pulls on the "
            f"layers before it. Set model.get_layer({a.layer.name!r}).activity_regularizer = None to drop it too."
        ),
        "warning",
    ),
    Rule(
        "lost on save",
        _is_lost_on_save,
        lambda a: (
            "it was set after the layer was built and is not in the layer's configuration: the saved model does not "
            f"have it. {_advice(a)}"
        ),
        "warning",
    ),
)
"""Reasons why a charge is wrong: all that apply are reported."""

UNEXPLAINED: tuple[Rule[Activity], ...] = (
    Rule(
        "charged otherwise",
        _is_unexplained,
        lambda a: (
            f"Keras charges {number_text(a.charged)} instead of {number_text(a.expected)}, for a reason "
            f"that the audit does not know. {_advice(a)}"
        ),
    ),
)
"""The finding if no rule explains a difference."""

ADD_LOSS: tuple[Rule[AddLoss], ...] = (
    Rule(
        "not finite",
        lambda added: not math.isfinite(added.charged),
        lambda added: "the layer adds a value to the loss that is not finite.",
    ),
    Rule(
        "not charged",
        lambda added: added.dropped > 0,
        lambda added: (
            f"the layer calls add_loss, and Keras drops {added.dropped} of "
            f"{count_text(len(added.charges), 'charge')}. Of several calls `fit` on JAX keeps the last."
        ),
    ),
)


def _states_text(activity: Activity) -> str:
    extra = _extra_states(activity)
    return "state is" if extra == 1 else f"{extra} states are"

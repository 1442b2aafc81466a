"""What can be wrong with a penalty on what a layer gives: one detector for each trap."""

import math
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from bridle._keras import explained_by, same_regularizer, saved_regularizer
from bridle.auditing._meaning import is_batch_statistic
from bridle.auditing._measure import Activity
from bridle.auditing._rows import Finding
from bridle.auditing._words import as_bridle, count, number, placed


def found_on(activity: Activity) -> tuple[Finding, ...]:
    """Everything to say about a penalty on an activation."""
    if activity.error is not None:
        return (_cannot(activity),)
    missing = next(filter(None, (detector(activity) for detector in MISSING)), None)
    if missing is not None:
        return (missing,)
    found = tuple(filter(None, (detector(activity) for detector in DETECTORS)))
    return found or _unexplained(activity)


def _cannot(activity: Activity) -> Finding:
    return Finding(
        "fails",
        f"the regularizer cannot be computed on this output ({activity.error}), so `fit` stops. "
        f"{placed(activity.where, activity.regularizer)}",
    )


def _forgotten(activity: Activity) -> Finding | None:
    """SimpleRNN takes the argument and drops it."""
    if not activity.forgotten:
        return None
    kind = type(activity.layer).__name__
    if activity.known:
        return Finding(
            "not charged",
            f"{kind} takes activity_regularizer and forgets it. {placed(activity.where, activity.regularizer)}",
        )
    return Finding(
        "forgotten",
        f"{kind} forgets activity_regularizer, and this one was built with an object that it no longer holds. If that "
        f"was an activity_regularizer, nothing is charged. {placed(activity.where, None)} Otherwise build the layer "
        "with names instead of objects, such as 'glorot_uniform'.",
        "warning",
    )


def _in_time_distributed(activity: Activity) -> Finding | None:
    """TimeDistributed calls what is inside past the place where Keras charges activity."""
    if activity.charges or activity.around is None or not activity.readings:
        return None
    return Finding(
        "not charged",
        f"TimeDistributed runs the layer inside it past the place where Keras charges activity. "
        f"{placed(activity.where, activity.regularizer)}",
    )


def _outermost(activity: Activity) -> Finding | None:
    """On JAX, `fit` calls the outermost model past the place where Keras charges activity."""
    if activity.charges or not activity.outermost:
        return None
    return Finding(
        "not charged",
        "`fit` on JAX does not collect the activity_regularizer of the outermost model. Give it to the model's last "
        f"layer, or place {as_bridle(activity.regularizer)} at that layer's output with bridle.regularize.",
    )


def _never_called(activity: Activity) -> Finding | None:
    if activity.charges:
        return None
    if not activity.readings:
        return Finding("not charged", "the model does not call this layer, so nothing is charged.")
    return Finding(
        "not charged",
        f"the layer runs, and Keras adds nothing for it. {placed(activity.where, activity.regularizer)}",
    )


def _infinite(activity: Activity) -> Finding | None:
    """In float16 the sum overflows before it is divided by the batch size."""
    if math.isfinite(activity.charged) or not math.isfinite(activity.expected):
        return None
    precision = activity.layer.compute_dtype
    return Finding(
        "not finite",
        f"Keras sums in {precision} before it divides by the batch size, and the sum exceeds what {precision} holds. "
        f"bridle sums in float32. {placed(activity.where, activity.regularizer)}",
    )


def _states(activity: Activity) -> Finding | None:
    """A recurrent layer that returns its states is charged for each of them."""
    if not isinstance(activity.layer, keras.layers.RNN) or not activity.layer.return_state:
        return None
    extra = len(activity.charges) - len(activity.readings)
    if extra <= 0:
        return None
    kind = "state is" if extra == 1 else f"{extra} states are"
    return Finding(
        f"charged {len(activity.charges)} times",
        f"with return_state=True the returned {kind} charged beside the output. "
        f"{placed(activity.where, activity.regularizer)}",
    )


def _twin(activity: Activity) -> Finding | None:
    """A layer passes its activity penalty to a layer inside, whose output is its own."""
    if activity.twin is None or not activity.twin.charges or not activity.charges:
        return None
    return Finding(
        "charged twice",
        f"{type(activity.layer).__name__} charges its output, and {activity.twin.layer.name!r} inside it charges the "
        f"same output again. {placed(activity.where, activity.regularizer)}",
    )


def _padded(activity: Activity) -> Finding | None:
    """Keras's activity penalty ignores masks."""
    if not activity.known or not activity.expected < activity.meaning(masked=False) * (1 - 1e-6):
        return None
    masks = [np.asarray(ops.convert_to_numpy(each.mask)) for each in activity.readings if each.mask is not None]
    padded, steps = sum(int((~mask.astype(bool)).sum()) for mask in masks), sum(mask.size for mask in masks)
    return Finding(
        "includes padded steps",
        f"the {padded} of {count(steps, 'step')} that are padding are charged too: {number(activity.charged)} instead "
        f"of {number(activity.expected)}. {placed(activity.where, activity.regularizer)}",
    )


def _weightless(activity: Activity) -> Finding | None:
    """Keras's activity penalty ignores sample weights."""
    if not activity.known or activity.counted is None:
        return None
    zero = int((np.asarray(ops.convert_to_numpy(activity.counted)) == 0).sum())
    if not zero:
        return None
    return Finding(
        "includes samples of weight 0",
        f"the {count(zero, 'sample')} of weight 0 in this batch are charged and counted too. "
        f"{placed(activity.where, activity.regularizer)}",
    )


def _divided_twice(activity: Activity) -> Finding | None:
    """A batch mean that Keras divides by the batch size."""
    if not activity.known or not any(is_batch_statistic(activity.regularizer, r.value) for r in activity.readings):
        return None
    size = activity.readings[0].value.shape[0]
    return Finding(
        "divided twice",
        "the same batch twice gives the same value, so this is a mean over the batch already; Keras divides it by "
        f"the batch size again, here {size}, so its strength depends on the batch size. "
        f"{placed(activity.where, activity.regularizer)} For sparsity there is bridle.KL.",
    )


def _shared(activity: Activity) -> Finding | None:
    """A layer that is called several times."""
    calls = activity.calls
    if calls < 2 or activity.around is not None:
        return None
    lost = any(charge.times == 0 for charge in activity.charges)
    each = placed(activity.where, activity.regularizer) + " That adds up all calls, on every backend."
    if lost:
        return Finding(
            "charged for one call only",
            f"the model calls this layer {calls} times, and `fit` on JAX keeps the charge of the last only. {each}",
        )
    return Finding(
        f"charged {calls} times",
        f"the model calls this layer {calls} times and charges each call; its weights are charged once. If one call is "
        "meant, put keras.layers.ActivityRegularization after that call.",
        "warning",
    )


def _frozen(activity: Activity) -> Finding | None:
    """Freezing a layer drops its weight penalties and keeps its activity penalty."""
    if activity.layer.trainable or not activity.charged > 0:
        return None
    return Finding(
        "charged though frozen",
        "the layer is frozen, which drops the penalties on its weights but not this one: it still pulls on the layers "
        f"before it. Set model.get_layer({activity.layer.name!r}).activity_regularizer = None to drop it too.",
        "warning",
    )


def _lost(activity: Activity) -> Finding | None:
    """The saved form of the layer has no activity penalty, or another one."""
    known, saved = saved_regularizer(activity.layer, "activity_regularizer")
    if activity.outermost or not known or same_regularizer(saved, activity.regularizer):
        return None
    return Finding(
        "lost on save",
        "it was set after the layer was built and is not in the layer's configuration: the saved model does not have "
        f"it. {placed(activity.where, activity.regularizer)}",
        "warning",
    )


def _zero(activity: Activity) -> Finding | None:
    return zero_strength(activity.regularizer)


def zero_strength(regularizer: object) -> Finding | None:
    """`L1L2` without arguments, as the string 'L1L2' gives it, has both strengths 0."""
    if type(regularizer) is not keras.regularizers.L1L2 or regularizer.l1 or regularizer.l2:
        return None
    return Finding(
        "strength 0",
        "keras.regularizers.L1L2 has 0 for both strengths unless they are given, also as the string 'L1L2'. "
        "Write keras.regularizers.L1L2(l1=0.01, l2=0.01).",
    )


def _unexplained(activity: Activity) -> tuple[Finding, ...]:
    half = activity.layer.compute_dtype in ("float16", "bfloat16")
    if not activity.known or math.isclose(activity.charged, activity.expected, rel_tol=0.02 if half else 1e-3):
        return ()
    return (
        Finding(
            "charged otherwise",
            f"Keras charges {number(activity.charged)} where the penalty means {number(activity.expected)}, for a "
            f"reason that the audit does not know. {placed(activity.where, activity.regularizer)}",
        ),
    )


def hidden_by_others(activity: Activity) -> bool:
    """Whether a forgotten penalty is no more likely than none: other arguments may have been the object."""
    return activity.forgotten and not activity.known and bool(explained_by(activity.layer))


Detector = Callable[[Activity], Finding | None]
MISSING: tuple[Detector, ...] = (_forgotten, _in_time_distributed, _outermost, _never_called)
"""Why nothing is charged: the first that applies."""
DETECTORS: tuple[Detector, ...] = (
    _zero, _infinite, _states, _twin, _padded, _weightless, _divided_twice, _shared, _frozen, _lost,
)  # fmt: skip
"""What is wrong with what is charged: all that apply."""

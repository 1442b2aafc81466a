"""What can be wrong with a penalty on a weight: one detector for each trap."""

import math
from collections.abc import Callable

from keras import ops

from bridle._keras import as_number, same_regularizer, saved_regularizer
from bridle.auditing._measure import Weight
from bridle.auditing._on_activities import zero_strength
from bridle.auditing._rows import Finding
from bridle.auditing._words import as_bridle, number, placed, written
from bridle.regularizers import Penalty


def found_on(weight: Weight) -> tuple[Finding, ...]:
    """Everything to say about a penalty on a weight."""
    found = tuple(filter(None, (detector(weight) for detector in DETECTORS)))
    return found or _unexplained(weight)


def _cannot(weight: Weight) -> Finding | None:
    """OrthogonalRegularizer takes matrices only."""
    if weight.error is None:
        return None
    return Finding(
        "fails",
        f"the regularizer cannot be computed on a weight of shape {tuple(weight.variable.shape)} ({weight.error}), so "
        f"`fit` stops. {placed(weight.where, weight.wanted or weight.regularizer)}",
    )


def _set_too_late(weight: Weight) -> Finding | None:
    """Keras reads the argument once, when the weight is made."""
    if weight.wanted is None or same_regularizer(weight.regularizer, weight.wanted):
        return None
    now = "nothing" if weight.regularizer is None else written(weight.regularizer)
    return Finding(
        "not charged" if weight.regularizer is None else "another one is charged",
        f"the layer's {weight.argument} was set to {written(weight.wanted)} after its weights were made, and Keras "
        f"charges {now} until the model is saved and loaded. {placed(weight.where, weight.wanted)}",
    )


def _lost(weight: Weight) -> Finding | None:
    """A regularizer on the variable itself is no part of the layer's configuration."""
    known, saved = saved_regularizer(weight.holder, weight.argument)
    if weight.regularizer is None or not known or same_regularizer(saved, weight.regularizer):
        return None
    if weight.wanted is not None and not same_regularizer(weight.wanted, weight.regularizer):
        return None
    return Finding(
        "lost on save",
        "it was set on the variable, which is not part of the layer's configuration: the saved model does not have "
        f"it. {placed(weight.where, weight.regularizer)}",
        "warning",
    )


def _frozen(weight: Weight) -> Finding | None:
    """Keras charges the weights that are trained."""
    if weight.variable.trainable or weight.regularizer is None or not weight.expected > 0:
        return None
    return Finding(
        "dropped because frozen",
        f"the weight is frozen, and Keras leaves its penalty of {number(weight.expected)} out of the loss, so losses "
        f"before and after freezing cannot be compared. bridle charges frozen weights as any. "
        f"{placed(weight.where, weight.regularizer)}",
        "warning",
    )


def _zero(weight: Weight) -> Finding | None:
    return zero_strength(weight.wanted or weight.regularizer)


def _whole_table(weight: Weight) -> Finding | None:
    """An embedding table is charged as a whole, not for the rows that a batch looks up."""
    if weight.looked_up is None or not weight.charged > 0 or weight.looked_up >= weight.variable.shape[0]:
        return None
    target = weight.where.rpartition("/")[0] + "/output"
    return Finding(
        "charges the whole table",
        f"every step charges all {weight.variable.shape[0]} rows, of which this batch looks up {weight.looked_up}: "
        "rows that are not looked up shrink all the same. To charge what is looked up: "
        f'bridle.regularize(model, {{"{target}": {as_bridle(weight.regularizer)}}}).',
        "warning",
    )


def _toward_zero(weight: Weight) -> Finding | None:
    """The scale of a normalisation layer does nothing at 1, not at 0."""
    regularizer = weight.regularizer
    if weight.variable.name != "gamma" or regularizer is None or weight.error is not None:
        return None
    if isinstance(regularizer, Penalty) and "anchor" in regularizer.options:
        return None
    ones = ops.ones(weight.variable.shape)
    if not as_number(regularizer(ones)) > as_number(regularizer(ops.zeros_like(ones))):
        return None
    return Finding(
        "pulls toward 0",
        "this scale leaves its layer's output as it is at 1, and the penalty pulls it to 0, where the layer is silent. "
        f'To pull toward 1: bridle.regularize(model, {{"{weight.where}": bridle.L2SP({_strength(regularizer)}, '
        "anchor=1.0)}).",
        "warning",
    )


def _strength(regularizer: object) -> str:
    found = getattr(regularizer, "l2", None) or getattr(regularizer, "l1", None)
    return "0.01" if found is None else f"{float(found):g}"


def _unexplained(weight: Weight) -> tuple[Finding, ...]:
    if weight.regularizer is None or math.isclose(weight.charged, weight.expected, rel_tol=1e-3, abs_tol=1e-12):
        return ()
    if math.isnan(weight.expected):
        return ()
    return (
        Finding(
            "charged otherwise",
            f"Keras charges {number(weight.charged)} where the penalty means {number(weight.expected)}, for a reason "
            f"that the audit does not know. {placed(weight.where, weight.regularizer)}",
        ),
    )


Detector = Callable[[Weight], Finding | None]
DETECTORS: tuple[Detector, ...] = (_cannot, _zero, _set_too_late, _lost, _frozen, _whole_table, _toward_zero)
"""All that apply are reported."""

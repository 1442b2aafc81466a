"""Problems of penalties on weights."""

import math

from keras import ops

from bridle._keras import as_number, saved_regularizer
from bridle.auditing._activity_findings import ZERO_STRENGTH_TEXT, has_zero_strengths
from bridle.auditing._attached import LOST_ON_SAVE, is_lost_on_save, is_set_too_late
from bridle.auditing._format import advice, number_text, penalty_source, regularizer_text
from bridle.auditing._measure import Weight
from bridle.auditing._result import Finding, Rule, apply_rules
from bridle.regularizers import Penalty


def explain_weight(weight: Weight) -> tuple[Finding, ...]:
    """Return the findings about a penalty on a weight."""
    return apply_rules(RULES, weight) or apply_rules(UNEXPLAINED, weight)


def _advice(weight: Weight) -> str:
    return advice(weight.where, weight.regularizer)


def _too_late_text(weight: Weight) -> str:
    charged = "nothing" if weight.regularizer is None else regularizer_text(weight.regularizer)
    return (
        f"the layer's {weight.argument} was set to {regularizer_text(weight.declared)} after its weights were created, "
        f"and Keras charges {charged} until the model is saved and loaded. {advice(weight.where, weight.declared)}"
    )


def _is_lost_on_save(weight: Weight) -> bool:
    return is_lost_on_save(weight.regularizer, weight.declared, saved_regularizer(weight.holder, weight.argument))


def _is_dropped(weight: Weight) -> bool:
    """Return True for a frozen weight, whose penalty Keras leaves out."""
    return not weight.variable.trainable and weight.regularizer is not None and weight.expected > 0


def _charges_whole_table(weight: Weight) -> bool:
    """Return True for an embedding table with rows that the batch does not look up."""
    return weight.rows_used is not None and weight.charged > 0 and weight.rows_used < weight.variable.shape[0]


def _whole_table_text(weight: Weight) -> str:
    target = weight.where.rpartition("/")[0] + "/output"
    return (
        f"every step charges all {weight.variable.shape[0]} rows, of which this batch looks up {weight.rows_used}: "
        "rows that are not looked up shrink too. To charge only rows that are looked up: "
        f'bridle.regularize(model, {{"{target}": {penalty_source(weight.regularizer)}}}).'
    )


def _pulls_scale_to_zero(weight: Weight) -> bool:
    """Return True for the scale of a normalization layer, whose neutral value is 1, pulled to 0."""
    regularizer = weight.regularizer
    if weight.variable.name != "gamma" or regularizer is None or weight.error is not None:
        return False
    if isinstance(regularizer, Penalty) and "anchor" in regularizer.options:
        return False
    ones = ops.ones(weight.variable.shape)
    return as_number(regularizer(ones)) > as_number(regularizer(ops.zeros_like(ones)))


def _strength_text(regularizer: object) -> str:
    strength = getattr(regularizer, "l2", None) or getattr(regularizer, "l1", None)
    return "0.01" if strength is None else f"{float(strength):g}"


def _is_unexplained(weight: Weight) -> bool:
    if weight.regularizer is None or math.isnan(weight.expected):
        return False
    return not math.isclose(weight.charged, weight.expected, rel_tol=1e-3, abs_tol=1e-12)


RULES: tuple[Rule[Weight], ...] = (
    Rule(
        "fails",
        lambda w: w.error is not None,
        lambda w: (
            f"the regularizer cannot be computed on a weight of shape {tuple(w.variable.shape)} ({w.error}), so `fit` "
            f"stops. {advice(w.where, w.declared or w.regularizer)}"
        ),
    ),
    Rule("strength 0", lambda w: has_zero_strengths(w.declared or w.regularizer), lambda w: ZERO_STRENGTH_TEXT),
    Rule(
        lambda w: "not charged" if w.regularizer is None else "another one is charged",
        lambda w: is_set_too_late(w.regularizer, w.declared),
        _too_late_text,
    ),
    Rule(
        "lost on save",
        _is_lost_on_save,
        lambda w: f"{LOST_ON_SAVE} {_advice(w)}",
        "warning",
    ),
    Rule(
        "dropped because frozen",
        _is_dropped,
        lambda w: (
            f"the weight is frozen, and Keras leaves its penalty of {number_text(w.expected)} out of the loss, so "
            "losses before and after freezing cannot be compared. bridle charges frozen weights like any other. "
            f"{_advice(w)}"
        ),
        "warning",
    ),
    Rule("charges the whole table", _charges_whole_table, _whole_table_text, "warning"),
    Rule(
        "pulls toward 0",
        _pulls_scale_to_zero,
        lambda w: (
            "this scale has no effect at 1, and the penalty pulls it to 0, where the layer outputs "
            f'only its shift. To pull toward 1: bridle.regularize(model, {{"{w.where}": '
            f"bridle.L2SP({_strength_text(w.regularizer)}, anchor=1.0)}})."
        ),
        "warning",
    ),
)
"""All that apply are reported."""

UNEXPLAINED: tuple[Rule[Weight], ...] = (
    Rule(
        "charged otherwise",
        _is_unexplained,
        lambda w: (
            f"Keras charges {number_text(w.charged)} instead of {number_text(w.expected)}, for a reason "
            f"that the audit does not know. {_advice(w)}"
        ),
    ),
)
"""The finding if no rule explains a difference."""

"""The step of a proximal step: the move of each entry of a weight per unit of gradient."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops
from keras.optimizers import Optimizer

from bridle._errors import InputError
from bridle._keras._internals import is_from_keras, optimizer_slots, variable_index
from bridle._keras._updates import inner_optimizer

Rule = Callable[[Any, int, Any, Any], Any]


def proximal_step(optimizer: Optimizer, variable: keras.Variable) -> Any:
    """Return the step of the last update for each entry of a weight, in its shape.

    Call it after the update and before `optimizer.iterations` is raised, as in a constraint. A constant gradient
    `g` would move the weight by `step * g` per update, so a proximal step with the same `step` has the fixed point
    that the penalty has: where `g` of the data loss and the subgradient of the penalty cancel. With loss scaling it is
    the step of the inner optimizer, which gets the gradient without the scale.

    - SGD: `lr`; with momentum `mu`, `lr * (1 - mu^t) / (1 - mu)`, for a gradient goes on moving the weight;
    - Adam, AdamW, Nadam: `lr / (sqrt(v_hat) + eps)`; Adamax: `lr / (u + eps)`;
    - RMSprop: `lr / sqrt(v + eps)`, centered `lr / sqrt(v - mean^2 + eps)`; Adagrad: `lr / sqrt(sum g^2 + eps)`.

    Source: the proximal step in the metric of an adaptive method is that of Yun, Lozano and Yang, "Adaptive proximal
    gradient methods for structured neural networks", NeurIPS 2021; the rate of momentum is derived here.
    """
    optimizer = inner_optimizer(optimizer)
    index = variable_index(optimizer, variable)
    rate = ops.cast(optimizer.learning_rate, variable.dtype)
    steps = ops.cast(optimizer.iterations + 1, variable.dtype)
    return ops.broadcast_to(_rule(optimizer)(optimizer, index, rate, steps), variable.shape)


def check_exact(optimizer: Optimizer) -> None:
    """Refuse an optimizer whose update is not a step along the gradient, where a proximal step has no meaning.

    Errors: `InputError` that names the optimizers with one.
    """
    optimizer = inner_optimizer(optimizer)
    _rule(optimizer)
    name = type(optimizer).__name__
    if optimizer.gradient_accumulation_steps:
        raise InputError(
            f"Expected an optimizer that updates at every batch for exact=True, got {name} with "
            "gradient_accumulation_steps. Leave one of the two out."
        )
    if optimizer.use_ema:
        raise InputError(
            f"Expected an optimizer that keeps the last weights for exact=True, got {name} with use_ema=True: averaged "
            "weights are seldom exactly zero. Leave one of the two out."
        )


def _rule(optimizer: Optimizer) -> Rule:
    """Return the rule of one of Keras's optimizers; backends make subclasses of some.

    Errors: `InputError` that names the optimizers with a rule.
    """
    is_own = is_from_keras(type(optimizer))
    rule = next((RULES[kind] for kind in type(optimizer).__mro__ if is_own and kind in RULES), None)
    if rule is None:
        names = ", ".join(sorted(kind.__name__ for kind in RULES))
        raise InputError(
            f"Expected an optimizer with a step size for exact=True, got {type(optimizer).__name__}, whose update does "
            f"not grow with the gradient or is not entry by entry. Use one of {names}, or leave `exact` out."
        )
    return rule


def _sgd(optimizer: Any, index: int, rate: Any, steps: Any) -> Any:
    return rate * _carried(optimizer.momentum, steps)


def _carried(momentum: float, steps: Any) -> Any:
    """Return the sum that a unit of gradient reaches under momentum: `1 + mu + … + mu^(t-1)`."""
    return (1 - ops.power(ops.cast(momentum, steps.dtype), steps)) / (1 - momentum)


def _adam(optimizer: Any, index: int, rate: Any, steps: Any) -> Any:
    moments = (
        optimizer_slots(optimizer, "largest velocity") if optimizer.amsgrad else optimizer_slots(optimizer, "velocity")
    )
    decayed = ops.sqrt(1 - ops.power(ops.cast(optimizer.beta_2, steps.dtype), steps))
    return rate * decayed / (ops.sqrt(moments[index].value) + optimizer.epsilon)


def _nadam(optimizer: Any, index: int, rate: Any, steps: Any) -> Any:
    corrected = optimizer_slots(optimizer, "velocity")[index].value / (
        1 - ops.power(ops.cast(optimizer.beta_2, steps.dtype), steps)
    )
    return rate / (ops.sqrt(corrected) + optimizer.epsilon)


def _adamax(optimizer: Any, index: int, rate: Any, steps: Any) -> Any:
    return rate / (optimizer_slots(optimizer, "infinity norm")[index].value + optimizer.epsilon)


def _rmsprop(optimizer: Any, index: int, rate: Any, steps: Any) -> Any:
    variance = optimizer_slots(optimizer, "velocity")[index].value
    if optimizer.centered:
        variance = variance - ops.square(optimizer_slots(optimizer, "average gradient")[index].value)
    return rate / ops.sqrt(variance + optimizer.epsilon) * _carried(optimizer.momentum, steps)


def _adagrad(optimizer: Any, index: int, rate: Any, steps: Any) -> Any:
    return rate / ops.sqrt(optimizer_slots(optimizer, "accumulator")[index].value + optimizer.epsilon)


RULES: dict[type, Rule] = {
    keras.optimizers.SGD: _sgd,
    keras.optimizers.Adam: _adam,
    keras.optimizers.AdamW: _adam,
    keras.optimizers.Nadam: _nadam,
    keras.optimizers.Adamax: _adamax,
    keras.optimizers.RMSprop: _rmsprop,
    keras.optimizers.Adagrad: _adagrad,
}
"""The step of each optimizer, from its own variables."""

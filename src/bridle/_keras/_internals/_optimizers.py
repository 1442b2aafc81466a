"""Private parts of optimizers."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras

from bridle._keras._internals._access import read_private, replaced

SLOTS = {
    "momentum": "_momentums",
    "velocity": "_velocities",
    "largest velocity": "_velocity_hats",
    "infinity norm": "_u",
    "average gradient": "_average_gradients",
    "accumulator": "_accumulators",
}
"""The attributes in which optimizers of Keras keep their slot variables."""
DECAY_RATES = ("weight_decay", "adam_weight_decay")
"""The attributes in which optimizers of Keras keep rates of weight decay."""


def inner_optimizers(optimizer: Any) -> tuple[Any, ...]:
    """Return the optimizers to which an optimizer leaves groups of variables."""
    return tuple(getattr(optimizer, "_inner_optimizers", ()))


def copy_decay_exclusions(target: Any, source: Any) -> None:
    """Exclude from weight decay in one optimizer what another one excludes."""
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))


def decay_exclusions(optimizer: Any) -> tuple[set[Any], Any]:
    """Return the keys of variables and the pattern of names that an optimizer excludes from weight decay."""
    keys = getattr(optimizer, "_exclude_from_weight_decay", None) or set()
    return keys, getattr(optimizer, "_exclude_from_weight_decay_pattern", None)


def decays(optimizer: Any, variable: keras.Variable) -> bool:
    """Return True unless an optimizer excludes a variable from its weight decay."""
    return bool(read_private(optimizer, "_use_weight_decay")(variable))


def decay_method(optimizer: Any) -> Callable[[list[keras.Variable]], None]:
    """Return the method with which an optimizer decays variables: `w <- w - w * weight_decay * learning_rate`."""
    return read_private(optimizer, "_apply_weight_decay")


def set_decay_method(optimizer: Any, method: Any) -> Any:
    """Replace the method with which one optimizer decays variables, or with None undo it; return the one before."""
    attributes = vars(optimizer)
    before = attributes.pop("_apply_weight_decay", None)
    if method is not None:
        attributes["_apply_weight_decay"] = method
    return before


@contextlib.contextmanager
def decay_rate_replaced(optimizer: Any, rate: Any) -> Iterator[None]:
    """Let an optimizer decay every variable at one rate inside the block, also those that it excludes.

    `rate` may be traced. Muon has a second rate, for the variables that its Adam updates.

    With a constant rate, XLA computes `w * (weight_decay * learning_rate)`, and with a traced one it follows the order
    `(w * weight_decay) * learning_rate` of Keras. So on JAX the product goes in as the rate, with a learning rate of 1:
    the bits are those of a constant rate.
    """
    with contextlib.ExitStack() as stack:
        if keras.backend.backend() == "jax":
            rate = rate * keras.ops.cast(optimizer.learning_rate, "float32")
            stack.enter_context(replaced(optimizer, "_get_current_learning_rate", lambda: 1.0))
        for name in DECAY_RATES:
            if hasattr(optimizer, name):
                stack.enter_context(replaced(optimizer, name, rate))
        stack.enter_context(replaced(optimizer, "_use_weight_decay", lambda variable: True))
        yield


def decay_rate(optimizer: Any, variable: keras.Variable) -> Any:
    """Return the weight decay of an optimizer for a variable; Muon has another one where it updates as AdamW does."""
    if isinstance(optimizer, keras.optimizers.Muon) and read_private(optimizer, "_should_use_adamw")(variable):
        return optimizer.adam_weight_decay or 0.0
    return optimizer.weight_decay or 0.0


def optimizer_of(optimizer: Any, variable: keras.Variable) -> Any:
    """Return the optimizer that updates a variable: the optimizer, or the one to which it leaves the variable."""
    if not inner_optimizers(optimizer):
        return optimizer
    if optimizer.built:
        index = read_private(optimizer, "_var_to_optimizer_idx")[variable_key(optimizer, variable)]
        return inner_optimizers(optimizer)[index]
    return read_private(optimizer, "_optimizer_map")(variable)


def variable_key(optimizer: Any, variable: keras.Variable) -> Any:
    """Return the key by which an optimizer knows a variable."""
    return read_private(optimizer, "_var_key")(variable)


def variable_index(optimizer: Any, variable: keras.Variable) -> int:
    """Return the index of a variable among the slots of an optimizer."""
    return read_private(optimizer, "_get_variable_index")(variable)


def learning_rate_variable(optimizer: Any) -> Any:
    """Return the learning rate as an optimizer stores it: a variable or a schedule."""
    return getattr(optimizer, "_learning_rate", None)


def optimizer_slots(optimizer: Any, name: str) -> list[Any]:
    """Return the slot variables of an optimizer under one of the names of `SLOTS`."""
    return read_private(optimizer, SLOTS[name])

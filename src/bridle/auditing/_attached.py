"""The regularizer or constraint that is applied to a weight, against the one that its layer names and saves."""

from typing import Any

from bridle._keras import same_regularizer

LOST_ON_SAVE = (
    "it was set on the variable, which is not part of the layer's configuration: the saved model does not have it."
)


def is_set_too_late(applied: Any, declared: Any) -> bool:
    """Return True if the layer names a regularizer or constraint that its weight was not created with."""
    return declared is not None and not same_regularizer(applied, declared)


def is_lost_on_save(applied: Any, declared: Any, saved: tuple[bool, Any]) -> bool:
    """Return True for a regularizer or constraint on the variable that is not in the layer's configuration.

    Args:
        applied, declared: what is applied, and what the attribute of the layer names; None for nothing.
        saved: whether the configuration has the argument, and what it says.

    """
    has_argument, value = saved
    if applied is None or not has_argument or same_regularizer(value, applied):
        return False
    return declared is None or same_regularizer(declared, applied)

"""The proximal step in Keras's `fit`, as a constraint that Keras applies after each update."""

from typing import Any

import keras
from keras import ops

from bridle._errors import InputError
from bridle._keras import (
    inner_optimizer,
    is_updating,
    keep_state_on_error,
    leave_out_of_files,
    note_updates,
    proximal_step,
)
from bridle.placement._bound_terms import BoundTerms

NAME = "bridle_strengths"


class Proximal:
    """Constraint that takes the proximal step of a weight after each update and after its previous constraint.

    Args:
        terms: the penalty terms.
        variable: the weight.
        name: the name of the regularized model.
        optimizer: the optimizer of the compiled model; None before `compile`.

    """

    def __init__(self, terms: BoundTerms, variable: keras.Variable, name: str, optimizer: Any = None) -> None:
        before = variable.constraint
        self.before = before.before if isinstance(before, Proximal) else before
        self.terms, self.variable, self.name, self.optimizer = terms, variable, name, optimizer

    def __call__(self, value: Any) -> Any:
        value = ops.convert_to_tensor(value if self.before is None else self.before(value))
        strengths = None if self.optimizer is None else attached_strengths(self.optimizer)
        if strengths is None or not is_updating(self.optimizer):
            keep_state_on_error()
            raise InputError(self._sentence())
        step = proximal_step(self.optimizer, self.variable)
        return self.terms.proximal(self.variable, value, step, strengths.value)

    def _sentence(self) -> str:
        way = (
            f"In a custom training loop, compile {self.name!r} with the optimizer of the loop first. For a model that "
            "contains it, penalize the outer model instead: bridle.regularize(outer, {…})."
        )
        if self.optimizer is None:
            return f"Expected a compiled model for exact=True, got an update of {self.name!r} without compile(). {way}"
        return (
            f"Expected for exact=True an update by the optimizer that {self.name!r} is compiled with "
            f"({type(inner_optimizer(self.optimizer)).__name__}), got one by another optimizer. {way}"
        )


def attached_strengths(optimizer: Any) -> keras.Variable | None:
    """Return the strengths as a variable of the optimizer, or None."""
    return next((variable for variable in inner_optimizer(optimizer).variables if variable.name == NAME), None)


def attach_strengths(optimizer: Any, strengths: keras.Variable) -> None:
    """Add the strengths to the variables of an optimizer, which JAX passes to constraints; and track its updates."""
    variable = attached_strengths(optimizer)
    if variable is None:
        variable = inner_optimizer(optimizer).add_variable(
            strengths.shape, initializer="zeros", dtype="float32", name=NAME
        )
        leave_out_of_files(optimizer, variable)
    variable.assign(ops.copy(strengths.value))
    note_updates(optimizer)

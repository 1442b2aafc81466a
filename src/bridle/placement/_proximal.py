"""The proximal step in plain `fit`: a constraint of the weight, which Keras applies after each update."""

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
from bridle.placement._penalty_terms import PenaltyTerms

NAME = "bridle_strengths"


class Proximal:
    """A constraint that takes the proximal step of a weight after each update, after the weight's own constraint.

    Args:
        held: the terms.
        variable: the weight.
        name: the name of the penalized model.
        optimizer: the one that the model is compiled with; None before it is compiled.

    """

    def __init__(self, held: PenaltyTerms, variable: keras.Variable, name: str, optimizer: Any = None) -> None:
        before = variable.constraint
        self.before = before.before if isinstance(before, Proximal) else before
        self.held, self.variable, self.name, self.optimizer = held, variable, name, optimizer

    def __call__(self, value: Any) -> Any:
        value = ops.convert_to_tensor(value if self.before is None else self.before(value))
        strengths = None if self.optimizer is None else held_by(self.optimizer)
        if strengths is None or not is_updating(self.optimizer):
            keep_state_on_error()
            raise InputError(self._sentence())
        step = proximal_step(self.optimizer, self.variable)
        return self.held.proximal(self.variable, value, step, strengths.value)

    def _sentence(self) -> str:
        way = (
            f"In a loop of your own, compile {self.name!r} with the optimizer of the loop first; in a model that "
            "contains it, penalize the outer model instead: bridle.regularize(outer, {…})."
        )
        if self.optimizer is None:
            return f"Expected a compiled model for exact=True, got an update of {self.name!r} without compile(). {way}"
        return (
            f"Expected for exact=True an update by the optimizer that {self.name!r} is compiled with "
            f"({type(inner_optimizer(self.optimizer)).__name__}), got one by another optimizer. {way}"
        )


def held_by(optimizer: Any) -> keras.Variable | None:
    """The strengths as a variable of the optimizer; None where it has none."""
    return next((variable for variable in inner_optimizer(optimizer).variables if variable.name == NAME), None)


def hold(optimizer: Any, strengths: keras.Variable) -> None:
    """Give an optimizer the strengths as a variable, for JAX shows a constraint no others; and note its updates."""
    variable = held_by(optimizer)
    if variable is None:
        variable = inner_optimizer(optimizer).add_variable(
            strengths.shape, initializer="zeros", dtype="float32", name=NAME
        )
        leave_out_of_files(optimizer, variable)
    variable.assign(ops.copy(strengths.value))
    note_updates(optimizer)

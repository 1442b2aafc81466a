"""The proximal step in plain `fit`: a constraint of the weight, which Keras applies after each update."""

from typing import Any

import keras
from keras import ops

from bridle._keras import step_of
from bridle.placement._charges import Charges


class Proximal:
    """A constraint that takes the proximal step of a weight after each update, after the weight's own constraint."""

    def __init__(self, held: Charges, optimizer: Any, variable: keras.Variable, amounts: keras.Variable) -> None:
        before = variable.constraint
        self.before = before.before if isinstance(before, Proximal) else before
        self.held, self.optimizer, self.variable, self.amounts = held, optimizer, variable, amounts

    def __call__(self, value: Any) -> Any:
        value = ops.convert_to_tensor(value if self.before is None else self.before(value))
        return self.held.proximal(self.variable, value, step_of(self.optimizer, self.variable), self.amounts.value)


def held_by(optimizer: Any, strengths: keras.Variable) -> keras.Variable:
    """The strengths as a variable of the optimizer, for JAX shows a constraint no others."""
    name = "bridle_strengths"
    found = next((variable for variable in optimizer.variables if variable.name == name), None)
    if found is None:
        found = optimizer.add_variable(strengths.shape, initializer="zeros", dtype="float32", name=name)
        found.assign(ops.copy(strengths.value))
    return found

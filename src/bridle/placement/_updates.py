"""Changes of weights beside the step of the optimizer: decay before it; proximal steps and projections after it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
from keras import ops

from bridle._errors import InputError
from bridle._keras import (
    Decayed,
    Projection,
    attach_decay,
    check_exact,
    inner_optimizer,
    is_updating,
    keep_state_on_error,
    leave_out_of_files,
    note_updates,
    proximal_step,
)
from bridle.placement._bound_terms import BoundTerms
from bridle.placement._sites import Site
from bridle.regularizers import Penalty, Regularizer

NAME = "bridle_strengths"


def decayed_weights(terms: BoundTerms, strengths: Sequence[Any]) -> list[Decayed]:
    """Return the weights, and parts of weights, that decay, with their rates in a row of strengths."""
    return [
        Decayed(site.weight, site.part, slotted.of(strengths)[0])
        for slotted in terms.decays
        for site in slotted.term.sites
    ]


def projections(terms: BoundTerms, strengths: Sequence[Any]) -> list[Projection]:
    """Return the projections of the weights with a constraint and without a proximal step, which comes first."""
    exact = {id(variable) for variable in terms.exact_variables}
    sites = [site for slotted in terms.constraints for site in slotted.term.sites if id(site.variable) not in exact]
    variables = {id(site.variable): site.weight for site in sites}.values()
    return [Projection(variable, partial(project, terms, variable, strengths)) for variable in variables]


def project(terms: BoundTerms, variable: keras.Variable, strengths: Sequence[Any], value: Any) -> Any:
    """Return the value of a weight after all constraints on it; those of strength 0 leave it as it is."""
    for slotted in terms.constraints:
        for site in (site for site in slotted.term.sites if site.variable is variable):
            piece, term_strengths = site.extract(value), slotted.of(strengths)
            projected = slotted.regularizer.project(piece, term_strengths)
            value = site.insert(value, ops.where(term_strengths[0] > 0, projected, piece))
    return value


class AfterUpdate:
    """Constraint of a variable in Keras: what follows each update, after the constraint that it had.

    Args:
        terms: the terms of the regularized model.
        variable: the weight.
        name: the name of the regularized model.
        optimizer: the optimizer of the compiled model; None before `compile`.

    """

    def __init__(self, terms: BoundTerms, variable: keras.Variable, name: str, optimizer: Any = None) -> None:
        before = variable.constraint
        self.before = before.before if isinstance(before, AfterUpdate) else before
        self.terms, self.variable, self.name, self.optimizer = terms, variable, name, optimizer
        self.exact = any(exact is variable for exact in terms.exact_variables)

    def __call__(self, value: Any) -> Any:
        value = ops.convert_to_tensor(value if self.before is None else self.before(value))
        strengths = None if self.optimizer is None else attached_strengths(self.optimizer)
        if strengths is None or not is_updating(self.optimizer):
            keep_state_on_error()
            raise InputError(self._sentence())
        if self.exact:
            step = proximal_step(self.optimizer, self.variable)
            value = self.terms.proximal(self.variable, value, step, strengths.value)
        return project(self.terms, self.variable, strengths.value, value)

    def _sentence(self) -> str:
        way = (
            f"In a custom training loop, compile {self.name!r} with the optimizer of the loop first. For a model that "
            "contains it, regularize the outer model instead: bridle.regularize(outer, {…})."
        )
        regularizer = next(what for what, site in _sites_changed(self.terms) if site.variable is self.variable)
        what = "exact=True" if isinstance(regularizer, Penalty) else regularizer.kind
        if self.optimizer is None:
            return f"Expected a compiled model for {what}, got an update of {self.name!r} without compile(). {way}"
        return (
            f"Expected for {what} an update by the optimizer that {self.name!r} is compiled with "
            f"({type(inner_optimizer(self.optimizer)).__name__}), got one by another optimizer. {way}"
        )


def _sites_changed(terms: BoundTerms) -> list[tuple[Regularizer, Site]]:
    """Return each regularizer that changes weights beside the step of the optimizer, with each of its sites."""
    exact = [slotted for slotted in terms.penalties if slotted.regularizer.exact]
    return [(s.regularizer, site) for s in (*exact, *terms.decays, *terms.constraints) for site in s.term.sites]


def change_updates(terms: BoundTerms, name: str, optimizer: Any = None, strengths: Any = None) -> None:
    """Let updates of a regularized model decay, step and project its weights.

    Args:
        terms: the terms of the model.
        name: the name of the model.
        optimizer: the optimizer of the compiled model; None before `compile`, where an update raises `InputError`.
        strengths: the variable with the strengths of all slots.

    """
    changed = {id(site.variable): site.weight for _, site in _sites_changed(terms)}
    if changed and optimizer is not None:
        if terms.exact_variables:
            check_exact(optimizer)
        attached = attach_strengths(optimizer, strengths)
        if terms.decays:
            attach_decay(optimizer, _current(terms, attached))
    for variable in changed.values():
        variable.constraint = AfterUpdate(terms, variable, name, optimizer)


def _current(terms: BoundTerms, attached: keras.Variable) -> Callable[[], list[Decayed]]:
    return lambda: decayed_weights(terms, attached.value)


def attached_strengths(optimizer: Any) -> keras.Variable | None:
    """Return the strengths as a variable of the optimizer, or None."""
    return next((variable for variable in inner_optimizer(optimizer).variables if variable.name == NAME), None)


def attach_strengths(optimizer: Any, strengths: keras.Variable) -> keras.Variable:
    """Add the strengths to the variables of an optimizer, which JAX passes to constraints; and track its updates."""
    variable = attached_strengths(optimizer)
    if variable is None:
        variable = inner_optimizer(optimizer).add_variable(
            strengths.shape, initializer="zeros", dtype="float32", name=NAME
        )
        leave_out_of_files(optimizer, variable)
    variable.assign(ops.copy(strengths.value))
    note_updates(optimizer)
    return variable

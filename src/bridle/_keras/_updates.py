"""Hooks on updates: a flag while an optimizer applies one, a variable left out of its files, projections after it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras
from keras.optimizers import Optimizer

from bridle._errors import InputError
from bridle._keras._internals import give_back_state, inner_optimizers


class Projection(NamedTuple):
    """Function of a weight that follows each update."""

    variable: keras.Variable
    project: Callable[[Any], Any]


@contextmanager
def projecting(projections: Sequence[Projection]) -> Iterator[None]:
    """Let updates inside the block end with projections of some weights, after the constraints that these have."""
    before = [variable.constraint for variable, _ in projections]
    for (variable, project), constraint in zip(projections, before, strict=True):
        variable.constraint = _following(constraint, project)
    try:
        yield
    finally:
        for (variable, _), constraint in zip(projections, before, strict=True):
            variable.constraint = constraint


def _following(constraint: Any, project: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if constraint is None:
        return lambda variable: project(keras.ops.convert_to_tensor(variable))
    return lambda variable: project(constraint(variable))


def inner_optimizer(optimizer: Optimizer) -> Optimizer:
    """Return the optimizer that makes the update itself: the inner one where a loss is scaled."""
    return optimizer.inner_optimizer if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) else optimizer


def check_averageable(optimizer: Optimizer) -> None:
    """Refuse an optimizer that trains with averages of its weights, beside which others would average twice.

    Errors: `InputError` that names the alternatives.
    """
    optimizer = inner_optimizer(optimizer)
    for part in (optimizer, *inner_optimizers(optimizer)):
        name = type(part).__name__
        if isinstance(part, keras.optimizers.ScheduleFreeAdamW):
            raise InputError(
                f"Expected an optimizer that does not average weights by itself for WeightAveraging, got {name}. "
                "Compile with another one, or leave WeightAveraging out."
            )
        if part.use_ema and part.ema_overwrite_frequency:
            raise InputError(
                f"Expected an optimizer that averages weights at the end only for WeightAveraging, got {name} with "
                f"ema_overwrite_frequency={part.ema_overwrite_frequency}. Leave one of the two out."
            )


def note_updates(optimizer: Optimizer) -> None:
    """Let an optimizer note for `is_updating` that its `apply` is running."""
    inner = inner_optimizer(optimizer)
    attributes = vars(inner)
    if "apply" in attributes:
        return
    apply = inner.apply

    def noted(*args: Any, **kwargs: Any) -> Any:
        attributes[RUNNING] = True
        try:
            return apply(*args, **kwargs)
        finally:
            attributes[RUNNING] = False

    attributes["apply"] = noted


def is_updating(optimizer: Optimizer) -> bool:
    """Return True inside the `apply` of an optimizer that `note_updates` was called for."""
    return bool(vars(inner_optimizer(optimizer)).get(RUNNING))


def leave_out_of_files(optimizer: Optimizer, variable: keras.Variable) -> None:
    """Keep a variable of an optimizer out of the files that it writes, and as it is when it reads one."""
    for one in dict.fromkeys([optimizer, inner_optimizer(optimizer)]):
        vars(one).update(save_own_variables=_saver(one, variable), load_own_variables=_loader(one, variable))


def keep_state_on_error() -> None:
    """Let a `fit` on JAX put its variables back when the caller raises an error while a step is traced.

    `fit` takes the values out of the variables before each step, and loses them where the step fails.
    """
    frame = sys._getframe()
    while frame is not None:
        model, state = frame.f_locals.get("self"), frame.f_locals.get("state")
        if frame.f_code.co_name == "fit" and hasattr(model, "jax_state_sync") and isinstance(state, tuple):
            give_back_state(model, dict(zip(STATE, state, strict=True)))
        frame = frame.f_back


def _saver(optimizer: Optimizer, variable: keras.Variable) -> Callable[[Any], None]:
    def save_own_variables(store: Any) -> None:
        saved = [item for item in optimizer.variables if item is not variable]
        for index, item in enumerate(saved):
            store[str(index)] = item.value

    return save_own_variables


def _loader(optimizer: Optimizer, variable: keras.Variable) -> Callable[[Any], None]:
    def load_own_variables(store: Any) -> None:
        values = [store[str(index)] for index in range(len(store.keys()))]
        position = next(
            index for index, optimizer_variable in enumerate(optimizer.variables) if optimizer_variable is variable
        )
        if len(values) == len(optimizer.variables):  # of a version that wrote the variable
            values.pop(position)
        values.insert(position, keras.ops.convert_to_numpy(variable.value))
        type(optimizer).load_own_variables(optimizer, {str(index): value for index, value in enumerate(values)})

    return load_own_variables


RUNNING = "_bridle_is_updating"
STATE = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
"""The parts of the state of a JAX training step, in their order."""

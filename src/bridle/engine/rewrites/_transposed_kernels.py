"""Kernels with fewer outputs than inputs are held transposed while they are trained: their gradients are cheaper so.

The gradient of a kernel (input, output) is hᵀd, and XLA lays the wide h out anew to transpose it; that of the
transposed kernel is dᵀh, which needs only the narrow d. The mathematics is written for kernels as they are; it is
traced, and evaluated again with the turned ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
from jax import lax
from jax.extend import core

from bridle.engine._objective import Objective
from bridle.engine.rewrites._interpreter import evaluate, results_of

ENTRYWISE = {
    *("abs", "add", "add_any", "and", "clamp", "convert_element_type", "copy", "div", "eq", "exp", "exp2", "expm1"),
    *("ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p", "logistic", "lt", "max", "min", "mul", "ne", "neg"),
    *("not", "or", "pow", "rsqrt", "select_n", "sign", "sqrt", "square", "sub", "tanh"),
}
"""Operations of which an entry of the result comes from the same entries of their operands, or from scalars."""
REDUCTIONS = {"reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_prod", "reduce_sum"}


class TransposedKernel(NamedTuple):
    """A matrix that is held as its transpose."""

    transposed: Any


class CannotTransposeError(Exception):
    """An update does something with a matrix for which it would have to be turned back in every step."""


def shapes_to_turn(kernels: Sequence[bool], trainable: Sequence[Any]) -> frozenset[tuple[int, ...]]:
    """Shapes that only kernels have, with fewer outputs than inputs."""
    shapes = [(tuple(value.shape), kernel) for value, kernel in zip(trainable, kernels, strict=bool(kernels))]
    narrow = {shape for shape, kernel in shapes if kernel and shape[0] > shape[1] > 1}
    return frozenset(narrow - {shape for shape, kernel in shapes if not kernel})


def turn(arrays: Sequence[Any], shapes: frozenset[tuple[int, ...]]) -> list[Any]:
    """Variables, those of these shapes turned."""
    return [TransposedKernel(array.T) if tuple(array.shape) in shapes else array for array in arrays]


def turn_back(arrays: Sequence[Any]) -> list[Any]:
    """Variables as they are written."""
    return [_back(array) for array in arrays]


def turned(objective: Objective) -> Objective:
    """The same mathematics for variables of which some are turned; results are turned as what they replace.

    Errors: `UnturnableError` while `update` is traced.
    """

    def gradient(function: Callable[..., Any]) -> Callable[..., Any]:
        asked = laid(objective.gradient(function))

        def graded(trainable: list[Any]) -> tuple[list[Any], Any]:
            gradients, beside = asked(trainable)
            return _as(trainable, gradients), jax.tree.map(_back, beside, is_leaf=_is_turned)

        return graded

    def update(optimizer: list[Any], gradients: list[Any], trainable: list[Any], setting: Any) -> Any:
        moved, after = laid(objective.update, strict=True)(optimizer, gradients, trainable, setting)
        return _as(trainable, moved), _as(optimizer, after)

    return replace(
        objective,
        scaled=lambda optimizer, total: objective.scaled(turn_back(optimizer), total),
        gradient=gradient,
        update=update,
        finish=objective.finish and (lambda *lists: objective.finish(*map(turn_back, lists))),
        predict=lambda trainable, other, x: objective.predict(turn_back(trainable), other, x),
        loss_at=objective.loss_at and (lambda trainable, *given: objective.loss_at(turn_back(trainable), *given)),
        diagnose=lambda trainable, other, x: objective.diagnose(turn_back(trainable), other, x),
    )


def laid(function: Callable[..., Any], strict: bool = False) -> Callable[..., Any]:
    """A function of arrays as one of arrays and turned matrices; results may be either.

    Entry by entry, and where entries are reduced, turned matrices stay so; for all else they are turned back, or
    refused where `strict`.
    """

    def evaluated(*arguments: Any) -> Any:
        leaves, tree = jax.tree.flatten(arguments, is_leaf=_is_turned)
        whole = jax.make_jaxpr(lambda *leaves: function(*jax.tree.unflatten(tree, leaves)), return_shape=True)
        jaxpr, shape = whole(*turn_back(leaves))
        found = evaluate(jaxpr.jaxpr, jaxpr.consts, leaves, _Laid(strict))
        return jax.tree.unflatten(jax.tree.structure(shape), found)

    return evaluated


class _Laid(NamedTuple):
    """How one equation is computed where operands may be turned."""

    strict: bool

    def __call__(self, equation: core.JaxprEqn, operands: list[Any]) -> Sequence[Any]:
        name, params = equation.primitive.name, equation.params
        if not any(map(_is_turned, operands)):
            return results_of(equation, operands)
        if name in ENTRYWISE:
            return [TransposedKernel(equation.primitive.bind(*map(_across, operands), **params))]
        if name in REDUCTIONS:
            axes = tuple(1 - axis for axis in params["axes"])
            return [equation.primitive.bind(operands[0].transposed, **params | {"axes": axes})]
        if name == "transpose" and tuple(params["permutation"]) == (1, 0):
            return [operands[0].transposed]
        if name == "jit":
            return evaluate(params["jaxpr"].jaxpr, params["jaxpr"].consts, operands, self)
        if self.strict:
            raise CannotTransposeError(name)
        return results_of(equation, turn_back(operands))


def _is_turned(value: Any) -> bool:
    return isinstance(value, TransposedKernel)


def _back(value: Any) -> Any:
    return value.transposed.T if _is_turned(value) else value


def _across(value: Any) -> Any:
    """An operand beside turned ones; one without axes is for every entry."""
    if _is_turned(value):
        return value.transposed
    return lax.transpose(value, (1, 0)) if jax.numpy.ndim(value) else value


def _as(models: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Values, turned where their models are."""
    return [_like(model, value) for model, value in zip(models, values, strict=True)]


def _like(model: Any, value: Any) -> Any:
    if not _is_turned(model):
        return _back(value)
    return value if _is_turned(value) else TransposedKernel(value.T)

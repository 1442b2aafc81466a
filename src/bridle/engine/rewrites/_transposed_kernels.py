"""Transposed storage of kernels with fewer outputs than inputs during training: their gradients are cheaper.

The gradient of a kernel (input, output) is hᵀd, and XLA copies the wide h to transpose it. The gradient of the
transposed kernel is dᵀh, which needs only the narrow d. The mathematics is written for plain kernels; it is traced,
and evaluated with the transposed ones.
"""

# Trainings of dense nets take 0.93 to 0.96 of the time. It stays because the layout is in the bits and in the program
# hashes of stored fits. Everything else uses it through the four functions that the room exports.

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
"""Operations whose results take each entry from the same entries of the operands, or from scalars."""
REDUCTIONS = {"reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_prod", "reduce_sum"}
"""Operations that combine entries along axes."""


class TransposedKernel(NamedTuple):
    """Matrix that is stored as its transpose."""

    transposed: Any  # this name is part of a program's identity, by which a store knows fits


class CannotTransposeError(Exception):
    """Update that needs a plain kernel in every step."""


def shapes_to_transpose(kernels: Sequence[bool], trainable: Sequence[Any]) -> frozenset[tuple[int, ...]]:
    """Return the shapes that only kernels have, with fewer outputs than inputs."""
    shapes = [(tuple(value.shape), kernel) for value, kernel in zip(trainable, kernels, strict=bool(kernels))]
    narrow = {shape for shape, kernel in shapes if kernel and shape[0] > shape[1] > 1}
    return frozenset(narrow - {shape for shape, kernel in shapes if not kernel})


def transpose_kernels(arrays: Sequence[Any], shapes: frozenset[tuple[int, ...]]) -> list[Any]:
    """Return the variables, those of these shapes transposed."""
    return [TransposedKernel(array.T) if tuple(array.shape) in shapes else array for array in arrays]


def untranspose_kernels(arrays: Sequence[Any]) -> list[Any]:
    """Return the variables with plain kernels."""
    return [_plain(array) for array in arrays]


def with_transposed_kernels(objective: Objective) -> Objective:
    """Return the same mathematics for variables of which some are transposed; results have the form of the originals.

    Errors: `CannotTransposeError` while `update` is traced.
    """
    finish, loss_at = objective.finish, objective.loss_at

    def gradient(function: Callable[..., Any]) -> Callable[..., Any]:
        evaluate_gradient = allow_transposed(objective.gradient(function))

        def transposed_gradient(trainable: list[Any]) -> tuple[list[Any], Any]:
            gradients, result = evaluate_gradient(trainable)
            return _match_all(trainable, gradients), jax.tree.map(_plain, result, is_leaf=_is_transposed)

        return transposed_gradient

    def update(optimizer: list[Any], gradients: list[Any], trainable: list[Any], strengths: Any) -> Any:
        moved, after = allow_transposed(objective.update, strict=True)(optimizer, gradients, trainable, strengths)
        return _match_all(trainable, moved), _match_all(optimizer, after)

    return replace(
        objective,
        scaled=lambda optimizer, total: objective.scaled(untranspose_kernels(optimizer), total),
        gradient=gradient,
        update=update,
        finish=finish and (lambda *lists: finish(*map(untranspose_kernels, lists))),
        predict=lambda trainable, other, x: objective.predict(untranspose_kernels(trainable), other, x),
        loss_at=loss_at and (lambda first, *rest: loss_at(untranspose_kernels(first), *rest)),
        diagnose=lambda trainable, other, x: objective.diagnose(untranspose_kernels(trainable), other, x),
    )


def allow_transposed(function: Callable[..., Any], strict: bool = False) -> Callable[..., Any]:
    """Return a function of arrays as one of arrays and transposed matrices; results may be either.

    Operations entry by entry, and reductions, use the transposed matrices. All others use plain ones, or raise
    `CannotTransposeError` where `strict`.
    """

    def evaluated(*arguments: Any) -> Any:
        leaves, tree = jax.tree.flatten(arguments, is_leaf=_is_transposed)
        trace = jax.make_jaxpr(lambda *leaves: function(*jax.tree.unflatten(tree, leaves)), return_shape=True)
        jaxpr, shape = trace(*untranspose_kernels(leaves))
        results = evaluate(jaxpr.jaxpr, jaxpr.consts, leaves, _TransposedEvaluation(strict))
        return jax.tree.unflatten(jax.tree.structure(shape), results)

    return evaluated


class _TransposedEvaluation(NamedTuple):
    """Evaluation of one equation whose operands may be transposed."""

    strict: bool

    def __call__(self, equation: core.JaxprEqn, operands: list[Any]) -> Sequence[Any]:
        name, params = equation.primitive.name, equation.params
        if not any(map(_is_transposed, operands)):
            return results_of(equation, operands)
        if name in ENTRYWISE:
            return [TransposedKernel(equation.primitive.bind(*map(_transposed_operand, operands), **params))]
        if name in REDUCTIONS:
            axes = tuple(1 - axis for axis in params["axes"])
            return [equation.primitive.bind(operands[0].transposed, **params | {"axes": axes})]
        if name == "transpose" and tuple(params["permutation"]) == (1, 0):
            return [operands[0].transposed]
        if name == "jit":
            return evaluate(params["jaxpr"].jaxpr, params["jaxpr"].consts, operands, self)
        if self.strict:
            raise CannotTransposeError(name)
        return results_of(equation, untranspose_kernels(operands))


def _is_transposed(value: Any) -> bool:
    return isinstance(value, TransposedKernel)


def _plain(value: Any) -> Any:
    return value.transposed.T if _is_transposed(value) else value


def _transposed_operand(value: Any) -> Any:
    """Return an operand among transposed ones; one without axes serves every entry."""
    if _is_transposed(value):
        return value.transposed
    return lax.transpose(value, (1, 0)) if jax.numpy.ndim(value) else value


def _match_all(models: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Return the values, transposed where their models are."""
    return [_match(model, value) for model, value in zip(models, values, strict=True)]


def _match(model: Any, value: Any) -> Any:
    if not _is_transposed(model):
        return _plain(value)
    return value if _is_transposed(value) else TransposedKernel(value.T)

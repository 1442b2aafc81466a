"""Rewrites of traced operations: those that have a faster form, in training loops and in programs that run once."""

from collections.abc import Callable
from typing import Any

import jax
from jax.extend import core

from bridle.engine._objective import plain_gradient
from bridle.engine.rewrites._im2col import convolve, max_pool
from bridle.engine.rewrites._interpreter import equations, missing_primitives, primitive, rewritten
from bridle.engine.rewrites._pool_fusion import move_behind_pooling
from bridle.engine.rewrites._transposed_kernels import (
    CannotTransposeError,
    shapes_to_transpose,
    transpose_kernels,
    untranspose_kernels,
    with_transposed_kernels,
)

__all__ = [
    "CannotTransposeError",
    "equations",
    "for_loops",
    "for_once",
    "gradient_for_loops",
    "shapes_to_transpose",
    "transpose_kernels",
    "untranspose_kernels",
    "with_transposed_kernels",
]


_OVER_ROWS = (((0,), (0,)), ((), ()))
"""Dimension numbers of a product that sums over the first axis of both operands."""
MAX_PRODUCTS = 2**20
"""Most numbers that are multiplied one by one: the products may have to be held in memory."""
_IN_LOOPS = {"conv_general_dilated_p": convolve, "reduce_window_max_p": max_pool}
"""Functions that compute a primitive fast in a loop on a CPU, by its name in JAX."""


def for_loops(function: Callable[..., Any], note: Callable[[str], None] = lambda form: None) -> Callable[..., Any]:
    """Return `function` in the form that is fast in a loop on this machine; accelerators need no other form.

    `note` is called with the text of each form that is used, when the function is traced, and at once with that of each
    rewrite that this JAX does not allow.
    """
    if jax.default_backend() != "cpu":
        return function
    for name in missing_primitives():
        note(f"{name}: not in this JAX, no rewrite")

    def choose(equation: core.JaxprEqn) -> Callable[..., Any] | None:
        form = in_loops(equation)
        if form:
            note(_form_text(equation))
        return form

    return rewritten(function, choose, lambda jaxpr: move_behind_pooling(jaxpr, choose))


def gradient_for_loops(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the gradient of a function with a second result, in the form that is fast in a loop on this machine."""
    gradient = plain_gradient(function)
    return gradient if jax.default_backend() != "cpu" else rewritten(gradient, narrow_first)


def narrow_first(equation: core.JaxprEqn) -> Callable[..., Any] | None:
    """Compute aᵀb as (bᵀa)ᵀ where b is narrow: the gradient of a dense layer with few outputs.

    XLA copies the left side to transpose it. For a of 64 × 512 and b of 64 × 10 the copy takes eight times as long as
    the product; the result is transposed for little. The barrier keeps XLA from exchanging the two. Every shape
    that was measured got faster: 0.1 to 0.95 of the time.
    """
    params = equation.params
    if equation.primitive is not primitive("dot_general_p") or params["dimension_numbers"] != _OVER_ROWS:
        return None
    avals: list[Any] = [atom.aval for atom in equation.invars]
    (rows, *left), (_, *right) = (aval.shape for aval in avals)
    if len(left) != 1 or len(right) != 1:
        return None
    narrow, wide = sorted([*left, *right])
    if narrow < 2 or 2 * narrow > min(rows, wide):
        return None
    if left[0] == narrow:
        return lambda a, b: jax.lax.optimization_barrier(jax.lax.dot_general(a, b, **params))
    precision = params["precision"]
    exchanged: dict[str, Any] = params | {"precision": precision[::-1] if isinstance(precision, tuple) else precision}
    return lambda a, b: jax.lax.optimization_barrier(jax.lax.dot_general(b, a, **exchanged)).T


def for_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` in the form that compiles fastest on this machine, for what runs once a fit."""
    return function if jax.default_backend() != "cpu" else rewritten(function, one_column)


def one_column(equation: core.JaxprEqn) -> Callable[..., Any] | None:
    """Compute the product with a matrix of one column as a sum of products.

    For a product of matrices XLA calls a library; for one with a vector it generates code that takes six times as long
    to compile. That code is mostly faster than a sum, up to seven times, so loops keep it.
    """
    # Saves 4 % of a first fit. It stays because its sums are in the bits and in the program hashes of stored fits.
    if equation.primitive is not primitive("dot_general_p"):
        return None
    avals: list[Any] = [atom.aval for atom in (*equation.invars, *equation.outvars)]
    left, right, out = avals
    numbers = (((left.ndim - 1,), (0,)), ((), ()))
    if right.shape[1:] != (1,) or equation.params["dimension_numbers"] != numbers or left.size > MAX_PRODUCTS:
        return None
    if any(str(aval.dtype) != "float32" for aval in (left, right, out)):
        return None
    return lambda a, b: (a * b[:, 0]).sum(axis=-1, keepdims=True)


def in_loops(equation: core.JaxprEqn) -> Callable[..., Any] | None:
    """Return the form of an operation that is fast in a loop on a CPU, or None.

    This is a rule and not a timing: patches were 2 to 40 times faster for every measured shape, and the numbers of a
    fit must not depend on how busy a machine was.
    """
    for name, form in _IN_LOOPS.items():
        if equation.primitive is primitive(name):
            return lambda *operands: form(*operands, **equation.params)
    return None


def _form_text(equation: core.JaxprEqn) -> str:
    """Return an operation and its form in words: "3x3 convolution 32 to 64 channels: patches"."""
    params = equation.params
    if equation.primitive is primitive("reduce_window_max_p"):
        return f"{_by(size for size in params['window_dimensions'] if size > 1)} max pooling: slices"
    avals: list[Any] = [atom.aval for atom in equation.invars]
    lhs, rhs = (aval.shape for aval in avals)
    numbers = params["dimension_numbers"]
    window = _by(rhs[axis] for axis in numbers.rhs_spec[2:])
    groups = params["feature_group_count"]
    channels = f"{lhs[numbers.lhs_spec[1]]} to {rhs[numbers.rhs_spec[0]]} channels"
    return f"{window} convolution {channels}{f' in {groups} groups' if groups > 1 else ''}: patches"


def _by(sizes: Any) -> str:
    return "x".join(str(size) for size in sizes)

"""Which operations are computed otherwise inside a training loop."""

from collections.abc import Callable
from typing import Any

import jax
from jax.extend import core
from jax.extend.core import primitives

from bridle.engine._objective import written_gradient
from bridle.engine.rewrites._im2col import convolve, max_pool
from bridle.engine.rewrites._interpreter import rewritten
from bridle.engine.rewrites._pool_fusion import behind_maxima

_OVER_ROWS = (((0,), (0,)), ((), ()))
MANY_PRODUCTS = 2**20
"""More numbers than that are not multiplied one by one: they may have to be held."""
_IN_LOOPS = {primitives.conv_general_dilated_p: convolve, primitives.reduce_window_max_p: max_pool}


def for_loops(function: Callable[..., Any], note: Callable[[str], None] = lambda form: None) -> Callable[..., Any]:
    """`function` in the form that is fast in a loop on this machine; accelerators need no other form.

    `note` hears of each form that is taken, when the function is traced.
    """
    if jax.default_backend() != "cpu":
        return function

    def choose(equation: core.JaxprEqn) -> Callable[..., Any] | None:
        other = in_loops(equation)
        if other:
            note(_said(equation))
        return other

    return rewritten(function, choose, lambda jaxpr: behind_maxima(jaxpr, choose))


def gradient_for_loops(function: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of a function that also gives something else, in the form that is fast in a loop on this machine."""
    gradient = written_gradient(function)
    return gradient if jax.default_backend() != "cpu" else rewritten(gradient, narrow_first)


def narrow_first(equation: core.JaxprEqn) -> Callable[..., Any] | None:
    """aᵀb as (bᵀa)ᵀ where b is narrow: the gradient of a dense layer with few outputs.

    XLA lays the transpose of the left side out anew. For a of 64 × 512 and b of 64 × 10 that takes eight times as long
    as the product; the result is laid out anew for little. The barrier keeps XLA from taking the one for the other.
    Every shape measured that the rule takes got faster: 0.1 to 0.95 of the time.
    """
    params = equation.params
    if equation.primitive is not primitives.dot_general_p or params["dimension_numbers"] != _OVER_ROWS:
        return None
    (rows, *left), (_, *right) = (atom.aval.shape for atom in equation.invars)
    if len(left) != 1 or len(right) != 1:
        return None
    narrow, wide = sorted([*left, *right])
    if narrow < 2 or 2 * narrow > min(rows, wide):
        return None
    if left[0] == narrow:
        return lambda a, b: jax.lax.optimization_barrier(jax.lax.dot_general(a, b, **params))
    precision = params["precision"]
    turned = params | {"precision": precision[::-1] if isinstance(precision, tuple) else precision}
    return lambda a, b: jax.lax.optimization_barrier(jax.lax.dot_general(b, a, **turned)).T


def for_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` in the form that is compiled soonest on this machine, for what runs once a fit."""
    return function if jax.default_backend() != "cpu" else rewritten(function, one_column)


def one_column(equation: core.JaxprEqn) -> Callable[..., Any] | None:
    """The product with a matrix of one column as a sum of products.

    For a product of matrices XLA calls a library, for one with a vector it writes code that takes six times as long to
    compile. That code is mostly faster than a sum, up to seven times, so loops keep it.
    """
    if equation.primitive is not primitives.dot_general_p:
        return None
    left, right = (atom.aval for atom in equation.invars)
    numbers = (((left.ndim - 1,), (0,)), ((), ()))
    if right.shape[1:] != (1,) or equation.params["dimension_numbers"] != numbers or left.size > MANY_PRODUCTS:
        return None
    if any(str(each.dtype) != "float32" for each in (left, right, equation.outvars[0].aval)):
        return None
    return lambda a, b: (a * b[:, 0]).sum(axis=-1, keepdims=True)


def in_loops(equation: core.JaxprEqn) -> Callable[..., Any] | None:
    """The form of an operation that is fast in a loop on a CPU, where it has one.

    A rule, not a timing: patches were 2 to 40 times faster for every shape measured, and a member's numbers must not
    depend on how busy a machine was.
    """
    other = _IN_LOOPS.get(equation.primitive)
    return other and (lambda *operands: other(*operands, **equation.params))


def _said(equation: core.JaxprEqn) -> str:
    """An operation and its form: "3x3 convolution 32 to 64 channels: patches"."""
    params = equation.params
    if equation.primitive is primitives.reduce_window_max_p:
        return f"{_by(size for size in params['window_dimensions'] if size > 1)} max pooling: slices"
    lhs, rhs = (atom.aval.shape for atom in equation.invars)
    numbers = params["dimension_numbers"]
    window = _by(rhs[axis] for axis in numbers.rhs_spec[2:])
    groups = params["feature_group_count"]
    channels = f"{lhs[numbers.lhs_spec[1]]} to {rhs[numbers.rhs_spec[0]]} channels"
    return f"{window} convolution {channels}{f' in {groups} groups' if groups > 1 else ''}: patches"


def _by(sizes: Any) -> str:
    return "x".join(str(size) for size in sizes)

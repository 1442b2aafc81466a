"""Which operations are computed otherwise inside a training loop."""

from collections.abc import Callable
from typing import Any

import jax
from jax.extend import core
from jax.extend.core import primitives

from bridle.population._patches import convolve, max_pool
from bridle.population._rewrite import rewritten

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

    return rewritten(function, choose)


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

"""Replacement of chosen operations of a traced function, mostly before it is differentiated.

The function is traced to a jaxpr, and the jaxpr is evaluated with other operations in place of the chosen ones. That
includes loops, branches, jitted and rematerialised functions and functions with their own derivatives.
Whatever transforms the result (`grad`, `vmap`, `jit`) sees the replacements only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
from jax.extend import core
from jax.extend.core import primitives

Replacement = Callable[[core.JaxprEqn], Callable[..., Any] | None]
"""equation → the function that computes its outputs from its operands instead, or None if it stays as it is."""
_REPLACED = ("conv_general_dilated_p", "reduce_window_max_p", "dot_general_p", "add_p")
"""Primitives that rewrites replace or move, by their names in JAX."""
Compute = Callable[[core.JaxprEqn, list[Any]], Sequence[Any]]
"""(equation, its operands) → its results."""


class Shortcut(NamedTuple):
    """Computation of an equation's result from other variables than its own operands."""

    atoms: Sequence[Any]
    compute: Callable[..., Any]
    around: Sequence[core.JaxprEqn]
    """Equations that are left out, since nothing else uses their results."""


def rewritten(
    function: Callable[..., Any],
    replace: Replacement,
    shortcuts: Callable[[Any], Mapping[int, Shortcut]] = lambda jaxpr: {},
) -> Callable[..., Any]:
    """Return `function` with the operations that `replace` chooses computed in another way.

    Arguments are pytrees of arrays; results are those of `function`, pytrees too. `shortcuts` finds ways round several
    equations at once, in the jaxpr of the function itself and not in inner ones. Where this JAX lacks a primitive that
    the evaluation must know, the function is returned as it is.
    """
    if any(primitive(name) is None for name in _NESTED):
        return function

    def evaluated(*arguments: Any) -> Any:  # this name is part of a program's identity, by which a store knows fits
        leaves, tree = jax.tree.flatten(arguments)
        jaxpr, shape = jax.make_jaxpr(lambda *leaves: function(*jax.tree.unflatten(tree, leaves)), return_shape=True)(
            *leaves
        )
        outputs = _evaluate(jaxpr.jaxpr, jaxpr.consts, leaves, replace, shortcuts(jaxpr.jaxpr))
        return jax.tree.unflatten(jax.tree.structure(shape), outputs)

    return evaluated


def primitive(name: str) -> Any:
    """Return a primitive by its name in JAX, or None if this JAX has none: its rewrite is then left out."""
    return getattr(primitives, name, None)


def missing_primitives() -> list[str]:
    """Return the names of primitives that rewrites need and this JAX lacks."""
    return [name for name in (*_NESTED, *_REPLACED) if primitive(name) is None]


def equations(jaxpr: Any) -> Iterator[core.JaxprEqn]:
    """Yield every equation of a jaxpr, those of inner jaxprs included."""
    for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        yield equation
        for inner in _inner(equation.params):
            yield from equations(inner)


def _inner(params: dict[str, Any]) -> Iterator[Any]:
    for value in params.values():
        for entry in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(entry, (core.ClosedJaxpr, core.Jaxpr)):
                yield entry


def evaluate(
    jaxpr: Any,
    constants: Sequence[Any],
    operands: Sequence[Any],
    compute: Compute,
    shortcuts: Mapping[int, Shortcut] = {},
) -> list[Any]:
    """Return the outputs of a jaxpr, each equation computed by `compute`."""
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *operands], strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    passed = {id(equation) for shortcut in shortcuts.values() for equation in shortcut.around}
    for equation in jaxpr.eqns:
        if id(equation) in passed:
            continue
        with equation.ctx.manager:
            if shortcut := shortcuts.get(id(equation)):
                outputs = [shortcut.compute(*map(read, shortcut.atoms))]
            else:
                outputs = compute(equation, [read(atom) for atom in equation.invars])
        values.update(zip(equation.outvars, outputs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _evaluate(
    jaxpr: Any,
    constants: Sequence[Any],
    operands: Sequence[Any],
    replace: Replacement,
    shortcuts: Mapping[int, Shortcut] = {},
) -> list[Any]:
    return evaluate(jaxpr, constants, operands, partial(_compute, replace=replace), shortcuts)


def _compute(equation: core.JaxprEqn, operands: list[Any], replace: Replacement) -> Sequence[Any]:
    if any(replace(inner) for jaxpr in _inner(equation.params) for inner in equations(jaxpr)):
        for name, special in _NESTED.items():
            if equation.primitive is primitive(name):
                return special(equation, operands, replace)
        equation = equation.replace(params={name: _within(value, replace) for name, value in equation.params.items()})
    other = replace(equation)
    return _listed(equation, other(*operands)) if other else results_of(equation, operands)


def results_of(equation: core.JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    """Return the results of an equation as it stands."""
    return _listed(equation, equation.primitive.bind(*operands, **equation.primitive.get_bind_params(equation.params)))


def _listed(equation: core.JaxprEqn, results: Any) -> Sequence[Any]:
    return results if equation.primitive.multiple_results else [results]


def _within(value: Any, replace: Replacement) -> Any:
    """Return a parameter of an equation with the jaxprs in it rewritten."""
    if isinstance(value, tuple):
        return tuple(_within(entry, replace) for entry in value)
    if not isinstance(value, core.ClosedJaxpr):
        return value
    return jax.make_jaxpr(lambda *operands: _evaluate(value.jaxpr, value.consts, operands, replace))(*value.in_avals)


def _rematerialised(equation: core.JaxprEqn, operands: list[Any], replace: Replacement) -> Sequence[Any]:
    """Apply `jax.checkpoint` to the rewritten function: its equation has no room for new constants."""
    again = jax.checkpoint(
        lambda *operands: _evaluate(equation.params["jaxpr"], (), operands, replace),
        policy=equation.params["policy"],
        prevent_cse=equation.params["prevent_cse"],
    )
    return again(*operands)


def _with_own_jvp(equation: core.JaxprEqn, operands: list[Any], replace: Replacement) -> Sequence[Any]:
    """Rewrite value and derivative of a function with its own forward derivative."""
    inner = equation.params["call_jaxpr"]

    @jax.custom_jvp
    def value(*operands: Any) -> list[Any]:
        return _evaluate(inner.jaxpr, inner.consts, operands, replace)

    @value.defjvp
    def derivative(primals: Any, tangents: Any) -> Any:
        original = lambda *operands: list(results_of(equation, operands))  # noqa: E731
        return rewritten(lambda *both: jax.jvp(original, *both), replace)(primals, tangents)

    return value(*operands)


def _with_own_vjp(equation: core.JaxprEqn, operands: list[Any], replace: Replacement) -> Sequence[Any]:
    """Rewrite value, forward and backward pass of a function with its own backward derivative."""
    inner = equation.params["call_jaxpr"]

    @jax.custom_vjp
    def value(*operands: Any) -> list[Any]:
        return _evaluate(inner.jaxpr, inner.consts, operands, replace)

    def forward(*operands: Any) -> Any:
        original = lambda *operands: list(results_of(equation, operands))  # noqa: E731
        return rewritten(lambda *operands: jax.vjp(original, *operands), replace)(*operands)

    def backward(pull: Any, cotangents: Any) -> Any:
        return rewritten(lambda pull, cotangents: pull(cotangents), replace)(pull, cotangents)

    value.defvjp(forward, backward)
    return value(*operands)


_NESTED = {
    "remat_p": _rematerialised,
    "custom_jvp_call_p": _with_own_jvp,
    "custom_vjp_call_p": _with_own_vjp,
}
"""Primitives that hold a function and need their own evaluation, by their names in JAX."""

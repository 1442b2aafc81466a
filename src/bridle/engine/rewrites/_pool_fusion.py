"""Bias and rectifier after max pooling instead of before it: the same values from fewer entries.

Rounding keeps order, so max(relu(z + b)) over a window is relu(max(z) + b), to the bit. Gradients go to the largest z;
as written, several z + b may round to the same number, and the first of them gets the gradient.
"""

# This gain has no figure of its own. It stays because its gradients are in the bits of stored fits of CNNs.

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend import core

from bridle.engine.rewrites._interpreter import Shortcut, primitive


def move_behind_pooling(
    jaxpr: Any, pool: Callable[[core.JaxprEqn], Callable[..., Any] | None]
) -> Mapping[int, Shortcut]:
    """Return the shortcuts for max poolings, by the identity of the equation.

    `pool` returns the fast form of a pooling, or None for one that stays as it is.
    """
    producers = {variable: equation for equation in jaxpr.eqns for variable in equation.outvars}
    uses = Counter(atom for equation in jaxpr.eqns for atom in equation.invars if not isinstance(atom, core.Literal))
    uses.update(atom for atom in jaxpr.outvars if not isinstance(atom, core.Literal))
    shortcuts = {}
    for equation in jaxpr.eqns:
        if equation.primitive is primitive("reduce_window_max_p") and (form := pool(equation)):
            chain = _before(equation, producers, uses)
            if chain:
                shortcuts[id(equation)] = _shortcut(form, chain)
    return shortcuts


class _Link(NamedTuple):
    """Equation before a pooling that may go after it."""

    equation: core.JaxprEqn
    operand: Any
    """Variable to which it is applied."""
    added: Any
    """Term that it adds; None for a rectifier."""


def _shortcut(form: Callable[..., Any], chain: Sequence[_Link]) -> Shortcut:
    added = [link.added for link in reversed(chain)]

    def compute(operand: Any, *terms: Any) -> Any:
        out, left = form(operand), iter(terms)
        for term in added:
            out = jax.nn.relu(out) if term is None else out + next(left)
        return out

    atoms = [chain[-1].operand, *(term for term in added if term is not None)]
    return Shortcut(atoms, compute, [link.equation for link in chain])


def _before(pooling: core.JaxprEqn, producers: Mapping[Any, core.JaxprEqn], uses: Mapping[Any, int]) -> list[_Link]:
    """Return the equations from the pooling upward, as far as nothing else uses the results."""
    atom, chain = pooling.invars[0], []
    while uses[atom] == 1 and (equation := producers.get(atom)):
        link = _link(equation, pooling.params["window_dimensions"])
        if link is None:
            break
        atom = link.operand
        chain.append(link)
    return chain


def _link(equation: core.JaxprEqn, window: Sequence[int]) -> _Link | None:
    """Return the link of a rectifier, or of a sum with a term that is the same in all of a window."""
    if equation.primitive is primitive("custom_jvp_call_p"):
        return _Link(equation, equation.invars[0], None) if _rectifies(equation) else None
    if equation.primitive is not primitive("add_p"):
        return None
    shape = _shape(equation.outvars[0])
    for operand, term in (equation.invars, reversed(equation.invars)):
        sizes = _shape(term) or (1,) * len(window)
        constant = all(size == 1 for size, wide in zip(sizes, window, strict=True) if wide > 1)
        if constant and _shape(operand) == shape and not isinstance(operand, core.Literal):
            return _Link(equation, operand, term)
    return None


def _shape(atom: Any) -> tuple[int, ...]:
    return atom.aval.shape


def _rectifies(equation: core.JaxprEqn) -> bool:
    """Return True if value and derivative are those of `jax.nn.relu`."""
    if len(equation.invars) != 1:
        return False
    aval: Any = equation.invars[0].aval
    like = jax.ShapeDtypeStruct(aval.shape, aval.dtype)
    function = lambda x: equation.primitive.bind(x, **equation.primitive.get_bind_params(equation.params))[0]  # noqa: E731
    traced = [jax.make_jaxpr(lambda x, t, f=f: jax.jvp(f, (x,), (t,)))(like, like) for f in (function, jax.nn.relu)]
    return str(traced[0]) == str(traced[1])

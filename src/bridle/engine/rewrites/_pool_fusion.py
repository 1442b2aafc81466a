"""Bias and rectifier behind max pooling instead of before it: the same values from fewer entries.

Rounding keeps order, so max(relu(z + b)) over a window is relu(max(z) + b), to the bit. Gradients go to the largest z,
where the longer way may find several z + b that round to the same number and take the first of them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend import core
from jax.extend.core import primitives

from bridle.engine.rewrites._interpreter import Shortcut


def behind_maxima(jaxpr: Any, pool: Callable[[core.JaxprEqn], Callable[..., Any] | None]) -> Mapping[int, Shortcut]:
    """The max poolings behind which something can be put, by the identity of the equation.

    `pool` tells how one is computed, if it is one that is to be computed otherwise at all.
    """
    producers = {variable: equation for equation in jaxpr.eqns for variable in equation.outvars}
    uses = Counter(atom for each in jaxpr.eqns for atom in each.invars if not isinstance(atom, core.Literal))
    uses.update(jaxpr.outvars)
    found = {}
    for equation in jaxpr.eqns:
        if equation.primitive is primitives.reduce_window_max_p and (form := pool(equation)):
            chain = _before(equation, producers, uses)
            if chain:
                found[id(equation)] = _shortcut(form, chain)
    return found


class _Link(NamedTuple):
    """An equation before a pooling that may go behind it."""

    equation: core.JaxprEqn
    operand: Any
    """What it is applied to."""
    added: Any
    """What it adds to that; None for a rectifier."""


def _shortcut(form: Callable[..., Any], chain: Sequence[_Link]) -> Shortcut:
    added = [link.added for link in reversed(chain)]

    def compute(operand: Any, *terms: Any) -> Any:
        out, left = form(operand), iter(terms)
        for each in added:
            out = jax.nn.relu(out) if each is None else out + next(left)
        return out

    atoms = [chain[-1].operand, *(each for each in added if each is not None)]
    return Shortcut(atoms, compute, [link.equation for link in chain])


def _before(pooling: core.JaxprEqn, producers: Mapping[Any, core.JaxprEqn], uses: Mapping[Any, int]) -> list[_Link]:
    """From the pooling upward, as far as nothing else takes the results."""
    atom, chain = pooling.invars[0], []
    while uses[atom] == 1 and (equation := producers.get(atom)):
        link = _link(equation, pooling.params["window_dimensions"])
        if link is None:
            break
        atom = link.operand
        chain.append(link)
    return chain


def _link(equation: core.JaxprEqn, window: Sequence[int]) -> _Link | None:
    """A rectifier, or a sum with something that is the same in all of a window."""
    if equation.primitive is primitives.custom_jvp_call_p:
        return _Link(equation, equation.invars[0], None) if _rectifies(equation) else None
    if equation.primitive is not primitives.add_p:
        return None
    shape = equation.outvars[0].aval.shape
    for operand, other in (equation.invars, reversed(equation.invars)):
        sizes = other.aval.shape or (1,) * len(window)
        constant = all(size == 1 for size, wide in zip(sizes, window, strict=True) if wide > 1)
        if constant and operand.aval.shape == shape and not isinstance(operand, core.Literal):
            return _Link(equation, operand, other)
    return None


def _rectifies(equation: core.JaxprEqn) -> bool:
    """Whether value and derivative are those of `jax.nn.relu`."""
    if len(equation.invars) != 1:
        return False
    like = jax.ShapeDtypeStruct(equation.invars[0].aval.shape, equation.invars[0].aval.dtype)
    own = lambda x: equation.primitive.bind(x, **equation.primitive.get_bind_params(equation.params))[0]  # noqa: E731
    traced = [jax.make_jaxpr(lambda x, t, f=f: jax.jvp(f, (x,), (t,)))(like, like) for f in (own, jax.nn.relu)]
    return str(traced[0]) == str(traced[1])

"""Bias and rectifier behind max pooling: where that is the same, it is done, elsewhere not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import primitives

from bridle.engine.rewrites import for_loops, in_loops
from bridle.engine.rewrites._pool_fusion import move_behind_pooling

SHAPE = (5, 6, 8, 3)


@jax.custom_jvp
def straight(x):
    """A rectifier whose derivative is 1 everywhere."""
    return jnp.maximum(x, 0.0)


@straight.defjvp
def _straight(primals, tangents):
    return straight(*primals), tangents[0]


def pooled(x, padding: str = "VALID", strides=(1, 2, 2, 1)):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), strides, padding)


def relu_twice(z, b):
    hidden = jax.nn.relu(z + b)
    return pooled(hidden), jnp.sum(jnp.abs(hidden))


BEHIND = {
    "bias and rectifier": (lambda z, b: pooled(jax.nn.relu(z + b)), (1, 1, 1, 3), 2),
    "the other way round": (lambda z, b: pooled(b + jax.nn.relu(z)), (1, 1, 1, 3), 2),
    "bias alone": (lambda z, b: pooled(z + b), (1, 1, 1, 3), 1),
    "a bias for each row": (lambda z, b: pooled(jax.nn.relu(z + b)), (5, 1, 1, 3), 2),
    "a number": (lambda z, b: pooled(jax.nn.relu(z + 0.5) + b), (1, 1, 1, 1), 3),
    "overlapping windows": (lambda z, b: pooled(jax.nn.relu(z + b), "SAME", (1, 1, 1, 1)), (1, 1, 1, 3), 2),
    "two poolings": (lambda z, b: pooled(jax.nn.relu(pooled(jax.nn.relu(z + b)) - 0.1)), (1, 1, 1, 3), 3),
    "a bias for each place": (lambda z, b: pooled(jax.nn.relu(z + b)), (1, 6, 8, 3), 1),
    "seen by something else": (relu_twice, (1, 1, 1, 3), 0),
    "another derivative": (lambda z, b: pooled(straight(z + b)), (1, 1, 1, 3), 0),
    "not monotone": (lambda z, b: pooled(jnp.cos(z + b)), (1, 1, 1, 3), 0),
    "average": (
        lambda z, b: jax.lax.reduce_window(jax.nn.relu(z + b), 0.0, jax.lax.add, *[(1, 2, 2, 1)] * 2, "VALID"),
        (3,),
        0,
    ),
}


def moved(function, *arguments) -> int:
    """Return the number of equations that move behind a pooling."""
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    return sum(len(shortcut.around) for shortcut in move_behind_pooling(jaxpr, in_loops).values())


@pytest.mark.parametrize("name", BEHIND)
def test_values_are_the_same_to_the_bit_and_gradients_but_for_rounding(name: str) -> None:
    function, shape, count = BEHIND[name]
    rng = np.random.default_rng(0)
    z, b = (rng.normal(size=size).astype("float32") for size in (SHAPE, shape))
    assert moved(function, z, b) == count
    weights = jax.tree.map(lambda out: rng.normal(size=out.shape).astype("float32"), jax.eval_shape(function, z, b))

    def summed(form):
        def total(z, b):
            return sum(
                jnp.sum(jnp.sin(out) * weight)
                for out, weight in zip(*map(jax.tree.leaves, (form(z, b), weights)), strict=True)
            )

        return jax.jit(jax.grad(total, (0, 1)))(z, b)

    for one, other in zip(*(jax.tree.leaves(jax.jit(f)(z, b)) for f in (function, for_loops(function))), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(summed(function), summed(for_loops(function)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_rounding_keeps_order() -> None:
    """Also where the bias swallows the differences, and for what is no number or infinite."""
    rng = np.random.default_rng(1)
    z = (rng.normal(size=SHAPE) * 10.0 ** rng.integers(-8, 8, SHAPE)).astype("float32")
    z[0, 0, 0, 0], z[1, 0, 0, 0], z[2, 0, 0, 0] = np.nan, np.inf, -np.inf
    function = BEHIND["bias and rectifier"][0]
    for b in (0.0, 1.0, -1e4, 1e7):
        bias = np.full((1, 1, 1, 3), b, "float32")
        np.testing.assert_array_equal(jax.jit(function)(z, bias), jax.jit(for_loops(function))(z, bias))


def test_only_what_is_computed_otherwise_is_moved() -> None:
    """On an accelerator a pooling stays as it is, and so does what stands before it."""
    jaxpr = jax.make_jaxpr(BEHIND["bias alone"][0])(np.ones(SHAPE, "float32"), np.ones((1, 1, 1, 3), "float32")).jaxpr
    assert any(equation.primitive is primitives.reduce_window_max_p for equation in jaxpr.eqns)
    assert move_behind_pooling(jaxpr, lambda equation: None) == {}

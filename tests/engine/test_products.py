"""Products of matrices in another form: gradients of dense layers with few outputs, and a single output once a fit."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.engine._line import RECIPE, line

from bridle.engine import Start, Training, compile_programs, put_fold
from bridle.engine.rewrites import MAX_PRODUCTS, for_once, gradient_for_loops, narrow_first, one_column

RULE = {
    "few outputs": ((64, 256), (64, 10), True),
    "few inputs": ((64, 10), (64, 256), True),
    "one output, which XLA treats by itself": ((64, 256), (64, 1), False),
    "as many outputs as inputs": ((64, 64), (64, 64), False),
    "fewer rows than outputs": ((8, 256), (8, 10), False),
    "more axes": ((8, 8, 256), (8, 8, 10), False),
}


def turned(function, *arguments) -> int:
    """Return the number of products that the rule rewrites."""
    return sum(narrow_first(equation) is not None for equation in jax.make_jaxpr(function)(*arguments).eqns)


@pytest.mark.parametrize("name", RULE)
def test_the_rule_takes_narrow_products(name: str) -> None:
    first, second, taken = RULE[name]
    a, b = (np.random.default_rng(n).normal(size=size).astype("float32") for n, size in enumerate((first, second)))

    def product(a, b):
        return jax.lax.dot_general(a, b, (((0,), (0,)), ((), ())))

    assert turned(product, a, b) == taken
    equation = jax.make_jaxpr(product)(a, b).eqns[0]
    if taken:
        np.testing.assert_allclose(jax.jit(narrow_first(equation))(a, b), a.T @ b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", [None, "highest", ("default", "highest")])
def test_precision_stays_with_its_side(precision) -> None:
    a, b = np.ones((64, 256), "float32"), np.ones((64, 10), "float32")
    jaxpr = jax.make_jaxpr(lambda a, b: jax.lax.dot_general(a, b, (((0,), (0,)), ((), ())), precision=precision))(a, b)
    other = jax.make_jaxpr(narrow_first(jaxpr.eqns[0]))(a, b)
    own, found = (each.eqns[0].params["precision"] for each in (jaxpr, other))
    assert found == (None if own is None else own[::-1])


def test_the_gradient_of_a_network_is_that_of_jax() -> None:
    """And what else the function gives is kept, also under vmap."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=size).astype("float32") for size in ((20, 30), (30, 3))]
    x, y = rng.normal(size=(50, 20)).astype("float32"), rng.normal(size=(50, 3)).astype("float32")

    def loss(weights):
        out = jnp.tanh(x @ weights[0]) @ weights[1]
        return jnp.mean((out - y) ** 2), out

    found, out = jax.jit(gradient_for_loops(loss))(weights)
    wanted, same = jax.jit(jax.grad(loss, has_aux=True))(weights)
    jaxpr = jax.make_jaxpr(gradient_for_loops(loss))(weights)
    assert [each.primitive.name for each in jaxpr.eqns].count("optimization_barrier") == 1
    np.testing.assert_array_equal(out, same)
    many = jax.vmap(gradient_for_loops(loss))([np.stack([each, 2 * each]) for each in weights])[0]
    for one, other, several in zip(found, wanted, many, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(several[0], other, rtol=1e-5, atol=1e-6)


COLUMNS = {
    "one output": ((64, 256), (256, 1), "float32", True),
    "one output of each position": ((64, 8, 16), (16, 1), "float32", True),
    "two outputs": ((64, 256), (256, 2), "float32", False),
    "half precision, which sums otherwise": ((64, 256), (256, 1), "bfloat16", False),
    "more than should be held": ((MAX_PRODUCTS // 256 + 1, 256), (256, 1), "float32", False),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_once_a_fit_a_single_column_is_a_sum(name: str) -> None:
    first, second, dtype, taken = COLUMNS[name]
    a, b = (np.random.default_rng(n).normal(size=size).astype(dtype) for n, size in enumerate((first, second)))
    equation = jax.make_jaxpr(jnp.matmul)(a, b).eqns[-1]
    assert equation.primitive.name == "dot_general"
    other = one_column(equation)
    assert (other is not None) == taken
    if taken:
        np.testing.assert_allclose(other(a, b), a @ b, rtol=1e-4, atol=1e-4)


def test_so_it_is_inside_of_loops() -> None:
    x, w = np.ones((4, 8, 3), "float32"), np.ones((3, 1), "float32")

    def summed(x, w):
        return jax.lax.fori_loop(0, 4, lambda number, total: total + jnp.sum(x[number] @ w), 0.0)

    written, other = (str(jax.make_jaxpr(each)(x, w)) for each in (summed, for_once(summed)))
    assert "dot_general" in written
    assert "dot_general" not in other
    assert jax.jit(for_once(summed))(x, w) == x.sum()


def test_what_looks_at_a_member_is_compiled_so_and_its_training_is_not() -> None:
    """A product with one column is no call of a library: XLA would write it out as `dot`."""
    spread = replace(line(), diagnose=lambda trainable, other, x: [jnp.std(x @ trainable[0])])
    x, y = np.ones((40, 64), "float32"), np.ones((40, 1), "float32")
    start = Start([np.zeros((64, 1), "float32")], [], [])
    programs = compile_programs(Training(spread, RECIPE), put_fold(x, y, None, 30), start, 1, {})
    assert " dot(" in programs.train.compiled().as_text()
    assert " dot(" not in programs.read.compiled().as_text()

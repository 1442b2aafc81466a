"""Measuring rows: the same numbers in turns and in one call, with and without training rows, traced or not."""

from collections.abc import Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.engine._line import line

from bridle.engine import Rows, State, predict
from bridle.engine import _evaluate as evaluation

WEIGHTS = [jnp.array([1.0, 2.0])]


@pytest.fixture(params=["written out", "in a loop", "operation by operation"])
def form(request, monkeypatch) -> Iterator[None]:
    """Short turns, for a forward pass that counts as short or as long, or is not traced."""
    monkeypatch.setattr(evaluation, "MIN_CHUNK_ROWS", 2)
    monkeypatch.setattr(evaluation, "MAX_CHUNK_ROWS", 5)
    monkeypatch.setattr(evaluation, "LONG_PASS_EQUATIONS", 0 if request.param == "in a loop" else 1000)
    if request.param == "operation by operation":
        with jax.disable_jit():
            yield
    else:
        yield


@pytest.fixture
def rows() -> Rows:
    """So many that turns do not divide them."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(23, 2)), "float32")
    return Rows(x, x @ jnp.array([1.5, 1.0]), None)


def test_many_rows_are_predicted_in_turns(rows: Rows, form: None) -> None:
    """Whole turns and a rest give the predictions of one call."""
    np.testing.assert_allclose(predict(line(), WEIGHTS, [], rows.x), rows.x @ WEIGHTS[0], rtol=1e-6)


def test_what_goes_with_a_prediction_is_there_when_it_is_measured(rows: Rows, form: None) -> None:
    """A mask of each row, as one tree with the values: the mean over real rows on every side."""
    real = jnp.asarray(np.random.default_rng(1).random(23) < 0.6)
    both = replace(
        line(),
        predict=lambda trainable, other, x: (x[:, :2] @ trainable[0], (x[:, 2] > 0,)),
        measure=lambda y, found, weight: [jnp.mean((found[0] - y) ** 2, where=found[1][0])],
    )
    state = State(WEIGHTS, [], [], None, ())
    marked = Rows(jnp.concatenate([rows.x, real[:, None]], axis=1), rows.y, None)
    squares = np.ma.array(np.square(np.asarray(rows.x @ WEIGHTS[0] - rows.y, float)), mask=~np.asarray(real))
    wanted = [squares[:14].mean(), squares[14:].mean()]
    for found in (
        evaluation.evaluate(both, state, marked, (14,), True),
        jax.jit(lambda first: evaluation.evaluate(both, state, marked, (14,), first))(True),
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("cuts", [(14,), (14, 17), (23,), (1,), (22, 23)])
def test_every_side_is_measured(rows: Rows, form: None, cuts: tuple[int, ...]) -> None:
    """The mean squared error of each side; NaN for a side without rows, and for the first where it is not asked for."""
    squares = np.square(np.asarray(rows.x @ WEIGHTS[0] - rows.y, float))
    wanted = np.array([part.mean() if part.size else np.nan for part in np.split(squares, cuts)])
    state = State(WEIGHTS, [], [], None, ())

    def measured(first: bool) -> jax.Array:
        return evaluation.evaluate(line(), state, rows, cuts, first)

    for found in (measured(True), jax.jit(measured)(True)):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
    wanted[0] = np.nan
    np.testing.assert_allclose(jax.jit(measured)(False), wanted, rtol=1e-5)


def test_members_are_measured_side_by_side(rows: Rows, form: None) -> None:
    """As in one call of several members on an accelerator."""
    weights = jnp.array([[1.0, 2.0], [1.5, 1.0], [0.0, 0.0]])

    def measured(weight: jax.Array, first: bool) -> jax.Array:
        return evaluation.evaluate(line(), State([weight], [], [], None, ()), rows, (14,), first)

    one_by_one = [measured(weight, True) for weight in weights]
    together = jax.jit(jax.vmap(measured, in_axes=(0, None)))(weights, True)
    np.testing.assert_allclose(together, jnp.stack(one_by_one), rtol=1e-5)


def test_the_loop_is_there_for_long_forward_passes(rows: Rows, monkeypatch) -> None:
    """A short one is written out for each side."""

    def text(first: bool) -> str:
        return str(jax.make_jaxpr(lambda first: evaluation.evaluate(line(), state, rows, (9,), first))(first))

    state = State(WEIGHTS, [], [], None, ())
    monkeypatch.setattr(evaluation, "MIN_CHUNK_ROWS", 2)
    monkeypatch.setattr(evaluation, "MAX_CHUNK_ROWS", 1000)
    monkeypatch.setattr(evaluation, "CHUNK_COST_ROWS", 0)
    assert "while" not in text(True)
    monkeypatch.setattr(evaluation, "LONG_PASS_EQUATIONS", 0)
    assert "while" in text(True)


@pytest.mark.parametrize(
    ("count", "begin"), [(1797, 1024), (100, 30), (100, 90), (60, 40), (1000, 0), (5000, 0), (9, 9)]
)
def test_turns_waste_few_rows(count: int, begin: int) -> None:
    """Over five points, at most a tenth more rows than are asked for, or those of the shortest turns."""
    size, least, most = evaluation.chunk_size(count, begin), evaluation.MIN_CHUNK_ROWS, evaluation.MAX_CHUNK_ROWS
    assert min(count, least) <= size <= most
    asked = count + 4 * (count - begin)
    taken = size * (-(-count // size) + 4 * -(-(count - begin) // size))
    assert taken <= max(1.1 * asked, asked + 5 * least)

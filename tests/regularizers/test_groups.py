"""The proximal step of groups: against a numerical minimiser, for one step size per weight."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import bridle
from bridle.regularizers._blocks import NEWTON_STEPS, find_blocks, shrink

LABELS = np.array([0, 1, 0, 1])


def length(z: np.ndarray) -> float:
    return np.sqrt(z.size) * np.linalg.norm(z)


def objective(z: np.ndarray, x: np.ndarray, step: np.ndarray, l1: float, group: float) -> float:
    z = z.reshape(x.shape)
    groups = sum(length(z[label == LABELS]) for label in (0, 1))
    return np.sum((z - x) ** 2 / (2 * step)) + l1 * np.abs(z).sum() + group * groups


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("l1", [0.0, 0.3])
def test_step_is_the_minimum(l1: float, seed: int) -> None:
    """No other point is lower, wherever a general minimiser starts."""
    rng = np.random.default_rng(seed)
    x, step = rng.normal(size=(4, 3)), 10 ** rng.uniform(-2, 0.5, (4, 3))
    penalty = bridle.SparseGroupLasso(l1, 0.4, groups=list(LABELS), exact=True)
    z = np.array(penalty.proximal(jnp.float32(x), jnp.float32(step), (l1, 0.4)), float)
    best = min(
        minimize(objective, start.ravel(), (x, step, l1, 0.4), method="Powell", options={"xtol": 1e-8}).fun
        for start in (x, 0.1 * x, z)
    )
    assert objective(z, x, step, l1, 0.4) <= best + 1e-6


def test_a_group_is_zero_exactly_where_the_theory_says() -> None:
    """`||x / step|| <= strength sqrt(|g|)`, from both sides."""
    rng = np.random.default_rng(0)
    x, step = jnp.float32(rng.normal(size=(6, 4))), jnp.float32(10 ** rng.uniform(-1, 0, (6, 4)))
    border = np.linalg.norm(np.array(x / step), axis=0) / np.sqrt(6)
    penalty = bridle.GroupLasso(1.0, groups="units", exact=True)
    for unit in range(4):
        above = penalty.proximal(x, step, (1.0001 * border[unit],))[:, unit]
        below = penalty.proximal(x, step, (0.9999 * border[unit],))[:, unit]
        assert np.all(np.array(above) == 0.0)
        assert np.all(np.array(below) != 0.0)


def test_newton_has_converged() -> None:
    """Twice the rounds change nothing, for steps that differ a thousandfold and lengths near the border."""
    rng = np.random.default_rng(1)
    x, step = jnp.float32(rng.normal(size=(50, 200))), jnp.float32(10 ** rng.uniform(-3, 0, (50, 200)))
    groups = find_blocks(x, "units", "grouplasso")
    amount = 0.99 * float(np.median(np.linalg.norm(np.array(x / step), axis=0))) / np.sqrt(50)
    z = shrink(x, step, amount, groups)
    length = jnp.linalg.norm(z, axis=0)
    cost = step * amount * np.sqrt(50)
    residual = jnp.sum((x / (length + cost)) ** 2, axis=0)
    assert NEWTON_STEPS < 10
    assert np.allclose(residual[length > 0], 1.0, rtol=1e-4)
    assert 0 < int(jnp.sum(length == 0)) < 200


def test_a_step_of_zero_changes_nothing() -> None:
    """Such an entry stays, whatever its group does."""
    x = jnp.array([[3.0, 0.0], [4.0, 2.0]])
    step = jnp.array([[0.0, 0.1], [0.1, 0.1]])
    z = np.array(bridle.GroupLasso(1.0, groups="units").proximal(x, step, (1e6,)))
    assert z[0, 0] == 3.0
    assert abs(z[1, 0]) < 1e-3
    assert np.all(z[:, 1] == 0.0)


def test_step_runs_compiled_and_over_members() -> None:
    """Traced strengths, one per member of a population."""
    x = jnp.float32(np.random.default_rng(0).normal(size=(5, 4, 3)))
    amounts = jnp.array([0.0, 0.1, 0.5, 1.0, 9.0])
    penalty = bridle.GroupLasso(1.0, exact=True)

    def one(x: jax.Array, amount: jax.Array) -> jax.Array:
        return penalty.proximal(x, jnp.full_like(x, 0.3), (amount,))

    together = jax.jit(jax.vmap(one))(x, amounts)
    assert np.array_equal(together[0], x[0])
    assert np.all(np.array(together[4]) == 0.0)
    for member in range(5):
        assert np.allclose(together[member], one(x[member], amounts[member]), rtol=1e-5)

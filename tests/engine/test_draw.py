"""Random numbers inside a step depend on the fit, the epoch, the step and the name, and on nothing else."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bridle.engine import Moment, draw_at
from bridle.engine._draw import StepDraw


def moment(seed: int = 3, fold: int = 1, epoch: int = 5, start: int = 64) -> Moment:
    return Moment(jnp.array([seed, fold], "uint32"), jnp.int32(epoch), jnp.int32(start))


def test_words_are_those_of_jax() -> None:
    """Threefry with the key, and the counters (call, 0), (call, 1), …."""
    draw = StepDraw((np.uint32(7), np.uint32(11)), call=2)
    key = jnp.array([7, 11], "uint32")
    counters = jnp.concatenate([jnp.full(4, 2, "uint32"), jnp.arange(4, dtype="uint32")])
    with jax.numpy_dtype_promotion("standard"):
        expected = np.asarray(jax.extend.random.threefry_2x32(key, counters)) >> 8
    np.testing.assert_array_equal(np.asarray(draw.uniform((8,))) * 2.0**24, expected)


@pytest.mark.parametrize("change", [{"seed": 4}, {"fold": 2}, {"epoch": 6}, {"start": 128}])
def test_each_fact_changes_the_numbers(change: dict[str, Any]) -> None:
    """Also the name and the call."""
    first = np.asarray(draw_at(moment(), "dropout a/output").uniform((64,)))
    for other in (
        draw_at(moment(**change), "dropout a/output"),
        draw_at(moment(), "dropout b/output"),
        draw_at(moment(), "dropout a/output", 1),
    ):
        assert abs(np.corrcoef(first, np.asarray(other.uniform((64,))))[0, 1]) < 0.5
    np.testing.assert_array_equal(first, np.asarray(draw_at(moment(), "dropout a/output").uniform((64,))))


def test_numbers_have_their_distributions() -> None:
    """Kolmogorov and Smirnov find nothing in 100,001 numbers, over many steps."""
    names = [draw_at(moment(start=number), "x") for number in range(10)]
    uniform = np.concatenate([np.ravel(draw.uniform((101, 99))) for draw in names])
    normal = np.concatenate([np.ravel(draw.normal((101, 99))) for draw in names])
    assert 0 <= uniform.min() < uniform.max() < 1
    assert np.all(np.isfinite(normal))
    assert stats.kstest(uniform, "uniform").pvalue > 0.001
    assert stats.kstest(normal, "norm").pvalue > 0.001

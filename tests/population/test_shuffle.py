"""Shuffling: every order equally often, every row once, and next to no ties."""

import jax
import numpy as np
import pytest
from scipy import stats

from bridle.population._shuffle import MOST_BITS, SAFETY, WORD, rounds, shuffled


def test_every_order_of_four_rows_is_equally_likely() -> None:
    keys = jax.random.split(jax.random.key(3), 24 * 400)
    orders = np.asarray(jax.jit(jax.vmap(lambda key: shuffled(key, 4)))(keys))
    _, counts = np.unique(orders @ [64, 16, 4, 1], return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-3


def test_every_place_is_equally_likely_for_every_row() -> None:
    """Of a number of rows that is no power of 2, in two rounds."""
    keys = jax.random.split(jax.random.key(4), 20_000)
    orders = np.asarray(jax.jit(jax.vmap(lambda key: shuffled(key, 1025)[:2]))(keys))
    for place in range(2):
        counts, _ = np.histogram(orders[:, place], bins=25, range=(0, 1025))
        assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("count", [1, 2, 3, 100, 1437, 70_000, 2**MOST_BITS + 1])
def test_every_row_comes_once(count: int) -> None:
    order = np.asarray(shuffled(jax.random.key(0), count))
    assert np.array_equal(np.sort(order), np.arange(count))
    assert count < 100 or not np.array_equal(order, np.arange(count))


@pytest.mark.parametrize("bits", range(1, MOST_BITS + 1))
def test_rounds_are_as_many_as_keep_ties_rare(bits: int) -> None:
    tied = lambda count: 2.0 ** (2 * bits - 1) * 2.0 ** ((bits - WORD) * count)  # noqa: E731
    assert tied(rounds(bits)) <= 2.0**-SAFETY
    assert tied(rounds(bits) - 1) > 2.0**-SAFETY

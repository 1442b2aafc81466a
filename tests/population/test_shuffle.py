"""Shuffling: every order equally often, every row once, and next to no ties."""

import jax
import numpy as np
import pytest
from scipy import stats

from bridle.population._shuffle import MOST_BITS, SAFETY, WORD, hashed, keys_of, rounds, shuffled


def test_every_order_of_four_rows_is_equally_likely() -> None:
    orders = np.asarray(jax.jit(jax.vmap(lambda epoch: shuffled((3, 1), epoch, 4)))(np.arange(24 * 400)))
    _, counts = np.unique(orders @ [64, 16, 4, 1], return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-3


def test_every_place_is_equally_likely_for_every_row() -> None:
    """Of a number of rows that is no power of 2, in two rounds."""
    orders = np.asarray(jax.jit(jax.vmap(lambda seed: shuffled((seed, 0), 5, 1025)[:2]))(np.arange(20_000)))
    for place in range(2):
        counts, _ = np.histogram(orders[:, place], bins=25, range=(0, 1025))
        assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("count", [1, 2, 3, 100, 1437, 70_000, 2**MOST_BITS + 1])
def test_every_row_comes_once(count: int) -> None:
    order = np.asarray(shuffled((0, 0), 0, count))
    assert np.array_equal(np.sort(order), np.arange(count))
    assert count < 100 or not np.array_equal(order, np.arange(count))


@pytest.mark.parametrize(("seed", "fold", "epoch"), [(0, 0, 0), (7, 3, 1999), (2**31 - 1, 11, 10**6)])
def test_random_bits_are_those_of_jax(seed: int, fold: int, epoch: int) -> None:
    """Of every round, for the seed folded in with fold, epoch and round."""
    key = jax.random.key(seed, impl="threefry2x32")
    for number in (fold, epoch):
        key = jax.random.fold_in(key, number)
    own, rows = keys_of((np.int32(seed), np.int32(fold)), np.int32(epoch), 3), np.arange(100, dtype="uint32")
    for number in range(3):
        each = jax.random.fold_in(key, number)
        assert np.array_equal(np.asarray(own)[:, number], jax.random.key_data(each))
        first, second = hashed([word[number] for word in own], np.zeros_like(rows), rows)
        assert np.array_equal(first ^ second, jax.random.bits(each, (100,), "uint32"))


@pytest.mark.parametrize("bits", range(1, MOST_BITS + 1))
def test_rounds_are_as_many_as_keep_ties_rare(bits: int) -> None:
    tied = lambda count: 2.0 ** (2 * bits - 1) * 2.0 ** ((bits - WORD) * count)  # noqa: E731
    assert tied(rounds(bits)) <= 2.0**-SAFETY
    assert tied(rounds(bits) - 1) > 2.0**-SAFETY

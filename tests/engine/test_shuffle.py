"""Shuffling: every order equally often, every row once, and next to no ties."""

import jax
import numpy as np
import pytest
from scipy import stats

from bridle.engine._shuffle import MAX_INDEX_BITS, TIE_BITS, WORD_BITS, rounds, shuffled, threefry


def test_every_order_of_four_rows_is_equally_likely() -> None:
    orders = np.asarray(
        jax.jit(jax.vmap(lambda epoch: shuffled(np.array([3, 1], "uint32"), epoch, 4)))(np.arange(24 * 400))
    )
    _, counts = np.unique(orders @ [64, 16, 4, 1], return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-3


def test_every_place_is_equally_likely_for_every_row() -> None:
    """Of a number of rows that is no power of 2, in two rounds."""
    orders = np.asarray(
        jax.jit(jax.vmap(lambda seed: shuffled((seed, np.uint32(0)), np.int32(5), 1025)[:2]))(
            np.arange(20_000, dtype="uint32")
        )
    )
    for place in range(2):
        counts, _ = np.histogram(orders[:, place], bins=25, range=(0, 1025))
        assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("count", [1, 2, 3, 100, 1437, 70_000, 2**MAX_INDEX_BITS + 1])
def test_every_row_comes_once(count: int) -> None:
    order = np.asarray(shuffled(np.zeros(2, "uint32"), np.int32(0), count))
    assert np.array_equal(np.sort(order), np.arange(count))
    assert count < 100 or not np.array_equal(order, np.arange(count))


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_random_words_are_those_of_threefry(key: tuple, counter: tuple, words: tuple) -> None:
    """The known answers that its authors publish with Random123, and the bits of `jax.random` for the same key."""
    asked = [np.array([word], "uint32") for word in (*key, *counter)]
    assert tuple(int(word[0]) for word in threefry(tuple(asked[:2]), *asked[2:])) == words
    first, second = threefry(tuple(asked[:2]), np.zeros(100, "uint32"), np.arange(100, dtype="uint32"))
    own = jax.random.wrap_key_data(np.array(key, "uint32"), impl="threefry2x32")
    assert np.array_equal(first ^ second, jax.random.bits(own, (100,), "uint32"))


@pytest.mark.parametrize(
    ("seed", "fold", "epoch", "count"), [(0, 0, 0, 100), (7, 3, 1999, 1437), (2**32 - 1, 11, 9, 2)]
)
def test_the_order_is_the_documented_one(seed: int, fold: int, epoch: int, count: int) -> None:
    """Each round sorts the bits for the counters (R epoch + round, place) above the place; by NumPy's sort."""
    bits = max(1, (count - 1).bit_length())
    order, places = np.arange(count), np.arange(count, dtype="uint32")
    for number in range(rounds(bits)):
        key = np.array([seed], "uint32"), np.array([fold], "uint32")
        first, second = threefry(key, np.array([rounds(bits) * epoch + number], "uint32"), places)
        order = order[np.argsort((np.asarray(first ^ second) << bits) | places)]
    assert np.array_equal(shuffled(np.array([seed, fold], "uint32"), np.int32(epoch), count), order)


@pytest.mark.parametrize("bits", range(1, MAX_INDEX_BITS + 1))
def test_rounds_are_as_many_as_keep_ties_rare(bits: int) -> None:
    tied = lambda count: 2.0 ** (2 * bits - 1) * 2.0 ** ((bits - WORD_BITS) * count)  # noqa: E731
    assert tied(rounds(bits)) <= 2.0**-TIE_BITS
    assert tied(rounds(bits) - 1) > 2.0**-TIE_BITS

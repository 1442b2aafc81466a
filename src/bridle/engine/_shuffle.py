"""Random order of rows, from sorts that XLA runs fast."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

WORD_BITS = 32
"""Size of a sorted word: a row's index in the lower bits, random bits above."""
TIE_BITS = 13
"""The expected number of pairs of rows that tie in every round is at most 2⁻¹³."""
MAX_INDEX_BITS = 20
"""Above 2²⁰ rows the order is JAX's own permutation: too few random bits are left in a word."""
ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)
"""Bits by which Threefry rotates a word in each of its rounds."""
PARITY = 0x1BD11BDA
"""Constant of Threefry's third key."""

Key = tuple[Any, Any]
"""Pair of uint32."""


def threefry(key: Key, high: Any, low: Any) -> Key:
    """Return two random words for each pair of counters, by Threefry-2x32 in 20 rounds.

    The numbers are those of `jax.random`, whose program loops over the rounds. Unrolled it is one piece for XLA
    instead of eight.

    Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11.
    """
    high, low, *words = jnp.broadcast_arrays(high, low, *key)
    keys = *words, lax.bitwise_xor(lax.bitwise_xor(*words), np.uint32(PARITY))
    x, y = lax.add(high, keys[0]), lax.add(low, keys[1])
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:  # by lax: operators take four times as long to trace
            x = lax.add(x, y)
            left, right = (
                lax.shift_left(y, np.uint32(rotation)),
                lax.shift_right_logical(y, np.uint32(WORD_BITS - rotation)),
            )
            y = lax.bitwise_xor(lax.bitwise_or(left, right), x)
        x = lax.add(x, keys[(group + 1) % 3])
        y = lax.add(y, lax.add(keys[(group + 2) % 3], np.uint32(group + 1)))
    return x, y


def shuffled(identity: Any, epoch: Any, count: int) -> Any:
    """Return a uniformly random order of `count` rows, int32, for a fit's (seed, fold), uint32, and an epoch.

    Each of R rounds sorts words: random bits above the index in the order so far. Sorting words takes a sixth of the
    time of sorting pairs. Rows whose random bits tie keep the order of the round before. R is such that next to no pair
    ties in all rounds. The bits of index p in round r are those of Threefry with the identity as its key, for the
    counters (R epoch + r, p).
    """
    bits = max(1, (count - 1).bit_length())
    if bits > MAX_INDEX_BITS:
        key = jax.random.fold_in(jax.random.key(identity[0], impl="threefry2x32"), identity[1])
        return jax.random.permutation(jax.random.fold_in(key, epoch), count)
    rows, total = lax.iota("uint32", count), rounds(bits)
    order: Any = None
    identity, epoch = lax.optimization_barrier((identity, epoch))
    first = lax.mul(lax.convert_element_type(epoch, "uint32"), np.uint32(total))
    for index in range(total):
        left, right = threefry(tuple(identity), lax.add(first, np.uint32(index)), rows)
        word = lax.bitwise_or(lax.shift_left(lax.bitwise_xor(left, right), np.uint32(bits)), rows)
        indices = lax.bitwise_and(lax.sort(word, is_stable=False), np.uint32((1 << bits) - 1))
        order = indices if order is None else order[indices]
    return lax.convert_element_type(order, "int32")


def rounds(bits: int) -> int:
    """Return the rounds for 2^bits rows: 2^(2 bits - 1) pairs, of which each ties with probability 2^(bits - 32)."""
    return -(-(2 * bits - 1 + TIE_BITS) // (WORD_BITS - bits))

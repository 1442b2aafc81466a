"""A random order of rows, from sorts that XLA runs fast."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

WORD = 32
"""Bits in what is sorted: a row's place in the lower ones, random bits above."""
SAFETY = 13
"""The expected number of pairs of rows that every round ties is at most 2⁻¹³."""
MOST_BITS = 20
"""Orders of more rows than 2²⁰ come from JAX's own permutation: too few random bits are left in a word."""
TURNS = (13, 15, 26, 6), (17, 29, 16, 24)
PARITY = 0x1BD11BDA
"""By how many bits Threefry turns a word in each of its rounds, and the constant of its third key."""

Key = tuple[Any, Any]
"""Two uint32."""


def hashed(key: Key, high: Any, low: Any) -> Key:
    """Threefry-2x32 in 20 rounds: two random words for each pair of counters.

    The numbers are those of `jax.random`, whose program loops over the rounds: written out it is one piece for XLA
    instead of eight.

    Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11.
    """
    high, low, *key = jnp.broadcast_arrays(high, low, *key)
    keys = *key, lax.bitwise_xor(lax.bitwise_xor(*key), np.uint32(PARITY))
    x, y = lax.add(high, keys[0]), lax.add(low, keys[1])
    for number in range(5):
        for turn in TURNS[number % 2]:  # by lax: operators take four times as long to trace
            x = lax.add(x, y)
            left, right = lax.shift_left(y, np.uint32(turn)), lax.shift_right_logical(y, np.uint32(WORD - turn))
            y = lax.bitwise_xor(lax.bitwise_or(left, right), x)
        x = lax.add(x, keys[(number + 1) % 3])
        y = lax.add(y, lax.add(keys[(number + 2) % 3], np.uint32(number + 1)))
    return x, y


def shuffled(identity: Any, epoch: Any, count: int) -> Any:
    """A uniformly random order of `count` rows, int32, for a member's (seed, fold), uint32, and the number of an epoch.

    Each of R rounds sorts words of random bits above the place in the order so far: sorting plain numbers takes a
    sixth of sorting pairs. Rows whose random bits tie keep the order that the round before gave them, and R is such
    that next to no pair ties in all rounds. The bits of a place in round r are those of Threefry with the identity as
    its key, for the counters (R epoch + r, place).
    """
    bits = max(1, (count - 1).bit_length())
    if bits > MOST_BITS:
        key = jax.random.fold_in(jax.random.key(identity[0], impl="threefry2x32"), identity[1])
        return jax.random.permutation(jax.random.fold_in(key, epoch), count)
    rows, order, number = lax.iota("uint32", count), None, rounds(bits)
    identity, epoch = lax.optimization_barrier((identity, epoch))
    first = lax.mul(lax.convert_element_type(epoch, "uint32"), np.uint32(number))
    for each in range(number):
        one, other = hashed(tuple(identity), lax.add(first, np.uint32(each)), rows)
        word = lax.bitwise_or(lax.shift_left(lax.bitwise_xor(one, other), np.uint32(bits)), rows)
        place = lax.bitwise_and(lax.sort(word, is_stable=False), np.uint32((1 << bits) - 1))
        order = place if order is None else order[place]
    return lax.convert_element_type(order, "int32")


def rounds(bits: int) -> int:
    """How many rounds a number of rows with so many bits takes: pairs 2^(2 bits - 1), each tied with 2^(bits - 32)."""
    return -(-(2 * bits - 1 + SAFETY) // (WORD - bits))

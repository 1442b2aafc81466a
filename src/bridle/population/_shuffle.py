"""A random order of rows, from sorts that XLA runs fast."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

WORD = 32
"""Bits in what is sorted: a row's place in the lower ones, random bits above."""
SAFETY = 13
"""The expected number of pairs of rows that every round ties is at most 2⁻¹³."""
MOST_BITS = 20
"""Orders of more rows than 2²⁰ come from JAX's own permutation: too few random bits are left in a word."""


def shuffled(key: Any, count: int) -> Any:
    """A uniformly random order of `count` rows, int32.

    Each round sorts words of random bits above the place in the order so far: sorting plain numbers takes a sixth
    of sorting pairs. Rows whose random bits tie keep the order that the round before gave them, and the number of
    rounds is such that next to no pair ties in all of them.
    """
    bits = max(1, (count - 1).bit_length())
    if bits > MOST_BITS:
        return jax.random.permutation(key, count)
    order = lax.iota("int32", count)
    for number in range(rounds(bits)):
        drawn = jax.random.bits(jax.random.fold_in(key, number), (count,), "uint32")
        word = lax.shift_left(drawn, jnp.uint32(bits)) | lax.iota("uint32", count)
        place = lax.sort(word, is_stable=False) & jnp.uint32((1 << bits) - 1)
        order = order[place]
    return order


def rounds(bits: int) -> int:
    """How many rounds a number of rows with so many bits takes: pairs 2^(2 bits - 1), each tied with 2^(bits - 32)."""
    return -(-(2 * bits - 1 + SAFETY) // (WORD - bits))

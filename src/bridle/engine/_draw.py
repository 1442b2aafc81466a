"""Random numbers inside a training step: a function of the fit, the epoch, the step and a name, and of nothing else."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

import jax.numpy as jnp
import numpy as np
from jax import lax

from bridle.engine._shuffle import Key, threefry

DOMAIN = 0x6E6F6973
"""Constant that keeps these numbers apart from those that order the rows."""
FRACTION_BITS = 24
"""Random bits of a float32 in [0, 1): each of its values is exact."""


class Moment(NamedTuple):
    """One training step of one fit."""

    identity: Any
    """uint32 (2,): the fit's seed, and its fold + 1."""
    epoch: Any
    """int32, from 0."""
    start: Any
    """int32: the number of rows of the epoch before those of the step."""


@dataclass(frozen=True)
class StepDraw:
    """Random numbers for one name in one step. Strengths have no part in them, so arms are paired."""

    key: Key
    call: int = 0

    def uniform(self, shape: tuple[int, ...]) -> Any:
        """Return float32 numbers of this shape in [0, 1), the same ones at each call."""
        return lax.convert_element_type(self._words(shape), "float32") * np.float32(2.0**-FRACTION_BITS)

    def normal(self, shape: tuple[int, ...]) -> Any:
        """Return float32 numbers of this shape from the standard normal distribution, the same ones at each call."""
        centered = lax.convert_element_type(self._words(shape), "float32") + np.float32(0.5)  # never 0 or 1
        return np.float32(math.sqrt(2)) * lax.erf_inv(centered * np.float32(2.0 ** (1 - FRACTION_BITS)) - 1)

    def _words(self, shape: tuple[int, ...]) -> Any:
        """Return int32 numbers of this shape in [0, 2²⁴)."""
        size = math.prod(shape)
        count = -(-size // 2)
        left, right = threefry(self.key, np.uint32(self.call), lax.iota("uint32", count))
        words = jnp.concatenate([left, right])[:size]
        words = lax.shift_right_logical(words, np.uint32(32 - FRACTION_BITS))
        return jnp.reshape(lax.convert_element_type(words, "int32"), shape)


def draw_at(moment: Moment, name: str, call: int = 0) -> StepDraw:
    """Return the random numbers of a name in a step.

    The key of the step is Threefry's output for the counters (epoch, start), with the fit's seed and fold as its key,
    each combined with a constant or with the checksum of the name.

    Args:
        moment: the step.
        name: such as `"dropout hidden/output"`.
        call: int, which call of the step draws, for a layer that is called several times.

    """
    seed, fold = moment.identity[0], moment.identity[1]
    key = lax.bitwise_xor(seed, np.uint32(crc32(name.encode()))), lax.bitwise_xor(fold, np.uint32(DOMAIN))
    epoch, start = (jnp.asarray(value).astype("uint32") for value in (moment.epoch, moment.start))
    return StepDraw(threefry(key, epoch, start), call)

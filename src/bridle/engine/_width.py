"""How many members an accelerator trains side by side: found by compiling, looking at memory, and timing."""

from collections.abc import Callable
from time import perf_counter

import jax
import numpy as np

from bridle.engine._objective import Recipe
from bridle.engine._programs import Fold, Programs, Start

FIRST, FACTOR = 8, 4
"""The first width that is tried, and by how much the next one is wider."""
WORTH = 1.2
"""A wider program is taken where a member becomes cheaper by this factor at least."""
SHARE = 0.6
"""The part of free memory that a call may hold."""


def fitting(
    compiled: Callable[[int], Programs], seconds: Callable[[Programs], float], members: int, free: int
) -> Programs:
    """The programs of the width that trains a member fastest.

    Args:
        compiled: width → programs.
        seconds: programs → how long one short call takes.
        members: how many there are to train; nothing much wider is tried.
        free: bytes of memory that may be used.

    """
    width = min(FIRST, members)
    best = compiled(width)
    cost = seconds(best) / width
    while width < members and best.memory * FACTOR <= SHARE * free:
        width = min(width * FACTOR, members)
        wider = compiled(width)
        new = seconds(wider) / width
        if new * WORTH > cost:
            break
        best, cost = wider, new
    return best


def short_call(recipe: Recipe, fold: Fold, start: Start, settings: int, programs: Programs) -> float:
    """Seconds of a call of the training program up to its first point, the faster of two."""
    programs.settled()
    width = programs.width or 1
    state, setting = programs.begin(start), np.zeros(settings, np.float32)
    arguments = [programs.stack([each] * width) for each in (state, setting, np.zeros(2, np.uint32))]
    points = programs.points(recipe, 0, 1)
    times = []
    for _ in range(2):
        began = perf_counter()
        jax.block_until_ready(
            programs.train(arguments[0], arguments[1], fold.rows, arguments[2], np.int32(0), points, np.int32(1))
        )
        times.append(perf_counter() - began)
    return min(times)

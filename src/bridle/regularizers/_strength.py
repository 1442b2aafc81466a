"""How much: a number, a grid of numbers, or `"auto"`. All are checked here, once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from bridle._errors import InputError, short_repr

MOST_POINTS = 10_000
ADVICE = "Give a number ≥ 0 (0 is no penalty), a list of them, bridle.grid(1e-6, 1e-1), or 'auto'."


@dataclass(frozen=True)
class Grid:
    """Strengths to try. A study finds the range of an `open` grid, and extends it where the best lies on its edge."""

    values: tuple[float, ...]
    open: bool = False

    def wider(self, low: bool, high: bool, decades: int = 1) -> "Grid":
        """The grid continued in the same steps below its weakest or above its strongest value."""
        positive = [value for value in self.values if value > 0]
        per_decade = max(1, round((len(positive) - 1) / max(1.0, math.log10(positive[-1] / positive[0]))))
        steps = 10.0 ** (np.arange(1, decades * per_decade + 1) / per_decade)
        below = [_tidy(positive[0] / step) for step in steps] if low else []
        above = [_tidy(positive[-1] * step) for step in steps] if high else []
        return Grid(tuple(sorted({*self.values, *below, *above})), self.open)


Strength = float | Grid
AUTO = Grid(tuple(float(f"1e{power}") for power in range(-7, 2)), open=True)
"""What `"auto"` stands for until a study has found its range, and where that cannot be found: 1e-7 to 10."""


def grid(low: float, high: float, points: int | None = None) -> Grid:
    """Logarithmically spaced strengths from `low` to `high`, both included; one per decade unless `points` is given.

    >>> grid(1e-3, 1e-1).values
    (0.001, 0.01, 0.1)
    """
    low, high = number(low, "grid(low, …)"), number(high, "grid(…, high)")
    if not 0 < low < high:
        raise InputError(
            f"Expected 0 < low < high in grid(low, high), got grid({low:g}, {high:g}). Try grid(1e-6, 1e-1)."
        )
    count = points if points is not None else max(2, round(math.log10(high) - math.log10(low)) + 1)
    if not isinstance(count, int) or not 2 <= count <= MOST_POINTS:
        raise InputError(
            f"Expected 2 to {MOST_POINTS:,} points in grid({low:g}, {high:g}), got {short_repr(points)}. "
            "Leave them out for "
            "one per decade."
        )
    return Grid(tuple(dict.fromkeys(_tidy(value) for value in np.geomspace(low, high, count))))


def number(value: object, where: str) -> float:
    """A finite real number ≥ 0, of any real type (NumPy scalars and zero-dimensional arrays too)."""
    if isinstance(value, np.ndarray | np.generic) and np.ndim(value) == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"Expected a strength in {where}, got {short_repr(value)}. {ADVICE}")
    if not is_finite(value) or value < 0:
        raise InputError(f"Expected a strength ≥ 0 and finite in {where}, got {short_repr(value)}. {ADVICE}")
    return float(value)


def is_finite(value: Real) -> bool:
    """Whether a float can hold a number: neither infinite nor larger than the largest float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def strength(value: object, where: str) -> Strength:
    """Read what a person gave as a strength."""
    if isinstance(value, Grid):
        return value
    if isinstance(value, str):
        if value.strip().lower() == "auto":
            return AUTO
        raise InputError(f"Expected a strength in {where}, got the text {short_repr(value)}. {ADVICE}")
    if isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim == 1):
        values = tuple(sorted({number(item, where) for item in value}))
        if not values:
            raise InputError(f"Expected at least one strength in {where}, got an empty grid. {ADVICE}")
        return Grid(values)
    return number(value, where)


def _tidy(value: float) -> float:
    """The nearest number with at most 12 digits, so that 10 ** -3 reads 0.001."""
    return float(f"{value:.12g}")

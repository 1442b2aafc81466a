"""Validation of the strengths and options of penalties."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, TypeGuard, cast

import numpy as np

from bridle._errors import InputError, short_repr

MAX_GRID_POINTS = 10_000
"""The largest number of strengths in a grid."""
ADVICE = "Give a number ≥ 0 (0 is no penalty), a list of them, bridle.grid(1e-6, 1e-1), or 'auto'."
"""The end of every message about a strength."""


@dataclass(frozen=True)
class Grid:
    """Strengths to compare. `bridle.grid` returns it.

    A study finds the range of an `open` grid, and extends it if the best strength is at its edge.
    """

    values: tuple[float, ...]
    open: bool = False
    linear: bool = field(default=False, repr=False)
    """True for an automatic range that is known and even, such as that of rates: no pilot, no extension."""

    def wider(self, low: bool, high: bool, decades: int = 1) -> "Grid":
        """Return the grid, continued in the same steps below its weakest or above its strongest value."""
        positive = [value for value in self.values if value > 0]
        per_decade = max(1, round((len(positive) - 1) / max(1.0, math.log10(positive[-1] / positive[0]))))
        steps = 10.0 ** (np.arange(1, decades * per_decade + 1) / per_decade)
        below = [_tidy(positive[0] / step) for step in steps] if low else []
        above = [_tidy(positive[-1] * step) for step in steps] if high else []
        return Grid(tuple(sorted({*self.values, *below, *above})), self.open, self.linear)


Strength = float | Grid
RATES = Grid((0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), open=True, linear=True)
"""The grid of `"auto"` for rates of noise."""
AUTO = Grid(tuple(float(f"1e{power}") for power in range(-7, 2)), open=True)
"""The grid of `"auto"` until a study has found its range: 1e-7 to 10."""


def grid(low: float, high: float, points: int | None = None) -> Grid:
    """Return logarithmically spaced strengths from `low` to `high`, both included.

    Args:
        low, high: float, `0 < low < high`.
        points: int ≥ 2, the number of strengths. Default: one per decade.

    Returns: `bridle.Grid`.

    Errors: `InputError` for other values.

    >>> grid(1e-3, 1e-1).values
    (0.001, 0.01, 0.1)

    """
    low, high = read_nonnegative(low, "grid(low, …)"), read_nonnegative(high, "grid(…, high)")
    if not 0 < low < high:
        raise InputError(
            f"Expected 0 < low < high in grid(low, high), got grid({low:g}, {high:g}). Try grid(1e-6, 1e-1)."
        )
    count = points if points is not None else max(2, round(math.log10(high) - math.log10(low)) + 1)
    if not isinstance(cast(object, count), int) or not 2 <= count <= MAX_GRID_POINTS:
        raise InputError(
            f"Expected 2 to {MAX_GRID_POINTS:,} points in grid({low:g}, {high:g}), got {short_repr(points)}. "
            "The default is one per decade."
        )
    return Grid(tuple(dict.fromkeys(_tidy(value) for value in np.geomspace(low, high, count))))


def read_nonnegative(value: object, where: str) -> float:
    """Return a finite number ≥ 0 of any real type as a float; NumPy scalars and zero-dimensional arrays count."""
    value = _unboxed(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"Expected a strength in {where}, got {short_repr(value)}. {ADVICE}")
    if not is_finite(value) or value < 0:
        raise InputError(f"Expected a strength ≥ 0 and finite in {where}, got {short_repr(value)}. {ADVICE}")
    return float(value)


def is_finite(value: Any) -> bool:
    """Return True if the number is finite as a float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def read_strength(value: object, where: str) -> Strength:
    """Return a strength or a grid from an argument.

    Errors: `InputError` for any other value.
    """
    if isinstance(value, Grid):
        return value
    if isinstance(value, str):
        if value.strip().lower() == "auto":
            return AUTO
        raise InputError(f"Expected a strength in {where}, got the text {short_repr(value)}. {ADVICE}")
    if _is_list(value):
        values = tuple(sorted({read_nonnegative(item, where) for item in value}))
        if not values:
            raise InputError(f"Expected at least one strength in {where}, got an empty grid. {ADVICE}")
        return Grid(values)
    return read_nonnegative(value, where)


def _unboxed(value: object) -> object:
    """Return a NumPy scalar or zero-dimensional array as a Python number; any other value unchanged."""
    if not isinstance(value, np.ndarray | np.generic):
        return value
    array = cast("np.ndarray[Any, Any]", value)
    return array.item() if array.ndim == 0 else array


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim == 1)


def _tidy(value: float) -> float:
    """Round to 12 digits, so that 10 ** -3 reads 0.001."""
    return float(f"{value:.12g}")


def format_strength(value: Strength) -> str:
    """Return a number, or the range of a grid, as text for a reader."""
    if not isinstance(value, Grid):
        return f"{value:g}"
    return "auto" if value.open else f"{value.values[0]:g}..{value.values[-1]:g}"


def read_real(value: object, where: str, expected: str, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a finite real number from `low` to `high`, both included.

    Args:
        value: the argument; NumPy scalars and zero-dimensional arrays count.
        where: the option for the message: `"kl(target=…)"`.
        expected: the allowed values in words.
        low, high: the limits.

    Errors: `InputError` for anything else.

    """
    value = _unboxed(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, Real)
        or not is_finite(value)
        or value < low
        or not value <= high
    ):
        raise InputError(f"Expected in {where} {expected}, got {short_repr(value)}.")
    return float(value)


def read_word(value: object, where: str, allowed: Sequence[str]) -> str:
    """Return one of the allowed words.

    Errors: `InputError` for anything else.
    """
    if not isinstance(value, str) or value not in allowed:
        raise InputError(f"Expected in {where} {' or '.join(map(repr, allowed))}, got {value!r}.")
    return value


def read_flag(value: object, where: str) -> bool:
    """Return True or False.

    Errors: `InputError` for anything else.
    """
    if not isinstance(value, bool):
        raise InputError(f"Expected in {where} True or False, got {value!r}.")
    return value

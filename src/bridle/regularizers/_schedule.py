"""Schedules of a strength: a peak times a factor that depends on the epoch only."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from bridle._errors import InputError, KindError, short_repr
from bridle._keras import ops
from bridle.regularizers._strength import Grid, read_nonnegative, read_strength

MAX_EPOCHS = 10**9
"""The longest schedule."""
MIN_FACTOR = 2.0**-126
"""The smallest factor, the smallest normal number of float32."""
Shape = Literal["linear", "exponential", "steps", "warmup"]


@dataclass(frozen=True)
class Schedule:
    """A strength that changes over the epochs: `strength(epoch) = peak * factor(epoch)`; epochs count from 0.

    `bridle.schedule.linear`, `exponential`, `steps` and `warmup` return it.
    """

    shape: Shape
    peak: float | Grid
    """The strength that the factors multiply; a grid only in `warmup`."""
    epochs: tuple[int, ...]
    """The epoch at which each factor is reached."""
    factors: tuple[float, ...]

    @property
    def fixed_peak(self) -> float:
        """The peak as a number.

        Errors: `TypeError` for a range to search.
        """
        if isinstance(self.peak, Grid):
            raise TypeError("Expected a schedule with one number as its peak, got a range to search.")
        return self.peak

    def factor(self, epoch: Any) -> Any:
        """Return the factor at an epoch, which may be traced."""
        epoch = ops.cast(epoch, "float32")
        if self.shape == "steps":
            value = ops.zeros_like(epoch)
            for start, factor in zip(self.epochs, self.factors, strict=True):
                value = ops.where(epoch >= start, ops.cast(factor, "float32"), value)
            return value
        (first, last), (low, high) = self.epochs, self.factors
        passed = ops.clip((epoch - first) / (last - first), 0.0, 1.0)
        if self.shape == "exponential":
            between = ops.exp((1 - passed) * math.log(low) + passed * math.log(high))
            return ops.where(passed <= 0, low, ops.where(passed >= 1, high, between))  # both ends exactly
        return low + (high - low) * passed

    def at(self, peak: float | Grid) -> "Schedule":
        """Return this schedule with another peak."""
        return Schedule(self.shape, peak, self.epochs, self.factors)

    def to_text(self, peak: str) -> str:
        """Return the schedule as text; `peak` is the text of the strength of a warm-up."""
        if self.shape == "warmup":
            return f"warmup({peak}, {self.epochs[1]})"
        values = [f"{self.fixed_peak * factor:.12g}" for factor in self.factors]
        if self.shape == "steps":
            pairs = ", ".join(f"{epoch}: {value}" for epoch, value in zip(self.epochs, values, strict=True))
            return f"steps({{{pairs}}})"
        return f"{self.shape}({', '.join(values)}, {self.epochs[1]})"


def linear(start: float, stop: float, epochs: int) -> Schedule:
    """Move from `start` to `stop` in a straight line over the first `epochs` epochs, then `stop`.

    `strength(e) = start + (stop - start) * min(e / epochs, 1)`.

    >>> float(linear(0, 0.1, 10).factor(5)) * 0.1
    0.05
    """
    return _ramp(
        "linear", read_nonnegative(start, "linear(start, …)"), read_nonnegative(stop, "linear(…, stop, …)"), epochs
    )


def exponential(start: float, stop: float, epochs: int) -> Schedule:
    """Move from `start` to `stop`, both above zero, by a constant factor per epoch, then `stop`.

    `strength(e) = start * (stop / start) ** min(e / epochs, 1)`.

    >>> round(float(exponential(1e-4, 1e-2, 10).factor(5)) * 1e-2, 6)
    0.001
    """
    start, stop = read_nonnegative(start, "exponential(start, …)"), read_nonnegative(stop, "exponential(…, stop, …)")
    if not (start and stop):
        raise InputError(
            f"Expected strengths above 0 in exponential(start, stop, epochs), got {start:g} and {stop:g}. "
            "Use linear, which may begin or end at 0."
        )
    if min(start / stop, stop / start) < MIN_FACTOR:
        raise InputError(
            f"Expected a ratio of strengths of at least {MIN_FACTOR:.1e} in exponential(…), got {start:g} and {stop:g}."
        )
    return _ramp("exponential", start, stop, epochs)


def warmup(peak: object, epochs: int) -> Schedule:
    """Rise from 0 to `peak` in a straight line over the first `epochs` epochs, then `peak`, which may be a range.

    `strength(e) = peak * min(e / epochs, 1)`.

    >>> warmup("auto", 20).peak.open
    True
    """
    return Schedule("warmup", _peak(peak), (0, _length(epochs)), (0.0, 1.0))


def steps(levels: Mapping[int, float]) -> Schedule:
    """Change the strength at given epochs; it is 0 before the first of them.

    Reed and Marks (Neural Smithing, 1999) raise the weight decay of a trained network:

    >>> smithing = steps({0: 0, 1200: 1e-5, 2500: 1e-4, 4000: 1e-3})
    >>> [round(float(smithing.factor(epoch)) * 1e-3, 9) for epoch in (0, 1200, 3000, 9000)]
    [0.0, 1e-05, 0.0001, 0.001]
    """
    if not isinstance(cast(object, levels), Mapping) or not levels:
        raise KindError(f"Expected a dictionary {{epoch: strength}} in steps, got {levels!r}.")
    wrong = [
        epoch
        for epoch in cast("Mapping[object, float]", levels)
        if isinstance(epoch, bool) or not isinstance(epoch, int) or not 0 <= epoch <= MAX_EPOCHS
    ]
    if wrong:
        raise InputError(
            f"Expected epochs as whole numbers from 0 to {MAX_EPOCHS:,}, got {short_repr(wrong[0])}. "
            "Epochs count from 0."
        )
    strengths = dict(
        sorted((epoch, read_nonnegative(value, f"steps({{{epoch}: …}})")) for epoch, value in levels.items())
    )
    peak = max(strengths.values())
    return Schedule("steps", peak, tuple(strengths), tuple(_factor(value, peak) for value in strengths.values()))


def _ramp(shape: Shape, start: float, stop: float, epochs: int) -> Schedule:
    peak = max(start, stop)
    return Schedule(shape, peak, (0, _length(epochs)), (_factor(start, peak), _factor(stop, peak)))


def _factor(value: float, peak: float) -> float:
    factor = value / peak if peak else 0.0
    return factor if factor >= MIN_FACTOR else 0.0


def _peak(value: object) -> float | Grid:
    if isinstance(value, Schedule):
        raise InputError("Expected a number or a range as the peak of a schedule, got another schedule.")
    return read_strength(value, "warmup(peak, …)")


def _length(epochs: object) -> int:
    if isinstance(epochs, bool) or not isinstance(epochs, int) or not 1 <= epochs <= MAX_EPOCHS:
        raise InputError(f"Expected the length of a schedule as 1 to {MAX_EPOCHS:,} epochs, got {short_repr(epochs)}.")
    return epochs

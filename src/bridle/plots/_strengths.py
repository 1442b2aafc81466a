"""The axis of strengths: logarithmic, with a labelled place for zero on the left."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from matplotlib.transforms import Transform, offset_copy

from bridle.plots._style import Theme, figure_of, style_text
from bridle.results import StudyResult
from bridle.wording import strength_text

MAX_TICKS = 8
"""Labelled decades of an axis."""
RULE_MARKS = {"best": ("o", 12.0), "1se": ("s", 15.0), "recommended": ("*", 20.0)}
"""What is drawn around the candidate of each rule: matplotlib's marker, and its size in points."""
CHARACTER_INCHES = 0.066
"""Width of a character in the row above the axes."""
GAP_INCHES = 0.08
"""Least space between two texts of that row."""


def path_strengths(result: StudyResult, settings: np.ndarray, arm: int) -> Float[np.ndarray, "point"]:
    """Return the strength of each candidate of an arm: that of its slot, or the sum over its slots."""
    return result.setting_strengths[settings][:, list(result.arms[arm].slots)].sum(axis=1)


def is_monotone(result: StudyResult, settings: np.ndarray, arm: int) -> bool:
    """Return True if every slot only gets stronger along the path, so that a line through its points has a meaning."""
    arm_slots = result.arms[arm].slots
    rises = np.diff(result.setting_strengths[settings][:, list(arm_slots)], axis=0)
    return bool((np.where(result.arms[arm].limits(result.slots), -rises, rises) >= 0).all())


def zero_position(strengths: Float[np.ndarray, "point"]) -> float | None:
    """Return the position of a strength of zero: one decade left of the weakest other; None without a zero."""
    if not (strengths == 0).any():
        return None
    positive = strengths[strengths > 0]
    return float(positive.min() / 10) if len(positive) else 0.1


def axis_positions(strengths: Float[np.ndarray, "point"], zero_at: float | None) -> Float[np.ndarray, "point"]:
    """Return the positions at which strengths are drawn."""
    return strengths if zero_at is None else np.where(strengths == 0, zero_at, strengths)


@dataclass(frozen=True)
class Ticks:
    """A logarithmic axis of strengths: its limits, and the positions and texts of its ticks."""

    low: float
    high: float
    at: tuple[float, ...]
    names: tuple[str, ...]
    zero_boundary: float | None
    """The line that separates zero from the rest; None if there is no zero, or nothing else."""


def strength_ticks(positions: Float[np.ndarray, "point"], zero_at: float | None) -> Ticks:
    """Return an axis over `positions`, at least one decade wide, with `0` written at `zero_at`."""
    low, high = math.log10(positions.min()), math.log10(positions.max())
    margin = max(0.04 * (high - low), 0.15, (1.2 - (high - low)) / 2)
    powers = range(math.ceil(low - margin), math.floor(high + margin) + 1)
    step = math.ceil(len(powers) / MAX_TICKS)
    decades = [10.0**power for power in powers if power % step == 0 and (zero_at is None or 10.0**power > zero_at * 5)]
    alone = len(np.unique(positions)) == 1
    at = [float(positions[0])] if alone else ([] if zero_at is None else [zero_at]) + decades
    names = tuple("0" if tick == zero_at else strength_text(tick) for tick in at)
    zero_boundary = None if zero_at is None or alone else zero_at * 10**0.5
    return Ticks(10 ** (low - margin), 10 ** (high + margin), tuple(at), names, zero_boundary)


def strength_axis(ax: Axes, theme: Theme, positions: Float[np.ndarray, "point"], zero_at: float | None) -> None:
    """Make the x axis logarithmic, with the ticks of `strength_ticks`."""
    ticks = strength_ticks(positions, zero_at)
    ax.set_xscale("log")
    ax.set_xlim(ticks.low, ticks.high)
    ax.xaxis.set_major_locator(FixedLocator(ticks.at))
    ax.xaxis.set_major_formatter(FixedFormatter(ticks.names))
    ax.xaxis.set_minor_locator(NullLocator())
    if ticks.zero_boundary is not None:
        ax.axvline(ticks.zero_boundary, color=theme.muted, linewidth=0.8, linestyle=(0, (1, 3)))


def write_top_row(
    ax: Axes, theme: Theme, positions: Float[np.ndarray, "point"], texts: Sequence[str], meaning: str
) -> float:
    """Write a text above each position, as glmnet does with the number of coefficients, and `meaning` above them.

    Texts that would touch their neighbour on the left are left out. Return the height of the row in points.
    """
    if not texts:
        return 0.0
    low, high = np.log10(ax.get_xlim())
    scale = ax.get_position().width * figure_of(ax).get_figwidth() / (high - low)
    end = -math.inf
    for index in np.argsort(positions).tolist():
        position, text = float(positions[index]), str(texts[index])
        middle, half = float(np.log10(position)) * scale, len(text) * CHARACTER_INCHES / 2
        if middle - half >= end + GAP_INCHES:
            end = middle + half
            _write_above(ax, theme, text, (position, 3.0), ax.get_xaxis_transform(), "center")
    _write_above(ax, theme, meaning, (0.0, 14.0), ax.transAxes, "left")
    return 22.0


def _write_above(ax: Axes, theme: Theme, text: str, at: tuple[float, float], transform: Transform, align: str) -> None:
    """Write a small text at an x position, some points above the axes."""
    raised = offset_copy(transform, fig=figure_of(ax), y=at[1], units="points")
    style_text(ax.text(at[0], 1.0, text, transform=raised, ha=align, va="bottom"), theme, 7.5)


def choice_lines(ax: Axes, theme: Theme, marks: Mapping[str, float], zero_at: float | None) -> None:
    """Draw a vertical line at each strength that a rule selects, with the names of its rules above the axes."""
    for strength in dict.fromkeys(marks.values()):
        name = ", ".join(rule for rule, selected in marks.items() if selected == strength)
        at = float(axis_positions(np.array([strength]), zero_at)[0])
        ax.axvline(at, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        place: dict[str, Any] = {"ha": "center", "va": "bottom"}
        if name == "recommended":  # above the axes it would touch others
            place = {"ha": "right", "va": "top", "rotation": 90}
        style_text(ax.text(at, 1.0, name, transform=ax.get_xaxis_transform(), **place), theme, 8)

"""The axis of strengths: logarithmic, with a labelled place for zero on the left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from matplotlib.transforms import Transform, offset_copy

from bridle.plots._style import Theme, plain
from bridle.results import StudyResult
from bridle.wording import strength_text

MOST_TICKS = 8


def abscissa(result: StudyResult, settings: np.ndarray, arm: int) -> Float[np.ndarray, "point"]:
    """The strength of each setting of an arm: that of its slot, or the sum over its slots."""
    return result.setting_strengths[settings][:, list(result.arms[arm].slots)].sum(axis=1)


def moves_together(result: StudyResult, settings: np.ndarray, arm: int) -> bool:
    """Whether every slot only grows along the path, so that a line through its points has a meaning."""
    own = result.setting_strengths[settings][:, list(result.arms[arm].slots)]
    return bool((np.diff(own, axis=0) >= 0).all())


def zero_place(strengths: Float[np.ndarray, "point"]) -> float | None:
    """Where a strength of zero is drawn: one decade left of the weakest other; None where there is no zero."""
    if not (strengths == 0).any():
        return None
    positive = strengths[strengths > 0]
    return float(positive.min() / 10) if len(positive) else 0.1


def place(strengths: Float[np.ndarray, "point"], zero_at: float | None) -> Float[np.ndarray, "point"]:
    """The positions at which strengths are drawn."""
    return strengths if zero_at is None else np.where(strengths == 0, zero_at, strengths)


@dataclass(frozen=True)
class Ticks:
    """A logarithmic axis of strengths: where it begins and ends, and what is written where."""

    low: float
    high: float
    at: tuple[float, ...]
    names: tuple[str, ...]
    zero_ends: float | None
    """Where the place for zero is set apart from the rest; None where no zero stands beside others."""


def strength_ticks(positions: Float[np.ndarray, "point"], zero_at: float | None) -> Ticks:
    """An axis over `positions`, one decade wide at least, with `0` written at `zero_at`."""
    low, high = math.log10(positions.min()), math.log10(positions.max())
    margin = max(0.04 * (high - low), 0.15, (1.2 - (high - low)) / 2)
    powers = range(math.ceil(low - margin), math.floor(high + margin) + 1)
    step = math.ceil(len(powers) / MOST_TICKS)
    decades = [10.0**power for power in powers if power % step == 0 and (zero_at is None or 10.0**power > zero_at * 5)]
    alone = len(np.unique(positions)) == 1
    at = [float(positions[0])] if alone else ([] if zero_at is None else [zero_at]) + decades
    names = tuple("0" if tick == zero_at else strength_text(tick) for tick in at)
    zero_ends = None if zero_at is None or alone else zero_at * 10**0.5
    return Ticks(10 ** (low - margin), 10 ** (high + margin), tuple(at), names, zero_ends)


def strength_axis(ax: Axes, theme: Theme, positions: Float[np.ndarray, "point"], zero_at: float | None) -> None:
    """Make the x axis logarithmic, as `strength_ticks` says."""
    ticks = strength_ticks(positions, zero_at)
    ax.set_xscale("log")
    ax.set_xlim(ticks.low, ticks.high)
    ax.xaxis.set_major_locator(FixedLocator(ticks.at))
    ax.xaxis.set_major_formatter(FixedFormatter(ticks.names))
    ax.xaxis.set_minor_locator(NullLocator())
    if ticks.zero_ends is not None:
        ax.axvline(ticks.zero_ends, color=theme.muted, linewidth=0.8, linestyle=(0, (1, 3)))


LETTER, SPACE = 0.066, 0.08
"""Inches that a letter of a row above the axes takes, and the least space between two texts."""


def top_row(ax: Axes, theme: Theme, positions: Float[np.ndarray, "point"], texts: Sequence[str], meaning: str) -> float:
    """Write a text above each position, as glmnet does with the number of coefficients, and `meaning` above them.

    Texts that would touch their neighbour on the left are left out. Returns how many points of height it takes.
    """
    if not texts:
        return 0.0
    low, high = np.log10(ax.get_xlim())
    scale = ax.get_position().width * ax.get_figure(root=True).get_figwidth() / (high - low)
    end = -math.inf
    for number in np.argsort(positions):
        at, half = float(np.log10(positions[number]) * scale), len(texts[number]) * LETTER / 2
        if at - half >= end + SPACE:
            end = at + half
            _above(ax, theme, texts[number], (positions[number], 3.0), ax.get_xaxis_transform(), "center")
    _above(ax, theme, meaning, (0.0, 14.0), ax.transAxes, "left")
    return 22.0


def _above(ax: Axes, theme: Theme, text: str, at: tuple[float, float], transform: Transform, align: str) -> None:
    """A small text so many points above the axes."""
    raised = offset_copy(transform, fig=ax.get_figure(root=True), y=at[1], units="points")
    plain(ax.text(at[0], 1.0, text, transform=raised, ha=align, va="bottom"), theme, 7.5)


def choice_lines(ax: Axes, theme: Theme, best: float | None, one_se: float | None, zero_at: float | None) -> None:
    """Upright lines at the strengths that `best` and `1se` take, named above the axes."""
    names = {best: "best", one_se: "1se"} if best != one_se else {best: "best, 1se"}
    for strength, name in names.items():
        if strength is None:
            continue
        at = float(place(np.array([strength]), zero_at)[0])
        ax.axvline(at, color=theme.muted, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        plain(ax.text(at, 1.0, name, ha="center", va="bottom", transform=ax.get_xaxis_transform()), theme, 8)

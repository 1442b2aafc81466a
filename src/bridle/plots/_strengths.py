"""The axis of strengths: logarithmic, with a labelled place for zero on the left."""

import math

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from bridle.plots._names import strength_text
from bridle.plots._style import Theme
from bridle.results import StudyResult

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


def strength_axis(ax: Axes, theme: Theme, positions: Float[np.ndarray, "point"], zero_at: float | None) -> None:
    """Make the x axis logarithmic over `positions`, one decade wide at least, with `0` written at `zero_at`."""
    low, high = math.log10(positions.min()), math.log10(positions.max())
    margin = max(0.04 * (high - low), 0.15, (1.2 - (high - low)) / 2)
    ax.set_xscale("log")
    ax.set_xlim(10 ** (low - margin), 10 ** (high + margin))
    powers = range(math.ceil(low - margin), math.floor(high + margin) + 1)
    step = math.ceil(len(powers) / MOST_TICKS)
    decades = [10.0**power for power in powers if power % step == 0 and (zero_at is None or 10.0**power > zero_at * 5)]
    alone = len(np.unique(positions)) == 1
    ticks = sorted(set(positions)) if alone else ([] if zero_at is None else [zero_at]) + decades
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FixedFormatter(["0" if tick == zero_at else strength_text(tick) for tick in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    if zero_at is not None and not alone:
        ax.axvline(zero_at * 10**0.5, color=theme.muted, linewidth=0.8, linestyle=(0, (1, 3)))

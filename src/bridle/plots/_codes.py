"""Codes of a study: the frontier of sparsity and error, and how often each unit is used."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

from bridle._errors import InputError
from bridle.plots._style import (
    Theme,
    draw_legend,
    get_theme,
    label_axes,
    legend_name,
    line_style,
    marker,
    prepare_axes,
    style_text,
    write_sentence,
)
from bridle.representations import StudiedCodes
from bridle.stats import nan_mean
from bridle.wording import shorten

ERROR_NAMES = {"fvu": "fraction of variance unexplained", "probe": "accuracy of a linear probe"}
"""Measures in words."""
BINS = 24
LEAST_DENSITY = 1e-4
"""Lower end of the axis of densities."""
MAX_OVERLAID = 4
"""The most candidates in one histogram."""


@dataclass(frozen=True)
class CodeFrontier:
    """One point per candidate: means over seeds of L0 and of an error, with 95 % intervals, and the optimal ones."""

    error: str
    units: int
    arms: tuple[str, ...]
    """The names of all arms, `none` first."""
    table: pd.DataFrame
    """As `StudiedCodes.frontier`."""


@dataclass(frozen=True)
class Densities:
    """Histograms of how often units are used, one per candidate, over the units of all seeds."""

    names: tuple[str, ...]
    arms: Int[np.ndarray, "candidate"]
    edges: Float[np.ndarray, "edge"]
    """Of log10 of the fraction of rows in which a unit is not zero."""
    shares: Float[np.ndarray, "candidate bin"]
    """The share of the units in each bin."""
    dead: Float[np.ndarray, "candidate"]
    """The share of the units that are zero in every row."""


def code_frontier_data(codes: StudiedCodes, error: str = "fvu") -> CodeFrontier:
    """Return every candidate's mean L0 and mean error over seeds.

    Errors: `InputError` for a measure that was not taken.
    """
    return CodeFrontier(error, codes.units, tuple(dict.fromkeys(codes.arms)), codes.frontier(error))


def draw_code_frontier(data: CodeFrontier, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw the path of each arm as a line through its candidates, bars as 95 % intervals, L0 on a log axis."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, 6.4, 4.2)
    if data.table.empty:
        return write_sentence(ax, look, "No network has a code that was measured, so there is no frontier to draw.")
    for index, arm in enumerate(data.arms):
        points = data.table[(data.table["arm"] == arm) & (data.table["l0"] > 0)].sort_values("l0")
        x, y = points["l0"].to_numpy(), points[data.error].to_numpy()
        low, high = (points[f"{data.error}_{end}"].to_numpy() for end in ("low", "high"))
        bars = np.nan_to_num(np.stack([y - low, high - y]))
        style = {"color": look.colour(index), "markersize": 11 if index == 0 else 6}
        ax.errorbar(x, y, bars, linestyle="none", ecolor=look.colour(index), elinewidth=0.9, alpha=0.7)
        shape = "*" if index == 0 else marker(index)
        ax.plot(x, y, marker=shape, linestyle=line_style(index), linewidth=1.3, label=legend_name(arm), **style)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(LogFormatter())
    ax.xaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    ax.axvline(data.units, color=look.muted, linewidth=0.8, linestyle=":")
    note = ax.annotate(
        f"all {data.units} units ",
        (data.units, 1),
        xycoords=("data", "axes fraction"),
        ha="right",
        va="top",
    )
    style_text(note, look, 8)
    label_axes(
        ax,
        look,
        x="L0: units of a row that are not zero",
        y=f"{ERROR_NAMES.get(data.error, data.error)}\n(mean over seeds, 95 % interval)",
    )
    draw_legend(ax, look)
    return ax


def densities_data(codes: StudiedCodes, candidates: Sequence[int] | None = None) -> Densities:
    """Return histograms of the densities of units.

    Args:
        codes: measures of a study.
        candidates: positions in `codes.names`. Default: `none` and the candidates of the middle of each arm's path.

    Errors: `InputError` for a position that is not there.

    """
    positions = typical_candidates(codes) if candidates is None else list(candidates)
    if not all(0 <= index < len(codes.names) for index in positions) or not positions:
        raise InputError(f"Expected positions from 0 to {len(codes.names) - 1}, got {positions}.")
    edges = np.linspace(np.log10(LEAST_DENSITY), 0, BINS + 1)
    shares, dead = [], []
    for index in positions:
        values = codes.densities[index][np.isfinite(codes.densities[index])]
        live = np.clip(values[values > 0], LEAST_DENSITY, 1)
        shares.append(np.histogram(np.log10(live), edges)[0] / max(1, len(values)))
        dead.append(float(np.mean(values == 0)) if len(values) else np.nan)
    arms = tuple(dict.fromkeys(codes.arms))
    return Densities(
        tuple(codes.names[index] for index in positions),
        np.array([arms.index(codes.arms[index]) for index in positions]),
        edges,
        np.array(shares),
        np.array(dead),
    )


def draw_densities(data: Densities, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw histograms of densities as steps on a log axis, with the share of dead units in the legend."""
    look: Theme = get_theme(theme)
    ax = prepare_axes(ax, look, 6.4, 3.6)
    for order, (name, arm, share, dead) in enumerate(zip(data.names, data.arms, data.shares, data.dead, strict=True)):
        label = f"{shorten(name, 28)}, {100 * dead:.0f} % dead"
        ax.stairs(
            100 * share,
            10**data.edges,
            color=look.colour(int(arm)),
            linewidth=1.5,
            linestyle=line_style(order),
            label=legend_name(label),
        )
    ax.set_xscale("log")
    label_axes(ax, look, x="fraction of rows in which a unit is not zero", y="units, %")
    draw_legend(ax, look, columns=2)
    return ax


def typical_candidates(codes: StudiedCodes) -> list[int]:
    """Return `none` and the middle candidate of the path of the first arms."""
    positions = []
    for arm in list(dict.fromkeys(codes.arms))[:MAX_OVERLAID]:
        path = codes.of_arm(arm)
        positions.append(path[len(path) // 2])
    return positions


def mean_of(codes: StudiedCodes, measure: str, candidate: int) -> float:
    """Return a measure of a candidate, mean over seeds."""
    return float(nan_mean(codes.measures[measure][candidate], 0))

"""The gains: each arm minus `none`, with its corrected interval."""

import textwrap
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from bridle.plots._style import (
    Theme,
    draw_legend,
    get_theme,
    label_axes,
    legend_name,
    line_style,
    prepare_axes,
    style_text,
    write_sentence,
)
from bridle.results import StudyResult
from bridle.stats import Comparison, Evidence, weigh_evidence
from bridle.wording import escape_control_characters, shorten, strengths_text

MARKER_SHAPES = ("o", "D", "s", "^")
"""Markers of the sources: a filled circle for validation, hollow shapes for held-out rows."""


@dataclass(frozen=True)
class Source:
    """Rows on which differences were measured, with one difference and interval per arm; positive is better."""

    name: str
    over: str
    difference: Float[np.ndarray, "arm"]
    low: Float[np.ndarray, "arm"]
    high: Float[np.ndarray, "arm"]


@dataclass(frozen=True)
class GainsData:
    """A forest plot: arms from the largest difference to the smallest, each measured on every source."""

    score: str
    maximize: bool
    numbers: tuple[int, ...]
    names: tuple[str, ...]
    strengths: tuple[str, ...]
    """The strengths of each arm's `best`, as text."""
    sources: tuple[Source, ...]


def gains_data(result: StudyResult, *, evidence: Evidence | None = None) -> GainsData:
    """Return the comparisons of `weigh_evidence`, signed so that positive is better."""
    evidence = evidence or weigh_evidence(result)
    order = sorted(evidence.gains, key=lambda arm: -np.nan_to_num(evidence.gains[arm].difference, nan=-np.inf))
    sources = {"validation": evidence.gains, **evidence.held_out_gains}
    return GainsData(
        score=result.score.name,
        maximize=result.score.maximize,
        numbers=tuple(order),
        names=tuple(result.arms[arm].name for arm in order),
        strengths=tuple(strengths_text(result, evidence.choices[arm].best) for arm in order),
        sources=tuple(_source(name, gains, order) for name, gains in sources.items() if order and _has_values(gains)),
    )


def _has_values(gains: dict[int, Comparison]) -> bool:
    return any(np.isfinite(gain.difference) for gain in gains.values())


def _source(name: str, gains: dict[int, Comparison], order: list[int]) -> Source:
    columns = np.array([(gains[arm].difference, gains[arm].low, gains[arm].high) for arm in order], float).T
    return Source(name, gains[order[0]].over, *columns)


def draw_gains(data: GainsData, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw one row per arm: validation filled, held-out rows hollow below it, and a line at zero."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, 6.4, 1.5 + 0.55 * max(1, len(data.numbers)))
    if not data.sources:
        return write_sentence(ax, look, "No penalized arm can be compared with none.")
    ax.axvline(0.0, color=look.ink, linewidth=1.2)
    for index, source in enumerate(data.sources):
        _draw_source(ax, look, data, index, source)
    rows = [
        escape_control_characters(_row_name(name, strengths))
        for name, strengths in zip(data.names, data.strengths, strict=True)
    ]
    ax.set_yticks(range(len(rows)), rows)
    for text in ax.get_yticklabels():
        style_text(text, look, 8.5)
    ax.set_ylim(len(data.names) - 0.4, -0.6)
    ax.grid(False, axis="y")
    sense = f"{data.score}: arm minus none" if data.maximize else f"{data.score}: none minus arm"
    label_axes(ax, look, x=f"{shorten(sense, 60)}\ncorrected interval, right of zero is better")
    if len(data.sources) > 1:
        draw_legend(ax, look)
    return ax


def _draw_source(ax: Axes, look: Theme, data: GainsData, index: int, source: Source) -> None:
    for row, arm in enumerate(data.numbers):
        y, colour = row + 0.2 * (index - (len(data.sources) - 1) / 2), look.colour(arm)
        if np.isfinite([source.low[row], source.high[row]]).all():
            ax.plot(
                [source.low[row], source.high[row]], [y, y], color=colour, linewidth=1.8, linestyle=line_style(index)
            )
        ax.plot(
            source.difference[row],
            y,
            color=colour,
            marker=MARKER_SHAPES[index % len(MARKER_SHAPES)],
            markersize=6.5,
            markerfacecolor=colour if index == 0 else "none",
        )
    if len(data.sources) > 1:
        ax.plot(
            [],
            [],
            color=look.muted,
            marker=MARKER_SHAPES[index % len(MARKER_SHAPES)],
            linewidth=1.8,
            linestyle=line_style(index),
            markerfacecolor=look.muted if index == 0 else "none",
            label=legend_name(f"{source.name}, over {source.over}"),
        )


def _row_name(name: str, strengths: str) -> str:
    lines = [*textwrap.wrap(shorten(name, 64), 34), *textwrap.wrap(shorten(strengths, 76), 40)]
    return "\n".join(lines)

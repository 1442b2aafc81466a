"""The heat map: the mean score over two strengths of one arm."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.patches import Rectangle

from bridle._errors import InputError
from bridle.plots._strengths import RULE_MARKS, axis_positions, zero_position
from bridle.plots._style import (
    Theme,
    colour_bar,
    draw_legend,
    get_theme,
    label_axes,
    prepare_axes,
    style_text,
    write_sentence,
)
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence
from bridle.wording import decimal_text, needed_decimals, shorten, strength_text

MAX_TEXT_CELLS = 64
"""Cells of the largest grid whose values are written into them."""
MAX_LARGE_TEXT_COLUMNS = 6
"""Columns of the widest grid with text of full size."""
MAX_TICKS = 9
"""Ticks along one axis."""


@dataclass(frozen=True)
class HeatmapData:
    """Mean scores over the full combinations of two strengths, and at the candidates between those."""

    score: str
    maximize: bool
    arm_index: int
    arm: str
    slots: tuple[str, str]
    """The slot along the x axis, and that along the y axis."""
    right: Float[np.ndarray, "column"]
    up: Float[np.ndarray, "row"]
    mean: Float[np.ndarray, "row column"]
    """NaN if no fit finished."""
    between: Float[np.ndarray, "candidate 3"]
    """Strength to the right, strength upward, mean score."""
    marks: Mapping[str, tuple[float, float]]
    """Both strengths that each rule selects, by its name."""

    @property
    def values(self) -> Float[np.ndarray, "setting"]:
        """All mean scores, of the grid and between."""
        return np.concatenate([self.mean.ravel(), self.between[:, 2]])


def varying_slots(result: StudyResult, arm: int) -> list[int]:
    """Return the slots of an arm that have more than one strength."""
    strengths = result.setting_strengths[result.path(arm)]
    return [slot for slot in result.arms[arm].slots if len(np.unique(strengths[:, slot])) > 1]


def heatmap_arms(result: StudyResult) -> list[int]:
    """Return the arms that have a heat map: exactly two of their strengths vary."""
    return [arm for arm in range(len(result.arms)) if len(varying_slots(result, arm)) == 2]


def heatmap_data(result: StudyResult, arm: int | None = None, *, evidence: Evidence | None = None) -> HeatmapData:
    """Return the mean scores of one arm over its two strengths.

    The cells are the largest full grid. Candidates that do not fit it are listed apart.

    Args:
        result: what the study measured.
        arm: the index of an arm with exactly two strengths that vary; by default the one with the best mean.
        evidence: `weigh_evidence(result)`, if it is already computed.

    Errors: `InputError` if there is no such arm.

    """
    evidence = evidence or weigh_evidence(result)
    arm = _arm(result, evidence) if arm is None else arm
    slots = varying_slots(result, arm)
    if len(slots) != 2:
        raise InputError(
            f"Expected an arm with two strengths that vary for a heat map, got {result.arms[arm].name!r} with "
            f"{len(slots)}. Plot its sweep instead."
        )
    path = result.path(arm)
    points = result.setting_strengths[path][:, slots]
    right, up = _grid(points)
    inside = np.isin(points[:, 0], right) & np.isin(points[:, 1], up)
    mean = np.full((len(up), len(right)), np.nan)
    cells = np.searchsorted(up, points[inside, 1]), np.searchsorted(right, points[inside, 0])
    mean[cells] = evidence.validation.mean[path[inside]]
    return HeatmapData(
        score=result.score.name,
        maximize=result.score.maximize,
        arm_index=arm,
        arm=result.arms[arm].name,
        slots=(result.slots[slots[0]], result.slots[slots[1]]),
        right=right,
        up=up,
        mean=mean,
        between=np.column_stack([points[~inside], evidence.validation.mean[path[~inside]]]),
        marks={rule: _pair(result, setting, slots) for rule, setting in evidence.marks(arm).items()},
    )


def _pair(result: StudyResult, setting: int, slots: list[int]) -> tuple[float, float]:
    first, second = result.setting_strengths[setting, slots].tolist()
    return first, second


def _arm(result: StudyResult, evidence: Evidence) -> int:
    arms = heatmap_arms(result)
    if not arms:
        counts = [
            f"{result.arms[arm].name!r} has {len(varying_slots(result, arm))}" for arm in range(1, len(result.arms))
        ]
        listed = ", ".join(counts[:6]) or "there is no penalized arm"
        raise InputError(
            f"Expected an arm with two strengths that vary for a heat map: {listed}. Plot its sweep instead."
        )
    sign = 1.0 if result.score.maximize else -1.0
    compared = [arm for arm in arms if arm in evidence.choices]
    return max(compared, key=lambda arm: sign * evidence.validation.mean[evidence.choices[arm].best], default=arms[0])


def _grid(points: Float[np.ndarray, "candidate 2"]) -> tuple[np.ndarray, np.ndarray]:
    """Return the strengths of the largest full grid, dropping one by one those that lack the most combinations."""
    right, up = np.unique(points[:, 0]), np.unique(points[:, 1])
    there = np.zeros((len(up), len(right)), bool)
    there[np.searchsorted(up, points[:, 1]), np.searchsorted(right, points[:, 0])] = True
    while not there.all():
        rows, columns = there.mean(axis=1), there.mean(axis=0)
        if rows.min() <= columns.min():
            there, up = np.delete(there, rows.argmin(), axis=0), np.delete(up, rows.argmin())
        else:
            there, right = np.delete(there, columns.argmin(), axis=1), np.delete(right, columns.argmin())
    return right, up


def draw_heatmap(data: HeatmapData, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw the grid as cells, brighter where better, and candidates between as dots; the rules have marks."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, 5.6, 4.4)
    values = data.values
    if not np.isfinite(values).any():
        return write_sentence(ax, look, "No fit of this arm finished, so there is no heat map to draw.")
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    tints = colormaps["cividis" if data.maximize else "cividis_r"]
    norm = Normalize(float(np.nanmin(values)), float(np.nanmax(values)))
    ax.imshow(data.mean, cmap=tints, norm=norm, origin="lower", aspect="auto", interpolation="nearest")
    with_text = data.mean.size <= MAX_TEXT_CELLS
    _draw_missing(ax, look, data)
    if with_text:
        _write(ax, data, tints, norm)
    _draw_between(ax, look, data, tints, norm)
    _draw_rules(ax, look, data, (33 if data.mean.shape[1] <= MAX_LARGE_TEXT_COLUMNS else 28) if with_text else 12)
    _ticks(ax, look, data)
    label_axes(ax, look, x=shorten(data.slots[0], 44), y=shorten(data.slots[1], 34), title=data.arm)
    colour_bar(ax, look, ScalarMappable(norm, tints), f"validation {data.score}")
    draw_legend(ax, look)
    return ax


def _write(ax: Axes, data: HeatmapData, tints: Colormap, norm: Normalize) -> None:
    size = 8.0 if data.mean.shape[1] <= MAX_LARGE_TEXT_COLUMNS else 7.0
    for (row, column), value in np.ndenumerate(data.mean):
        if np.isfinite(value):
            text = ax.text(
                column,
                row,
                decimal_text(float(value), needed_decimals([float(value)])),
                ha="center",
                va="center",
                fontsize=size,
                zorder=4,
            )
            text.set_color(_contrast(tints, norm, float(value)))


def _contrast(tints: Colormap, norm: Normalize, value: float) -> str:
    red, green, blue, _ = tints(norm(value))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.45 else "#ffffff"


def _draw_missing(ax: Axes, look: Theme, data: HeatmapData) -> None:
    style = {"fill": False, "hatch": "///", "edgecolor": look.muted, "linewidth": 0.6}
    for index, (row, column) in enumerate(np.argwhere(~np.isfinite(data.mean))):
        name = None if index else "not finished"
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, label=name, **style))


def _draw_between(ax: Axes, look: Theme, data: HeatmapData, tints: Colormap, norm: Normalize) -> None:
    if not len(data.between):
        return
    x, y = _positions(data.between[:, 0], data.right), _positions(data.between[:, 1], data.up)
    finite = np.isfinite(data.between[:, 2])
    colours = tints(norm(data.between[finite, 2]))
    edge = {"linewidths": 1.0, "edgecolors": "#ffffff", "zorder": 5}
    ax.scatter(x[finite], y[finite], s=46, c="#000000", linewidths=0, zorder=4.9)
    ax.scatter(x[finite], y[finite], s=26, c=colours, label="candidate between", **edge)
    ax.scatter(x[~finite], y[~finite], s=26, marker="x", c=look.muted, zorder=5)


def _draw_rules(ax: Axes, look: Theme, data: HeatmapData, size: float) -> None:
    """Draw a mark around the candidate of each rule, black on white, so that they show on every colour."""
    for name, point in data.marks.items():
        shape, points = RULE_MARKS[name]
        x, y = (_positions(np.array([value]), grid) for value, grid in zip(point, (data.right, data.up), strict=True))
        points *= size / RULE_MARKS["best"][1]
        style = {"marker": shape, "markersize": points, "linestyle": "none", "markerfacecolor": "none"}
        ax.plot(x, y, markeredgecolor="#ffffff", markeredgewidth=3.6, zorder=6, **style)
        ax.plot(x, y, markeredgecolor="#000000", markeredgewidth=1.5, zorder=7, **style)
        ax.plot([], [], label=name, markeredgecolor=look.ink, markeredgewidth=1.3, **{**style, "markersize": 9})


def _positions(values: Float[np.ndarray, "value"], grid: Float[np.ndarray, "strength"]) -> Float[np.ndarray, "value"]:
    """Return positions among the strengths of the grid, which are one apart; between them on a logarithmic scale."""
    zero_at = zero_position(grid)
    grid_logs = np.log10(axis_positions(grid, zero_at))
    logs = np.log10(np.maximum(axis_positions(values, zero_at), 1e-300))
    inside = np.interp(logs, grid_logs, np.arange(len(grid)))
    return np.where(logs < grid_logs[0], -0.45, np.where(logs > grid_logs[-1], len(grid) - 0.55, inside))


def _ticks(ax: Axes, look: Theme, data: HeatmapData) -> None:
    for grid, put in ((data.right, ax.set_xticks), (data.up, ax.set_yticks)):
        step = -(-len(grid) // MAX_TICKS)
        put(range(0, len(grid), step), [strength_text(float(f"{value:.2g}")) for value in grid[::step]])
    for text in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        style_text(text, look, 9)

"""The path: the trained tensors of an arm along its strengths."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from bridle.plots._strengths import (
    axis_positions,
    choice_lines,
    is_monotone,
    path_strengths,
    strength_axis,
    zero_position,
)
from bridle.plots._style import (
    Theme,
    draw_legend,
    get_theme,
    label_axes,
    legend_name,
    line_style,
    marker,
    prepare_axes,
    write_sentence,
)
from bridle.results import StudyResult
from bridle.stats import Evidence, nan_mean, weigh_evidence
from bridle.wording import shorten

Kind = Literal["zeros", "norm", "size"]
UNITS = {"zeros": "exact zeros, %", "norm": "Euclidean norm", "size": "mean magnitude"}
MAX_TRAILS = 6
"""Tensors drawn: those that change most along the path."""


@dataclass(frozen=True)
class Trail:
    """One tensor along the path, averaged over seeds and folds, and its value without a penalty."""

    colour_index: int
    """The position of the tensor among all that were measured, which sets its colour in every picture."""
    tensor: str
    values: Float[np.ndarray, "point"]
    none: float

    @property
    def change(self) -> float:
        """Range of the values, `none` among them, relative to the largest."""
        finite = np.array([value for value in (*self.values, self.none) if np.isfinite(value)])
        return float(np.ptp(finite) / max(np.abs(finite).max(), 1e-12)) if len(finite) else 0.0


@dataclass(frozen=True)
class PathData:
    """One kind of diagnostic along one arm."""

    kind: Kind
    arm_index: int
    arm: str
    strengths: Float[np.ndarray, "point"]
    trails: tuple[Trail, ...]
    left_out: int
    summed: bool
    ordered: bool
    marks: Mapping[str, float]
    """The strength that each rule selects, by its name."""
    zero_at: float | None


def path_data(result: StudyResult, arm: int, kind: Kind = "zeros", *, evidence: Evidence | None = None) -> PathData:
    """Return the diagnostics `<kind>/<tensor>` of one arm, averaged over seeds and folds.

    Args:
        result: what the study measured.
        arm: the index of the arm.
        kind: `"zeros"` (fraction of exact zeros), `"norm"` (of weights) or `"size"` (mean magnitude).
        evidence: `weigh_evidence(result)`, if it is already computed.

    """
    path, marks = result.path(arm), (evidence or weigh_evidence(result)).marks(arm)
    strengths = path_strengths(result, path, arm)
    strength_of = dict(zip(path.tolist(), strengths.tolist(), strict=True))
    names = [name for name in result.diagnostic_names if name.startswith(f"{kind}/")]
    trails = [_trail(result, name, path) for name in names]
    changing = sorted(trails, key=lambda trail: -trail.change)[:MAX_TRAILS]
    return PathData(
        kind=kind,
        arm_index=arm,
        arm=result.arms[arm].name,
        strengths=strengths,
        trails=tuple(trail for trail in trails if trail in changing),
        left_out=max(0, len(trails) - MAX_TRAILS),
        summed=len(result.arms[arm].slots) > 1,
        ordered=is_monotone(result, path, arm),
        marks={rule: strength_of[candidate] for rule, candidate in marks.items()},
        zero_at=zero_position(strengths),
    )


def _trail(result: StudyResult, name: str, path: np.ndarray) -> Trail:
    tensor = name.partition("/")[2]
    tensors = list(dict.fromkeys(diagnostic.partition("/")[2] for diagnostic in result.diagnostic_names))
    means = nan_mean(result.by_candidate(result.diagnostic(name)), (1, 2))
    return Trail(tensors.index(tensor), tensor, means[path], float(means[result.path(0)[0]]))


def draw_path(data: PathData, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw each tensor along the strengths; short ticks on the right edge are its values under `none`."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, 5.2, 3.6)
    if not any(np.isfinite(trail.values).any() for trail in data.trails):
        return write_sentence(ax, look, f"Nothing to draw: no {UNITS[data.kind].split(',')[0]} was measured.")
    x = axis_positions(data.strengths, data.zero_at)
    strength_axis(ax, look, x, data.zero_at)
    factor = 100.0 if data.kind == "zeros" else 1.0
    for trail in data.trails:
        _draw_trail(ax, look, trail, x, factor, data.ordered)
    ax.plot([], [], color=look.muted, linewidth=2.2, label="none (right edge)")
    if data.kind == "zeros":
        ax.set_ylim(-3, 103)
    choice_lines(ax, look, data.marks, data.zero_at)
    more = f" ({data.left_out} tensors that change less left out)" if data.left_out else ""
    label_axes(
        ax,
        look,
        x=("sum of the strengths" if data.summed else "strength") + more,
        y=UNITS[data.kind],
        title=data.arm,
        pad=16,
    )
    draw_legend(ax, look, columns=2)
    return ax


def _draw_trail(ax: Axes, look: Theme, trail: Trail, x: np.ndarray, factor: float, ordered: bool) -> None:
    finite, colour = np.isfinite(trail.values), look.colour(trail.colour_index + 1)
    ax.plot(
        x[finite],
        factor * trail.values[finite],
        color=colour,
        marker=marker(trail.colour_index + 1),
        markersize=5,
        linewidth=1.6,
        linestyle=line_style(trail.colour_index) if ordered else "none",
        label=legend_name(shorten(trail.tensor, 34)),
    )
    if np.isfinite(trail.none):
        ax.plot(
            [0.965, 1.0], [factor * trail.none] * 2, color=colour, linewidth=2.2, transform=ax.get_yaxis_transform()
        )

"""The path: what a penalty does to the trained tensors as its strength grows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from bridle.plots._strengths import abscissa, choice_lines, moves_together, place, strength_axis, zero_place
from bridle.plots._style import Theme, label, legend, marker, named, prepare, say, stroke, themed
from bridle.results import StudyResult
from bridle.stats import Evidence, nan_mean, weigh_evidence
from bridle.wording import shorten

Kind = Literal["zeros", "norm", "size"]
UNITS = {"zeros": "exact zeros, %", "norm": "Euclidean norm", "size": "mean magnitude"}
MOST = 6
"""Of more tensors than this, those that change most along the path are drawn."""


@dataclass(frozen=True)
class Trail:
    """One tensor along the path, averaged over seeds and folds, and its value without a penalty."""

    number: int
    """The place of the tensor among all that were measured, which sets its colour in every picture."""
    tensor: str
    values: Float[np.ndarray, "point"]
    none: float

    @property
    def change(self) -> float:
        """How far the values, `none` among them, lie apart, relative to the largest."""
        good = np.array([value for value in (*self.values, self.none) if np.isfinite(value)])
        return float(np.ptp(good) / max(np.abs(good).max(), 1e-12)) if len(good) else 0.0


@dataclass(frozen=True)
class PathData:
    """One kind of diagnostic along one arm. `best` and `one_se` are strengths, or None."""

    kind: Kind
    number: int
    arm: str
    strengths: Float[np.ndarray, "point"]
    trails: tuple[Trail, ...]
    left_out: int
    summed: bool
    ordered: bool
    best: float | None
    one_se: float | None
    zero_at: float | None


def path_data(result: StudyResult, arm: int, kind: Kind = "zeros", *, evidence: Evidence | None = None) -> PathData:
    """Reduce the diagnostics `<kind>/<tensor>` of one arm to their means over seeds and folds.

    Args:
        result: what the study measured.
        arm: the number of the arm.
        kind: `"zeros"` (fraction of exact zeros), `"norm"` (of weights) or `"size"` (mean magnitude).
        evidence: `weigh(result)`, where it is there already.

    """
    path, choice = result.path(arm), (evidence or weigh_evidence(result)).choices.get(arm)
    strengths = abscissa(result, path, arm)
    place_of = dict(zip(path.tolist(), strengths.tolist(), strict=True))
    names = [name for name in result.diagnostic_names if name.startswith(f"{kind}/")]
    trails = [_trail(result, name, path) for name in names]
    changing = sorted(trails, key=lambda trail: -trail.change)[:MOST]
    return PathData(
        kind=kind,
        number=arm,
        arm=result.arms[arm].name,
        strengths=strengths,
        trails=tuple(trail for trail in trails if trail in changing),
        left_out=max(0, len(trails) - MOST),
        summed=len(result.arms[arm].slots) > 1,
        ordered=moves_together(result, path, arm),
        best=place_of[choice.best] if choice else None,
        one_se=place_of[choice.one_se] if choice else None,
        zero_at=zero_place(strengths),
    )


def _trail(result: StudyResult, name: str, path: np.ndarray) -> Trail:
    tensor = name.partition("/")[2]
    known = list(dict.fromkeys(other.partition("/")[2] for other in result.diagnostic_names))
    means = nan_mean(result.by_candidate(result.diagnostic(name)), (1, 2))
    return Trail(known.index(tensor), tensor, means[path], float(means[result.path(0)[0]]))


def draw_path(data: PathData, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw each tensor along the strengths; short ticks on the right edge are its values under `none`."""
    look = themed(theme)
    ax = prepare(ax, look, 5.2, 3.6)
    if not any(np.isfinite(trail.values).any() for trail in data.trails):
        return say(ax, look, f"Nothing to draw: no {UNITS[data.kind].split(',')[0]} was measured.")
    x = place(data.strengths, data.zero_at)
    strength_axis(ax, look, x, data.zero_at)
    factor = 100.0 if data.kind == "zeros" else 1.0
    for trail in data.trails:
        _draw_trail(ax, look, trail, x, factor, data.ordered)
    ax.plot([], [], color=look.muted, linewidth=2.2, label="none (right edge)")
    if data.kind == "zeros":
        ax.set_ylim(-3, 103)
    choice_lines(ax, look, data.best, data.one_se, data.zero_at)
    more = f" ({data.left_out} tensors that change less left out)" if data.left_out else ""
    label(
        ax,
        look,
        x=("sum of the strengths" if data.summed else "strength") + more,
        y=UNITS[data.kind],
        title=data.arm,
        pad=16,
    )
    legend(ax, look, columns=2)
    return ax


def _draw_trail(ax: Axes, look: Theme, trail: Trail, x: np.ndarray, factor: float, ordered: bool) -> None:
    good, colour = np.isfinite(trail.values), look.colour(trail.number + 1)
    ax.plot(
        x[good],
        factor * trail.values[good],
        color=colour,
        marker=marker(trail.number + 1),
        markersize=5,
        linewidth=1.6,
        linestyle=stroke(trail.number) if ordered else "none",
        label=named(shorten(trail.tensor, 34)),
    )
    if np.isfinite(trail.none):
        ax.plot(
            [0.965, 1.0], [factor * trail.none] * 2, color=colour, linewidth=2.2, transform=ax.get_yaxis_transform()
        )

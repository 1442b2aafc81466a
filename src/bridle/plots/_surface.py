"""The decision surface of a study with two inputs."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from bridle.plots._style import get_theme, label_axes, prepare_axes, write_sentence
from bridle.results import StudyResult
from bridle.wording import setting_name

TINTS = LinearSegmentedColormap.from_list("bridle", ["#3d8fc4", "#b9d6ea", "#f7f5f0", "#f6cfa8", "#e08a3c"])
"""Blue for probability 0, orange for 1: told apart with any colour vision, and lightest in the middle."""
LEVELS = np.linspace(0.0, 1.0, 21)
"""Edges of the colours."""
POINTS = (("o", "#0b4f7d"), ("^", "#9a3d00"), ("s", "#00563f"), ("D", "#6d2f55"), ("X", "#444444"))
"""Marker and colour of the rows of each class."""


@dataclass(frozen=True)
class Panel:
    """The mean prediction of one candidate over the mesh; NaN if no refit finished."""

    name: str
    probability: Float[np.ndarray, "high wide"]


@dataclass(frozen=True)
class SurfaceData:
    """Rows, mesh and one panel per candidate."""

    x: Float[np.ndarray, "row 2"]
    y: Float[np.ndarray, "row"]
    wide: Float[np.ndarray, "wide"]
    high: Float[np.ndarray, "high"]
    panels: tuple[Panel, ...]


def surface_data(result: StudyResult) -> SurfaceData | None:
    """Return the decision surfaces of a result, arm by arm, weak to strong; None without any."""
    picture = result.picture
    if picture is None:
        return None
    order = [int(setting) for arm in range(len(result.arms)) for setting in result.path(arm)]
    pairs = sorted(zip(picture.settings, picture.surfaces, strict=True), key=lambda pair: order.index(pair[0]))
    panels = tuple(Panel(setting_name(result, setting), surface) for setting, surface in pairs)
    return SurfaceData(picture.x, picture.y, *picture.axes, panels)


def draw_surface(data: SurfaceData, ax: Axes | None = None, *, panel: int = 0, theme: str = "light") -> Axes:
    """Draw one panel: mean predicted probability as colour, the 0.5 contour as a line, the rows as points."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, 4.2, 3.8)
    surface = data.panels[panel]
    if not np.isfinite(surface.probability).any():
        write_sentence(ax, look, "No refit finished.")
    else:
        ax.grid(False)
        shares = np.clip(surface.probability, 0.0, 1.0)
        ax.contourf(data.wide, data.high, shares, levels=LEVELS, cmap=TINTS).set_rasterized(True)
        if np.nanmin(surface.probability) < 0.5 < np.nanmax(surface.probability):
            ax.contour(data.wide, data.high, surface.probability, levels=[0.5], colors="#000000", linewidths=1.4)
        for index, value in enumerate(np.unique(data.y)):
            shape, colour = POINTS[index % len(POINTS)]
            rows = data.x[data.y == value]
            ax.scatter(
                rows[:, 0], rows[:, 1], marker=shape, s=30, color=colour, edgecolor="#ffffff", linewidth=0.7, zorder=3
            )
        ax.set_xlim(data.wide[0], data.wide[-1])
        ax.set_ylim(data.high[0], data.high[-1])
    label_axes(ax, look, x="input 1", y="input 2", title=surface.name)
    return ax

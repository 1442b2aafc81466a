"""Lines of a quantity against a number, each with an interval: widths of a network, strengths of a path."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bridle._errors import InputError
from bridle.plots._style import draw_legend, figure_of, get_theme, label_axes, line_style, marker, prepare_axes
from bridle.wording import strength_text


@dataclass(frozen=True)
class LineSeries:
    """One line: positions, values, and the half width of an interval at each; NaN for none."""

    name: str
    x: Float[np.ndarray, "point"]
    y: Float[np.ndarray, "point"]
    error: Float[np.ndarray, "point"] | None = None

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or (self.error is not None and len(self.error) != len(self.x)):
            raise InputError(f"Expected as many values as positions, got {len(self.y)} for {len(self.x)}.")


def draw_lines(
    series: Sequence[LineSeries], ax: Axes | None = None, *, x: str, y: str, log: bool = True, theme: str = "light"
) -> Figure:
    """Draw lines with their intervals, and return the figure; the first line is grey, as a reference.

    Args:
        series: the lines.
        ax: the axes; those of a new figure by default.
        x, y: what the axes show, with units.
        log: whether positions are on a logarithmic axis, with a tick at each position of the first line.
        theme: `"light"` or `"dark"`.

    """
    look = get_theme(theme)
    ax = prepare_axes(ax, look)
    for index, line in enumerate(series):
        style = {"color": look.colour(index), "linestyle": line_style(index), "linewidth": 1.6}
        shape = {"marker": marker(index), "markersize": 5.5, "label": line.name}
        error = None if line.error is None else np.nan_to_num(line.error)
        ax.errorbar(line.x, line.y, error, elinewidth=0.9, capsize=2, **style, **shape)
    if log and series:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(FixedLocator(series[0].x.tolist()))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: strength_text(value)))
    label_axes(ax, look, x=x, y=y)
    draw_legend(ax, look)
    return figure_of(ax)


def lines_alt(series: Sequence[LineSeries], x: str, y: str) -> str:
    """Return the ends and the highest point of each line in words."""
    words = [f"{y} against {x}."]
    for line in series:
        top = int(np.nanargmax(line.y))
        words.append(
            f"{line.name}: {line.y[0]:.3g} at {line.x[0]:g}, {line.y[-1]:.3g} at {line.x[-1]:g}, highest "
            f"{line.y[top]:.3g} at {line.x[top]:g}."
        )
    return " ".join(words)

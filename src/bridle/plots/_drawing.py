"""A finished figure with its words, and the panels it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bridle.plots._style import canvas


@dataclass(frozen=True)
class Drawing:
    """A finished figure: `name` for a file, `caption` below it, `alt` instead of it."""

    name: str
    caption: str
    alt: str
    figure: Figure


def panels(count: int, columns: int, wide: float, high: float, sharey: bool = False) -> tuple[Figure, Sequence[Axes]]:
    """A figure of `count` axes, each `wide` by `high` inches, in rows of `columns`."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = canvas(max(4.6, wide * columns), high * rows)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=sharey).ravel()
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def outer(figure: Figure, columns: int) -> None:
    """Of axes that share their y axis, keep the label of the first in each row."""
    for index, ax in enumerate(figure.axes):
        if index % columns:
            ax.set_ylabel("")

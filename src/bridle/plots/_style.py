"""How pictures look: colours, markers, fonts and spines, set on each axes and never globally."""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import offset_copy

from bridle._errors import InputError, nearest_names
from bridle._text import escape_control_characters
from bridle.wording import shorten

FONT = "DejaVu Sans"
"""Shipped with matplotlib, so a picture looks the same everywhere."""
MARKERS = ("o", "s", "^", "D", "P", "X", "v")
STROKES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))


TITLE = 42
"""Characters of a title that fit above the narrowest panel."""


@dataclass(frozen=True)
class Theme:
    """Colours of one background. The figure itself is transparent."""

    ink: str
    muted: str
    grid: str
    hues: tuple[str, ...]

    def colour(self, number: int) -> str:
        """The colour of arm `number`; arm 0, `none`, is always grey."""
        return self.muted if number == 0 else self.hues[(number - 1) % len(self.hues)]


THEMES = {
    "light": Theme("#1b1f24", "#59636e", "#d9dee3", ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")),
    "dark": Theme("#e8ebee", "#a3adb8", "#3d444d", ("#5fb6f2", "#ff8f52", "#35cfa0", "#eba3cb", "#f6c34e", "#a4dcff")),
}
"""On white, the palette of Okabe and Ito; on black, the same hues made lighter."""


def themed(theme: str) -> Theme:
    """The colours of `theme`, "light" or "dark"."""
    if theme not in THEMES:
        raise InputError(f"Expected a theme, got {theme!r}. {nearest_names(theme, THEMES)}")
    return THEMES[theme]


def marker(number: int) -> str:
    """The marker of arm `number`, which tells arms apart in grey."""
    return MARKERS[(number - 1) % len(MARKERS)]


def stroke(number: int) -> str | tuple[int, tuple[float, ...]]:
    """The line style of series `number`, which tells series apart in grey."""
    return STROKES[number % len(STROKES)]


def canvas(width: float, height: float) -> Figure:
    """An empty, transparent figure of `width` by `height` inches that no pyplot knows of."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    FigureCanvasAgg(figure)
    return figure


def prepare(ax: Axes | None, theme: Theme, width: float = 6.4, height: float = 4.0) -> Axes:
    """`ax`, or the axes of a new figure, dressed in `theme`: two spines, a light grid, one font."""
    ax = canvas(width, height).add_subplot() if ax is None else ax
    ax.set_facecolor("none")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(theme.muted)
    ax.grid(True, color=theme.grid, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(which="both", colors=theme.muted, labelcolor=theme.ink, labelsize=9, labelfontfamily=FONT)
    return ax


def label(ax: Axes, theme: Theme, *, x: str = "", y: str = "", title: str = "", pad: float = 6.0) -> None:
    """Write the axis labels and the title. Names are a person's own, so no `$` in them starts mathematics."""
    plain(ax.set_xlabel(x), theme, 10)
    plain(ax.set_ylabel(y), theme, 10)
    if title:
        plain(ax.set_title(shorten(title, TITLE), loc="left", pad=pad), theme, 10)


def plain(text: Text, theme: Theme, size: float) -> Text:
    """`text` in the theme's ink and the house font, taken literally, and with nothing in it that is not seen."""
    text.set_text(escape_control_characters(text.get_text()))
    text.set(color=theme.ink, fontsize=size, fontfamily=FONT, parse_math=False)
    return text


def legend(ax: Axes, theme: Theme, columns: int = 3) -> None:
    """A frameless legend below the axes, of what was drawn with a label."""
    handles, names = ax.get_legend_handles_labels()
    if not handles:
        return
    depth = 38 + 14 * ax.get_xlabel().count("\n")
    below = offset_copy(ax.transAxes, fig=ax.get_figure(root=True), y=-depth, units="points")
    found = ax.legend(
        handles,
        names,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=below,
        ncols=min(columns, len(names)),
        frameon=False,
        columnspacing=1.6,
        borderaxespad=0.0,
    )
    for text in found.get_texts():
        plain(text, theme, 9)


LETTERS_PER_INCH, HANDLE_LETTERS = 13, 8
"""How much of a legend fits in a line: letters of 9 points in an inch, and what a handle takes beside its name."""


def share_legend(figure: Figure, theme: Theme, but: tuple[str, ...] = ()) -> None:
    """Replace the legends of all axes by one below the figure, without the names in `but`."""
    found = {}
    for ax in figure.axes:
        handles, names = ax.get_legend_handles_labels()
        found.update({name: handle for name, handle in zip(names, handles, strict=True) if name not in but})
        if ax.get_legend():
            ax.get_legend().remove()
    if not found:
        return
    room = figure.get_figwidth() * LETTERS_PER_INCH
    columns = max(1, min(len(found), int(room // (max(map(len, found)) + HANDLE_LETTERS))))
    shared = figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=columns, frameon=False)
    for text in shared.get_texts():
        plain(text, theme, 9)


def named(name: str) -> str:
    """`name` as a legend label: matplotlib drops labels that begin with an underscore."""
    return f" {name}" if name.startswith("_") else name


def say(ax: Axes, theme: Theme, sentence: str) -> Axes:
    """Write `sentence` in the middle of axes that have nothing to show."""
    ax.xaxis.set_visible(False)
    ax.yaxis.set_visible(False)
    ax.spines[:].set_visible(False)
    plain(ax.text(0.5, 0.5, sentence, ha="center", va="center", transform=ax.transAxes, wrap=True), theme, 10)
    return ax


def colour_bar(ax: Axes, theme: Theme, shown: ScalarMappable, name: str) -> Axes:
    """A bar on the right that says what the colours of `ax` mean."""
    bar = ax.get_figure(root=True).colorbar(shown, ax=ax, pad=0.02, aspect=28)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=theme.muted, labelcolor=theme.ink, labelsize=8, labelfontfamily=FONT)
    plain(bar.ax.set_ylabel(shorten(name, 44)), theme, 9)
    return bar.ax

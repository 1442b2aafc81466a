"""The style of pictures: colours, markers, fonts and spines, set on each axes and never globally."""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import offset_copy

from bridle._errors import InputError, nearest_names
from bridle.wording import escape_control_characters, shorten

FONT = "DejaVu Sans"
"""Shipped with matplotlib, so a picture looks the same everywhere."""
MARKERS = ("o", "s", "^", "D", "P", "X", "v", "<", ">", "p")
"""Markers of arms: ten, while there are nine colours, so that ninety arms differ and ten differ in grey."""
STROKES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
MAX_TITLE_CHARS = 42
"""Characters of a title that fit above the narrowest panel."""
CHARS_PER_INCH = 13
"""Characters of 9 points in an inch of a legend."""
HANDLE_CHARS = 8
"""Room of a legend's handle, in characters."""


@dataclass(frozen=True)
class Theme:
    """Colours of one background. The figure itself is transparent."""

    ink: str
    muted: str
    grid: str
    hues: tuple[str, ...]

    def colour(self, index: int) -> str:
        """Return the colour of arm `index`; arm 0, `none`, is always grey."""
        return self.muted if index == 0 else self.hues[(index - 1) % len(self.hues)]


THEMES = {
    "light": Theme(
        "#1b1f24",
        "#59636e",
        "#d9dee3",
        ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#332288", "#882255", "#7a7a00"),
    ),
    "dark": Theme(
        "#e8ebee",
        "#a3adb8",
        "#3d444d",
        ("#5fb6f2", "#ff8f52", "#35cfa0", "#eba3cb", "#f6c34e", "#a4dcff", "#9d8df5", "#e0557f", "#c3cc3a"),
    ),
}
"""On white, the palette of Okabe and Ito and three dark hues of Tol; on black, the same hues made lighter."""


def get_theme(theme: str) -> Theme:
    """Return the colours of `theme`, "light" or "dark"."""
    if theme not in THEMES:
        raise InputError(f"Expected a theme, got {theme!r}. {nearest_names(theme, THEMES)}")
    return THEMES[theme]


def marker(index: int) -> str:
    """Return the marker of arm `index`, which tells arms apart in grey."""
    return MARKERS[(index - 1) % len(MARKERS)]


def line_style(index: int) -> str | tuple[int, tuple[float, ...]]:
    """Return the line style of series `index`, which tells series apart in grey."""
    return STROKES[index % len(STROKES)]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty, transparent figure of `width` by `height` inches, unknown to pyplot."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    FigureCanvasAgg(figure)
    return figure


def new_axes(width: float, height: float) -> Axes:
    """Return axes of a new figure of pyplot, so that notebooks and galleries show it and `pyplot.show()` opens it."""
    import matplotlib.pyplot as plt  # takes long to load, and a report needs none of it

    return plt.figure(figsize=(width, height), layout="constrained", facecolor="white").add_subplot()


def figure_of(ax: Axes) -> Figure:
    """Return the outermost figure of `ax`."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise InputError("Expected axes of a figure, got axes that were removed from theirs.")
    return figure


def prepare_axes(ax: Axes | None, theme: Theme, width: float = 6.4, height: float = 4.0) -> Axes:
    """Style `ax`, or the axes of a new figure of pyplot, and return it: two spines, a light grid, one font."""
    ax = new_axes(width, height) if ax is None else ax
    ax.set_facecolor("none")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(theme.muted)
    ax.grid(True, color=theme.grid, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(which="both", colors=theme.muted, labelcolor=theme.ink, labelsize=9, labelfontfamily=FONT)
    return ax


def label_axes(ax: Axes, theme: Theme, *, x: str = "", y: str = "", title: str = "", pad: float = 6.0) -> None:
    """Write the axis labels and the title. A `$` in the user's names does not start mathematics."""
    style_text(ax.set_xlabel(x), theme, 10)
    style_text(ax.set_ylabel(y), theme, 10)
    if title:
        style_text(ax.set_title(shorten(title, MAX_TITLE_CHARS), loc="left", pad=pad), theme, 10)


def style_text(text: Text, theme: Theme, size: float) -> Text:
    """Style a text in the theme's ink and font, without mathematics and control characters, and return it."""
    text.set_text(escape_control_characters(text.get_text()))
    text.set(color=theme.ink, fontsize=size, fontfamily=FONT, parse_math=False)
    return text


def draw_legend(ax: Axes, theme: Theme, columns: int = 3) -> None:
    """Draw a frameless legend of everything labelled below the axes."""
    handles, names = ax.get_legend_handles_labels()
    if not handles:
        return
    depth = 38 + 14 * ax.get_xlabel().count("\n")
    below = offset_copy(ax.transAxes, fig=figure_of(ax), y=-depth, units="points")
    box = ax.legend(
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
    for text in box.get_texts():
        style_text(text, theme, 9)


def share_legend(figure: Figure, theme: Theme, but: tuple[str, ...] = ()) -> None:
    """Replace the legends of all axes by one below the figure, without the names in `but`."""
    entries = {}
    for ax in figure.axes:
        handles, names = ax.get_legend_handles_labels()
        entries.update({name: handle for name, handle in zip(names, handles, strict=True) if name not in but})
        if (box := ax.get_legend()) is not None:
            box.remove()
    if not entries:
        return
    room = figure.get_figwidth() * CHARS_PER_INCH
    columns = max(1, min(len(entries), int(room // (max(map(len, entries)) + HANDLE_CHARS))))
    shared = figure.legend(
        list(entries.values()), list(entries), loc="outside lower center", ncols=columns, frameon=False
    )
    for text in shared.get_texts():
        style_text(text, theme, 9)


def legend_name(name: str) -> str:
    """Return a name as a legend label: matplotlib drops labels that begin with an underscore."""
    return f" {name}" if name.startswith("_") else name


def write_sentence(ax: Axes, theme: Theme, sentence: str) -> Axes:
    """Write `sentence` in the middle of axes that have nothing to show."""
    ax.xaxis.set_visible(False)
    ax.yaxis.set_visible(False)
    ax.spines[:].set_visible(False)
    style_text(ax.text(0.5, 0.5, sentence, ha="center", va="center", transform=ax.transAxes, wrap=True), theme, 10)
    return ax


def colour_bar(ax: Axes, theme: Theme, mappable: ScalarMappable, name: str) -> Axes:
    """Draw a bar on the right that explains the colours of `ax`, and return its axes."""
    bar = figure_of(ax).colorbar(mappable, ax=ax, pad=0.02, aspect=28)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=theme.muted, labelcolor=theme.ink, labelsize=8, labelfontfamily=FONT)
    style_text(bar.ax.set_ylabel(shorten(name, 44)), theme, 9)
    return bar.ax

"""What the interactive charts share: colours by name, toggles, axes, and numbers as JSON has them.

A chart is `{"traces", "layout", "toggles"}`. A colour is the name of an entry of `palettes`, such as `@ink`, so that
one chart serves light and dark. `meta` of a trace lists the toggles that it needs to be shown.
"""

import math
from collections.abc import Iterable, Sequence

from bridle._text import escape_control_characters
from bridle.plots import THEMES, Theme, marker
from bridle.report._literal import label, one_line

Chart = dict[str, object]

SYMBOLS = {
    "o": ("circle", "●"),
    "s": ("square", "■"),
    "^": ("triangle-up", "▲"),
    "D": ("diamond", "◆"),
    "P": ("cross", "✚"),
    "X": ("x", "✖"),
    "v": ("triangle-down", "▼"),
}
"""The markers of the pictures: plotly's name, and a character for the toggle."""
INK, MUTED, GRID = "@ink", "@muted", "@grid"
TRAIN = "4px,2px"
CLEAR = "rgba(0,0,0,0)"
AXIS = {
    "gridcolor": GRID,
    "linecolor": MUTED,
    "tickcolor": MUTED,
    "showline": True,
    "zeroline": False,
    "ticks": "outside",
    "ticklen": 4,
    "automargin": True,
    "fixedrange": True,
}


def colour(number: int) -> str:
    """The name of the colour of arm `number`; arm 0, `none`, is grey."""
    return MUTED if number == 0 else f"@hue{(number - 1) % len(THEMES['light'].hues)}"


def faded(name: str) -> str:
    """The name of the same colour for a band."""
    return f"{name} band"


def palettes() -> dict[str, dict[str, str]]:
    """The colours of both themes by name."""
    return {name: _palette(theme) for name, theme in THEMES.items()}


def _palette(theme: Theme) -> dict[str, str]:
    plain = {INK: theme.ink, MUTED: theme.muted, GRID: theme.grid}
    plain |= {colour(number): hue for number, hue in enumerate(theme.hues, start=1)}
    return plain | {faded(name): _thin(value) for name, value in plain.items()}


def _thin(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def symbol(number: int) -> tuple[str, str]:
    """The marker of arm `number`: plotly's name, and a character."""
    return SYMBOLS[marker(number)]


def numbers(values: Iterable[float]) -> list[float | None]:
    """Six digits of each value; None for what is not known."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]


def toggle(key: str, name: str, glyph: str, colour: str) -> dict[str, str]:
    """A button that shows and hides the traces whose `meta` has `key`."""
    return {
        "key": key,
        "label": one_line(name, 40),
        "name": escape_control_characters(name),
        "glyph": glyph,
        "color": colour,
    }


def lines(parts: Sequence[str]) -> str:
    """Labels below each other; empty ones are left out."""
    return "<br>".join(part for part in parts if part)


def titled(text: str) -> dict[str, object]:
    """The title of an axis."""
    return {"text": label(text, 80), "standoff": 12}


def layout(height: int, x: dict[str, object], y: dict[str, object], **more: object) -> dict[str, object]:
    """A chart of `height` pixels with the given axes, dressed as the pictures are."""
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 12, "b": 8},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "hoverlabel": {"align": "left", "font": {"size": 13}},
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": False,
        "xaxis": AXIS | x,
        "yaxis": AXIS | y,
        **more,
    }

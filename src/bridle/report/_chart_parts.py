"""Shared parts of the interactive charts: labels, colours by name, toggles, axes, and numbers for JSON.

A chart is `{"traces", "layout", "toggles"}`. A colour is the name of an entry of `palettes`, such as `@ink`, so that
one chart serves light and dark. `meta` of a trace lists the toggles that must be on to show it.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from bridle.plots import THEMES, Theme, marker
from bridle.wording import escape_control_characters, shorten

Chart = dict[str, Any]
"""One chart, as plain values for JSON."""
Trace = dict[str, Any]
"""One line, band or row of markers of a chart, as plotly takes it."""

SYMBOLS = {
    "o": ("circle", "●"),
    "s": ("square", "■"),
    "^": ("triangle-up", "▲"),
    "D": ("diamond", "◆"),
    "P": ("cross", "✚"),
    "X": ("x", "✖"),
    "v": ("triangle-down", "▼"),
    "<": ("triangle-left", "◀"),
    ">": ("triangle-right", "▶"),
    "p": ("pentagon", "⬟"),
}
"""The markers of the pictures: plotly's name, and a character for the toggle."""
INK, MUTED, GRID = "@ink", "@muted", "@grid"
"""Names of the colours of text, of secondary text, and of grid lines."""
TRAIN_DASH = "4px,2px"
"""The dashes of training curves."""
TRANSPARENT = "rgba(0,0,0,0)"
"""The background of a chart."""
AXIS: dict[str, Any] = {
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
"""Options that all axes share."""


def one_line(text: object, width: int) -> str:
    """Return `text` on one line, in at most `width` characters."""
    return shorten(" ".join(escape_control_characters(text).split()), width)


def label(text: object, width: int = 60) -> str:
    """Return `text` as a label for plotly that shows tags, links and entities as plain characters.

    >>> label('<a href="javascript:alert(1)">x</a>', 20)
    '&lt;a href="java…&gt;x&lt;/a&gt;'
    """
    return escape(one_line(text, width), quote=False)


def colour(arm: int) -> str:
    """Return the name of the colour of an arm; arm 0, `none`, is grey."""
    return MUTED if arm == 0 else f"@hue{(arm - 1) % len(THEMES['light'].hues)}"


def faded(name: str) -> str:
    """Return the name of the same colour for a band."""
    return f"{name} band"


def palettes() -> dict[str, dict[str, str]]:
    """Return the colours of both themes by name."""
    return {name: _palette(theme) for name, theme in THEMES.items()}


def _palette(theme: Theme) -> dict[str, str]:
    plain = {INK: theme.ink, MUTED: theme.muted, GRID: theme.grid}
    plain |= {colour(arm): hue for arm, hue in enumerate(theme.hues, start=1)}
    return plain | {faded(name): _translucent(value) for name, value in plain.items()}


def _translucent(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def symbol(arm: int) -> tuple[str, str]:
    """Return the marker of an arm: plotly's name, and a character."""
    return SYMBOLS[marker(arm)]


def numbers(values: Iterable[float]) -> list[float | None]:
    """Return each value in six digits, and None for NaN and infinity."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]


def toggle(key: str, name: str, glyph: str, colour: str) -> dict[str, str]:
    """Return a button that shows and hides the traces whose `meta` has `key`."""
    return {
        "key": key,
        "label": one_line(name, 40),
        "name": escape_control_characters(name),
        "glyph": glyph,
        "color": colour,
    }


def lines(parts: Sequence[str]) -> str:
    """Join labels below each other; skip empty ones."""
    return "<br>".join(part for part in parts if part)


def axis_title(text: str) -> dict[str, Any]:
    """Return the title of an axis."""
    return {"text": label(text, 80), "standoff": 12}


def layout(height: int, x: dict[str, Any], y: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return the layout of a chart of `height` pixels with these axes, in the style of the pictures."""
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 12, "b": 8},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": TRANSPARENT,
        "plot_bgcolor": TRANSPARENT,
        "hoverlabel": {"align": "left", "font": {"size": 13}},
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": False,
        "xaxis": AXIS | x,
        "yaxis": AXIS | y,
        **more,
    }

"""A figure as an SVG that follows the reader's light or dark setting."""

import io
import re
import warnings
from dataclasses import fields
from urllib.parse import quote

from matplotlib import rc_context
from matplotlib.figure import Figure

from bridle.plots import THEMES, Theme

LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
PLACES = re.compile(r' (?:d|x|y)="[^"]*"')
RASTER_DPI = 130
PLAIN = " !$()*+,-./:;=?@[]^_`{|}~"
"""What stands for itself in a data address inside a quoted attribute. Shorter than base64 by a quarter."""
FONTS = "font-family: DejaVu Sans, Verdana, sans-serif"
"""The house font, then one as wide, since the places were measured with it."""


def data_uri(figure: Figure) -> str:
    """`figure`, drawn in the light theme, as a data address for an image."""
    return f"data:image/svg+xml,{quote(themed_svg(figure), safe=PLAIN)}"


def themed_svg(figure: Figure) -> str:
    """The figure as SVG text whose theme colours are variables, set by `prefers-color-scheme`."""
    buffer = io.StringIO()
    with warnings.catch_warnings(), rc_context({"svg.fonttype": "none"}):
        # The widths of a script that the font lacks are guessed here; the reader's machine has its letters.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", dpi=RASTER_DPI, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = _small(svg[svg.index("<svg") :]).replace("font-family: 'DejaVu Sans'", FONTS)
    pairs = list(zip(_colours(THEMES["light"]), _colours(THEMES["dark"]), strict=True))
    for index, (light, _) in enumerate(pairs):
        svg = re.sub(f"(fill|stroke): {light}", rf"\1: var(--c{index})", svg)
    head = svg.index(">") + 1
    return f"{svg[:head]}<style>{_variables(pairs)}</style>{svg[head:]}"


def _small(svg: str) -> str:
    """The same picture in fewer letters: without comments, names of groups and white space; places to 1/100 point."""
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = PLACES.sub(lambda found: LONG_NUMBER.sub(lambda number: f"{float(number[0]):.2f}", found[0]), svg)
    return re.sub(r"\s*\n\s*", " ", re.sub(r">\s+<", "><", svg))


def _variables(pairs: list[tuple[str, str]]) -> str:
    light = "".join(f"--c{index}:{colour};" for index, (colour, _) in enumerate(pairs))
    dark = "".join(f"--c{index}:{colour};" for index, (_, colour) in enumerate(pairs))
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _colours(theme: Theme) -> list[str]:
    single = [getattr(theme, field.name) for field in fields(theme) if field.name != "hues"]
    return [*single, *theme.hues]

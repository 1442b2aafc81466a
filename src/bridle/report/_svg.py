"""A figure as an SVG that follows the reader's light or dark setting."""

import base64
import io
import re
import warnings
from dataclasses import fields

from matplotlib.figure import Figure

from bridle.plots import THEMES, Theme

LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
PATH_DATA = re.compile(r' d="[^"]*"')
RASTER_DPI = 130


def data_uri(figure: Figure) -> str:
    """`figure`, drawn in the light theme, as a data address for an image."""
    return "data:image/svg+xml;base64," + base64.b64encode(themed_svg(figure).encode()).decode()


def themed_svg(figure: Figure) -> str:
    """The figure as SVG text whose theme colours are variables, set by `prefers-color-scheme`."""
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes here, and stands in full in the words.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", dpi=RASTER_DPI, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = PATH_DATA.sub(lambda found: LONG_NUMBER.sub(lambda number: f"{float(number[0]):.2f}", found[0]), svg)
    pairs = list(zip(_colours(THEMES["light"]), _colours(THEMES["dark"]), strict=True))
    for index, (light, _) in enumerate(pairs):
        svg = re.sub(f"(fill|stroke): {light}", rf"\1: var(--c{index})", svg)
    head = svg.index(">") + 1
    return f"{svg[:head]}<style>{_variables(pairs)}</style>{svg[head:]}"


def _variables(pairs: list[tuple[str, str]]) -> str:
    light = "".join(f"--c{index}:{colour};" for index, (colour, _) in enumerate(pairs))
    dark = "".join(f"--c{index}:{colour};" for index, (_, colour) in enumerate(pairs))
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _colours(theme: Theme) -> list[str]:
    single = [getattr(theme, field.name) for field in fields(theme) if field.name != "hues"]
    return [*single, *theme.hues]

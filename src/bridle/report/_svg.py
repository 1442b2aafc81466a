"""A figure as an SVG that follows the reader's light or dark setting."""

import io
import re
import warnings
from dataclasses import fields
from urllib.parse import quote

from matplotlib.figure import Figure

from bridle.plots import THEMES, Theme
from bridle.report._compact import compact

RASTER_DPI = 130
PLAIN = " '/:;=(),.+*!?@{}"
"""What stands for itself in the address; all else but letters, digits and `_.-~` is escaped, for URLs and for HTML."""


def data_uri(figure: Figure) -> str:
    """`figure`, drawn in the light theme, as a data address for an image."""
    return "data:image/svg+xml," + quote(themed_svg(figure).replace('"', "'"), safe=PLAIN)


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
    pairs = list(zip(_colours(THEMES["light"]), _colours(THEMES["dark"]), strict=True))
    for index, (light, _) in enumerate(pairs):
        svg = re.sub(f"(fill|stroke): {light}", rf"\1: var(--c{index})", svg)
    svg = compact(svg)
    head = svg.index(">") + 1
    return f"{svg[:head]}<style>{_variables(pairs)}</style>{svg[head:]}"


def _variables(pairs: list[tuple[str, str]]) -> str:
    light = "".join(f"--c{index}:{colour};" for index, (colour, _) in enumerate(pairs))
    dark = "".join(f"--c{index}:{colour};" for index, (_, colour) in enumerate(pairs))
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _colours(theme: Theme) -> list[str]:
    single = [getattr(theme, field.name) for field in fields(theme) if field.name != "hues"]
    return [*single, *theme.hues]

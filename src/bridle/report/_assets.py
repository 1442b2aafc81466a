"""The style, the scripts and the pictures inside a page, and the policy that allows these and nothing else."""

import base64
import gzip
import hashlib
import io
import json
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from matplotlib import rc_context
from matplotlib.figure import Figure

from bridle.plots import THEMES, Theme
from bridle.report._chart_parts import palettes

PLOTLY_SCRIPT = "plotly-basic.min.js"
"""The file of the chart library."""
REPORT_SCRIPT = "report.js"
"""The file of the script that unpacks the library and draws the charts."""
EXPLORE_SCRIPT = "explore.js"
"""The file of the script that redraws the networks of a study at the strength of a slider."""
PLOTLY_STYLE_ID = "plotly.js-style-global"
"""The id of the style element that plotly looks for before it adds one, which the policy would forbid."""
PLOTLY_STYLE = "/* plotly adds its rules here */"
"""The text of that element. Plotly adds rules through the object model, which a policy does not restrict."""
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
"""A number with three decimals or more."""
COORDINATES = re.compile(r' (?:d|x|y)="[^"]*"')
"""The attributes of an SVG that hold coordinates."""
RASTER_DPI = 130
"""Resolution of the parts of an SVG that are raster images."""
UNQUOTED = " !$()*+,-./:;=?@[]^_`{|}~"
"""Characters that need no code in a data address inside a quoted attribute: a quarter shorter than base64."""
FONTS = "font-family: DejaVu Sans, Verdana, sans-serif"
"""The font of the pictures, then one of the same width, since the layout was measured with it."""
CSS = """
:root{color-scheme:light dark;--ink:#1b1f24;--muted:#59636e;--line:#d9dee3;--ground:#fff;--soft:#f4f6f8;--mark:#0072b2}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebee;--muted:#a3adb8;--line:#3d444d;--ground:#111418;--soft:#1a1f25;
--mark:#5fb6f2}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:2rem 1.25rem 4rem;background:var(--ground);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.8rem;line-height:1.2;margin:0 0 .5rem}
h2{font-size:1.35rem;margin:3rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}
h3,.part{font-size:1.05rem;margin:2rem 0 .5rem;padding:0;border:0}
p{margin:.5rem 0;max-width:46rem}
a{color:var(--mark)}
.lead{color:var(--muted)}
.verdict{border-left:4px solid var(--mark);background:var(--soft);padding:.75rem 1rem;margin:1rem 0}
.verdict p:first-child{font-size:1.15rem;font-weight:600;margin-top:0}
.verdict p:last-child{margin-bottom:0}
details{margin:1rem 0;border:1px solid var(--line);border-radius:6px;padding:.5rem 1rem}
summary{cursor:pointer;font-weight:600}
details p,details dl{font-size:.92rem}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
caption{caption-side:bottom;text-align:left;color:var(--muted);padding-top:.4rem}
th,td{padding:.25rem .9rem .25rem 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th:first-child,td:first-child,.word{text-align:left}
.word{white-space:normal;min-width:6rem}
tbody th{padding-top:.8rem;white-space:normal}
tr.best td{font-weight:700;background:var(--soft)}
figure{margin:1.75rem 0;break-inside:avoid}
figure img{display:block;max-width:100%;height:auto;margin:0 auto}
pre{overflow-x:auto;padding:.8rem 1rem;border:1px solid var(--line);border-radius:6px;font-size:.85rem}
figcaption{color:var(--muted);font-size:.88rem;max-width:46rem;margin-top:.5rem}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.15rem 1.25rem;font-size:.88rem}
dt{color:var(--muted)}
dd{margin:0}
.explorer{margin:2rem 0}
.controls label{font-weight:600}
.controls select{font:inherit;max-width:100%;padding:.2rem .4rem;color:inherit;background:var(--soft);
border:1px solid var(--muted);border-radius:6px}
.controls input{display:block;width:100%;max-width:46rem;height:2rem;margin:.25rem 0;accent-color:var(--mark)}
.controls output{font-variant-numeric:tabular-nums}
.summary{min-height:3.1em}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(18rem,100%),1fr));gap:1rem 1.5rem}
.panel canvas{display:block;width:100%;aspect-ratio:1/.72}
.panel canvas[hidden]{display:none}
.panel .name{font-weight:600;margin:0 0 .25rem}
.panel .note,.panel .gap{color:var(--muted);font-size:.88rem}
.live>.chart{display:block}
.live>img{display:none}
.toggles{display:flex;flex-wrap:wrap;gap:.4rem;margin:0 0 .5rem}
.toggles button{font:inherit;font-size:.85rem;line-height:1.4;display:inline-flex;gap:.4rem;align-items:baseline;
padding:.15rem .7rem;border:1px solid var(--muted);border-radius:1rem;background:var(--soft);color:var(--ink);
cursor:pointer;text-align:left}
.toggles button[aria-pressed=false]{background:none;border-style:dashed;color:var(--muted)}
.toggles button[aria-pressed=false] bdi{text-decoration:line-through}
.toggles button[aria-pressed=false] span{visibility:hidden}
:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
@page{margin:1.5cm}
@media print{:root{color-scheme:light;--ink:#000;--muted:#444;--line:#bbb;--ground:#fff;--soft:#f4f4f4;--mark:#0072b2}
body{max-width:none;padding:0;font-size:11px}h2,h3{break-after:avoid}.scroll{overflow:visible}
details::details-content{content-visibility:visible;display:block;block-size:auto}
.toggles,.explorer,.live>.chart{display:none}.live>img{display:block}}
"""
"""The style of a page: one column that reads on a phone, on paper, and in the dark."""


@cache
def read_script(name: str) -> str:
    """Return the text of one shipped script."""
    return files("bridle.report").joinpath("_static", name).read_text(encoding="utf-8")


def script_elements(charts: Mapping[str, object]) -> str:
    """Return the elements of a page with the data of the charts, the library, and the script that draws them."""
    return (
        f"{_json_element('charts', {'palettes': palettes(), 'charts': charts})}\n"
        f'<script type="application/gzip" id="library">{compress_script(PLOTLY_SCRIPT)}</script>\n'
        f"<script>{read_script(REPORT_SCRIPT)}</script>"
    )


def explorer_elements(data: Mapping[str, object], arrays: str) -> str:
    """Return the elements of a page with the data of the sliders, their arrays, and the script that draws them."""
    return (
        f"{_json_element('explorers', data)}\n"
        f'<script type="application/gzip" id="members">{arrays}</script>\n'
        f"<script>{read_script(EXPLORE_SCRIPT)}</script>"
    )


def _json_element(key: str, data: Mapping[str, object]) -> str:
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return f'<script type="application/json" id="{key}">{escape_json(text)}</script>'


@cache
def compress_script(name: str) -> str:
    """Return one shipped script compressed to less than half, as base64 text."""
    return base64.b64encode(gzip.compress(read_script(name).encode(), mtime=0)).decode()


def escape_json(text: str) -> str:
    r"""Return JSON that cannot end an element: the special characters of HTML become codes.

    >>> escape_json('{"a": "</script>"}')
    '{"a": "\\u003c/script\\u003e"}'
    """
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def content_policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    """Return a content security policy that allows only these inline styles and scripts, and no requests.

    There is no `unsafe-inline` and no `unsafe-eval`; pictures come from data addresses alone.
    """
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(map(digest_source, scripts)) or "'none'",
        "style-src": " ".join(map(digest_source, styles)),
        "img-src": "data:",
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@cache
def digest_source(text: str) -> str:
    """Return the source expression that allows one inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def data_uri(figure: Figure) -> str:
    """Return a figure, drawn in the light theme, as the data address of an image."""
    return f"data:image/svg+xml,{quote(themed_svg(figure), safe=UNQUOTED)}"


def themed_svg(figure: Figure) -> str:
    """Return a figure as SVG text whose theme colours are variables, set by `prefers-color-scheme`."""
    buffer = io.StringIO()
    with warnings.catch_warnings(), rc_context({"svg.fonttype": "none"}):
        # Matplotlib guesses the widths of letters that the font lacks; the reader's machine has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", dpi=RASTER_DPI, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = _compact(svg[svg.index("<svg") :]).replace("font-family: 'DejaVu Sans'", FONTS)
    pairs = list(zip(_colours(THEMES["light"]), _colours(THEMES["dark"]), strict=True))
    for index, (light, _) in enumerate(pairs):
        svg = re.sub(f"(fill|stroke): {light}", rf"\1: var(--c{index})", svg)
    head = svg.index(">") + 1
    return f"{svg[:head]}<style>{_variables(pairs)}</style>{svg[head:]}"


def _compact(svg: str) -> str:
    """Return a shorter SVG: no comments, group names or white space, coordinates to 1/100 point."""
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = COORDINATES.sub(lambda match: LONG_NUMBER.sub(lambda digits: f"{float(digits[0]):.2f}", match[0]), svg)
    return re.sub(r"\s*\n\s*", " ", re.sub(r">\s+<", "><", svg))


def _variables(pairs: list[tuple[str, str]]) -> str:
    light = "".join(f"--c{index}:{colour};" for index, (colour, _) in enumerate(pairs))
    dark = "".join(f"--c{index}:{colour};" for index, (_, colour) in enumerate(pairs))
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _colours(theme: Theme) -> list[str]:
    single = [getattr(theme, field.name) for field in fields(theme) if field.name != "hues"]
    return [*single, *theme.hues]

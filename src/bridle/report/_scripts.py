"""The scripts of a page, what they draw, and the policy that lets these run and nothing else."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from bridle.report._plotly import palettes

LIBRARY, OWN = "plotly-basic.min.js", "report.js"
SHEET_ID = "plotly.js-style-global"
SHEET = "/* plotly adds its rules here */"
"""Plotly looks for a style element of this id before it makes one, which the policy would forbid. To the sheet of
this one it adds rules through the object model, which a policy does not concern."""


@cache
def script(name: str) -> str:
    """The text of one shipped script."""
    return files("bridle.report").joinpath("_static", name).read_text(encoding="utf-8")


def scripts(charts: dict[str, object]) -> str:
    """The data of the charts, the library, and the script that unpacks it and draws them."""
    data = json.dumps({"palettes": palettes(), "charts": charts}, allow_nan=False, separators=(",", ":"))
    return (
        f'<script type="application/json" id="charts">{inert(data)}</script>\n'
        f'<script type="application/gzip" id="library">{packed(LIBRARY)}</script>\n'
        f"<script>{script(OWN)}</script>"
    )


@cache
def packed(name: str) -> str:
    """One shipped script, compressed to less than half, as text."""
    return base64.b64encode(gzip.compress(script(name).encode(), mtime=0)).decode()


def inert(text: str) -> str:
    r"""JSON that can end no element: the characters that mean something to a page are written as codes.

    >>> inert('{"a": "</script>"}')
    '{"a": "\\u003c/script\\u003e"}'
    """
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    """A content security policy under which only these inline styles and scripts count, and nothing is fetched.

    There is no `unsafe-inline` and no `unsafe-eval`; pictures come from data addresses alone.
    """
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(map(digest, scripts)) or "'none'",
        "style-src": " ".join(map(digest, styles)),
        "img-src": "data:",
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@cache
def digest(text: str) -> str:
    """The source expression that allows one inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

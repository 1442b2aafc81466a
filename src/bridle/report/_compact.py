"""An SVG of matplotlib in fewer letters that draws the same: a report holds a dozen of them."""

import re
from collections import Counter

SPACE_BETWEEN = re.compile(r">\s+<")
PATH_DATA = re.compile(r' d="([^"]*)"')
AROUND_COMMANDS = re.compile(r"\s*([MLQCZzHV])\s*")
LONG_NUMBER = re.compile(r"-?\d+\.\d+")
PLACED_GLYPH = re.compile(r'<use (?:xlink:)?href="(#[^"]*)" transform="translate\(([-\d.]+) ([-\d.]+)\)"/>')
COORDINATES = re.compile(r'(?<= )(x|y|width|height)="([-\d.]+)"|translate\(([-\d.]+) ([-\d.]+)\)')
NAME = re.compile(r' id="([^"]*)"')
POINTER = re.compile(r'(href="|url\()#([^")]*)')
STYLE = re.compile(r' style="([^"]*)"')
EMPTY_GROUP = re.compile(r"<g></g>|<defs></defs>")


def compact(svg: str) -> str:
    """Shorten numbers to hundredths of a point, names to what is pointed at, and repeated styles to classes."""
    svg = (
        SPACE_BETWEEN.sub("><", svg)
        .replace("xlink:href", "href")
        .replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    )
    svg = PATH_DATA.sub(lambda found: f' d="{_path(found[1])}"', svg)
    svg = PLACED_GLYPH.sub(lambda found: f'<use href="{found[1]}"{_at("x", found[2])}{_at("y", found[3])}/>', svg)
    svg = COORDINATES.sub(_rounded, svg)
    svg = _with_short_names(svg)
    while EMPTY_GROUP.search(svg):
        svg = EMPTY_GROUP.sub("", svg)
    return _with_classes(svg)


def _path(data: str) -> str:
    short = LONG_NUMBER.sub(lambda number: _short(number[0]), data)
    return AROUND_COMMANDS.sub(r"\1", " ".join(short.split()))


def _short(number: str) -> str:
    text = f"{float(number):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _at(name: str, value: str) -> str:
    return "" if float(value) == 0 else f' {name}="{_short(value)}"'


def _rounded(found: re.Match[str]) -> str:
    if found[1]:
        return f'{found[1]}="{_short(found[2])}"'
    return f"translate({_short(found[3])} {_short(found[4])})"


def _with_short_names(svg: str) -> str:
    """Names that nothing points at go; the others become `a0`, `a1` and so on."""
    names = {
        name: f"a{number:x}" for number, name in enumerate(dict.fromkeys(found[2] for found in POINTER.finditer(svg)))
    }
    svg = NAME.sub(lambda found: f' id="{names[found[1]]}"' if found[1] in names else "", svg)
    return POINTER.sub(lambda found: f"{found[1]}#{names[found[2]]}", svg)


def _with_classes(svg: str) -> str:
    """Styles that stand more than once become classes, in a style sheet at the head."""
    often = [style for style, count in Counter(STYLE.findall(svg)).items() if count > 1]
    names = {style: f"s{number:x}" for number, style in enumerate(often)}
    rules = "".join(f".{name}{{{style}}}" for style, name in names.items())
    svg = STYLE.sub(lambda found: f' class="{names[found[1]]}"' if found[1] in names else found[0], svg)
    head = svg.index(">") + 1
    return f"{svg[:head]}<style>{rules}</style>{svg[head:]}" if rules else svg

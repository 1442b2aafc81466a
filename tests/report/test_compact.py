"""Fewer letters, the same picture."""

import re
from xml.etree import ElementTree

from bridle.plots import drawings
from bridle.report import _svg
from bridle.report._compact import compact
from bridle.report._svg import data_uri, themed_svg

GIVEN = """<svg xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg">
 <g id="figure_1">
  <g id="unused">
  </g>
  <defs>
   <path id="DejaVuSans-41" d="M 2188 4044
L -1.00004 0.5
z
" transform="scale(0.015625)"/>
  </defs>
  <g style="fill: var(--c0)">
   <use xlink:href="#DejaVuSans-41" transform="translate(83.796875 0)"/>
  </g>
  <use xlink:href="#DejaVuSans-41" x="1.000049" y="2.5" clip-path="url(#p1)" style="fill: var(--c0)"/>
  <clipPath id="p1"/>
 </g>
</svg>"""
EXPECTED = (
    '<svg xmlns="http://www.w3.org/2000/svg"><style>.s0{fill: var(--c0)}</style><g><defs>'
    '<path id="a0" d="M2188 4044L-1 0.5z" transform="scale(0.015625)"/></defs>'
    '<g class="s0"><use href="#a0" x="83.8"/></g><use href="#a0" x="1" y="2.5" clip-path="url(#a1)" class="s0"/>'
    '<clipPath id="a1"/></g></svg>'
)


def test_each_means_of_shortening():
    """By hand: spaces, numbers, names, glyphs, styles, empty groups."""
    assert compact(GIVEN) == EXPECTED


def test_pictures_stay_whole(study, monkeypatch):
    """Every name that is pointed at is there, as many elements are drawn as before, in less than two thirds."""
    figure = drawings(study(insides=True))[0].figure
    short = themed_svg(figure)
    monkeypatch.setattr(_svg, "compact", lambda svg: svg)
    long = themed_svg(figure)
    ElementTree.fromstring(short)
    assert set(re.findall(r'(?:href="|url\()#(\w+)', short)) == set(re.findall(r'id="([^"]*)"', short))
    for drawn in ("<use ", "<path ", "<clipPath "):
        assert short.count(drawn) == long.count(drawn)
    assert len(short) < 0.66 * len(long)


def test_the_address_is_safe_in_an_attribute(study):
    """Nothing in it ends the attribute, begins a tag, a fragment or a character reference."""
    address = data_uri(drawings(study())[0].figure)
    assert not set('"<>#&\n\\') & set(address)

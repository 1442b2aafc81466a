"""The site in a small form: all pages and the reference, with the examples of the gallery shown but not run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.faults.conftest import scaled

ROOT = Path(__file__).parents[1]
LOADING = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src")}
"""The attributes whose address a browser requests without a click; of a link, those of style sheets and icons."""


class Page(HTMLParser):
    """The links, the targets of links and the loaded addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.targets: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag names."""
        for name, value in attrs:
            if name == "id" and value:
                self.targets.add(value)
            elif name == "href" and value:
                (self.loaded if tag == "link" and ("rel", "stylesheet") in attrs else self.links).append(value)
            elif (tag, name) in LOADING and value:
                self.loaded.append(value)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[Path, Page]:
    """Every page of the site, built with warnings as errors."""
    pytest.importorskip("sphinx_gallery")
    out = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(ROOT / "docs"), str(out)]
    theme = scaled("basic", "furo")  # half of the time is the tree beside each page, the same everywhere
    own = {"BRIDLE_GALLERY": "0", "BRIDLE_THEME": theme}
    build = subprocess.run(words, env=os.environ | own, capture_output=True, text=True)
    assert build.returncode == 0, build.stderr
    return {path: Page(path.read_text()) for path in out.rglob("*.html")}


def test_no_link_is_broken(pages) -> None:
    """Each leads to a page of the site, and to a heading that it has."""

    def broken() -> Iterator[tuple[str, str]]:
        for path, page in pages.items():
            for link in {*page.links, *page.loaded}:
                parts = urlsplit(link)
                if parts.scheme or parts.netloc:
                    continue
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                wanted = unquote(parts.fragment)
                if not target.is_file() or (wanted and target in pages and wanted not in pages[target].targets):
                    yield path.name, link

    assert len(pages) > 100
    assert sorted(broken()) == []


def test_no_page_loads_anything_from_elsewhere(pages) -> None:
    """Fonts, scripts, styles and pictures are those of the site."""
    elsewhere = {link for page in pages.values() for link in page.loaded if urlsplit(link).netloc}
    assert elsewhere == set()


def test_every_public_name_and_diagnosis_has_a_page(pages) -> None:
    """And the gallery has at least 24 examples."""
    import bridle

    names = {path.stem for path in pages}
    missing = {name for name in bridle.__all__ if name not in names and name not in {"__version__"}}
    assert {f"br{number:03}" for number in range(1, 13)} <= names
    assert len([name for name in names if name.startswith("plot_")]) >= 24
    assert missing == set()

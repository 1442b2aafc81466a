"""The site: `make docs` builds it from the pages of this folder, the docstrings and the examples."""

import os
import re
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import reference  # noqa: E402 – beside this file

import bridle  # noqa: E402

project = "bridle"
author = copyright = "the authors of bridle"
version = release = bridle.__version__
extensions = ["myst_parser", "sphinx_gallery.gen_gallery", "sphinx_copybutton"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "index"
exclude_patterns = ["_build", "api.md", "diagnoses.md"]  # both are split into pages of their own
html_theme = os.environ.get("BRIDLE_THEME", "furo")
html_title = "bridle"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sphinx = html_show_sourcelink = False
html_copy_source = False
templates_path: list[str] = []
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "monokai"  # all colours are legible on their ground
myst_enable_extensions = ["attrs_inline", "colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
copybutton_prompt_text = ">>> "
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []} if html_theme == "furo" else {}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": os.environ.get("BRIDLE_EXAMPLES", "plot_"),
    "plot_gallery": os.environ.get("BRIDLE_GALLERY", "1") == "1",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "min_reported_time": 0,
    "abort_on_example_error": True,
    "matplotlib_animations": False,
    "image_scrapers": ("matplotlib",),
    "write_computation_times": False,
}


LINKS = {
    r"\((\.\./)?diagnoses\.md#(br\d+)\)": r"(\1diagnoses/\2.md)",
    r"\((\.\./)?diagnoses\.md\)": r"(\1diagnoses/index.md)",
    r"\((\.\./)?api\.md\)": r"(\1reference/index.md)",
    r"\(\.\./README\.md#the-penalties\)": "(reference/index.md)",
    r"\(\.\./SECURITY\.md\)": "(project/security.md)",
    r"\(SECURITY\.md\)": "(security.md)",
}
"""Links that lead elsewhere on the site than in the folder."""


def adapt_links(app: Any, name: str, source: list[str]) -> None:
    """Replace the links of a page that lead elsewhere on the site."""
    for pattern, link in LINKS.items():
        source[0] = re.sub(pattern, link, source[0])


def setup(app: Any) -> None:
    """Write the generated pages before they are read."""
    reference.write(HERE / "reference", HERE / "diagnoses", HERE / "project")
    app.connect("source-read", adapt_links)

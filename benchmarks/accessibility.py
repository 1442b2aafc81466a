"""Accessibility of a report and of the built site, checked by axe-core in Chromium.

`AXE_CORE=axe.min.js python -m benchmarks.accessibility report.html docs/_build/html` opens each page, and ten pages of
a folder, at the widths of a desk and of a phone, in light and dark. It prints what axe-core finds, and
ends with status 1 if a fault is serious or critical. axe-core is on npm (`npm pack axe-core`); it needs no network.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
PAGES = ("index", "python", "tables", "study", "kinds", "benchmarks", "layers", "reference/index", "diagnoses/index",
         "gallery/index", "statistics", "search")  # fmt: skip
"""Pages of the site: those that exist of these, at most `MAX_PAGES`."""
MAX_PAGES = 10
BAD = ("serious", "critical")
"""Impacts that fail the check."""
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map((one) => ({
  id: one.id, impact: one.impact, help: one.help,
  nodes: one.nodes.map((node) => `${node.target.join(" ")} | ${(node.failureSummary || "").replace(/\\s+/g, " ")}`),
}))"""
SETTLE = 1500
"""Milliseconds until the charts of a report are drawn."""


def targets(path: Path) -> list[Path]:
    """Return a page, or the pages of a site."""
    if not path.is_dir():
        return [path]
    return [page for name in PAGES if (page := path / f"{name}.html").exists()][:MAX_PAGES]


def check(browser: Browser, axe: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each fault of a page with the view in which it is found."""
    for width in WIDTHS:
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
            )
            page = context.new_page()
            page.goto(path.resolve().as_uri())
            prepare(page)
            page.evaluate(axe)
            for fault in page.evaluate(RUN):
                yield f"{path.name} {width} {scheme}", fault
            context.close()


def prepare(page: Page) -> None:
    """Wait for charts, and open what is folded."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.wait_for_timeout(SETTLE if page.locator("[data-chart]").count() else 100)


def main(arguments: list[str]) -> int:
    """Check all pages; return 1 if there is a serious fault."""
    axe_file, chromium = os.environ.get("AXE_CORE"), shutil.which("chromium") or shutil.which("google-chrome")
    if not axe_file or not arguments or chromium is None:
        print("Expected AXE_CORE=axe.min.js, pages as arguments, and Chromium on the path. See the first lines.")
        return 2
    axe, serious, views = Path(axe_file).read_text(encoding="utf-8"), 0, 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in (page for argument in arguments for page in targets(Path(argument))):
            views += len(WIDTHS) * len(SCHEMES)
            for view, fault in check(browser, axe, path):
                serious += fault["impact"] in BAD
                print(f"{view}: {fault['impact']} {fault['id']}: {fault['help']} ({len(fault['nodes'])})")
                for node in fault["nodes"][:3]:
                    print(f"    {node[:260]}")
        browser.close()
    print(f"{views} views, {serious} serious or critical faults")
    return int(serious > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

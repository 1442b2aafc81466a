"""The files of `bridle claims`: the table as Markdown and as numbers, and a report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridle import report, store
from bridle.cases.claims._run import ClaimsRun
from bridle.cases.claims._table import as_markdown, sheets

TITLE = "Published claims, measured"


def write_claims(run: ClaimsRun, found: Mapping[str, Any], folder: str | Path) -> list[Path]:
    """Write `claims.md`, `claims.json` and, where an honest study finished, `report.html`; returns their paths."""
    folder = Path(folder)
    dumped = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    written = [
        store.write_text(folder / "claims.md", as_markdown(found)),
        store.write_text(folder / "claims.json", f"{dumped}\n"),
    ]
    sections = _sections(run, found)
    if sections:
        written.append(store.write_text(folder / "report.html", report.page(TITLE, sections)))
    return written


def _sections(run: ClaimsRun, found: Mapping[str, Any]) -> list[report.Section]:
    """One for each data set: the honest study of its first experiment, and the tables of all of them."""
    tables, first = sheets(found), {}
    for ran in run.ran:
        if ran.honest is not None:
            first.setdefault(ran.experiment.case.name, ran)
    own = {name: [r.experiment.name for r in run.ran if r.experiment.case.name == name] for name in first}
    return [
        report.Section(
            ran.experiment.title,
            ran.honest,
            intro=f"The tutorial's protocol: {ran.tutorial.protocol}",
            tables=tuple(tables[experiment] for experiment in own[name]),
        )
        for name, ran in first.items()
    ]

"""The files of the claims laboratory: the table as Markdown and as numbers, and a report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.claims._run import ClaimsRun
from benchmarks.claims._table import as_markdown, sheets

from bridle import report, store

TITLE = "Published claims, measured"


def write_claims(run: ClaimsRun, found: Mapping[str, Any], folder: str | Path) -> list[Path]:
    """Write `claims.md` and `claims.json`; returns their paths.

    A run that was not stopped gets `report.html` as well, whose pictures take a while.
    """
    folder = Path(folder)
    dumped = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    written = [
        store.write_text(folder / "claims.md", as_markdown(found)),
        store.write_text(folder / "claims.json", f"{dumped}\n"),
    ]
    if run.whole:
        written.append(store.write_text(folder / "report.html", report.page(TITLE, _sections(run, found))))
    return written


def _sections(run: ClaimsRun, found: Mapping[str, Any]) -> list[report.Section]:
    """One for each data set: the honest study of its first experiment, and the tables of all of them."""
    tables, first, own = sheets(found), {}, {}
    for ran in run.ran:
        name = ran.experiment.case.name
        first.setdefault(name, ran)
        own.setdefault(name, []).append(ran.experiment.name)
    return [
        report.Section(
            ran.experiment.title,
            ran.honest,
            intro=f"The tutorial's protocol: {ran.tutorial.protocol}",
            tables=tuple(tables[experiment] for experiment in own[name]),
        )
        for name, ran in first.items()
    ]

"""`python -m benchmarks.claims`: run every published claim of the cases many times and judge it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from benchmarks import claims as published
from rich.table import Table
from rich.text import Text

from bridle.cli._setup import check_folder, guarded
from bridle.cli._show import make_console
from bridle.study.design import duration

QUICK_SEEDS, QUICK_SHARE = 3, 1 / 50
WIDTHS = {"claim": 22, "published": 9, "measured": 9, "seen": 4, "honest": 9, "fresh": 9, "holds?": 8}
"""Columns of the printed table, which fits into 80 characters."""
CAPTION = (
    "Measured: means in the tutorial's protocol, ± standard deviation over its runs. Honest, fresh: differences as the "
    "claim has them, in percentage points for accuracy and zeros, with 95 % intervals. "
    "Seen: share of runs that show the claim. Fresh: on 20,000 new rows, the truth for these training rows."
)


@guarded()
def claims(
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of the tutorials' protocol.")] = 100,
    out: Annotated[Path, typer.Option("--out", help="Folder for claims.md, claims.json and report.html.")] = Path(
        "bridle-claims"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help=f"A small version: {QUICK_SEEDS} seeds, a fiftieth of the epochs.")
    ] = False,
) -> None:
    """Run every published claim many times: published, measured, holds?"""
    folder = check_folder(out)
    laid = published.prepare_claims(
        seeds=min(seeds, QUICK_SEEDS) if quick else seeds, share=QUICK_SHARE if quick else 1.0
    )
    planned = published.jobs(laid)
    for job in planned:
        print(f"{job.label}: {str(job.plan).splitlines()[0]}")
    print(f"about {duration(published.expected_seconds(planned))} in all")
    run = published.run_claims(laid)
    found = published.as_json(run)
    written = published.write_claims(run, found, folder) if run.ran else []
    show(found)
    for path in written:
        print(path)
    if not run.whole:
        raise published.stopped(run, folder)


def show(found: Mapping[str, Any]) -> None:
    """Print the table in 80 columns."""
    console = make_console()
    for experiment in found["experiments"]:
        console.print(Text(f"\n{experiment['title']}", style="bold"))
        console.print(_table(experiment["claims"]))
    if found["experiments"]:
        console.print(Text(f"\n{CAPTION}\n{published.tally(found)}\n"))


def _table(lines: list[Mapping[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), show_lines=False)
    for name, width in WIDTHS.items():
        right = name not in ("claim", "holds?")
        table.add_column(Text(name), justify="right" if right else "left", width=width, overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell) for cell in _cells(line)), style="bold" if line["holds"] == "yes" else "")
    return table


def _cells(line: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of one line, narrow: a difference above its interval."""
    (before, _), (after, sd) = published.means(line)
    share = published.is_share(line)
    return (
        line["claim"],
        line["published"].replace(" → ", "\n→ "),
        f"{before}\n→ {after}\n± {sd}",
        published.seen(line),
        _narrow(line["honest"], share),
        _narrow(line["fresh"], share),
        line["holds"],
    )


def _narrow(found: Mapping[str, Any] | None, share: bool) -> str:
    return published.spread(found, share).replace(" (", "\n").replace(" to ", "\nto ").rstrip(")")


if __name__ == "__main__":
    typer.run(claims)

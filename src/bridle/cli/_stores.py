"""The commands that look at studies on disk: list, show, export, verify, compact."""

import json as json_words
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bridle import store
from bridle._api import Result, load
from bridle._errors import InputError, StoreError
from bridle.cli import _show as show_
from bridle.cli._again import NAME as COMMAND
from bridle.cli._again import command, nothing_begun
from bridle.cli._guard import guarded
from bridle.report import safe_cells

INDEX, RESULT, MODEL = "index.sqlite", "study.json", "model.keras"
DEPTH = 3
"""How far below a folder studies are looked for."""
Folder = Annotated[Path, typer.Argument(help="The folder of a study, or of a command's --out.")]


@guarded()
def list_(
    folder: Annotated[Path, typer.Argument(help="Where to look; this folder by default.")] = Path("."),
) -> None:
    """List the studies in a folder and below it."""
    if not folder.is_dir():
        raise StoreError(f"Expected a folder, found no {str(folder)!r}.")
    lines = [(str(place), *_state(place)) for place in studies(folder)]
    begun = [place for place in studies(folder, marks=(COMMAND,)) if not list(studies(place, 1))]
    lines += [(str(place), f"not begun; bridle resume {place}", "0", "–", "–") for place in begun]
    if not lines:
        print(f"No studies in {folder} or up to {DEPTH} folders below it.")
        return
    show_.lines(("study", "state", "fits kept", "arms", "score"), lines)


@guarded()
def show(folder: Folder) -> None:
    """Show what a study found, or how far it has come."""
    for number, place in enumerate(inside(folder)):
        if number:
            print()
        state, count, *_ = _state(place)
        print(f"{place}: {state}, {count} fits kept")
        if (place / RESULT).is_file():
            show_.result(load(place))
        elif (place / INDEX).is_file():
            show_.facts(_plan(place))
        if state != "finished":
            print(f"To go on: {_again(folder)}")


@guarded()
def export(
    folder: Folder,
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values, safe to open in a spreadsheet.")] = False,
    parquet: Annotated[bool, typer.Option("--parquet", help="Parquet; needs the package pyarrow.")] = False,
    json: Annotated[bool, typer.Option("--json", help="A list of records.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; standard output by default.")] = None,
) -> None:
    """Write every fit of a study as one row of a table."""
    chosen = [name for name, given in {"csv": csv, "parquet": parquet, "json": json}.items() if given]
    if len(chosen) != 1:
        raise InputError(f"Expected one of --csv, --parquet and --json, got {len(chosen)}.")
    if parquet and out is None:
        raise InputError("Expected --out FILE with --parquet, which is no text.")
    places = inside(folder)
    if len(places) > 1:
        raise InputError(
            f"Expected one study, found {len(places)} in {str(folder)!r}. Give one of: {', '.join(map(str, places))}."
        )
    table = loaded(places[0], folder).members()
    try:
        written = _written(table, chosen[0], out)
    except OSError as error:
        raise StoreError(f"Expected a file that can be written, got {str(out)!r}: {error.strerror}.") from error
    if written is not None:
        print(written, end="")
    else:
        print(f"{len(table)} fits in {out}")


@guarded()
def verify(
    folder: Folder,
    repair: Annotated[
        bool, typer.Option("--repair", help="Forget what is damaged, so that the next run makes it again.")
    ] = False,
) -> None:
    """Check every byte of a study: hashes, counts, the index. The exit code is 1 where something is wrong."""
    wrong = 0
    for place in inside(folder):
        if not (place / INDEX).is_file() and not (repair and (place / "shards").is_dir()):
            load(place)
            print(f"{place}: a whole result; its fits are not kept here")
            continue
        found = store.repair(place) if repair else store.verify(place)
        wrong += len(found.wrong)
        print(f"{place}: {found.members} fits in {found.shards} shards, {found.bytes / 2**20:.1f} MiB")
        for sentence in found.wrong:
            print(f"  {sentence}")
        if found.strays:
            print(f"  {len(found.strays)} files of no shard, left where a run was killed; bridle compact removes them")
        print("  whole" if not found.wrong else f"  To mend it: bridle verify {place} --repair, then run it again")
    if wrong:
        raise typer.Exit(1)


@guarded()
def compact(folder: Folder) -> None:
    """Join the shards of a study into few compressed ones."""
    for place in inside(folder):
        if (place / INDEX).is_file():
            before, after = store.compact(place)
            print(
                f"{place}: {before.shards} shards, {before.bytes / 2**20:.1f} MiB, are now {after.shards}, "
                f"{after.bytes / 2**20:.1f} MiB"
            )


def studies(folder: Path, depth: int = DEPTH, marks: Sequence[str] = (INDEX, RESULT)) -> Iterator[Path]:
    """The studies in a folder and below, which have one of these files; links are not followed."""
    if any((folder / mark).is_file() for mark in marks):
        yield folder
    if depth:
        for place in sorted(folder.iterdir()):
            if not place.name.startswith(".") and _may_enter(place):
                yield from studies(place, depth - 1, marks)


def _may_enter(place: Path) -> bool:
    return not place.is_symlink() and place.is_dir() and os.access(place, os.R_OK | os.X_OK)


def inside(folder: Path) -> list[Path]:
    """The studies of one folder.

    Errors: `StoreError` where there is none.
    """
    found = list(studies(folder, 1)) if folder.is_dir() else []
    if not found:
        raise StoreError(
            nothing_begun(folder)
            or f"Expected a study in {str(folder)!r}, found no {RESULT} and no {INDEX}. Give the folder of a run."
        )
    return found


def loaded(place: Path, folder: Path) -> Result:
    """The result of a study in a command's folder.

    Errors: `StoreError` where its run has not come to an end yet, which says how to go on; those of `load`.
    """
    result = load(place) if (place / RESULT).is_file() or not (place / INDEX).is_file() else None
    if result is None or not len(result.data.members):
        raise StoreError(
            f"Expected a result in {str(place)!r}, found a run that was ended after {_state(place)[1]} fits. "
            f"To go on: {_again(folder)}"
        )
    return result


def check_finished(folder: Path) -> None:
    """Refuse a folder whose command was ended before it had a model, with a `StoreError` that says how to go on."""
    if not (folder / COMMAND).is_file() or (folder / MODEL).is_file():
        return
    states = [_state(place)[0] for place in studies(folder, 1)]
    if not states or any(state != "finished" for state in states):
        raise StoreError(
            nothing_begun(folder)
            or f"Expected a model in {str(folder)!r}, found a command that was ended before. To go on: {_again(folder)}"
        )


def _again(folder: Path) -> str:
    return command("resume", folder) if (folder / COMMAND).is_file() else "run the same lines again"


def _state(place: Path) -> tuple[str, str, str, str]:
    """State, fits that are kept, arms and score of a study, as text."""
    finished, count, plan = None, "–", {}
    try:
        if (place / INDEX).is_file():
            with store.Store(place, create=False, write=False) as opened:
                finished, count, plan = opened.fact("finished"), str(len(opened)), opened.fact("plan") or {}
        elif (place / RESULT).is_file():
            finished = True
    except StoreError as error:
        print(error, file=sys.stderr)
        return "damaged", "–", "–", "–"
    arms = plan.get("arms")
    return (
        "finished" if finished else "not finished",
        count,
        str(len(arms)) if isinstance(arms, dict) else "–",
        str(plan.get("score", "–")),
    )


def _plan(place: Path) -> dict[str, Any]:
    with store.Store(place, create=False, write=False) as opened:
        plan = opened.fact("plan")
    return plan if isinstance(plan, dict) else {}


def _written(table: Any, kind: str, out: Path | None) -> str | None:
    """The table as text, or None where it was written to a file."""
    if kind == "parquet":
        try:
            table.to_parquet(out)
        except ImportError as error:
            raise InputError("Expected the package pyarrow for --parquet, found none. pip install pyarrow") from error
        return None
    if kind == "csv":
        return safe_cells(table).to_csv(out, index=False)
    records = json_words.loads(table.to_json(orient="records"))  # which writes null for what was not measured
    text = json_words.dumps(records, indent=1, ensure_ascii=False) + "\n"
    if out is None:
        return text
    out.write_text(text, encoding="utf-8")
    return None

"""The commands for studies on disk: `list`, `show`, `verify` and `compact`."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bridle import store
from bridle._api import Result, load
from bridle._errors import StoreError
from bridle.cli import _show
from bridle.cli._command_record import RECORD_FILE, command_line, describe_unstarted
from bridle.cli._options import StudyFolder, Verbose
from bridle.cli._setup import guarded
from bridle.store import INDEX_FILE, RESULT_FILE
from bridle.tuning import MODEL_FILE

MAX_DEPTH = 3
"""Levels of folders that are searched for studies."""


@guarded()
def list_studies(
    folder: Annotated[Path, typer.Argument(help="The folder to search; by default the current one.")] = Path("."),
) -> None:
    """List the studies in a folder and its subfolders."""
    if not folder.is_dir():
        raise StoreError(f"Expected a folder, found no {str(folder)!r}.")
    lines = [(str(path), *_state(path)) for path in search_studies(folder)]
    unstarted = [path for path in search_studies(folder, marks=(RECORD_FILE,)) if not list(search_studies(path, 1))]
    lines += [(str(path), f"not started; bridle resume {path}", "0", "–", "–") for path in unstarted]
    if not lines:
        print(f"No studies in {folder} or up to {MAX_DEPTH} folders below it.")
        return
    _show.print_table(("study", "state", "fits stored", "arms", "score"), lines)


@guarded()
def show(folder: StudyFolder, verbose: Verbose = False) -> None:
    """Show the result of a study, or its progress."""
    for index, path in enumerate(find_studies(folder)):
        if index:
            print()
        state, count, *_ = _state(path)
        print(f"{path}: {state}, {count} fits stored")
        if (path / RESULT_FILE).is_file():
            _show.print_result(load(path), verbose=verbose, table=True)
        elif (path / INDEX_FILE).is_file():
            _show.print_facts(_read_plan(path))
        if state != "finished":
            print(f"To continue: {_next_command(folder)}")


@guarded()
def verify(
    folder: StudyFolder,
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove damaged fits, so that the next run repeats them.")
    ] = False,
) -> None:
    """Check every byte of a study: hashes, counts and the index. The exit code is 1 after an error."""
    errors = 0
    for path in find_studies(folder):
        if not (path / INDEX_FILE).is_file() and not (repair and (path / "shards").is_dir()):
            load(path)
            print(f"{path}: a complete result; its fits are not stored here")
            continue
        check = store.repair(path) if repair else store.verify(path)
        errors += len(check.wrong)
        print(f"{path}: {check.members} fits in {check.shards} shards, {check.bytes / 2**20:.1f} MiB")
        for sentence in check.wrong:
            print(f"  {sentence}")
        if check.strays:
            print(f"  {len(check.strays)} orphaned files from a killed run; bridle compact removes them")
        print("  OK" if not check.wrong else f"  To repair: bridle verify {path} --repair, then run it again")
    if errors:
        raise typer.Exit(1)


@guarded()
def compact(folder: StudyFolder) -> None:
    """Merge the shards of a study into a few compressed ones."""
    for path in find_studies(folder):
        if (path / INDEX_FILE).is_file():
            before, after = store.compact(path)
            print(
                f"{path}: {before.shards} shards, {before.bytes / 2**20:.1f} MiB, are now {after.shards}, "
                f"{after.bytes / 2**20:.1f} MiB"
            )


def search_studies(
    folder: Path, depth: int = MAX_DEPTH, marks: Sequence[str] = (INDEX_FILE, RESULT_FILE)
) -> Iterator[Path]:
    """Yield the studies in a folder and below, which have one of these files; links are not followed."""
    if any((folder / mark).is_file() for mark in marks):
        yield folder
    if depth:
        for path in sorted(folder.iterdir()):
            if not path.name.startswith(".") and _may_enter(path):
                yield from search_studies(path, depth - 1, marks)


def _may_enter(path: Path) -> bool:
    return not path.is_symlink() and path.is_dir() and os.access(path, os.R_OK | os.X_OK)


def find_studies(folder: Path) -> list[Path]:
    """Return the studies of one folder.

    Errors: `StoreError` if there is none.
    """
    paths = list(search_studies(folder, 1)) if folder.is_dir() else []
    if not paths:
        raise StoreError(
            describe_unstarted(folder)
            or f"Expected a study in {str(folder)!r}, found no {RESULT_FILE} and no {INDEX_FILE}. "
            "Give the folder of a run."
        )
    return paths


def load_finished(path: Path, folder: Path) -> Result:
    """Load the result of a study in the folder of a command.

    Errors: `StoreError` with the command that continues it if its run is not finished; those of `load`.
    """
    result = load(path) if (path / RESULT_FILE).is_file() or not (path / INDEX_FILE).is_file() else None
    if result is None or not len(result.data.members):
        raise StoreError(
            f"Expected a result in {str(path)!r}, found a run that was stopped after {_state(path)[1]} fits. "
            f"To continue: {_next_command(folder)}"
        )
    return result


def check_finished(folder: Path) -> None:
    """Raise `StoreError` if the command of a folder was stopped before it had a model."""
    if not (folder / RECORD_FILE).is_file() or (folder / MODEL_FILE).is_file():
        return
    states = [_state(path)[0] for path in search_studies(folder, 1)]
    if not states or any(state != "finished" for state in states):
        raise StoreError(
            describe_unstarted(folder)
            or f"Expected a model in {str(folder)!r}, found a command that was stopped before. "
            f"To continue: {_next_command(folder)}"
        )


def _next_command(folder: Path) -> str:
    return command_line("resume", folder) if (folder / RECORD_FILE).is_file() else "run the same lines again"


def _state(path: Path) -> tuple[str, str, str, str]:
    """Return the state, the number of stored fits, the arms and the score of a study, as text."""
    finished, count, plan = None, "–", {}
    try:
        if (path / INDEX_FILE).is_file():
            with store.Store(path, create=False, write=False) as opened:
                finished, count, plan = opened.fact("finished"), str(len(opened)), opened.fact("plan") or {}
        elif (path / RESULT_FILE).is_file():
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


def _read_plan(path: Path) -> dict[str, Any]:
    with store.Store(path, create=False, write=False) as opened:
        plan = opened.fact("plan")
    return plan if isinstance(plan, dict) else {}

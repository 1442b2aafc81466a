"""The record of a command: the line that a user types, written into the report and into the folder to continue it."""

import contextlib
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridle._errors import BridleError, Interrupted, OtherStudyError, StoreError
from bridle.store import write_text
from bridle.tuning import NEWEST, VERSIONS

RECORD_FILE = "command.json"
"""The file with the record of a command in its folder."""
RECORD_FORMAT = 1
"""The format of that file."""


def command_line(*words: object, **options: object) -> str:
    """Return `bridle`, the words, and the options that are not None or False; an option with a list is repeated.

    >>> command_line("tune", "my table.csv", target="species", seeds=5, epochs=None, quick=True)
    "bridle tune 'my table.csv' --target species --seeds 5 --quick"
    """
    flags = []
    for name, value in options.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if item is not None and item is not False:
                flags += [f"--{name}"] if item is True else [f"--{name}", str(item)]
    return shlex.join(["bridle", *map(str, words), *flags])


@dataclass(frozen=True)
class CommandRecord:
    """The command that started a folder."""

    words: tuple[str, str]
    """The command and its subject: a case or a file."""
    options: Mapping[str, Any]

    def arguments(self, out: Path, **changes: object) -> list[str]:
        """Return the arguments for the command line, written so that no value can be read as an option."""
        options = {**self.options, **{name: value for name, value in changes.items() if value is not None}, "out": out}
        flags = []
        for name, value in options.items():
            for item in value if isinstance(value, list) else [value]:
                if item is not None and item is not False:
                    flags.append(f"--{name}" if item is True else f"--{name}={item}")
        return [self.words[0], *flags, "--", self.words[1]]


@contextlib.contextmanager
def record_start(folder: Path, name: str, subject: object, **options: object) -> Iterator[None]:
    """Write the command into an empty folder, so that `bridle resume` runs it if it is stopped before its fits."""
    path, text = folder / RECORD_FILE, _record_text(name, subject, options)
    if not any(folder.iterdir()):
        write_text(path, text)
    try:
        yield
    except KeyboardInterrupt:
        is_recorded = path.is_file() and path.read_text(encoding="utf-8") == text
        line = command_line("resume", folder) if is_recorded else "the same command again."
        raise Interrupted("Stopped before the first fit of this run.", advice=f"To run it: {line}") from None


@contextlib.contextmanager
def record_run(folder: Path, name: str, subject: object, **options: object) -> Iterator[None]:
    """Write the command into its folder for `bridle resume`, and take it back if the command is refused.

    Add the command that continues or extends the study to the errors of the block.
    """
    path, text = folder / RECORD_FILE, _record_text(name, subject, options)
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    write_text(path, text)
    try:
        yield
    except Interrupted as stop:
        advice = f"To continue: {command_line('resume', folder)}"
        raise Interrupted(stop.message, stop.result, advice=advice) from None
    except BridleError as error:
        if before is not None:
            write_text(path, before)
        elif not isinstance(error, StoreError):
            path.unlink(missing_ok=True)
        if isinstance(error, OtherStudyError):
            raise OtherStudyError(error.message, _advice(error, folder, before, text), grows=error.grows) from None
        raise


def recorded_defaults(folder: Path) -> int:
    """Return the version of the defaults that a folder was started with; the newest for a new folder."""
    path = folder / RECORD_FILE
    if not path.is_file():
        return NEWEST
    version = _read_options(path.read_text(encoding="utf-8")).get("defaults", 1)
    return version if version in VERSIONS else NEWEST


def _record_text(name: str, subject: object, options: Mapping[str, object]) -> str:
    used = {key: value for key, value in options.items() if value not in (None, False, [], ())}
    return json.dumps({"format": RECORD_FORMAT, "words": [name, str(subject)], "options": used}, indent=1)


def _advice(error: OtherStudyError, folder: Path, before: str | None, now: str) -> str:
    """Return the command to type if a folder holds another study."""
    if not error.grows:
        return "Give another folder with --out, or the command that started this one."
    old, new = _read_options(before), _read_options(now)
    changed = {key for key in {*old, *new} if old.get(key) != new.get(key)}
    if old and changed <= {"seeds", "epochs"}:
        return f"To extend it: {command_line('extend', folder, **{key: new.get(key) for key in sorted(changed)})}"
    return "To extend it: add --extend to the command."


def _read_options(text: str | None) -> Mapping[str, Any]:
    """Return the options in a record; none if it cannot be read."""
    try:
        options = json.loads(text or "{}")["options"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return options if isinstance(options, dict) else {}


def describe_unstarted(folder: Path) -> str:
    """Return a sentence with the command to run if a folder has no study, since no fit was made yet; else ""."""
    if not folder.is_dir():
        return f"Expected a folder that bridle run, tune or study wrote, found no {str(folder)!r}. Give its --out."
    if not any(folder.iterdir()):
        return (
            f"Expected a study in {str(folder)!r}, found an empty folder: no study was started in it. Run the command "
            f"itself again: bridle run, tune or study, with --out {shlex.quote(str(folder))}."
        )
    if {path.name for path in folder.iterdir()} == {RECORD_FILE}:
        return (
            f"Expected a study in {str(folder)!r}, found only its command, which was stopped before the first fit: "
            f"no study was started. Run it: {command_line('resume', folder)}"
        )
    return ""

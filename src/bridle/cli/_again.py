"""A command as a person types it: in the report that it wrote, and in its folder, to go on with it."""

import contextlib
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridle._errors import BridleError, InputError, Interrupted, OtherStudyError, StoreError, nearest_names
from bridle.store import write_text

NAME = "command.json"
FORMAT = 1
KNOWN = {
    "run": ("seeds", "epochs", "quick"),
    "tune": (
        *("target", "task", "model", "penalty", "seeds", "folds", "epochs", "quick", "encoding"),
        *("group", "time", "weight", "class-weight", "score", "test-size"),
        *("header", "no-header", "decimal"),
    ),
    "study": ("model", "trust", "penalty", "seeds", "epochs", "quick"),
}
"""The commands that can be gone on with, and their options."""
CODE = ("model", "trust")
"""Options that let code of the person's own run."""


def command(*words: object, **options: object) -> str:
    """`bridle`, the words, and the options that were given: those that are None or False are left out.

    An option with a list is repeated.

    >>> command("tune", "my table.csv", target="species", seeds=5, epochs=None, quick=True)
    "bridle tune 'my table.csv' --target species --seeds 5 --quick"
    """
    flags = []
    for name, value in options.items():
        several = value if isinstance(value, list | tuple) else [value]
        for each in several:
            if each is not None and each is not False:
                flags += [f"--{name}"] if each is True else [f"--{name}", str(each)]
    return shlex.join(["bridle", *map(str, words), *flags])


@dataclass(frozen=True)
class Begun:
    """The command that began a folder."""

    words: tuple[str, str]
    """The command and what it is about: a case or a file."""
    options: Mapping[str, Any]

    def arguments(self, out: Path, **changed: object) -> list[str]:
        """What to give to the command line, so that nothing in it can be taken for an option."""
        options = {**self.options, **{name: value for name, value in changed.items() if value is not None}, "out": out}
        given = []
        for name, value in options.items():
            for each in value if isinstance(value, list) else [value]:
                if each is not None and each is not False:
                    given.append(f"--{name}" if each is True else f"--{name}={each}")
        return [self.words[0], *given, "--", self.words[1]]


@contextlib.contextmanager
def beginning(folder: Path, name: str, subject: object, **options: object) -> Iterator[None]:
    """Write the command into a folder that is empty, so that `bridle resume` runs it if it is ended before its fits."""
    path, text = folder / NAME, _text(name, subject, options)
    if not any(folder.iterdir()):
        write_text(path, text)
    try:
        yield
    except KeyboardInterrupt:
        same = path.is_file() and path.read_text(encoding="utf-8") == text
        again = f"To run it: {command('resume', folder)}" if same else "To run it: the same command again."
        raise Interrupted("Stopped before the first fit of this run.", advice=again) from None


def _text(name: str, subject: object, options: Mapping[str, object]) -> str:
    given = {key: value for key, value in options.items() if value not in (None, False, [], ())}
    return json.dumps({"format": FORMAT, "words": [name, str(subject)], "options": given}, indent=1)


@contextlib.contextmanager
def remembered(folder: Path, name: str, subject: object, **options: object) -> Iterator[None]:
    """Write the command that begins a folder into it, for `bridle resume`; not where the command is refused.

    How to go on after a stop, or to extend, is said as a command.
    """
    path, text = folder / NAME, _text(name, subject, options)
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    write_text(path, text)
    try:
        yield
    except Interrupted as stop:
        raise Interrupted(stop.message, stop.result, advice=f"To go on: {command('resume', folder)}") from None
    except BridleError as error:
        if before is not None:
            write_text(path, before)
        elif not isinstance(error, StoreError):
            path.unlink(missing_ok=True)
        if isinstance(error, OtherStudyError):
            raise OtherStudyError(error.message, _advice(error, folder, before, text), grows=error.grows) from None
        raise


def _advice(error: OtherStudyError, folder: Path, before: str | None, now: str) -> str:
    """What to type where a folder holds another study."""
    if not error.grows:
        return "Give another folder with --out, or the command that began this one."
    options, given = _options(before), _options(now)
    changed = {key for key in {*options, *given} if options.get(key) != given.get(key)}
    if options and changed <= {"seeds", "epochs"}:
        return f"To extend it: {command('extend', folder, **{key: given.get(key) for key in sorted(changed)})}"
    return "To extend it: add --extend to the command."


def _options(text: str | None) -> Mapping[str, Any]:
    """The options of a command as it was written; none where it cannot be read."""
    try:
        options = json.loads(text or "{}")["options"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return options if isinstance(options, dict) else {}


def recall(folder: Path, *, trust: bool) -> Begun:
    """Read what `remembered` wrote. A folder may come from a stranger: nothing but known commands and options is taken.

    Errors: `StoreError` where there is nothing to read, or something else than a command that can be gone on with;
    `InputError` where it lets code run and the person did not say so.
    """
    path = folder / NAME
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(
            nothing_begun(folder)
            or f"Expected a folder that bridle run, tune or study wrote, found no {NAME} in {str(folder)!r}. "
            "A study that was begun in Python goes on there: run the same lines again."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"Expected a command in {str(path)!r} that can be read. {error}") from error
    found = _checked(words, path)
    own = [name for name in CODE if name in found.options]
    if own and not trust:
        raise InputError(
            f"Expected --trust, since {str(path)!r} names code to run: "
            f"{', '.join(f'--{name} {found.options[name]}' for name in own)}. Look at it, then add --trust."
        )
    return found


def nothing_begun(folder: Path) -> str:
    """A sentence where a folder holds no study that could go on, since a command was ended before its first fit; or "".

    It says how to run the command.
    """
    if not folder.is_dir():
        return f"Expected a folder that bridle run, tune or study wrote, found no {str(folder)!r}. Give its --out."
    if not any(folder.iterdir()):
        return (
            f"Expected a study in {str(folder)!r}, found an empty folder: nothing was begun in it. Run the command "
            f"itself again: bridle run, tune or study, with --out {shlex.quote(str(folder))}."
        )
    if {path.name for path in folder.iterdir()} == {NAME}:
        return (
            f"Expected a study in {str(folder)!r}, found only its command, which was ended before the first fit: "
            f"nothing was begun. Run it: {command('resume', folder)}"
        )
    return ""


def _checked(words: Any, path: Path) -> Begun:
    pair, options = (words.get(name) for name in ("words", "options")) if isinstance(words, dict) else (None, None)
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
        raise StoreError(f"Expected a command in {str(path)!r}, found none.")
    if pair[0] not in KNOWN:
        raise StoreError(f"Expected a command in {str(path)!r}, got {pair[0]!r}. {nearest_names(pair[0], KNOWN)}")
    if not isinstance(options, dict):
        raise StoreError(f"Expected options in {str(path)!r}, got {type(options).__name__}.")
    for name, value in options.items():
        several = value if isinstance(value, list) else [value]
        if name not in KNOWN[pair[0]] or not all(isinstance(each, str | int | float | bool) for each in several):
            raise StoreError(f"Expected an option of bridle {pair[0]} in {str(path)!r}, got {name!r}: {value!r}.")
    return Begun((pair[0], pair[1]), options)

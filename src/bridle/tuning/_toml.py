"""Study files: the dictionary language in TOML, every entry checked, nothing read or run yet."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bridle._errors import InputError, nearest_names, short_repr
from bridle.tuning._schema import ARM, ARMS, DATA, MODEL, RENAMED, STOPPING, STUDY, TOP, Entries

LARGEST = 2**18
"""Bytes of a study file; one that a person wrote has a hundredth of that."""
LONGEST = 2000
"""Characters of a line: a name of many parts, `a.a.a`, takes tomllib the square of their number."""
QUOTE = 'A target stands in quotation marks: "*/kernel" = "l2(auto)".'
ONLY = {
    "table": ("target", "encoding", "test_share", "group", "time", "weight", "header", "decimal"),
    "arrays": ("scale",),
    "hidden": ("activation", "optimizer", "learning_rate"),
}
"""Entries that have a meaning beside one other entry only."""
QUICK_SEEDS, QUICK_SHARE = 3, 10
SEEDS, EPOCHS = 5, 200


@dataclass(frozen=True)
class StudyFile:
    """Study file with validated entries; `bridle study` runs it.

    `data` has `table` and `target`, or `arrays`; `model` has `hidden`, `file` or `function`, or is empty; `study`
    has the arguments of `bridle.Study` and of its `run` that the file gives; `arms` may be empty.
    """

    path: Path
    title: str
    data: Mapping[str, Any]
    model: Mapping[str, Any]
    study: Mapping[str, Any]
    arms: Mapping[str, Mapping[str, Any]]

    @property
    def folder(self) -> Path:
        """Folder of the file, and of the files that it names."""
        return self.path.parent

    def asked(self, *, seeds: int | None = None, epochs: int | None = None, quick: bool = False) -> "StudyFile":
        """The same study with what the command line asks for; `quick` takes three seeds and a tenth of the epochs."""
        settings = {"seeds": SEEDS, "epochs": EPOCHS, **self.study}
        settings["seeds"] = settings["seeds"] if seeds is None else seeds
        if quick:
            seed_entry = settings["seeds"]
            settings["seeds"] = (
                seed_entry[:QUICK_SEEDS] if isinstance(seed_entry, list) else min(seed_entry, QUICK_SEEDS)
            )
            settings["epochs"] = max(1, settings["epochs"] // QUICK_SHARE)
        settings["epochs"] = settings["epochs"] if epochs is None else epochs
        return replace(self, study=settings)


def read_study(path: str | Path) -> StudyFile:
    r"""Read a study file and check it: types, ranges, names. Files that it names are not opened, no code is run.

    Errors: `InputError` for a file that is missing, no TOML, or has an entry that is unknown or cannot be used; it
    names the entry.

    >>> from tempfile import TemporaryDirectory
    >>> text = '[data]\ntable = "wine.csv"\ntarget = "cultivar"\n[arms.L2]\n"*/kernel" = "l2(auto)"\n'
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "study.toml"
    ...     _ = file.write_text(text)
    ...     read_study(file).arms
    {'L2': {'*/kernel': 'l2(auto)'}}
    """
    path = Path(path)
    where = repr(path.name)
    content = _parsed(_text(path, where), where)
    top = _checked(content, "", TOP, where)
    data, model, study = (
        _checked(top.get(name, {}), f"[{name}] ", entries, where)
        for name, entries in (("data", DATA), ("model", MODEL), ("study", STUDY))
    )
    if "early_stopping" in study:
        stopping = _checked(study["early_stopping"], "[study.early_stopping] ", STOPPING, where)
        study = {**study, "early_stopping": stopping}
    _check_choice(data, "[data]", ("table", "arrays"), where, needed=True)
    _check_choice(model, "[model]", ("hidden", "file", "function"), where)
    if "table" in data and "target" not in data:
        raise InputError(f"Expected [data] target in {where}, the column to predict, found none.")
    arms = _checked(top.get("arms", {}), "[arms] ", ARMS, where)
    arms = {name: _arm(terms, f"[arms.{short_repr(name)}] ", where) for name, terms in arms.items()}
    return StudyFile(path, top.get("title", path.stem), data, model, study, arms)


def _text(path: Path, where: str) -> str:
    try:
        if path.is_dir():
            raise InputError(f"Expected a study file, got the folder {str(path)!r}. Give a .toml file in it.")
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except InputError:
        raise
    except FileNotFoundError:
        names = sorted(file.name for file in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        raise InputError(f"Expected a study file, found no {str(path)!r}. {nearest_names(path.name, names)}") from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"Expected a study file that can be read, got {short_repr(str(path))}: {str(error)[:200]}."
        ) from None
    if len(raw) > LARGEST:
        raise InputError(f"Expected a study file of at most {LARGEST // 1024} KiB, got {where}, which is larger.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"Expected {where} in UTF-8, got the byte 0x{raw[error.start]:02x} in line {line}.") from None


def _parsed(text: str, where: str) -> dict[str, Any]:
    long = next((line_number for line_number, line in enumerate(text.split("\n"), 1) if len(line) > LONGEST), None)
    if long is not None:
        raise InputError(f"Expected lines of at most {LONGEST:,} characters in {where}, got more in line {long}.")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError, OverflowError) as error:
        reason = "too many levels" if isinstance(error, RecursionError) else str(error)[:200]
        raise InputError(f"Expected TOML in {where}, got {reason}. {QUOTE}") from None


def _checked(content: Mapping[str, Any], place: str, entries: Entries, where: str) -> dict[str, Any]:
    """A table of the file, once each of its entries is known and is what its rule expects."""
    for name, value in content.items():
        rule = entries.get(name, entries.get("*"))
        if rule is None and RENAMED.get(name) in entries:
            raise InputError(f"Expected {RENAMED[name]} in {where}, got its former name {place}{name}. Rename it.")
        if rule is None:
            raise InputError(
                f"Expected a known entry in {where}, got {place}{short_repr(name)}. {nearest_names(name, entries)}"
            )
        if not rule.holds(value):
            raise InputError(f"Expected {rule.expected} for {place}{_key(name)} in {where}, got {_said(value)}.")
    return dict(content)


def _arm(terms: Mapping[str, Any], place: str, where: str) -> dict[str, Any]:
    """An arm; what is a table in it was written without quotation marks: `a.b = …`."""
    tables = [name for name, value in terms.items() if isinstance(value, dict)]
    if tables:
        raise InputError(
            f"Expected a penalty as text for {place}{short_repr(tables[0])} in {where}, got a table. {QUOTE}"
        )
    return _checked(terms, place, ARM, where)


def _check_choice(
    content: Mapping[str, Any], place: str, names: tuple[str, ...], where: str, needed: bool = False
) -> None:
    """One of several entries at most, and beside it only what belongs to it."""
    present = [name for name in names if name in content]
    if len(present) > 1 or (needed and not present):
        got = " and ".join(present) if present else "none"
        raise InputError(f"Expected one of {', '.join(names)} in {place} of {where}, got {got}.")
    for name in names:
        alone = [entry for entry in ONLY.get(name, ()) if entry in content]
        if alone and name not in present:
            raise InputError(f"Expected {place} {alone[0]} in {where} beside {name} only, found no {name}.")


def _key(name: str) -> str:
    return name if name.isidentifier() else short_repr(name)


def _said(value: object) -> str:
    """Describe a value, by its kind if it is long."""
    if isinstance(value, dict):
        return "a table"
    return str(value).lower() if isinstance(value, bool) else short_repr(value)

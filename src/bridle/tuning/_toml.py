"""Parser of study files in TOML: it checks every entry, opens no other file and runs no code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bridle._errors import InputError, nearest_names, short_repr
from bridle.placement import is_rate_target
from bridle.tuning._schema import ARM, ARMS, DATA, MODEL, RATE, RENAMED, STOPPING, STUDY, TOP, Entries

LARGEST = 2**18
"""The largest size of a study file in bytes, about a hundred times that of a usual one."""
LONGEST = 2000
"""The largest number of characters of a line; tomllib takes quadratic time for a name of many parts, `a.a.a`."""
QUOTE = 'Put targets into quotation marks: "*/kernel" = "l2(auto)".'
ONLY = {
    "table": ("target", "encoding", "test_share", "group", "time", "weight", "header", "decimal"),
    "arrays": ("scale",),
    "hidden": ("activation", "optimizer", "learning_rate"),
}
"""Entries that require another entry."""
QUICK_SEEDS = 3
"""Seeds of a quick run at most."""
QUICK_EPOCH_DIVISOR = 10
"""The epochs of a run over those of a quick one."""
DEFAULT_SEEDS = 5
"""Seeds of a study whose file names none."""
DEFAULT_EPOCHS = 200
"""Epochs of a study whose file names none."""


@dataclass(frozen=True)
class StudyFile:
    """Study file with validated entries; `bridle study` runs it.

    `data` has `table` and `target`, or `arrays`. `model` has `hidden`, `file` or `function`, or is empty. `study` has
    arguments of `bridle.Study` and of its `run`. `arms` can be empty.
    """

    path: Path
    title: str
    data: Mapping[str, Any]
    model: Mapping[str, Any]
    study: Mapping[str, Any]
    arms: Mapping[str, Mapping[str, Any]]

    @property
    def folder(self) -> Path:
        """The folder of the study file and of the files that it names."""
        return self.path.parent

    def asked(self, *, seeds: int | None = None, epochs: int | None = None, quick: bool = False) -> "StudyFile":
        """Return the study with options of the command line; `quick` takes three seeds and a tenth of the epochs."""
        settings = {"seeds": DEFAULT_SEEDS, "epochs": DEFAULT_EPOCHS, **self.study}
        settings["seeds"] = settings["seeds"] if seeds is None else seeds
        if quick:
            seed_entry = settings["seeds"]
            settings["seeds"] = (
                seed_entry[:QUICK_SEEDS] if isinstance(seed_entry, list) else min(seed_entry, QUICK_SEEDS)
            )
            settings["epochs"] = max(1, settings["epochs"] // QUICK_EPOCH_DIVISOR)
        settings["epochs"] = settings["epochs"] if epochs is None else epochs
        return replace(self, study=settings)


def read_study(path: str | Path) -> StudyFile:
    r"""Read a study file and check types, ranges and names, without opening the files that it names.

    Errors: `InputError` for a missing file, invalid TOML, or an unknown or invalid entry, which it names.

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
        raise InputError(f"Expected [data] target in {where}, the column to predict, got no such entry.")
    arms = _checked(top.get("arms", {}), "[arms] ", ARMS, where)
    arms = {name: _arm(terms, f"[arms.{short_repr(name)}] ", where) for name, terms in arms.items()}
    return StudyFile(path, top.get("title", path.stem), data, model, study, arms)


def _text(path: Path, where: str) -> str:
    try:
        if path.is_dir():
            raise InputError(f"Expected a study file, got the folder {str(path)!r}. Give a .toml file.")
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except InputError:
        raise
    except FileNotFoundError:
        names = sorted(file.name for file in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        raise InputError(
            f"Expected a study file, got {str(path)!r}, which does not exist. {nearest_names(path.name, names)}"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"Expected a readable study file, got {short_repr(str(path))}: {str(error)[:200]}.") from None
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


def _checked(content: Mapping[str, Any], section: str, entries: Entries, where: str) -> dict[str, Any]:
    """Return a table of the file, or raise `InputError` for an unknown entry or one against its rule."""
    for name, value in content.items():
        rule = entries.get(name, entries.get("*"))
        if rule is None and RENAMED.get(name) in entries:
            raise InputError(f"Expected {RENAMED[name]} in {where}, got its former name {section}{name}. Rename it.")
        if rule is None:
            raise InputError(
                f"Expected a known entry in {where}, got {section}{short_repr(name)}. {nearest_names(name, entries)}"
            )
        if not rule.holds(value):
            raise InputError(f"Expected {rule.expected} for {section}{_key(name)} in {where}, got {_said(value)}.")
    return dict(content)


def _arm(terms: Mapping[str, Any], section: str, where: str) -> dict[str, Any]:
    """Return an arm, or raise `InputError` for a target without quotation marks, which TOML reads as a table."""
    tables = [name for name, value in terms.items() if isinstance(value, dict)]
    if tables:
        raise InputError(
            f"Expected a penalty as text for {section}{short_repr(tables[0])} in {where}, got a table. {QUOTE}"
        )
    return _checked(terms, section, {**ARM, **{target: RATE for target in terms if is_rate_target(target)}}, where)


def _check_choice(
    content: Mapping[str, Any], section: str, names: tuple[str, ...], where: str, needed: bool = False
) -> None:
    """Raise `InputError` for two exclusive entries, or for an entry without the one that it requires."""
    present = [name for name in names if name in content]
    if len(present) > 1 or (needed and not present):
        got = " and ".join(present) if present else "none"
        raise InputError(f"Expected one of {', '.join(names)} in {section} of {where}, got {got}.")
    for name in names:
        alone = [entry for entry in ONLY.get(name, ()) if entry in content]
        if alone and name not in present:
            raise InputError(f"Expected {section} {alone[0]} in {where} with {name} only, got no {name}.")


def _key(name: str) -> str:
    return name if name.isidentifier() else short_repr(name)


def _said(value: object) -> str:
    """Describe a value, by its kind if it is long."""
    if isinstance(value, dict):
        return "a table"
    return str(value).lower() if isinstance(value, bool) else short_repr(value)

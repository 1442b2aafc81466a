"""Files that a study file names, all in its own folder."""

import os
from pathlib import Path, PureWindowsPath

from bridle._errors import InputError, nearest_names, short_repr

STAY = "A study file names files of its own folder only: put the file beside it, and write its name."


def inside(folder: Path, name: str, where: str) -> Path:
    """The file `name` of a folder.

    Args:
        folder: where the study file lies.
        name: a path relative to it.
        where: the entry that holds the name, for the sentence: `[data] table`.

    Errors: `InputError` for a path that is absolute, that leads through `..` or a symbolic link, or that is no file.

    """
    plain = PureWindowsPath(name)  # reads / and \\ and drives, as some system will
    if not name.strip() or "\0" in name or plain.anchor or ".." in plain.parts:
        raise InputError(
            f"Expected a path inside the folder of the study file for {where}, got {short_repr(name)}. {STAY}"
        )
    path = folder
    try:
        for part in Path(name).parts:
            path = path / part
            if path.is_symlink():
                raise InputError(f"Expected a file for {where}, got {short_repr(name)}, a symbolic link. {STAY}")
        exists = path.is_file()
    except InputError:
        raise
    except (OSError, ValueError) as error:  # a name that is too long, or that the system cannot write
        raise InputError(f"Expected the name of a file for {where}, got {short_repr(name)}: {_said(error)}.") from error
    if not exists:
        raise InputError(
            f"Expected a file for {where}, found no {short_repr(name)} in the folder of the study file. "
            f"{nearest_names(Path(name).name, _files(path.parent))}"
        )
    return path


def _files(folder: Path) -> list[str]:
    """The names of the files of a folder; none where it cannot be looked into."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))
    except OSError:
        return []


def _said(error: OSError | ValueError) -> str:
    """Return the system's message without the path."""
    return getattr(error, "strerror", None) or str(error)[:200]

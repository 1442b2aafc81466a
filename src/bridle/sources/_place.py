"""The place of rows: memory, as much of it as the machine has, or a folder."""

import errno
import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bridle._errors import InputError, StoreError, short_repr

UNKNOWN_MACHINE_BYTES = 2**32
"""Free memory that is assumed of a machine that does not report it."""
COPIES = 8
"""Times that a study of five folds holds its rows: as they are given, in each fold, and for refits."""

RowsIn = Literal["auto", "memory", "disk"]
"""The place of rows: on disk where they do not fit in memory, or one of both."""
Watch = Callable[[int, int | None], None]
"""(rows read, rows in all or None) → progress that is shown."""


def machine_memory() -> int:
    """Return the bytes of memory that this machine has free, files that it caches included."""
    try:
        facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(facts["MemAvailable"].split()[0]) * 1024  # free pages alone would leave out the file cache
    except (OSError, KeyError, ValueError):  # not every system has the file
        return UNKNOWN_MACHINE_BYTES


def check_place(rows_in: Any) -> None:
    """Raise `InputError` for anything but a place of rows."""
    if rows_in not in ("auto", "memory", "disk"):
        raise InputError(f"Expected rows_in='auto', 'memory' or 'disk', got {short_repr(rows_in)}.")


def belongs_on_disk(nbytes: int, rows_in: RowsIn, limit: int) -> bool:
    """Return True if rows of this size stay on disk: by `rows_in`, or as they are more than `limit` bytes."""
    return nbytes > limit if rows_in == "auto" else rows_in == "disk"


@dataclass(frozen=True)
class Place:
    """Place of rows: in memory up to `limit` bytes, else in a folder."""

    rows_in: RowsIn = "auto"
    limit: int = 2**31
    folder: Path | None = None
    """None for a temporary folder, which is removed with the last array in it."""
    watch: Watch = lambda done, total: None
    inputs: frozenset[str] | None = None
    """The inputs on disk for `rows_in="disk"`, such as `x['left']`, where the others are in memory. None: all."""
    finite: bool = True
    """Refuse numbers on disk that are not finite; False where a preparation fills them."""

    def of(self, name: str) -> "Place":
        """Return the place of one of several inputs."""
        is_elsewhere = self.rows_in == "disk" and self.inputs is not None and name not in self.inputs
        return replace(self, rows_in="memory") if is_elsewhere else self

    def without(self, nbytes: int) -> "Place":
        """Return the same place, with so many bytes of its memory in use."""
        return replace(self, limit=max(0, self.limit - nbytes))

    def open_folder(self) -> tuple[Path, object]:
        """Return the folder, made where it is missing, and an object that keeps a temporary one.

        Errors: `StoreError` where it cannot be made.
        """
        try:
            if self.folder is not None:
                self.folder.mkdir(parents=True, exist_ok=True)
                return self.folder, None
            path = Path(tempfile.mkdtemp(prefix="bridle-rows-"))
        except OSError as error:
            raise disk_error(self.folder or Path(tempfile.gettempdir()), error) from error
        keeper = _Keeper()
        weakref.finalize(keeper, shutil.rmtree, path, ignore_errors=True)
        return path, keeper


class _Keeper:
    """Object whose end removes a temporary folder."""


def disk_error(folder: Path, error: OSError) -> StoreError:
    """Return the error for a folder that cannot be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "Free some space, or give a folder on another disk." if full else "Give another folder."
    what = "The disk is full" if full else f"The rows cannot be written: {error.strerror}"
    return StoreError(f"{what} in {str(folder)!r}. {advice} Stored fits stay as they are: run the same again to go on.")

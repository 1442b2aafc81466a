"""Memory of the machine, and the place of rows: in memory or on disk."""

from pathlib import Path
from typing import Any, Literal

from bridle._errors import InputError, short_repr

UNKNOWN_MACHINE_BYTES = 2**32
"""Free memory that is assumed of a machine that does not report it."""
COPIES = 8
"""Times that a study of five folds holds its rows: as they are given, in each fold, and for refits."""

RowsIn = Literal["auto", "memory", "disk"]
"""The place of rows: on disk where they do not fit in memory, or one of both."""


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

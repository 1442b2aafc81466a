"""`RowFile`: rows one after another in a file, read at positions, so that no page of the file stays resident."""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bridle._errors import InputError

MAX_GAP_BYTES = 2**13
"""Bytes between two requested rows up to which one read takes both, and all between them."""
READ_BYTES, DETOUR_BYTES = 7_000, 24_000
"""Bytes that are copied in the time of one read, and in the time that a detour by a buffer takes besides copying.

Rows with gaps between them are read together where that is faster than one by one.
"""
MAX_RUN_BYTES = 2**22
"""Bytes that one read takes at most, where it also takes rows that were not requested."""

Stamp = tuple[int, int]
"""Size of a file in bytes, and the time of its last change in nanoseconds."""


@dataclass(frozen=True)
class RowFile:
    """Rows of one shape and type, one after another in a file.

    `stamp` is the state of the file when it was opened; a read of a file that changed since raises `InputError`.
    Without a stamp, which a copy in another process lacks, only the size is checked.
    """

    path: str
    offset: int
    """Bytes before the first row."""
    shape: tuple[int, ...]
    """(row, …)."""
    dtype: np.dtype
    stamp: Stamp | None = None
    keeper: object = field(default=None, repr=False, compare=False)
    """Object that keeps a temporary folder as long as rows in it are in use."""

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def read(self, rows: np.ndarray, out: np.ndarray, places: np.ndarray) -> None:
        """Read rows by index, ≥ 0, into `out` at `places`.

        Errors: `InputError` if the file is missing, changed or was cut off.
        """
        if not len(rows):
            return
        order = np.argsort(rows, kind="stable")
        rows, places = rows[order], places[order]
        size, target = self.row_bytes, out.reshape(len(out), -1).view(np.uint8)
        memory = target.reshape(-1).data  # slices of it take less time than those of an array
        starts, following = rows * size, np.diff(rows)
        splits = (following * size > size + MAX_GAP_BYTES) | (np.diff(starts // MAX_RUN_BYTES) > 0)
        joined = np.cumsum([0, *((following == 1) & (np.diff(places) == 1))])  # these need no detour by a buffer
        firsts, ends, direct = _runs(splits, joined)
        detour = starts[ends - 1] - starts[firsts] + DETOUR_BYTES
        few = ~direct & ((ends - firsts) * READ_BYTES < detour)
        splits |= np.repeat(few, ends - firsts)[1:] & (np.diff(joined) == 0)
        firsts, ends, direct = _runs(splits, joined)
        runs = (array.tolist() for array in (firsts, ends, rows[firsts], places[firsts], direct))
        with self._opened() as handle:
            for first, end, row, place, is_direct in zip(*runs, strict=True):
                if is_direct:
                    handle.fill(memory[place * size : (place + end - first) * size], self.offset + row * size)
                    continue
                run = np.empty((int(rows[end - 1]) - row + 1, size), np.uint8)
                handle.fill(run.reshape(-1).data, self.offset + row * size)
                target[places[first:end]] = run[rows[first:end] - row]

    def _opened(self) -> "_Handle":
        try:
            handle = _Handle(self.path, os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        except OSError as error:
            raise InputError(
                f"Expected the rows in {self.path!r}, got: {error.strerror}. The file must stay where it is while "
                "it is in use, under the same path on every machine of a cluster."
            ) from error
        if self.stamp is not None and (now := stamp_of(handle.number)) != self.stamp:
            handle.close()
            change = f"{self.stamp[0]:,} bytes before, {now[0]:,} now" if now[0] != self.stamp[0] else "written since"
            raise InputError(
                f"Expected {self.path!r} as it was when it was opened, got a file that changed ({change}). Rows must "
                "not change while they are read. Run again once the file is complete."
            )
        return handle


def _runs(splits: np.ndarray, joined: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each run its first row, the row after its last, and True if rows and places follow each other.

    Args:
        splits: for each row but the last, True if it is the last of its run.
        joined: for each row, how many rows so far follow the one before them, and their places too.

    """
    firsts = np.append(0, np.flatnonzero(splits) + 1)
    ends = np.append(firsts[1:], len(joined))
    return firsts, ends, joined[ends - 1] - joined[firsts] == ends - firsts - 1


@dataclass(frozen=True)
class _Handle:
    """An open file, read at positions."""

    path: str
    number: int

    def __enter__(self) -> "_Handle":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self.number)

    def fill(self, out: memoryview, position: int) -> None:
        """Fill a buffer of bytes from a position on."""
        while (count := _read_at(self.number, [out], position)) != len(out):
            out, position = out[count:], position + count
            if count <= 0:
                raise InputError(
                    f"Expected {len(out):,} more bytes of rows in {self.path!r} at byte {position:,}, got the end of "
                    "the file. It was cut off: write it again."
                )


def _read_after_seeking(number: int, buffers: list[memoryview], position: int) -> int:
    """Read bytes at a position of an open file into a buffer, as `os.preadv` does; return how many."""
    os.lseek(number, position, os.SEEK_SET)
    data = os.read(number, len(buffers[0]))
    buffers[0][: len(data)] = data
    return len(data)


_read_at = getattr(os, "preadv", _read_after_seeking)  # Windows has no preadv


def stamp_of(file: int | str | Path) -> Stamp:
    """Return the size of a file and the time of its last change."""
    facts = os.stat(file)
    return facts.st_size, facts.st_mtime_ns

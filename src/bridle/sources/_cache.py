"""Streams that are read once and kept: as arrays in memory, or as `.npy` files in a folder."""

import contextlib
import os
import re
import shutil
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Any, Protocol

import numpy as np

from bridle._errors import InputError, StoreError
from bridle.sources._place import Place, belongs_on_disk, disk_error, machine_memory
from bridle.sources._stored import StoredArray, keep_with, open_npy
from bridle.sources._streams import Stream, parts_of
from bridle.sources._trees import leaves_by_name, map_leaves

STALE_SECONDS = 3600
"""Time after which a half-written file belongs to no process that still writes it."""


class _Sink(Protocol):
    """Place of one array while it is read."""

    def append(self, rows: np.ndarray, first: int) -> None: ...
    def finish(self, count: int) -> Any: ...
    def abandon(self) -> None: ...


def collect(stream: Stream, place: Place, name: str = "x") -> tuple[Any, Any, Any]:
    """Read a stream once; return its x, y and sample weights, None for what it lacks.

    x, which messages and files call by `name`, is kept in memory or on disk, as `place` says; y and weights are always
    in memory.

    Errors: `InputError` for no rows, batches that do not fit each other, numbers that are not finite on their way to
    disk, fewer rows than the stream should have, and rows that differ from those that the folder holds; `StoreError` if
    the folder cannot be written.
    """
    sinks: dict[str, _Sink] = {}
    structure: Any = None
    done, number = 0, 0
    try:
        for number, batch in enumerate(stream, 1):
            parts = dict(zip((name, "y", "sample_weight"), parts_of(batch), strict=True))
            arrays = {leaf: array for part, tree in parts.items() for leaf, array in leaves_by_name(tree, part)}
            if structure is None:
                structure = parts
                total = _expected_rows(stream, arrays)
                of_x = [leaf for leaf, _ in leaves_by_name(parts[name], name)]
                sinks = _open_sinks(arrays, of_x, total, place, stream.advice)
            count = _check_batch(stream, number, arrays, sinks, stream.rows if stream.is_cut else None, done)
            for leaf, array in arrays.items():
                sinks[leaf].append(array[:count], done)
            done += count
            place.watch(done, total)
            if stream.is_cut and done == stream.rows:
                break
        _check_length(stream, done, number)
        if not done:
            raise InputError(f"Expected at least one row in {stream.name}, got none. Check what it reads from.")
        finished = {leaf: sink.finish(done) for leaf, sink in sinks.items()}
    except BaseException:
        for sink in sinks.values():
            sink.abandon()
        raise
    x, y, weight = (map_leaves(lambda leaf, _: finished[leaf], tree, part) for part, tree in structure.items())
    return x, y, weight


def _expected_rows(stream: Stream, arrays: dict[str, np.ndarray]) -> int:
    """Return the number of rows, or about that of a stream whose batches are counted."""
    if stream.rows is not None:
        return stream.rows
    first = next(iter(arrays.values()))
    return (stream.count or 1) * (len(first) if first.ndim else 1)


def _open_sinks(
    arrays: dict[str, np.ndarray], of_x: list[str], total: int, place: Place, advice: str = ""
) -> dict[str, _Sink]:
    """Return a sink for each array: those of x on disk where they belong there; `advice` is for too many rows."""
    inputs = [arrays[name] for name in of_x if arrays[name].ndim]
    nbytes = sum(total * array.nbytes // max(1, len(array)) for array in inputs)
    if not belongs_on_disk(nbytes, place.rows_in, place.limit):
        if nbytes > (free := machine_memory()):
            raise InputError(
                f"Expected rows that fit in {free / 2**30:.1f} GiB of free memory, got {nbytes / 2**30:.1f} GiB in "
                f"{of_x[0]}. {advice}Give rows_in='disk' to a study, or fewer rows at a time."
            )
        return {name: _InMemory(array, total) for name, array in arrays.items()}
    folder, keeper = place.open_folder()
    sinks: dict[str, _Sink] = {}
    try:
        for name, array in arrays.items():
            if name not in of_x:
                sinks[name] = _InMemory(array, total)
                continue
            path = folder / file_name(name)
            sinks[name] = _Compared(path, name) if path.exists() else _OnDisk(path, name, array, keeper, place.finite)
        new = sum(total * sink.row_bytes for sink in sinks.values() if isinstance(sink, _OnDisk))
        free = shutil.disk_usage(folder).free
        if new > free:
            raise StoreError(
                f"Expected {new / 2**30:.1f} GiB free in {str(folder)!r} for rows, got {free / 2**30:.1f} GiB. Free "
                f"some space, or give a folder on another disk. {advice}Stored fits stay as they are."
            )
    except BaseException:
        for sink in sinks.values():
            sink.abandon()
        raise
    return sinks


def file_name(name: str) -> str:
    """Return the name of the file of an array, of letters that every system takes.

    >>> file_name("x"), file_name("x['left eye']")
    ('x.npy', 'x-left-eye-1f0b74d6.npy')
    """
    letters = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    return f"{letters}.npy" if letters == name else f"{letters}-{zlib.crc32(name.encode()):08x}.npy"


def _check_batch(
    stream: Stream, number: int, arrays: dict[str, np.ndarray], sinks: dict[str, _Sink], limit: int | None, done: int
) -> int:
    """Return the number of rows of a batch, after a check that its arrays fit each other."""
    lengths = {len(array) if array.ndim else -1 for array in arrays.values()}
    if set(arrays) != set(sinks) or len(lengths) != 1 or -1 in lengths:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
        raise InputError(
            f"Expected batches of rows in {stream.name}, x or (x, y) or (x, y, sample_weight) of one length, got "
            f"{found} as batch {number}. Batch single rows first, as for model.fit."
        )
    (count,) = lengths
    return count if limit is None else min(count, limit - done)


def _check_length(stream: Stream, done: int, batches: int) -> None:
    """Raise `InputError` for another number of rows, or of batches, than a stream should have."""
    for expected, got, unit in ((stream.rows, done, "rows"), (stream.count, batches, "batches")):
        if expected is not None and expected != got:
            raise InputError(
                f"Expected {expected:,} {unit} in {stream.name}, got {got:,}. Give the length that it has, and the "
                "same rows at each reading."
            )


class _InMemory:
    """Rows that grow an array in memory; mutable."""

    def __init__(self, first: np.ndarray, total: int) -> None:
        self._rows = np.empty((total, *first.shape[1:]), first.dtype)

    def append(self, rows: np.ndarray, first: int) -> None:
        """Add rows behind the first ones."""
        _check_alike(rows, self._rows, first)
        last = first + len(rows)
        if last > len(self._rows):  # batches of other sizes than the first one
            more = np.empty((max(last, 2 * len(self._rows)), *self._rows.shape[1:]), self._rows.dtype)
            more[:first] = self._rows[:first]
            self._rows = more
        self._rows[first:last] = rows

    def finish(self, count: int) -> np.ndarray:
        """Return the rows."""
        return self._rows[:count] if count == len(self._rows) else self._rows[:count].copy()

    def abandon(self) -> None:
        """Forget the rows."""


class _OnDisk:
    """Rows that are written to a `.npy` file, which is complete under its name or absent."""

    def __init__(self, path: Path, name: str, first: np.ndarray, keeper: object, finite: bool) -> None:
        check_numbers(first, name)
        self._finite = finite
        self._path, self._name, self._keeper, self._like = path, name, keeper, first[:0]
        self.row_bytes = first[:1].nbytes
        for old in path.parent.glob(f".{path.name}.*"):  # of a killed process: one that writes changes its file
            with contextlib.suppress(FileNotFoundError):
                if time() - old.stat().st_mtime > STALE_SECONDS:
                    old.unlink()
        try:
            handle, self._temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        except OSError as error:
            raise disk_error(path.parent, error) from error
        self._file = os.fdopen(handle, "wb")
        self._write_header(0)

    def append(self, rows: np.ndarray, first: int) -> None:
        """Write rows behind the first ones."""
        _check_alike(rows, self._like, first)
        if self._finite:
            check_finite(rows, self._name, first)
        try:
            self._file.write(np.ascontiguousarray(rows).data)
        except OSError as error:
            raise disk_error(self._path.parent, error) from error

    def finish(self, count: int) -> StoredArray:
        """Complete the file and open it."""
        try:
            self._file.seek(0)
            self._write_header(count)  # as long as the first one: NumPy leaves room for the number of rows
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._publish()
        except OSError as error:
            raise disk_error(self._path.parent, error) from error
        return keep_with(open_npy(self._path), self._keeper)

    def _publish(self) -> None:
        """Give the file its name, unless another process of the same study was faster, whose file is in use."""
        try:
            os.link(self._temporary, self._path)
        except FileExistsError:
            if open_npy(self._path).fingerprint() != open_npy(self._temporary).fingerprint():
                raise _changed(self._name, self._path, "others") from None
        except OSError:  # a file system without links
            os.replace(self._temporary, self._path)
        Path(self._temporary).unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove what was written."""
        with contextlib.suppress(OSError):  # of a full disk, to which the rest of the buffer cannot be written
            self._file.close()
        Path(self._temporary).unlink(missing_ok=True)

    def _write_header(self, count: int) -> None:
        facts = {"descr": self._like.dtype.str, "fortran_order": False, "shape": (count, *self._like.shape[1:])}
        np.lib.format.write_array_header_1_0(self._file, facts)


@dataclass
class _Compared:
    """Rows that a folder holds from an earlier reading, compared with those of this one."""

    path: Path
    name: str
    _stored: StoredArray = field(init=False)

    def __post_init__(self) -> None:
        self._stored = open_npy(self.path)

    def append(self, rows: np.ndarray, first: int) -> None:
        """Compare rows with the next ones of the file."""
        last = first + len(rows)
        before = self._stored.raw(np.arange(first, min(last, len(self._stored))))
        kind = before.dtype == rows.dtype and before.shape[1:] == rows.shape[1:]
        alike = kind and len(before) == len(rows) and before.tobytes() == rows.tobytes()
        if not alike:
            raise _changed(self.name, self.path, f"others among rows {first:,} to {last - 1:,}")

    def finish(self, count: int) -> StoredArray:
        """Return the rows of the file."""
        if count != len(self._stored):
            raise _changed(self.name, self.path, f"{count:,} of {len(self._stored):,}")
        return self._stored

    def abandon(self) -> None:
        """Leave the file as it is."""


def _changed(name: str, path: Path, text: str) -> InputError:
    """Return the error for rows that differ from those of an earlier reading."""
    return InputError(
        f"Expected the rows of {name} that {str(path)!r} holds from an earlier reading, got {text}. Take out what "
        "makes each reading differ, such as shuffling, or give another folder."
    )


def check_numbers(rows: np.ndarray, name: str) -> None:
    """Raise `InputError` for rows of anything but numbers, which cannot be on disk."""
    if rows.dtype.kind not in "biuf":
        raise InputError(
            f"Expected numbers in {name}, got {rows.dtype}. Encode text first, or use a preparation that takes it from "
            "memory (rows_in='memory')."
        )


def check_finite(rows: np.ndarray, name: str, first: int = 0) -> None:
    """Raise `InputError` for numbers that are not finite as float32; the first of the rows has the number `first`."""
    if rows.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):
        finite = np.isfinite(rows.astype(np.float32, copy=False))
    if not finite.all():
        row, *rest = np.argwhere(~finite)[0].tolist()
        raise InputError(
            f"Expected finite numbers in {name}, got {rows[(row, *rest)]} at {(first + row, *rest)}. Fill or drop "
            "missing values first."
        )


def _check_alike(rows: np.ndarray, like: np.ndarray, first: int) -> None:
    if rows.shape[1:] != like.shape[1:] or rows.dtype != like.dtype:
        raise InputError(
            f"Expected rows of shape {like.shape[1:]} and type {like.dtype} in every batch, got {rows.shape[1:]} and "
            f"{rows.dtype} from row {first:,} on. Bring the batches to one shape and type."
        )

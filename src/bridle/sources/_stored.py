"""`StoredArray`: rows that stay on disk and are read by index, with no page of the file resident in memory."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from bridle._errors import InputError, KindError, first_line
from bridle.sources._row_file import RowFile, stamp_of

BLOCK_BYTES = 2**23
"""Bytes of rows that are read at once where an array is read in sequence."""

ALIGNMENT = 64
"""Bytes of which the address of rows in memory is a multiple."""
Transform = Callable[[np.ndarray], Any]
"""Function of a block of rows, such as the `transform` of a fitted transformer of scikit-learn."""


@dataclass(frozen=True, eq=False)
class StoredArray:
    """Rows on disk, read by index or in sequence: what a study streams where rows do not fit in memory.

    It has the `shape`, `dtype` and `len` of an array. Floating-point numbers and booleans are read as float32, as a
    study reads those of an array; integers keep their type. Reads are positional: nothing stays in memory but the
    rows that were asked for. Several threads may read at once, and a copy in another process reads the same path.

    Args:
        files: where the rows are; several files are one array, in their order.
        order: int array of shape (rows,), the rows of the files that this array has; None for all of them.
        transform: function that is applied to each block of rows when it is read, row by row. Default None.

    Errors: `InputError` where a file changed, ended or is gone, or a transform gives numbers that are not finite.

    >>> import tempfile, numpy as np
    >>> path = tempfile.mktemp(suffix=".npy")
    >>> np.save(path, np.arange(12).reshape(6, 2))
    >>> rows = open_npy(path)
    >>> rows.shape, rows.take(np.array([4, 0])).tolist(), rows.select(np.array([5, 3])).slice(0, 1).tolist()
    ((6, 2), [[8, 9], [0, 1]], [[10, 11]])

    """

    files: tuple[RowFile, ...]
    order: np.ndarray | None = None
    transform: Transform | None = None

    def __len__(self) -> int:
        return self._rows_in_files if self.order is None else len(self.order)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process by path, without the rows."""
        files = tuple(replace(file, stamp=None, keeper=None) for file in self.files)
        return StoredArray, (files, self.order, self.transform)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Refuse to become one array; `load` reads all rows."""
        raise KindError(
            f"Expected rows on disk to be read in blocks, by take or slice, got a request for all {len(self):,} at "
            "once. Call load() where they fit in memory."
        )

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return rows by number, slice or index array, as from an array."""
        if isinstance(key, slice):
            first, last, step = key.indices(len(self))
            return self.slice(first, max(first, last)) if step == 1 else self.take(np.arange(first, last, step))
        if isinstance(key, int | np.integer):
            return self.take(np.array([range(len(self))[key]]))[0]
        key = np.asarray(key)
        return self.take(np.flatnonzero(key) if key.dtype.kind == "b" else np.where(key < 0, key + len(self), key))

    @property
    def shape(self) -> tuple[int, ...]:
        """(row, …)."""
        return (len(self), *self._row[0])

    @property
    def dtype(self) -> np.dtype:
        """Type of the numbers that are read."""
        return self._row[1]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all rows as they are read."""
        return self.size * self.dtype.itemsize

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Return the rows of these numbers, in their order.

        The reads are sorted by position, and rows near each other are read together.

        Errors: `IndexError` for a number below 0 or beyond the rows.
        """
        indices = np.asarray(indices, np.intp)
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"rows {indices.min()} to {indices.max()} of {len(self)}")
        return self._as_read(self.raw(indices))

    def slice(self, first: int, last: int) -> np.ndarray:
        """Return the rows from `first` up to, but not including, `last`."""
        return self.take(np.arange(first, last))

    def load(self) -> np.ndarray:
        """Return all rows as one array in memory, as they are in the file where nothing transforms them."""
        every = np.arange(len(self))
        return self.raw(every) if self.transform is None else self.take(every)

    def blocks(self, count: int | None = None) -> Iterator[np.ndarray]:
        """Yield all rows in order, `count` at a time; by default about 8 MiB."""
        for first, last in self.bounds(count):
            yield self.slice(first, last)

    def bounds(self, count: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield the first and the last row, which is not included, of blocks of `count` rows, or of about 8 MiB."""
        count = count or max(1, BLOCK_BYTES // max(1, self.files[0].row_bytes))
        for first in range(0, len(self), count):
            yield first, min(first + count, len(self))

    def select(self, indices: np.ndarray) -> "StoredArray":
        """Return an array of the rows of these numbers, in their order, without reading them."""
        indices = np.asarray(indices, np.intp)
        return replace(self, order=indices if self.order is None else self.order[indices])

    def transformed(self, transform: Transform) -> "StoredArray":
        """Return the same rows, transformed when they are read; the transform sees them as they are in the file.

        Errors: `ValueError` if they are transformed already.
        """
        if self.transform is not None:
            raise ValueError("the rows are transformed already")
        return replace(self, transform=transform)

    def raw(self, indices: np.ndarray) -> np.ndarray:
        """Return rows of the type that the file has, not transformed."""
        rows = indices if self.order is None else self.order[indices]
        out = aligned_empty((len(rows), *self.files[0].shape[1:]), self._type_in_files)
        begin = 0
        for file in self.files:
            here = np.flatnonzero((rows >= begin) & (rows < begin + file.shape[0]))
            if len(here) and file.dtype == out.dtype:
                file.read(rows[here] - begin, out, here)
            elif len(here):
                part = np.empty((len(here), *out.shape[1:]), file.dtype)
                file.read(rows[here] - begin, part, np.arange(len(here)))
                out[here] = part
            begin += file.shape[0]
        return out

    def digest(self) -> "hashlib._Hash":
        """Return the SHA-256 of the rows, which are read once, as a new hash that can go on."""
        return self._hash.copy()

    def fingerprint(self) -> str:
        """Return the fingerprint that `bridle` gives to an array of the same rows, 64 hexadecimal digits."""
        return self._hash.hexdigest()

    def hash_into(self, digest: "hashlib._Hash") -> None:
        """Add the type, the shape and the bytes of the rows to a hash, in blocks, as an array adds them."""
        plain = self.transform is None
        kind = self._type_in_files if plain else self.dtype
        shape = (len(self), *self.files[0].shape[1:]) if plain else self.shape
        head = f"{kind.str} {shape}".encode()
        digest.update(len(head).to_bytes(8, "little") + head)
        digest.update((math.prod(shape) * kind.itemsize).to_bytes(8, "little"))
        for first, last in self.bounds():
            rows = np.arange(first, last)
            digest.update((self.raw(rows) if plain else self.take(rows)).data.cast("B"))

    @cached_property
    def _hash(self) -> "hashlib._Hash":
        digest = hashlib.sha256()
        self.hash_into(digest)
        return digest

    @cached_property
    def _rows_in_files(self) -> int:
        return sum(file.shape[0] for file in self.files)

    @cached_property
    def _type_in_files(self) -> np.dtype:
        """The type of the file, or of several files the one that holds the numbers of all."""
        kinds = {file.dtype for file in self.files}
        return kinds.pop() if len(kinds) == 1 else np.result_type(*kinds)

    @cached_property
    def _row(self) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and type of one row as it is read."""
        if self.transform is None:
            return self.files[0].shape[1:], read_type(self._type_in_files)
        row = self.take(np.arange(min(1, len(self))))
        return row.shape[1:], row.dtype

    def _as_read(self, rows: np.ndarray) -> np.ndarray:
        """Return rows as a study takes them: transformed, of a type that it computes with, and finite."""
        if self.transform is None:
            return rows.astype(read_type(rows.dtype), copy=False)
        rows = np.asarray(self.transform(rows))
        rows = rows.astype(read_type(rows.dtype), copy=False)
        if rows.dtype.kind == "f" and not np.isfinite(rows).all():
            raise InputError(
                f"Expected finite numbers after the preparation of rows in {self.files[0].path!r}, got NaN or "
                "infinity. Use a preparation that leaves none."
            )
        return rows


def aligned_empty(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Return an array that is not filled yet, at an address that JAX on a CPU uses without a copy."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    return memory[begin : begin + size].view(dtype).reshape(shape)


def read_type(dtype: np.dtype) -> np.dtype:
    """Return the type as which a study reads numbers: float32, or integers as they are.

    >>> read_type(np.dtype("float64")), read_type(np.dtype(bool)), read_type(np.dtype("uint8"))
    (dtype('float32'), dtype('float32'), dtype('uint8'))
    """
    return dtype.newbyteorder("=") if dtype.kind in "iu" else np.dtype(np.float32)


def keep_with(rows: StoredArray, keeper: object) -> StoredArray:
    """Return the same rows, which keep an object alive."""
    return replace(rows, files=tuple(replace(file, keeper=keeper) for file in rows.files))


def join_stored(arrays: Sequence[StoredArray]) -> StoredArray:
    """Return the rows of several arrays one after another, without reading them.

    Errors: `ValueError` if their rows differ in shape or transform.
    """
    first = arrays[0]
    for array in arrays[1:]:
        if array.files[0].shape[1:] != first.files[0].shape[1:] or array.transform != first.transform:
            raise ValueError(f"rows of shape {array.shape[1:]} after rows of shape {first.shape[1:]}")
    if all(array.files == first.files for array in arrays):  # as for the sides of a fold
        orders = [np.arange(len(array)) if array.order is None else array.order for array in arrays]
        return replace(first, order=np.concatenate(orders))
    files, orders, begin = [], [], 0
    for array in arrays:
        files += array.files
        orders.append(begin + (np.arange(len(array)) if array.order is None else array.order))
        begin += array._rows_in_files
    return StoredArray(tuple(files), np.concatenate(orders), first.transform)


def open_npy(path: str | Path) -> StoredArray:
    """Return the rows of a `.npy` file of numbers, without reading them.

    Errors: `InputError` if it is no such file, holds no rows of numbers, or is shorter than its header says.
    """
    try:
        with open(path, "rb") as file:
            shape, fortran, dtype = read_header(file)
            offset = file.tell()
    except (OSError, ValueError) as error:
        raise InputError(
            f"Expected a .npy file of numbers, got {str(path)!r}: {first_line(error)} Write it by numpy.save."
        ) from error
    if fortran and len(shape) > 1:
        raise InputError(
            f"Expected {str(path)!r} with one row after another, got columns first. Save numpy.ascontiguousarray(x)."
        )
    return open_rows(path, offset, shape, dtype)


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return the shape, whether columns come first, and the type at the begin of a `.npy` file.

    Errors: `ValueError` if it is no such file.
    """
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(file)
    except (TokenError, TypeError, SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise ValueError(f"its header is damaged: {first_line(error)}") from error


def open_rows(path: str | Path, offset: int, shape: Sequence[int], dtype: Any) -> StoredArray:
    """Return rows that begin at a byte of a file, without reading them.

    Errors: `InputError` if they are no numbers, or the file is shorter.
    """
    dtype, path = np.dtype(dtype), str(Path(path).absolute())
    if dtype.kind not in "biuf" or not shape or min(shape) < 0 or 0 in shape[1:]:
        raise InputError(f"Expected rows of numbers in {path!r}, got {dtype} of shape {tuple(shape)}.")
    file = RowFile(path, int(offset), tuple(map(int, shape)), dtype, stamp_of(path))
    needed = file.offset + file.shape[0] * file.row_bytes
    if file.stamp is not None and file.stamp[0] < needed:
        raise InputError(
            f"Expected {needed:,} bytes in {path!r} for {shape[0]:,} rows, got {file.stamp[0]:,}. It was cut off, or "
            "is still being written."
        )
    return StoredArray((file,))

"""Files of rows: `.npy`, `.npz`, HDF5 and Parquet, memory maps and datasets of h5py."""

import contextlib
import math
import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bridle._errors import BridleError, InputError, first_line, nearest_names
from bridle.sources._stored import BLOCK_BYTES, StoredArray, open_npy, open_rows, read_header
from bridle.sources._streams import Stream

HDF5, PARQUET = (".h5", ".hdf5"), (".parquet", ".pq")
SUFFIXES = (".npy", ".npz", *HDF5, *PARQUET)
"""Ends of the paths that are files of rows."""
PARTS = ("y", "sample_weight", "groups", "time")
"""Parts of rows beside x, and the names under which a `.npz` or HDF5 file holds them."""

UNREADABLE = (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, RuntimeError, MemoryError)
"""Errors of the libraries that read files, where a file is damaged."""

Rows = StoredArray | Stream
"""Rows of a file that were not read yet."""


def is_path(value: Any) -> bool:
    """Return True for the path of a file of rows."""
    return isinstance(value, Path) or (isinstance(value, str) and value.lower().endswith(SUFFIXES))


def open_file(path: str | Path, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of the rows in a file, without reading those of x: x, and what of `PARTS` it has.

    Args:
        path: a file of numbers.
        names: for each part that does not have its own name, the array, the column, or a list of columns that holds it.

    Errors: `InputError` if the file cannot be read, has another kind, or lacks a name.

    """
    path, suffix = str(Path(path).absolute()), Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"Expected a file of rows that ends in {', '.join(SUFFIXES)}, got {path!r}. For a table of text, use "
            "bridle.tune."
        )
    if not Path(path).is_file():
        raise InputError(f"Expected a file of rows, got {path!r}, which is none. Check the path.")
    with _readable(path):
        if suffix == ".npy":
            _check_names(path, names, ())
            return {"x": open_npy(path)}
        if suffix in PARQUET:
            return _open_parquet(path, names)
        return _open_arrays(path, names, *((_hdf5_names, open_hdf5) if suffix in HDF5 else (_npz_names, _open_npz)))


def held_names(path: str | Path) -> list[str]:
    """Return the names of the columns or arrays in a file; none of a `.npy` file, or where there is no file."""
    path, suffix = str(path), Path(path).suffix.lower()
    if suffix not in SUFFIXES or suffix == ".npy" or not Path(path).is_file():
        return []
    with _readable(path):
        if suffix in PARQUET:
            return list(_parquet().ParquetFile(path).schema_arrow.names)
        return _hdf5_names(path) if suffix in HDF5 else _npz_names(path)


@contextlib.contextmanager
def _readable(path: str) -> Iterator[None]:
    """Turn what a library says about a damaged file into a sentence."""
    try:
        yield
    except BridleError:
        raise
    except (*UNREADABLE, zipfile.BadZipFile, zlib.error, struct.error) as error:
        raise InputError(
            f"Expected a file of rows in {path!r}, got one that cannot be read: {first_line(error)} Write it again."
        ) from error


def open_memmap(array: np.memmap) -> StoredArray | None:
    """Return the rows of a NumPy memory map by their place in its file; None where they lie otherwise.

    Rows that are not next to each other, and those of a copy-on-write map, are not what the file holds.
    """
    root: Any = array
    while isinstance(root, np.ndarray):
        root = root.base
    plain = array.flags.c_contiguous and array.ndim > 0 and array.size > 0 and array.dtype.kind in "biuf"
    if not plain or not isinstance(root, mmap.mmap) or array.filename is None or array.mode == "c":
        return None
    if array.mode != "r":
        array.flush()
    address = np.frombuffer(root, np.uint8).__array_interface__["data"][0]
    begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY  # where the system begins to map
    offset = begin + array.__array_interface__["data"][0] - address
    return open_rows(os.fspath(array.filename), offset, array.shape, array.dtype)


def open_hdf5(path: str, name: str) -> Rows:
    """Return the rows of a dataset in an HDF5 file: on disk as they are, or a stream of those in chunks."""
    import h5py

    with h5py.File(path, "r") as file:
        return _hdf5_rows(file[name], path, partial(_hdf5_blocks, path, name), by_path=True)


def open_dataset(dataset: Any) -> Rows:
    """Return the rows of an open `h5py.Dataset`."""
    if dataset.file.mode != "r":
        dataset.file.flush()
    return _hdf5_rows(dataset, dataset.file.filename, partial(_blocks, dataset), by_path=False)


def _hdf5_rows(dataset: Any, path: str, blocks: Any, *, by_path: bool) -> Rows:
    name = f"{path}{dataset.name}"
    if dataset.ndim == 0:
        raise InputError(f"Expected an array of rows in {name!r}, got a single value.")
    offset = None if dataset.chunks or dataset.external or not Path(path).is_file() else dataset.id.get_offset()
    if offset is None:
        return Stream(blocks, name, len(dataset), by_path=by_path)
    return open_rows(path, offset, dataset.shape, dataset.dtype)


def _hdf5_blocks(path: str, name: str) -> Iterator[np.ndarray]:
    import h5py

    with _readable(path), h5py.File(path, "r") as file:
        yield from _blocks(file[name])


def _blocks(dataset: Any) -> Iterator[np.ndarray]:
    """Yield blocks of about 8 MiB."""
    count = max(1, BLOCK_BYTES // max(1, int(np.prod(dataset.shape[1:])) * dataset.dtype.itemsize))
    for first in range(0, len(dataset), count):
        yield dataset[first : first + count]


def _hdf5_names(path: str) -> list[str]:
    import h5py

    with h5py.File(path, "r") as file:
        return [name for name, item in file.items() if isinstance(item, h5py.Dataset)]


def _npz_names(path: str) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def _open_npz(path: str, name: str) -> Rows:
    """Return the rows of an array in a `.npz` file: on disk as they are, or a stream of those that are compressed."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{name}.npy")
        with archive.open(member) as file:
            shape, fortran, dtype = read_header(file)
            header = file.tell()
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or not shape or (fortran and len(shape) > 1) or not 0 < size <= member.file_size - header:
        raise InputError(
            f"Expected rows one after another as {name!r} in {path!r}, got {dtype} of shape {shape}"
            f"{', columns first' if fortran else ''} in {member.file_size - header:,} bytes. Save an array of "
            "numbers, with numpy.ascontiguousarray."
        )
    if member.compress_type != zipfile.ZIP_STORED or dtype.kind not in "biuf":
        return Stream(partial(_npz_blocks, path, name), f"{path}: {name}", next(iter(shape)), by_path=True)
    with open(path, "rb") as raw:
        raw.seek(member.header_offset + 26)
        lengths = struct.unpack("<HH", raw.read(4))  # of the name and of further fields, before the content
    return open_rows(path, member.header_offset + 30 + sum(lengths) + header, shape, dtype)


def _npz_blocks(path: str, name: str) -> Iterator[np.ndarray]:
    with _readable(path), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        shape, _, dtype = read_header(file)
        row = int(np.prod(shape[1:], dtype=int)) * dtype.itemsize
        count = max(1, BLOCK_BYTES // max(1, row))
        for first in range(0, shape[0], count):
            rows = min(count, shape[0] - first)
            yield np.frombuffer(file.read(rows * row), dtype).reshape(rows, *shape[1:])


def _open_arrays(path: str, names: Mapping[str, Any], list_names: Any, open_rows_of: Any) -> dict[str, Any]:
    """Return the parts of a file of named arrays: `x`, or the only array; `y` and the others by their names."""
    held = list_names(path)
    _check_names(path, names, held)
    given = {part: _listed(names.get(part) or part) for part in PARTS}
    others = [name for name in held if not any(name in some for some in given.values())]
    if "x" not in held and len(others) != 1:
        raise InputError(f"Expected an array 'x' in {path!r}, got none. {nearest_names('x', held)} Save it as x.")
    x = "x" if "x" in held else others[0]
    return {"x": open_rows_of(path, x)} | {
        part: _beside([open_rows_of(path, name) for name in some], path, some)
        for part, some in given.items()
        if set(some) <= set(held)
    }


def _listed(given: Any) -> list[str]:
    """Return a name or several as a list."""
    return [given] if isinstance(given, str) else list(given)


def _beside(arrays: Sequence[Rows], path: str, names: Sequence[str]) -> Any:
    """Return the only array unread, or several as the columns of one array in memory."""
    if len(arrays) == 1:
        return arrays[0]
    read = [array.load() if isinstance(array, StoredArray) else np.concatenate(list(array)) for array in arrays]
    columns = [array[:, None] if array.ndim == 1 else array for array in read]
    shapes = [array.shape for array in read]
    if len({(len(array), *array.shape[2:]) for array in columns}) > 1:
        raise InputError(
            f"Expected arrays of as many rows as {', '.join(map(repr, names))} in {path!r}, got the shapes "
            f"{', '.join(map(str, shapes))}. Name arrays that are columns of one table."
        )
    return np.concatenate(columns, axis=1)


def _check_names(path: str, names: Mapping[str, Any], held: Sequence[str]) -> None:
    """Raise `InputError` for a name that a file does not have."""
    for part, given in names.items():
        for name in _listed(given):
            if name not in held:
                raise InputError(f"Expected {part} as {name!r} in {path!r}, got none. {nearest_names(name, held)}")


@dataclass(frozen=True)
class ColumnBlocks:
    """Numeric columns of a Parquet file as blocks of one array."""

    path: str
    columns: tuple[str, ...]
    dtype: np.dtype

    def __call__(self) -> Iterator[np.ndarray]:
        """Yield blocks of shape (rows of the block, columns)."""
        with _readable(self.path):
            file, rows = _parquet().ParquetFile(self.path), max(1, BLOCK_BYTES // (8 * len(self.columns)))
            for batch in file.iter_batches(rows, columns=list(self.columns)):
                columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in self.columns]
                yield np.stack([column.astype(self.dtype) for column in columns], axis=1)


@dataclass(frozen=True)
class Columns:
    """Columns of a Parquet file that are read at once: a data frame, or the values of one column."""

    path: str
    columns: tuple[str, ...]
    is_table: bool

    def load(self) -> Any:
        """Return them."""
        with _readable(self.path):
            table = _parquet().read_table(self.path, columns=list(self.columns)).to_pandas()
        return table if self.is_table else table[self.columns[0]].to_numpy()


def _open_parquet(path: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a Parquet file: those that are named, and all others as x.

    Columns of numbers are one array. With columns of another type, x is a data frame.
    """
    file = _parquet().ParquetFile(path)
    held = file.schema_arrow.names
    _check_names(path, names, held)
    parts = {part: _listed(given) for part, given in names.items()}
    named = {name for columns in parts.values() for name in columns}
    parts = {"x": [name for name in held if name not in named], **parts}
    if not parts["x"]:
        raise InputError(f"Expected columns of x in {path!r}, got none beside {', '.join(map(repr, named))}.")
    opened = {}
    for part, columns in parts.items():
        dtype = _common_type(file, columns)
        is_table = part == "x" or len(columns) > 1
        if is_table and dtype is not None:
            blocks = ColumnBlocks(path, tuple(columns), dtype)
            opened[part] = Stream(blocks, path, file.metadata.num_rows, by_path=True)
        else:
            opened[part] = Columns(path, tuple(columns), is_table)
    return opened


def _common_type(file: Any, columns: Sequence[str]) -> np.dtype | None:
    """Return the type that holds all columns: a float where some are, or where numbers are missing; None for text."""
    fields = [file.schema_arrow.field(name) for name in columns]
    try:
        kinds = [np.dtype(field.type.to_pandas_dtype()) for field in fields]
    except (TypeError, NotImplementedError):
        return None
    if not all(kind.kind in "biuf" for kind in kinds):
        return None
    missing = [kind.kind != "f" and _missing(file, name) for kind, name in zip(kinds, columns, strict=True)]
    return np.result_type(*kinds, *([np.float32] if any(missing) else []))


def _missing(file: Any, name: str) -> bool:
    """Return True if a column has rows without a value, as the file says of itself."""
    index, meta = file.schema_arrow.names.index(name), file.metadata
    groups = [meta.row_group(number).column(index).statistics for number in range(meta.num_row_groups)]
    return any(group is None or group.null_count for group in groups)


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise InputError(
            "Expected pyarrow to read a Parquet file, which is not installed. Run pip install 'bridle[parquet]'."
        ) from error
    return pyarrow.parquet

"""Arrays as bytes and back, without pickle and with sizes checked first; complete files; fingerprints of rows."""

import hashlib
import io
import math
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from bridle.wording import has_valid_characters

MIN_UNPACKED_BYTES = 2**28
"""Size to which arrays of any file may unfold."""
MAX_UNPACKED_RATIO = 64
"""Ratio of the arrays' size to that of the file up to which they may unfold, where that is more."""


def pack(arrays: Mapping[str, np.ndarray], compress: bool = False) -> bytes:
    """Return arrays by name as the bytes of a `.npz` file."""
    buffer = io.BytesIO()
    write: Callable[..., None] = np.savez_compressed if compress else np.savez
    write(buffer, **arrays)
    return buffer.getvalue()


def unpack(blob: bytes) -> dict[str, np.ndarray]:
    """Return the arrays that `pack` packed.

    Errors: `ValueError` for bytes that are no `.npz` file, that hold objects, or whose arrays are of another size than
    they say, or of more than a file of this size may hold.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            _check(archive.infolist(), max(MIN_UNPACKED_BYTES, MAX_UNPACKED_RATIO * len(blob)))
            return dict(_array(archive, member) for member in archive.infolist())
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, KeyError, OverflowError, RuntimeError) as error:
        raise ValueError(f"no whole archive of arrays: {error}") from error


def _check(members: list[zipfile.ZipInfo], limit: int) -> None:
    total = sum(member.file_size for member in members)
    if total > limit:
        raise ValueError(f"arrays of {total} bytes, where {limit} are allowed")
    if len({member.filename for member in members}) != len(members):
        raise ValueError("an array that is there twice")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[str, np.ndarray]:
    name = member.filename.removesuffix(".npy")
    if name == member.filename:
        raise ValueError(f"{name!r}, which is no array")
    with archive.open(member) as file:
        shape, fortran, kind = _header(file)
        if kind.hasobject or not kind.itemsize:
            raise ValueError(f"no numbers in {name!r}")
        size = math.prod(shape) * kind.itemsize
        content = file.read(size + 1) if size <= member.file_size else b""
    if len(content) != size or size > member.file_size:
        raise ValueError(f"{name!r} whose size differs from its header")
    flat = np.frombuffer(bytearray(content), kind) if size else np.empty(math.prod(shape), kind)
    if not has_valid_characters(flat):
        raise ValueError(f"{name!r} with invalid characters")
    return name, flat.reshape(shape, order="F" if fortran else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, Any]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"an array of version {version}")


def write_atomic(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file that is complete under its name or absent, also after a power failure.

    The steps are: temporary name, fsync, rename, fsync of the folder.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        _sync(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Make a new name durable, where the system knows how."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fingerprint(*values: Any) -> str:
    """Return the SHA-256 of rows as 64 hexadecimal digits.

    The hash covers the structure, the type, shape and bytes of each array, and the column names of
    tables. The same numbers as float32 and as float64 are different rows, for they train differently.

    Args:
        values: arrays, tables, lists, or dictionaries and tuples of them; None for what was not given. An object
            with a method `hashed_parts` is hashed as the value that it returns.

    >>> fingerprint([[0.0, 1.0]], [1])[:16]
    'beb9e44e994daab6'
    >>> fingerprint([[0.0, 1.0]], [1]) == fingerprint([[1.0, 0.0]], [1])
    False

    """
    digest = hashlib.sha256()
    for value in values:
        for piece in _pieces(value):
            digest.update(len(piece).to_bytes(8, "little"))
            digest.update(piece)
    return digest.hexdigest()


def _pieces(value: Any) -> Iterator[bytes | memoryview]:
    """Yield the bytes to hash of one value."""
    if hasattr(value, "hashed_parts"):
        value = value.hashed_parts()
    if hasattr(value, "columns"):
        value = {str(name): value.iloc[:, index] for index, name in enumerate(value.columns)}
    if isinstance(value, dict):
        yield f"dictionary of {len(value)}".encode()
        for name, inner in value.items():
            yield str(name).encode()
            yield from _pieces(inner)
    elif isinstance(value, tuple) or (isinstance(value, list) and value and isinstance(value[0], np.ndarray)):
        yield f"tuple of {len(value)}".encode()
        for inner in value:
            yield from _pieces(inner)
    else:
        array = np.ascontiguousarray(value)
        yield f"{array.dtype.str} {array.shape}".encode()
        yield repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()

"""Arrays as bytes and back: nothing is pickled, and nothing is made before its size was checked."""

import io
import math
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from bridle._text import has_valid_characters

FLOOR, RATIO = 2**28, 64
"""What arrays may unfold to: so many bytes, or so many times the size of the file where that is more."""


def pack(arrays: Mapping[str, np.ndarray], compress: bool = False) -> bytes:
    """Arrays by name as the bytes of a `.npz` file."""
    buffer = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def unpack(blob: bytes) -> dict[str, np.ndarray]:
    """What `pack` packed.

    Errors: `ValueError` for bytes that are no `.npz` file, that hold objects, or whose arrays are of another size than
    they say, or of more than a file of this size may hold.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            _check(archive.infolist(), max(FLOOR, RATIO * len(blob)))
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
        raise ValueError(f"{name!r} with another size than it says")
    flat = np.frombuffer(bytearray(content), kind) if size else np.empty(math.prod(shape), kind)
    if not has_valid_characters(flat):
        raise ValueError(f"{name!r} with text of no characters")
    return name, flat.reshape(shape, order="F" if fortran else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, Any]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"an array of version {version}")

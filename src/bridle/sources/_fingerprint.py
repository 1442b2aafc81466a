"""Fingerprints of rows: the same for the same rows, wherever they are."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bridle.sources._stored import StoredArray


def fingerprint(*values: Any) -> str:
    """Return the SHA-256 of rows as 64 hexadecimal digits.

    The hash covers the structure, the type, shape and bytes of each array, and the column names of
    tables. The same numbers as float32 and as float64 are different rows, for they train differently.

    Args:
        values: arrays, tables, lists, rows on disk, or dictionaries and tuples of them; None for what was not given. An
            object with a method `hashed_parts` is hashed as the value that it returns.

    >>> fingerprint([[0.0, 1.0]], [1])[:16]
    'beb9e44e994daab6'
    >>> fingerprint([[0.0, 1.0]], [1]) == fingerprint([[1.0, 0.0]], [1])
    False

    """
    digest = None
    for value in values:
        for piece in _pieces(value):
            if isinstance(piece, StoredArray) and digest is None:
                digest = piece.digest()  # of rows that are read once
                continue
            digest = digest or hashlib.sha256()
            if isinstance(piece, StoredArray):
                piece.hash_into(digest)
            else:
                digest.update(len(piece).to_bytes(8, "little"))
                digest.update(piece)
    return (digest or hashlib.sha256()).hexdigest()


def row_hashes(rows: Any) -> np.ndarray:
    """Return a hash of each row, uint64 (row,); of several inputs, of those of each, in no order.

    Numbers are hashed as float32, so that a row is found again in another type, and inputs in another container.

    >>> int(row_hashes([[2.0, 3.0]])[0]) == int(row_hashes(np.array([[2, 3]], object))[0])
    True

    """
    if isinstance(rows, dict | tuple):
        parts = [row_hashes(part) for part in (rows.values() if isinstance(rows, dict) else rows)]
        return parts[0] if len(parts) == 1 else _hashes(b"".join(sorted(row)) for row in zip(*parts, strict=False))
    if isinstance(rows, StoredArray):
        return np.concatenate([np.zeros(0, np.uint64), *map(row_hashes, rows.blocks())])
    array = np.atleast_1d(np.asarray(rows))
    if array.dtype.kind in "OUS":  # such as the columns of a data frame whose types differ
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            array = array.astype(np.float32)
    if array.dtype.kind in "biuf":
        return _hashes(row.tobytes() for row in np.ascontiguousarray(array, np.float32))
    return _hashes(repr(row).encode() for row in array.tolist())


def _hashes(texts: Iterable[bytes]) -> np.ndarray:
    return np.array(
        [int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") for text in texts], np.uint64
    )


def _pieces(value: Any) -> Iterator[bytes | memoryview | StoredArray]:
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
    elif isinstance(value, StoredArray):
        yield value
    else:
        array = np.ascontiguousarray(value)
        yield f"{array.dtype.str} {array.shape}".encode()
        yield repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()

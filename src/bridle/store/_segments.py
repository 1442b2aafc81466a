"""Segments: fits that were committed together, as one file of arrays named by its SHA-256."""

import os
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np

from bridle._errors import StoreError
from bridle.store._arrays import pack, unpack, write_atomic

FOLDER = "shards"
"""Folder of the segments; the name is that of format 3."""
CACHE_BYTES = 2**28
"""Size of the segments that stay in memory after reading."""

Record = Mapping[str, np.ndarray]
"""Stored arrays of one fit, by name."""


def write_segment(folder: Path, records: Mapping[bytes, Record], compress: bool = False) -> tuple[str, int]:
    """Write fits by their keys to a new file, complete or not at all; return its SHA-256 and size."""
    blob = pack(_stack_records(records), compress)
    name = sha256(blob).hexdigest()
    path = segment_path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_atomic(path, lambda file: file.write(blob))
    return name, len(blob)


class SegmentReader:
    """Reader of segments, with a cache of the last ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache: OrderedDict[str, tuple[dict[bytes, Record], int]] = OrderedDict()

    def members(self, name: str) -> dict[bytes, Record]:
        """Return the fits of a segment by their keys.

        Errors: `StoreError` where the file is missing, or is not the one that was committed.
        """
        if name not in self._cache:
            self._cache[name] = read_segment(self._folder, name)
            while len(self._cache) > 1 and sum(size for _, size in self._cache.values()) > CACHE_BYTES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(name)
        return self._cache[name][0]


def read_segment(folder: Path, name: str) -> tuple[dict[bytes, Record], int]:
    """Return the fits of a segment by their keys, and the size of its file.

    Errors: `StoreError` where it is missing or not what was committed, or where a link stands in its place.
    """
    path = segment_path(folder, name)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            blob = file.read()
    except OSError as error:
        raise StoreError(f"Expected the shard {str(path)!r}, got: {error.strerror}. {_advice(folder)}") from error
    if sha256(blob).hexdigest() != name:
        raise StoreError(f"Expected {str(path)!r} as it was committed, found other bytes. {_advice(folder)}")
    try:
        return _split_records(unpack(blob)), len(blob)
    except (ValueError, KeyError, IndexError) as error:
        raise StoreError(f"Expected members in {str(path)!r}, found that {error}. {_advice(folder)}") from error


def segment_path(folder: Path, name: str) -> Path:
    """Return the path of a segment.

    Errors: `StoreError` for a name that is no SHA-256, which an index from elsewhere may hold.
    """
    if len(name) != 64 or set(name) - set("0123456789abcdef"):
        raise StoreError(
            f"Expected the name of a shard as 64 hexadecimal digits in {str(folder)!r}, got {name[:80]!r}."
        )
    return folder / FOLDER / name[:2] / f"{name}.npz"


def _stack_records(records: Mapping[bytes, Record]) -> dict[str, np.ndarray]:
    """Stack the records of equal layout; `member` holds (stack, row) of each key."""
    stacks: dict[tuple, list[Record]] = {}
    positions = []
    for record in records.values():
        layout = tuple((name, value.shape, value.dtype.str) for name, value in sorted(record.items()))
        stack = stacks.setdefault(layout, [])
        positions.append((list(stacks).index(layout), len(stack)))
        stack.append(record)
    keys = np.frombuffer(b"".join(records), np.uint8).reshape(len(records), -1)
    arrays = {"key": keys, "member": np.array(positions, np.int64).reshape(-1, 2)}
    for index, (layout, stack) in enumerate(stacks.items()):
        arrays |= {f"{index}/{name}": np.stack([record[name] for record in stack]) for name, _, _ in layout}
    return arrays


def _split_records(arrays: dict[str, np.ndarray]) -> dict[bytes, Record]:
    keys, positions = arrays.pop("key"), arrays.pop("member")
    stacks: dict[str, dict[str, np.ndarray]] = {}
    for name, values in arrays.items():
        index, _, array_name = name.partition("/")
        stacks.setdefault(index, {})[array_name] = values
    return {
        key.tobytes(): {name: values[row] for name, values in stacks.get(str(stack), {}).items()}
        for key, (stack, row) in zip(keys, positions, strict=True)
    }


def _advice(folder: Path) -> str:
    return (
        f"Run bridle verify {folder} --repair, which drops damaged segments, then the study again: other fits are kept."
    )

"""Shards: the members that were committed together, as one file of arrays named by its SHA-256."""

import os
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np

from bridle._errors import StoreError
from bridle.store._arrays import pack, unpack
from bridle.store._whole import write_atomic

FOLDER = "shards"
KEPT = 2**28
"""Bytes of shards that were read and are kept for the next member."""

Record = Mapping[str, np.ndarray]
"""What is stored of one member: arrays by name."""


def write_shard(folder: Path, records: Mapping[bytes, Record], compress: bool = False) -> tuple[str, int]:
    """Write members by their keys to a file of their own, whole or not at all; its SHA-256 and size."""
    blob = pack(_joined(records), compress)
    name = sha256(blob).hexdigest()
    path = path_of(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_atomic(path, lambda file: file.write(blob))
    return name, len(blob)


class Reader:
    """Reads members; what was read last is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: OrderedDict[str, tuple[dict[bytes, Record], int]] = OrderedDict()

    def members(self, name: str) -> dict[bytes, Record]:
        """The members of a shard by their keys.

        Errors: `StoreError` where the file is missing, or is not the one that was committed.
        """
        if name not in self._kept:
            self._kept[name] = read_shard(self._folder, name)
            while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(name)
        return self._kept[name][0]


def read_shard(folder: Path, name: str) -> tuple[dict[bytes, Record], int]:
    """The members of a shard by their keys, and the size of its file.

    Errors: `StoreError` where it is missing or not what was committed, or where a link stands in its place.
    """
    path = path_of(folder, name)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            blob = file.read()
    except OSError as error:
        raise StoreError(f"Expected the shard {str(path)!r}, got: {error.strerror}. {_advice(folder)}") from error
    if sha256(blob).hexdigest() != name:
        raise StoreError(f"Expected {str(path)!r} as it was committed, found other bytes. {_advice(folder)}")
    try:
        return _parted(unpack(blob)), len(blob)
    except (ValueError, KeyError, IndexError) as error:
        raise StoreError(f"Expected members in {str(path)!r}, found that {error}. {_advice(folder)}") from error


def path_of(folder: Path, name: str) -> Path:
    """Where a shard lies.

    Errors: `StoreError` for a name that is no SHA-256, which an index from elsewhere may hold.
    """
    if len(name) != 64 or set(name) - set("0123456789abcdef"):
        raise StoreError(
            f"Expected the name of a shard as 64 hexadecimal digits in {str(folder)!r}, got {name[:80]!r}."
        )
    return folder / FOLDER / name[:2] / f"{name}.npz"


def _joined(records: Mapping[bytes, Record]) -> dict[str, np.ndarray]:
    """Members of the same arrays stacked; `member` says in which stack, and where in it, each key stands."""
    stacks: dict[tuple, list[Record]] = {}
    places = []
    for record in records.values():
        alike = tuple((name, value.shape, value.dtype.str) for name, value in sorted(record.items()))
        stack = stacks.setdefault(alike, [])
        places.append((list(stacks).index(alike), len(stack)))
        stack.append(record)
    keys = np.frombuffer(b"".join(records), np.uint8).reshape(len(records), -1)
    arrays = {"key": keys, "member": np.array(places, np.int64).reshape(-1, 2)}
    for number, (alike, stack) in enumerate(stacks.items()):
        arrays |= {f"{number}/{name}": np.stack([record[name] for record in stack]) for name, _, _ in alike}
    return arrays


def _parted(arrays: dict[str, np.ndarray]) -> dict[bytes, Record]:
    keys, places = arrays.pop("key"), arrays.pop("member")
    stacks: dict[str, dict[str, np.ndarray]] = {}
    for name, values in arrays.items():
        number, _, own = name.partition("/")
        stacks.setdefault(number, {})[own] = values
    return {
        key.tobytes(): {name: values[row] for name, values in stacks.get(str(stack), {}).items()}
        for key, (stack, row) in zip(keys, places, strict=True)
    }


def _advice(folder: Path) -> str:
    return f"Run bridle verify {folder} --repair, which forgets damaged shards, then the study again: the rest is kept."

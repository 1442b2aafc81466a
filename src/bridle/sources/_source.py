"""`Source`: the rows of a study, and all that belongs to them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bridle._errors import InputError
from bridle.sources._cache import collect
from bridle.sources._files import Columns
from bridle.sources._fingerprint import fingerprint
from bridle.sources._place import Place
from bridle.sources._plain import as_frame
from bridle.sources._stored import BLOCK_BYTES, StoredArray
from bridle.sources._streams import Stream
from bridle.sources._trees import count_rows, leaves_by_name, map_leaves, take_rows

NAMES = ("x", "y", "sample_weight", "groups")
"""The parts of a source."""


@dataclass(frozen=True)
class OnPath:
    """Rows that another process reads from the same files; `tree` has what opens each array."""

    tree: Any

    def load(self) -> Any:
        """Return the rows in memory."""
        return map_leaves(lambda _, leaf: in_memory(leaf), self.tree, "")


@dataclass(frozen=True, eq=False)
class Source:
    """Rows of a study with all that belongs to them. `bridle.sources.read` makes one; `Study.run` takes it as x.

    Args:
        x: array, table, `StoredArray`, or a dictionary or tuple of them for several inputs.
        y: targets in the same order. Default None: the target is x.
        sample_weight: weights ≥ 0. Default None: all rows weigh the same.
        groups: array of shape (rows,); rows of a group stay together in splits. Default None.
        is_ordered: bool, whether rows are in the order of time, which folds then follow. Default False.
        moments: array of shape (rows,) of whole numbers, the same for rows of the same time, which folds keep together.
            Default None: no two rows have the same time.
        paths: the parts that other processes read from files, by name. Default: none.

    >>> import bridle, numpy as np
    >>> source = bridle.sources.read(np.arange(6).reshape(3, 2), [0, 1, 0])
    >>> len(source), source.take(np.array([2, 0])).x.tolist(), len(source.fingerprint())
    (3, [[4, 5], [0, 1]], 64)

    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    groups: Any = None
    is_ordered: bool = False
    moments: Any = None
    paths: Mapping[str, OnPath] = field(default_factory=dict)

    def __len__(self) -> int:
        return count_rows(self.x)

    @property
    def on_disk(self) -> bool:
        """True if some rows stay on disk."""
        return any(isinstance(leaf, StoredArray) for _, leaf in leaves_by_name(self.x, "x"))

    def fingerprint(self) -> str:
        """Return the fingerprint of x and y, 64 hexadecimal digits: the same from a file, a stream and an array."""
        return fingerprint(self.x, self.y)

    def take(self, indices: np.ndarray) -> "Source":
        """Return the rows of these numbers, in their order and in memory."""
        parts = {name: take_rows(getattr(self, name), indices) for name in NAMES}
        parts = {name: map_leaves(lambda _, leaf: in_memory(leaf), part, name) for name, part in parts.items()}
        return Source(**parts)

    def blocks(self, count: int | None = None) -> Iterator["Source"]:
        """Yield all rows in order, `count` at a time; by default about 8 MiB of x."""
        nbytes = sum(getattr(leaf, "nbytes", 0) for _, leaf in leaves_by_name(self.x, "x"))
        count = count or max(1, BLOCK_BYTES * len(self) // max(1, nbytes))
        for first in range(0, len(self), count):
            yield self.take(np.arange(first, min(first + count, len(self))))

    def in_time(self, time: Any) -> "Source":
        """Return the rows sorted by a time for each of them, equal times in the order in which they are.

        Errors: `InputError` for another number of times, and for a row without one.
        """
        times = np.asarray(time)
        if times.ndim != 1 or len(times) != len(self):
            raise InputError(f"Expected one time for each of {len(self):,} rows, got an array of shape {times.shape}.")
        try:
            missing = np.flatnonzero(times != times)  # as only NaN and NaT are
            order = np.argsort(times, kind="stable")
        except TypeError as error:
            raise InputError(f"Expected times that can be sorted, got several types. {error}") from error
        if len(missing) or (times.dtype.kind == "O" and any(value is None for value in times)):
            raise InputError(
                f"Expected a time for every row, got none in row {next(iter(missing), 0)}. Drop such rows."
            )
        parts = {name: getattr(self, name) for name in NAMES}
        changes = np.diff(np.unique(times, return_inverse=True)[1].reshape(-1)[order])
        moments = None if changes.all() else np.concatenate([[0], np.cumsum(changes)])
        if np.array_equal(order, np.arange(len(order))):
            return Source(**parts, is_ordered=True, moments=moments, paths=self.paths)
        parts = {name: take_rows(part, order) for name, part in parts.items()}
        return Source(**parts, is_ordered=True, moments=moments)


def in_memory(rows: Any, name: str = "x") -> Any:
    """Return rows in memory: those on disk and of a stream are read, tables are data frames, others are as they are.

    Messages call them by `name`.
    """
    if isinstance(rows, Stream):
        return collect(rows, Place("memory"))[0]
    return rows.load() if isinstance(rows, StoredArray | Columns) else as_frame(rows, name)


def bytes_in_memory(tree: Any) -> int:
    """Return the size of the arrays of some rows, without those on disk."""
    leaves = [leaf for _, leaf in leaves_by_name(tree, "x") if not isinstance(leaf, StoredArray)]
    return sum(leaf.nbytes for leaf in leaves if isinstance(leaf, np.ndarray))

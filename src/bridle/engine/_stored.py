"""Rows on disk: arrays that are read by index, block by block, by a thread that reads ahead."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar, runtime_checkable

import jax
import numpy as np

BLOCK_BYTES = 2**22
"""Size of the rows that are read at once. Up to `1 + READ_AHEAD` such blocks are in memory for each thread."""
READ_AHEAD = 2
"""Blocks that are read, or being read, while the fits train on one."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@runtime_checkable
class RowSource(Protocol):
    """Array on disk, of shape (row, …), whose rows are read by index: `bridle.sources.StoredArray`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """The type of the numbers that are read."""
        ...

    def take(self, indices: np.ndarray, /) -> np.ndarray:
        """Return the rows at some indices, in their order."""
        ...

    def fingerprint(self) -> str:
        """Return a hash of all rows."""
        ...


def is_stored(tree: Any) -> bool:
    """Return True if some array of a tree is on disk."""
    return any(isinstance(leaf, RowSource) for leaf in jax.tree.leaves(tree))


def row_bytes(tree: Any) -> int:
    """Return the size of one row of a tree in memory."""
    return sum(math.prod(leaf.shape[1:]) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(tree))


def on_host(tree: Any) -> Any:
    """Return a tree with its arrays in memory as those of NumPy; on a CPU they are the same memory."""
    return jax.tree.map(lambda leaf: leaf if isinstance(leaf, RowSource) else np.asarray(leaf), tree)


def take(rows: RowSource | np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return the rows at some indices, in their order."""
    return rows.take(indices) if isinstance(rows, RowSource) else np.take(np.asarray(rows), indices, axis=0)


def blocks_of(rows: RowSource | np.ndarray, first: int, end: int) -> Iterator[np.ndarray]:
    """Yield the rows from `first` to before `end` in blocks."""
    count = max(1, BLOCK_BYTES // max(1, row_bytes(rows)))
    for start in range(first, end, count):
        yield take(rows, np.arange(start, min(start + count, end)))


def spread_out(count: int, most: int) -> np.ndarray:
    """Return the indices of at most `most` of `count` rows, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def read_ahead(reader: Callable[[Request], Answer], requests: Iterable[Request]) -> Iterator[Answer]:
    """Yield the answers to requests in their order, read by a thread ahead of their use.

    An error of the reader is raised where its answer is due. The thread ends with the iterator.
    """
    thread = ThreadPoolExecutor(1)
    ahead: deque[Future[Answer]] = deque()
    try:
        for request in requests:
            ahead.append(thread.submit(reader, request))
            if len(ahead) > READ_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        thread.shutdown(cancel_futures=True)

"""Rows on disk: arrays that are read by index, block by block, by a thread that reads ahead."""

import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import jax
import numpy as np

BLOCK_BYTES = 2**23
"""Size of the rows that are read at once. Up to `BLOCKS_HELD` such blocks are in memory for each group of fits."""
READ_AHEAD = 2
"""Blocks that are read, or being read, while the fits train on others."""
MAX_LEAD = 1
"""Blocks that a fit may be ahead of another, so that it need not wait for it."""
BLOCKS_HELD = 2 + MAX_LEAD + READ_AHEAD
"""Most blocks in memory: one in use, those between the first and the last fit, and those ahead of all."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Block = TypeVar("Block")


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


def read_ahead(reader: Callable[[Request], Answer], requests: Iterable[Request]) -> Generator[Answer, None, None]:
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


def use_side_by_side(
    blocks: Generator[Block, None, None],
    fits: Sequence[int],
    use: Callable[[int, Block], None],
    report: Callable[[Block], None],
    every: Callable[..., Iterator[Any]] = map,
) -> None:
    """Let each fit use every block in order, `MAX_LEAD` blocks apart at most; each block is read once.

    Args:
        blocks: what is read, a generator, which is closed at the end.
        fits: indices of the fits.
        use: (fit, block) → None; not called for two blocks of one fit at a time.
        report: called with a block that all fits have used; an exception from it ends the work.
        every: `map`, perhaps on several threads.

    """
    shared = _SideBySide(blocks, fits, use, report)
    try:
        list(every(shared.work, fits))
    finally:
        shared.close()


class _SideBySide(Generic[Block]):
    """Blocks that several fits use, and how far each is. Whichever thread is free takes the fit that is last."""

    def __init__(
        self,
        blocks: Generator[Block, None, None],
        fits: Sequence[int],
        use: Callable[[int, Block], None],
        report: Callable[[Block], None],
    ) -> None:
        self._blocks, self._use, self._report = blocks, use, report
        self._changed = threading.Condition()
        self._held: deque[Block] = deque()
        self._passed = 0
        """Blocks that all fits have used."""
        self._following = dict.fromkeys(fits, 0)
        """The number of the next block of each fit."""
        self._busy: set[int] = set()
        self._is_reading = self._is_read = self._is_over = False
        self._workers: set[int] = set()
        """Threads at work."""

    def work(self, _: object = None) -> None:
        """Use blocks until none is left, or the work is over, as after an error in another thread."""
        failed = True
        try:
            with self._changed:
                self._workers.add(threading.get_ident())
            while (job := self._take()) is not None:
                self._use(*job)
                self._enter(job[0])
            failed = False
        finally:
            with self._changed:
                self._workers.discard(threading.get_ident())
                self._is_over |= failed
                self._changed.notify_all()

    def close(self) -> None:
        """Let threads end after what they are at, wait for them, and close the blocks."""
        with self._changed:
            self._is_over = True
            self._workers.discard(threading.get_ident())  # this one may have been interrupted at work
            self._changed.wait_for(lambda: not self._workers)
        self._blocks.close()

    def _take(self) -> tuple[int, Block] | None:
        """Return a fit and its next block, or None if all blocks have been used or are in use for the last time."""
        while True:
            with self._changed:
                known = self._passed + len(self._held)
                free = [fit for fit in self._following if fit not in self._busy]
                if self._is_read:
                    free = [fit for fit in free if self._following[fit] < known]
                    if not free and all(number >= known - 1 for number in self._following.values()):
                        return None
                if self._is_over:
                    return None
                fit = min(free, key=self._following.__getitem__, default=None)
                if fit is not None and self._following[fit] < known:
                    self._busy.add(fit)
                    return fit, self._held[self._following[fit] - self._passed]
                if fit is None or self._is_reading or known - self._passed > MAX_LEAD:
                    self._changed.wait()
                    continue
                self._is_reading = True
            self._read()

    def _read(self) -> None:
        """Add the next block."""
        block = next(self._blocks, None)
        with self._changed:
            self._is_reading, self._is_read = False, block is None
            if block is not None:
                self._held.append(block)
            self._changed.notify_all()

    def _enter(self, fit: int) -> None:
        """Count a block of a fit, and let go of the blocks that all fits have used."""
        with self._changed:
            self._busy.remove(fit)
            self._following[fit] += 1
            while self._held and min(self._following.values()) > self._passed:
                self._passed += 1
                self._report(self._held.popleft())
            self._changed.notify_all()

"""What the threads of a run share: lanes that wait, how far everything is, and whether to stop."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from bridle.engine._programs import Start
from bridle.engine._train import FitResult, FitSpec

POLL = 0.2
"""Seconds after which a thread without work asks again."""

WarmStartChain = Sequence[FitSpec]
"""Fits trained one after another, each but the first from where the one before it ended; mostly a single one."""
WorkerLane = Sequence[Sequence[FitSpec]]
"""Chains that advance side by side: for each place in them, the fits of one call."""
Train = Callable[[Sequence[FitSpec], Sequence[Start], Callable[[int], None]], list[FitResult]]
"""(fits of one call, what each begins with, told of epochs that passed) → what became of them."""


@dataclass(frozen=True)
class Batch:
    """Chains to train now."""

    chains: Sequence[WarmStartChain]
    settled: int = 0
    """Fits that ended without training here since the last request."""


@dataclass(frozen=True)
class Wait:
    """No chains now, perhaps later."""

    settled: int = 0


@dataclass(frozen=True)
class Exhausted:
    """No chains now or later."""

    settled: int = 0


class FitSource(Protocol):
    """Supply of fits to train."""

    def next(self, count: int | None = None) -> Batch | Wait | Exhausted:
        """Return about `count` chains, or a suitable number of them by default; with 0 only report the state."""
        ...


class FixedSource:
    """Source of a fixed list of chains."""

    def __init__(self, chains: Sequence[WarmStartChain]) -> None:
        self._remaining = deque(chains)

    def next(self, count: int | None = None) -> Batch | Wait | Exhausted:
        """Return the next chains: `count` of them, or all."""
        if not self._remaining:
            return Exhausted()
        size = len(self._remaining) if count is None else min(count, len(self._remaining))
        return Batch([self._remaining.popleft() for _ in range(size)]) if size else Wait()


@dataclass
class Progress:
    """Counters that workers move and the caller reads."""

    total: int
    epochs_each: int
    done: int = 0
    epochs: int = 0
    began: float = field(default_factory=perf_counter)

    @property
    def share(self) -> float:
        """The part of all epochs that is done, from 0 to 1."""
        return self.epochs / max(1, self.total * self.epochs_each)

    @property
    def seconds_left(self) -> float:
        """At the present pace; infinite before anything ran."""
        spent = perf_counter() - self.began
        return spent * (1 - self.share) / self.share if self.share > 0 else float("inf")

    def settle(self, fits: int) -> None:
        """Count fits that are there without training here."""
        self.done += fits
        self.epochs += fits * self.epochs_each


class _Stop(Exception):
    """A thread was asked to stop between two blocks."""


class Scheduler:
    """Lanes go out to one thread at a time, and outcomes come in one at a time."""

    def __init__(self, progress: Progress, source: FitSource, deliver: Callable[[FitSpec, FitResult], None]) -> None:
        self.progress = progress
        self.stop = threading.Event()
        self.errors: list[BaseException] = []
        self.waiting: deque[WorkerLane] = deque()
        self._source, self._deliver, self._lock = source, deliver, threading.RLock()

    def fetch(self, count: int | None = None) -> bool:
        """Request more work; return False where nothing more comes. With 0 only that is asked."""
        answer = self._source.next(count)
        self.progress.settle(answer.settled)
        if isinstance(answer, Batch):
            self.waiting.extend(lanes(answer.chains))
        return not isinstance(answer, Exhausted)

    def through(self, advance: Callable[[WorkerLane], None]) -> None:
        """One thread's part: lane after lane until none is left, somebody stops, or an error stops all."""
        try:
            while (lane := self._next()) is not None:
                advance(lane)
        except _Stop:
            pass
        except BaseException as error:  # handed to the calling thread, which raises it
            self.errors.append(error)
            self.stop.set()

    def _next(self) -> WorkerLane | None:
        while True:
            with self._lock:
                if not self.waiting and not self.fetch():
                    return None
                if self.waiting:
                    return self.waiting.popleft()
            if self.stop.wait(POLL):
                raise _Stop

    def conduct(self, train: Train, shard: Sequence[FitSpec], starts: Sequence[Start]) -> list[FitResult]:
        """Train the fits of one call and deliver what became of them."""
        own = list({id(fit): fit for fit in shard}.values())  # a shard that is padded holds its last fit several times
        passed = 0

        def count(epochs: int) -> None:
            nonlocal passed
            passed += epochs
            with self._lock:
                self.progress.epochs += epochs * len(own)
            if self.stop.is_set():
                raise _Stop

        outcomes = train(shard, starts, count)
        with self._lock:
            for fit, outcome in zip(own, outcomes, strict=False):
                self._deliver(fit, outcome)
            self.progress.done += len(own)
            self.progress.epochs += (self.progress.epochs_each - passed) * len(own)
        return outcomes


def lanes(chains: Sequence[WarmStartChain]) -> Iterator[WorkerLane]:
    """Chains side by side: as many as their programs are wide, of one fold and length; the last lane is padded."""
    alike: dict[tuple[int, int], list[WarmStartChain]] = {}
    for chain in chains:
        if chain[0].programs.width is None:
            yield [(fit,) for fit in chain]
        else:
            alike.setdefault((id(chain[0].rows), len(chain)), []).append(chain)
    for group in alike.values():
        width = group[0][0].programs.width
        for first in range(0, len(group), width):
            side = group[first : first + width]
            yield list(zip(*side, *[side[-1]] * (width - len(side)), strict=True))

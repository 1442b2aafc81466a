"""What the threads of a run share: lanes that wait, how far everything is, and whether to stop."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from bridle.engine._programs import Start
from bridle.engine._train import FitResult, FitSpec

POLL = 0.2
"""Seconds after which a thread without work asks again."""

WarmStartChain = Sequence[FitSpec]
"""Fits trained one after another, each but the first from where the one before it ended; mostly a single one."""
WorkerLane = Sequence[Sequence[FitSpec]]
"""Chains that advance side by side: for each place in them, the fits of one call."""
Take = Callable[[int | None], tuple[Sequence[WarmStartChain], int] | None]
"""The next chains, so many or as many as are right, and how many fits were settled otherwise since it was last asked;
no chains where there may be some later, None where nothing more comes."""
Train = Callable[[Sequence[FitSpec], Sequence[Start], Callable[[int], None]], list[FitResult]]
"""(fits of one call, what each begins with, told of epochs that passed) → what became of them."""


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

    def __init__(self, progress: Progress, take: Take, deliver: Callable[[FitSpec, FitResult], None]) -> None:
        self.progress = progress
        self.stop = threading.Event()
        self.errors: list[BaseException] = []
        self.waiting: deque[WorkerLane] = deque()
        self._take, self._deliver, self._lock = take, deliver, threading.RLock()

    def fetch(self, count: int | None = None) -> bool:
        """Ask for more work; whether there is any, or may be later. With 0 only that is asked."""
        while (taken := self._take(count)) is not None:
            self.waiting.extend(lanes(taken[0]))
            self.progress.settle(taken[1])
            if self.waiting or not taken[1]:
                return True
        return False

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

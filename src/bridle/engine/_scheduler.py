"""Scheduling of fits on threads: each takes a chain of fits, trains them block by block, and takes the next chain.

XLA releases Python's lock while a program runs. So one thread per core keeps every core busy without any process,
fork or device trick. Where fewer fits than cores are left, XLA spreads the large operations of one fit over the idle
cores. The thread that runs a fit never changes its numbers.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Protocol

from bridle.engine._device import core_count, free_memory, on_accelerator, single_threaded_blas
from bridle.engine._objective import Objective, Training
from bridle.engine._programs import Start
from bridle.engine._state import Rows
from bridle.engine._stored_train import MAX_TOGETHER, shared_readings, train_on_stored_rows
from bridle.engine._train import FitResult, FitSpec, train_batch

POLL_SECONDS = 0.2
"""Time after which a thread without work asks again."""
WATCH_SECONDS = 0.1
"""Time between two reports of progress."""
STOP_GRACE_SECONDS = 0.5
"""Time that a stopped run waits for the blocks under way."""

WarmStartChain = Sequence[FitSpec]
"""Fits trained one after another, each but the first from where the one before it ended; mostly a single one."""
WorkerLane = Sequence[Sequence[FitSpec]]
"""Chains that advance side by side: one batch of fits for each position in them."""


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
    epochs: float = 0
    """Trained epochs of all fits; on rows from disk with the part of an epoch that is done."""
    began: float = field(default_factory=perf_counter)

    @property
    def share(self) -> float:
        """Finished part of all epochs, from 0 to 1."""
        return self.epochs / max(1, self.total * self.epochs_each)

    @property
    def seconds_left(self) -> float:
        """Remaining time at the present pace; infinite before anything ran."""
        spent = perf_counter() - self.began
        return spent * (1 - self.share) / self.share if self.share > 0 else float("inf")

    def settle(self, fits: int) -> None:
        """Count fits that ended without training here."""
        self.done += fits
        self.epochs += fits * self.epochs_each


def run_fits(
    training: Training,
    chains: Sequence[WarmStartChain],
    *,
    held_out: Mapping[str, Rows],
    deliver: Callable[[FitSpec, FitResult], None],
    watch: Callable[[Progress], None],
    threads: int | None = None,
    source: FitSource | None = None,
) -> bool:
    """Run every fit of every chain; return False if Ctrl-C stopped it before all were done.

    The programs are compiled first, unless `source` has nothing left to train. An error in a worker stops
    the run and is raised here. Only a loss that is not finite is a result of its fit.

    Args:
        training: mathematics and recipe of the study's fits; a fit follows the recipe of its programs.
        chains: all fits, those included that `source` may leave out.
        held_out: rows to score trained fits on, by name.
        deliver: called once per finished fit, never by two threads at once.
        watch: called about ten times a second from the calling thread.
        threads: number of threads; by default one per core.
        source: supply of the chains to train; by default all at once.

    """
    progress = Progress(sum(map(len, chains)), int(training.recipe.stops[-1]))
    scheduler = Scheduler(training, held_out, progress, source or FixedSource(chains), deliver)
    if not scheduler.fetch(0):
        watch(progress)
        return True
    try:
        limit = _compile_and_limit(chains, lambda: watch(progress))
    except KeyboardInterrupt:
        return False
    progress.began = perf_counter()
    count = min(threads or core_count(), limit, max(1, len(chains)))
    scheduler.use_threads(count)
    workers = [threading.Thread(target=scheduler.work, daemon=True) for _ in range(count)]
    with single_threaded_blas():
        for worker in workers:
            worker.start()
        finished = _wait(workers, scheduler, watch)
    if scheduler.errors:
        raise scheduler.errors[0]
    return finished


class _StopWorker(Exception):
    """Request to a thread to end between two blocks."""


class Scheduler:
    """State that the threads of a run share: waiting lanes, progress, errors, and the request to stop."""

    def __init__(
        self,
        training: Training,
        held_out: Mapping[str, Rows],
        progress: Progress,
        source: FitSource,
        deliver: Callable[[FitSpec, FitResult], None],
    ) -> None:
        self.progress = progress
        self.stop = threading.Event()
        self.errors: list[BaseException] = []
        self._training, self._held_out, self._source, self._deliver = training, held_out, source, deliver
        self._threads, self._slots = ThreadPoolExecutor(1), threading.Semaphore(1)
        self._waiting: deque[WorkerLane] = deque()
        self._lock = threading.RLock()

    def use_threads(self, count: int) -> None:
        """Set the number of lanes, and of fits that train at once on rows from disk; others of a lane wait for rows."""
        self._threads, self._slots = ThreadPoolExecutor(count * MAX_TOGETHER), threading.Semaphore(count)

    def fetch(self, count: int | None = None) -> bool:
        """Request more work; return False if nothing more comes. With 0 only that is asked."""
        answer = self._source.next(count)
        self.progress.settle(answer.settled)
        if isinstance(answer, Batch):
            self._waiting.extend(lanes(answer.chains))
        return not isinstance(answer, Exhausted)

    def work(self) -> None:
        """Train lane after lane until none is left, the run is stopped, or an error stops it."""
        try:
            while (lane := self._next_lane()) is not None:
                before: list[FitResult] | None = None
                for fits in lane:
                    starts = [fit.start() for fit in fits]
                    if before is not None:
                        pairs = zip(starts, before, strict=True)
                        starts = [warm_start(self._training.objective, start, result) for start, result in pairs]
                    batch = _BatchInTraining(self, fits)
                    train = train_batch
                    if fits[0].programs.is_streamed:
                        train = partial(train_on_stored_rows, every=self._threads.map, slot=self._slots)
                    before = train(self._training, fits, starts, self._held_out, batch.count_epochs)
                    batch.deliver(before)
        except _StopWorker:
            pass
        except BaseException as error:  # handed to the calling thread, which raises it
            self.errors.append(error)
            self.stop.set()

    def _next_lane(self) -> WorkerLane | None:
        while True:
            with self._lock:
                if not self._waiting and not self.fetch():
                    return None
                if self._waiting:
                    return self._waiting.popleft()
            if self.stop.wait(POLL_SECONDS):
                raise _StopWorker

    def count_epochs(self, fits: int, epochs: float) -> None:
        """Count epochs of fits in training; end this thread where a stop is requested."""
        with self._lock:
            self.progress.epochs += fits * epochs
        if self.stop.is_set():
            raise _StopWorker

    def deliver(self, fits: Sequence[FitSpec], results: Sequence[FitResult], epochs: float) -> None:
        """Deliver the results of fits, of which `epochs` each are counted already."""
        with self._lock:
            for fit, result in zip(fits, results, strict=False):
                self._deliver(fit, result)
            self.progress.done += len(fits)
            self.progress.epochs += (self.progress.epochs_each - epochs) * len(fits)


class _BatchInTraining:
    """A batch of fits in training, and the epochs that are counted of it so far."""

    def __init__(self, scheduler: Scheduler, fits: Sequence[FitSpec]) -> None:
        self._scheduler, self._epochs = scheduler, 0.0
        self._fits = list({id(fit): fit for fit in fits}.values())  # a padded batch holds its last fit several times

    def count_epochs(self, epochs: float) -> None:
        """Count more epochs; end this thread where a stop is requested."""
        self._epochs += epochs
        self._scheduler.count_epochs(len(self._fits), epochs)

    def deliver(self, results: Sequence[FitResult]) -> None:
        """Deliver the results."""
        self._scheduler.deliver(self._fits, results, self._epochs)


def lanes(chains: Sequence[WarmStartChain]) -> Iterator[WorkerLane]:
    """Group chains of one fold, program and length into lanes as wide as the program; the last lane is padded.

    Chains that read the same rows from disk are in one lane.
    """
    groups: dict[tuple[int, int, int], list[WarmStartChain]] = {}
    streamed = [chain for chain in chains if chain[0].programs.is_streamed]
    for side in shared_readings(streamed):
        yield list(zip(*side, strict=True))
    for chain in chains:
        if chain[0].programs.is_streamed:
            continue
        if chain[0].programs.width is None:
            yield [(fit,) for fit in chain]
        else:
            groups.setdefault((id(chain[0].rows), id(chain[0].programs), len(chain)), []).append(chain)
    for group in groups.values():
        width = group[0][0].programs.width or 1
        for first in range(0, len(group), width):
            side = group[first : first + width]
            yield list(zip(*side, *[side[-1]] * (width - len(side)), strict=True))


def warm_start(objective: Objective, start: Start, before: FitResult) -> Start:
    """Return a start with the final weights of another fit, or the start itself where that fit diverged.

    The optimizer begins again, and so do the states of random layers: they belong to the fit.
    """
    if not before.variables:
        return start
    split = len(start.trainable)
    pairs = zip(start.other, before.variables[split:], objective.carried_over, strict=True)
    other = [trained if carried else initial for initial, trained, carried in pairs]
    return start._replace(trainable=list(before.variables[:split]), other=other)


def _compile_and_limit(chains: Sequence[WarmStartChain], before: Callable[[], None]) -> int:
    """Compile the programs of the chains, with `before` called before each; return how many calls may run at once.

    That is one on an accelerator or where operations run one by one, else as many as fit into free memory.
    """
    different = {id(chain[0].programs): chain[0].programs for chain in chains}.values()
    for programs in different:
        before()
        programs.compile()
    if on_accelerator() or any(programs.eager for programs in different):
        return 1
    largest = max((programs.memory for programs in different), default=0)
    return max(1, free_memory() // (2 * largest)) if largest else len(chains)


def _wait(workers: list[threading.Thread], scheduler: Scheduler, watch: Callable[[Progress], None]) -> bool:
    """Wait for the workers; return False if a KeyboardInterrupt ended the wait."""
    try:
        for worker in workers:
            while worker.is_alive():
                worker.join(WATCH_SECONDS)
                watch(scheduler.progress)
        watch(scheduler.progress)
        return True
    except KeyboardInterrupt:
        scheduler.stop.set()
        _join_within_grace(workers)
        return False


def _join_within_grace(workers: list[threading.Thread]) -> None:
    """Give the blocks under way a moment to end."""
    deadline = perf_counter() + STOP_GRACE_SECONDS
    for worker in workers:
        worker.join(max(0.0, deadline - perf_counter()))

"""Run members on threads: each takes a chain of fits, trains them block by block, and takes the next chain.

XLA releases Python's lock while a program runs, so one thread per core keeps every core busy without any
process, fork or device trick; where fewer members than cores are left, XLA spreads one member's large operations
over the idle ones. Which thread runs a member never changes its numbers.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter, sleep

from bridle.population._device import accelerated, cores, free_memory
from bridle.population._fit import Fit, Outcome, train
from bridle.population._member import Rows
from bridle.population._objective import Objective, Recipe
from bridle.population._programs import Start

PATIENCE = 0.5
"""Seconds that a stopped run waits for the blocks under way."""
POLL = 0.2
"""Seconds after which a worker without work asks again."""

Chain = Sequence[Fit]
"""Fits trained one after another, each but the first from where the one before it ended; mostly a single one."""
Lane = Sequence[Sequence[Fit]]
"""Chains that advance side by side: for each place in them, the fits of one call."""


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


class _Stop(Exception):
    """A worker was asked to stop between two blocks."""


def run_fits(
    objective: Objective,
    recipe: Recipe,
    chains: Sequence[Chain],
    *,
    held_out: Mapping[str, Rows],
    deliver: Callable[[Fit, Outcome], None],
    watch: Callable[[Progress], None],
    threads: int | None = None,
    take: Callable[[], tuple[Sequence[Chain], int] | None] | None = None,
) -> bool:
    """Run every fit of every chain; False where the person stopped it (Ctrl-C) before all were done.

    `take` says which chains to train next, and how many fits were settled otherwise since it was last asked; None
    where there is nothing more, and no chains where there may be some later. By default all chains are taken at once.

    `deliver` is called once per finished member, never by two threads at once; `watch` about ten times a second,
    from the calling thread. An error in a worker stops the run and is raised here: only a loss that is not
    finite is a member's own affair.
    """
    progress = Progress(sum(map(len, chains)), int(recipe.stops[-1]))
    stop, lock, errors = threading.Event(), threading.RLock(), []
    waiting: deque[Lane] = deque()
    taking = take or _once(chains)

    def fetch() -> bool:
        """Ask for more work; whether there is any, or may be later."""
        while (taken := taking()) is not None:
            waiting.extend(lanes(taken[0]))
            progress.done += taken[1]
            progress.epochs += taken[1] * progress.epochs_each
            if waiting or not taken[1]:
                return True
        return False

    def next_lane() -> Lane | None:
        while True:
            with lock:
                if not waiting and not fetch():
                    return None
                if waiting:
                    return waiting.popleft()
            if stop.wait(POLL):
                raise _Stop

    def conduct(shard: Sequence[Fit], starts: Sequence[Start]) -> list[Outcome]:
        own = {id(fit): fit for fit in shard}  # a shard that is padded holds its last fit several times
        reported = [0]

        def passed(epochs: int) -> None:
            with lock:
                progress.epochs += epochs * len(own)
                reported[0] += epochs
            if stop.is_set():
                raise _Stop

        outcomes = train(objective, recipe, shard, starts, held_out, passed)
        with lock:
            for fit, outcome in zip(own.values(), outcomes, strict=False):
                deliver(fit, outcome)
            progress.done += len(own)
            progress.epochs += (progress.epochs_each - reported[0]) * len(own)
        return outcomes

    def worker() -> None:
        try:
            while (lane := next_lane()) is not None:
                _advance(objective, lane, conduct)
        except _Stop:
            pass
        except BaseException as error:  # handed to the calling thread, which raises it
            errors.append(error)
            stop.set()

    while fetch() and not waiting:
        watch(progress)
        sleep(POLL)
    if not waiting:  # all was settled otherwise, and nothing needs to be compiled
        watch(progress)
        return True
    count = min(threads or cores(), _room(chains), max(1, len(chains)))
    crew = [threading.Thread(target=worker, daemon=True) for _ in range(count)]
    for thread in crew:
        thread.start()
    stopped = _wait(crew, progress, watch, stop)
    if errors:
        raise errors[0]
    return not stopped


def _once(chains: Sequence[Chain]) -> Callable[[], tuple[Sequence[Chain], int] | None]:
    """All chains, the first time."""
    left = [chains]
    return lambda: (left.pop(), 0) if left else None


def _room(chains: Sequence[Chain]) -> int:
    """How many calls may run at once: those that fit into free memory, one on an accelerator or where all is eager.

    Compiles their programs.
    """
    programs = {id(chain[0].programs): chain[0].programs for chain in chains}.values()
    for each in programs:
        each.ready()
    if accelerated() or any(each.eager for each in programs):
        return 1
    largest = max((each.memory for each in programs), default=0)
    return max(1, free_memory() // (2 * largest)) if largest else len(chains)


def lanes(chains: Sequence[Chain]) -> Iterator[Lane]:
    """Chains side by side: as many as their programs are wide, of one fold and length; the last lane is padded."""
    alike: dict[tuple[int, int], list[Chain]] = {}
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


def _advance(
    objective: Objective, lane: Lane, conduct: Callable[[Sequence[Fit], Sequence[Start]], list[Outcome]]
) -> None:
    """Train a lane from its first place to its last."""
    before: list[Outcome] | None = None
    for shard in lane:
        starts = [fit.start() for fit in shard]
        if before is not None:
            starts = [warm(objective, start, outcome) for start, outcome in zip(starts, before, strict=True)]
        before = conduct(shard, starts)


def warm(objective: Objective, start: Start, before: Outcome) -> Start:
    """A start with the weights that another member ended with; a cold one where that member diverged.

    The optimizer starts afresh, and so do the states of random layers: they belong to the member.
    """
    if not before.variables:
        return start
    split = len(start.trainable)
    trained = zip(start.other, before.variables[split:], objective.handed_on, strict=True)
    other = [new if handed else own for own, new, handed in trained]
    return start._replace(trainable=list(before.variables[:split]), other=other)


def _wait(
    crew: list[threading.Thread], progress: Progress, watch: Callable[[Progress], None], stop: threading.Event
) -> bool:
    """Wait for the workers; True where a KeyboardInterrupt ended the wait."""
    try:
        for thread in crew:
            while thread.is_alive():
                thread.join(0.1)
                watch(progress)
        watch(progress)
        return False
    except KeyboardInterrupt:
        stop.set()
        _finish(crew)
        return True


def _finish(crew: list[threading.Thread]) -> None:
    """Give the blocks under way a moment to end."""
    deadline = perf_counter() + PATIENCE
    for thread in crew:
        thread.join(max(0.0, deadline - perf_counter()))

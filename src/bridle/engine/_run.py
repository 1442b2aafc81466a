"""Run members on threads: each takes a chain of fits, trains them block by block, and takes the next chain.

XLA releases Python's lock while a program runs, so one thread per core keeps every core busy without any
process, fork or device trick; where fewer members than cores are left, XLA spreads one member's large operations
over the idle ones. Which thread runs a member never changes its numbers.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter

from bridle.engine._device import accelerated, cores, free_memory, single_threaded_blas
from bridle.engine._objective import Objective, Recipe
from bridle.engine._programs import Start
from bridle.engine._scheduler import FitSource, FixedSource, Progress, Scheduler, WarmStartChain, WorkerLane
from bridle.engine._state import Rows
from bridle.engine._train import FitResult, FitSpec, train

PATIENCE = 0.5
"""Seconds that a stopped run waits for the blocks under way."""


def run_fits(
    objective: Objective,
    recipe: Recipe,
    chains: Sequence[WarmStartChain],
    *,
    held_out: Mapping[str, Rows],
    deliver: Callable[[FitSpec, FitResult], None],
    watch: Callable[[Progress], None],
    threads: int | None = None,
    source: FitSource | None = None,
) -> bool:
    """Run every fit of every chain; False where the person stopped it (Ctrl-C) before all were done.

    `source` supplies the chains to train next; by default all at once. What they need is compiled first, unless
    all was settled otherwise.

    `deliver` is called once per finished member, never by two threads at once; `watch` about ten times a second,
    from the calling thread. An error in a worker stops the run and is raised here: only a loss that is not
    finite is a member's own affair.
    """
    progress = Progress(sum(map(len, chains)), int(recipe.stops[-1]))
    work = Scheduler(progress, source or FixedSource(chains), deliver)
    if not work.fetch(0):
        watch(progress)
        return True
    try:
        room = _room(chains, lambda: watch(progress))
    except KeyboardInterrupt:
        return False
    progress.began = perf_counter()

    def training(shard: Sequence[FitSpec], starts: Sequence[Start], passed: Callable[[int], None]) -> list[FitResult]:
        return train(objective, recipe, shard, starts, held_out, passed)

    advance = partial(_advance, objective, conduct=partial(work.conduct, training))
    count = min(threads or cores(), room, max(1, len(chains)))
    crew = [threading.Thread(target=work.through, args=(advance,), daemon=True) for _ in range(count)]
    with single_threaded_blas():
        for thread in crew:
            thread.start()
        stopped = _wait(crew, progress, watch, work.stop)
    if work.errors:
        raise work.errors[0]
    return not stopped


def _room(chains: Sequence[WarmStartChain], before: Callable[[], None]) -> int:
    """How many calls may run at once: those that fit into free memory, one on an accelerator or where all is eager.

    Compiles their programs; `before` is called before each.
    """
    programs = {id(chain[0].programs): chain[0].programs for chain in chains}.values()
    for each in programs:
        before()
        each.ready()
    if accelerated() or any(each.eager for each in programs):
        return 1
    largest = max((each.memory for each in programs), default=0)
    return max(1, free_memory() // (2 * largest)) if largest else len(chains)


def _advance(
    objective: Objective, lane: WorkerLane, conduct: Callable[[Sequence[FitSpec], Sequence[Start]], list[FitResult]]
) -> None:
    """Train a lane from its first place to its last."""
    before: list[FitResult] | None = None
    for shard in lane:
        starts = [fit.start() for fit in shard]
        if before is not None:
            starts = [warm(objective, start, outcome) for start, outcome in zip(starts, before, strict=True)]
        before = conduct(shard, starts)


def warm(objective: Objective, start: Start, before: FitResult) -> Start:
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

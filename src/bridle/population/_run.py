"""Run members on threads: each takes a fit, trains it block by block, hands its outcome over, and takes the next.

XLA releases Python's lock while a program runs, so one thread per core keeps every core busy without any
process, fork or device trick. Which thread runs a member never changes its numbers.
"""

import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import jax
import numpy as np

from bridle.population._member import Rows, State
from bridle.population._objective import Objective, Recipe
from bridle.population._programs import Fold, Programs, starting

BLOCK_SECONDS = 0.05
"""How long one call of the training program should take: progress and stopping happen between calls."""
PATIENCE = 0.5
"""Seconds that a stopped run waits for the blocks under way."""


@dataclass(frozen=True)
class Fit:
    """One member: what to train, from which seed, on which rows."""

    number: int
    seed: int
    fold: int
    """The fold's number, part of the member's identity; -1 for all rows."""
    setting: np.ndarray
    trainable: list[np.ndarray]
    other: list[np.ndarray]
    rows: Fold
    programs: Programs


@dataclass(frozen=True)
class Outcome:
    """What became of one member."""

    curves: np.ndarray
    """float32 (point, quantity)."""
    diverged_at: int
    diagnostics: np.ndarray
    measures: Mapping[str, np.ndarray]
    """Data loss and metrics on each held-out set."""
    variables: tuple[np.ndarray, ...]
    """The trained variables: the trainable ones, then the others."""


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


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_fits(
    objective: Objective,
    recipe: Recipe,
    fits: Sequence[Fit],
    *,
    held_out: Mapping[str, Rows],
    deliver: Callable[[Fit, Outcome], None],
    watch: Callable[[Progress], None],
    threads: int | None = None,
) -> bool:
    """Run every fit; False where the person stopped it (Ctrl-C) before all were done.

    `deliver` is called once per finished member, never by two threads at once; `watch` about ten times a second,
    from the calling thread. An error in a worker stops the run and is raised here: only a loss that is not
    finite is a member's own affair.
    """
    work: queue.SimpleQueue[Fit] = queue.SimpleQueue()
    for fit in fits:
        work.put(fit)
    progress = Progress(len(fits), int(recipe.stops[-1]))
    stop, lock, errors = threading.Event(), threading.Lock(), []

    def worker() -> None:
        try:
            while True:
                fit = work.get_nowait()
                outcome = train(objective, recipe, fit, held_out, stop, progress, lock)
                with lock:
                    deliver(fit, outcome)
                    progress.done += 1
        except (queue.Empty, _Stop):
            pass
        except BaseException as error:  # handed to the calling thread, which raises it
            errors.append(error)
            stop.set()

    crew = [threading.Thread(target=worker, daemon=True) for _ in range(min(threads or cores(), max(1, len(fits))))]
    for thread in crew:
        thread.start()
    stopped = _wait(crew, progress, watch, stop)
    if errors:
        raise errors[0]
    return not stopped


def _wait(
    crew: list[threading.Thread], progress: Progress, watch: Callable[[Progress], None], stop: threading.Event
) -> bool:
    """Wait for the workers; True where a KeyboardInterrupt ended the wait."""
    try:
        for thread in crew:
            while thread.is_alive():
                thread.join(0.1)
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


def train(
    objective: Objective,
    recipe: Recipe,
    fit: Fit,
    held_out: Mapping[str, Rows],
    stop: threading.Event,
    progress: Progress,
    lock: threading.Lock,
) -> Outcome:
    """Train one member through all its epochs, or until its loss is no longer finite."""
    lengths = np.diff(recipe.stops, prepend=0).astype(np.int32)
    curves: list[np.ndarray] = []
    state = starting(objective, fit.trainable, fit.other)
    identity = np.array([fit.seed, fit.fold + 1], np.int32)
    point, epoch, size = 0, 0, 1
    while point < len(lengths):
        count = min(size, fit.programs.capacity, len(lengths) - point)
        padded = np.zeros(fit.programs.capacity, np.int32)
        padded[:count] = lengths[point : point + count]
        began = perf_counter()
        state, measured = fit.programs.train(
            state, fit.setting, fit.rows.rows, identity, np.int32(epoch), padded, np.int32(count)
        )
        curves.append(np.asarray(measured)[:count])
        passed = int(padded.sum())
        point, epoch = point + count, epoch + passed
        size = max(1, int(count * BLOCK_SECONDS / (perf_counter() - began)))
        with lock:
            progress.epochs += passed
        if stop.is_set():
            raise _Stop
        if int(state.diverged_at) >= 0:
            break
    done = np.concatenate(curves)
    loss = done[-1, 1 + len(objective.part_names)]
    lost = int(state.diverged_at) if int(state.diverged_at) >= 0 else (-1 if np.isfinite(loss) else epoch)
    return _outcome(fit, state, done, lost, len(lengths), held_out)


def _outcome(
    fit: Fit, state: State, curves: np.ndarray, diverged_at: int, points: int, held_out: Mapping[str, Rows]
) -> Outcome:
    diagnostics, measures = fit.programs.look(state.trainable, state.other, fit.rows.rows, dict(held_out))
    whole = np.full((points, curves.shape[1]), np.nan, np.float32)
    whole[: len(curves)] = curves
    variables = tuple(np.asarray(value) for value in jax.device_get([*state.trainable, *state.other]))
    return Outcome(
        whole,
        diverged_at,
        np.asarray(diagnostics),
        {name: np.asarray(value) for name, value in measures.items()},
        variables,
    )

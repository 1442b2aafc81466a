"""Tasks on a Dask cluster: sent as workers become free, resent where one dies or hangs, entered once."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from bridle._errors import BackendError, BridleError
from bridle.engine import Batch, Exhausted, FitSource, FitSpec, Progress, WarmStartChain
from bridle.study.execution._connection import PATIENCE_SECONDS, DaskConnection
from bridle.study.execution._keys import FitKeys
from bridle.study.execution._requests import Record, Task, TaskResult

TASK_SECONDS = 5.0
"""About the time that a task takes a worker."""
TASKS_PER_WORKER = 2
"""Tasks under way for each worker, so that none waits for the next."""
FIRST_TASK_CHAINS = 4
"""Chains in a task before the pace is known."""
LATE_FACTOR = 10.0
"""A worker is overdue after this multiple of the median task time, and at least `PATIENCE_SECONDS`."""
SETUP_FACTOR = 2.0
"""Before its first task, a worker also gets this multiple of the longest setup so far."""
MAX_ATTEMPTS = 4
"""Deaths of workers on a task after which the study gives up; also the copies of a task under way at most."""
RECENT_TASKS = 20
"""Tasks over which times and paces are averaged."""


@dataclass(frozen=True)
class ClusterWork:
    """The functions that turn chains into tasks, and records into results."""

    task_of: Callable[[Sequence[WarmStartChain]], Task]
    keys_of: Callable[[WarmStartChain], list[bytes]]
    deliver: Callable[[FitSpec, Record], None]


@dataclass
class SentTask:
    """A task under way."""

    chains: list[WarmStartChain]
    task: Task
    began: float
    checked: float
    """The last time at which its worker was known to be alive."""
    futures: list[Any]
    deaths: int = 0
    """The number of workers that died on it."""


@dataclass
class Cluster:
    """A study spread over the workers of a cluster."""

    connection: DaskConnection
    keys: FitKeys
    device: str
    """The device type of this process."""
    devices: set[str] = field(default_factory=set)
    resent: int = 0
    """The number of tasks that were sent again."""
    _paces: list[float] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _longest_setup: float = 0.0
    _last_answers: dict[str, float] = field(default_factory=dict)
    """Workers that returned a result in this run, with the time of the last one."""

    @property
    def facts(self) -> dict[str, object]:
        """Facts for the record."""
        return {"cluster devices": sorted(self.devices), "shards sent again": self.resent}

    def run(self, source: FitSource, work: ClusterWork, watch: Callable[[Progress], None], progress: Progress) -> bool:
        """Run the chains of a source until it is exhausted; return False after Ctrl-C.

        Errors: those of workers; `BackendError` where the scheduler went away, or workers keep dying.
        """
        running: list[SentTask] = []
        more = True
        self._last_answers = {}  # another run has other programs to compile
        try:
            while more or running:
                if not self.connection.answers():
                    continue
                while more and len(running) < TASKS_PER_WORKER * max(1, len(self.connection.workers())):
                    answer = source.next(self._task_chains())
                    progress.settle(answer.settled)
                    more = not isinstance(answer, Exhausted)
                    if not isinstance(answer, Batch):
                        break
                    running.append(self._send(list(answer.chains), work))
                self.connection.wait([future for sent in running for future in sent.futures])
                for ended in [sent for sent in running if self._settle(sent, work, progress)]:
                    running.remove(ended)
                watch(progress)
        except KeyboardInterrupt:
            self._cancel(running)
            return False
        except BaseException:
            self._cancel(running)
            raise
        return True

    def _task_chains(self) -> int:
        if not self._paces:
            return FIRST_TASK_CHAINS
        return max(FIRST_TASK_CHAINS, math.ceil(TASK_SECONDS / median(self._paces[-RECENT_TASKS:])))

    def _send(self, chains: list[WarmStartChain], work: ClusterWork) -> SentTask:
        task, now = work.task_of(chains), perf_counter()
        return SentTask(chains, task, now, now, self.connection.submit(task))

    def _settle(self, sent: SentTask, work: ClusterWork, progress: Progress) -> bool:
        """Enter a task that ended, or resend one that failed or hangs; return whether it is done."""
        for future in list(sent.futures):
            result = self.connection.result(future) if future.status == "finished" else None
            if result is not None:
                self._enter(sent, result, work, progress)
                self._cancel([sent])
                return True
            if future.status in ("error", "cancelled", "lost"):
                self._handle_failure(sent, future)
        if not sent.futures:
            self._resend(sent)
        if len(sent.futures) < MAX_ATTEMPTS and self._hangs(sent):
            self._resend(sent)
        return False

    def _hangs(self, sent: SentTask) -> bool:
        """Return whether the worker of a task is silent or overdue; it then gets no work for a while."""
        if not sent.futures or perf_counter() - sent.checked < PATIENCE_SECONDS:
            return False
        worker = self.connection.holder(sent.futures[-1])
        if worker is None:
            return bool(self.connection.workers())
        alive = self.connection.is_alive(worker)
        if alive is None:
            return False
        sent.checked = perf_counter()
        if alive and not self._is_overdue(sent, worker):
            return False
        self.connection.suspect(worker)
        return True

    def _is_overdue(self, sent: SentTask, worker: str) -> bool:
        if not self._times:
            return False
        since = max(sent.began, self._last_answers.get(worker, 0.0))
        allowed = LATE_FACTOR * median(self._times[-RECENT_TASKS:])
        return perf_counter() - since > allowed + SETUP_FACTOR * self._longest_setup * (
            worker not in self._last_answers
        )

    def _handle_failure(self, sent: SentTask, future: Any) -> None:
        from distributed import KilledWorker

        error = self.connection.error(future)
        if isinstance(error, BridleError) or not isinstance(error, KilledWorker | OSError | None):
            raise error
        sent.futures.remove(future)
        if sent.futures:
            return
        sent.deaths += error is not None
        if sent.deaths >= MAX_ATTEMPTS:
            raise BackendError(
                f"{MAX_ATTEMPTS} workers died while running a task of {sum(map(len, sent.chains))} fits, possibly out "
                "of memory. Committed fits are kept."
            ) from error

    def _resend(self, sent: SentTask) -> None:
        futures = self.connection.submit(sent.task)
        self.resent += len(futures)
        sent.began = sent.checked = perf_counter()
        sent.futures += futures

    def _enter(self, sent: SentTask, result: TaskResult, work: ClusterWork, progress: Progress) -> None:
        self.devices.add(result.device)
        same_device = result.device == self.device
        for chain, keys, records in zip(sent.chains, result.keys, result.records, strict=True):
            if same_device and keys != work.keys_of(chain):
                raise BackendError(
                    "Expected the same program and rows on every machine of the cluster, got different ones. "
                    "Install the same versions everywhere, also of custom modules."
                )
            for fit, record in zip(chain, records, strict=True):
                work.deliver(fit, record)
            progress.settle(len(chain))
        self._paces.append(result.seconds / max(1, len(sent.chains)))
        self._times.append(result.seconds)
        self._longest_setup = max(self._longest_setup, result.setup)
        self._last_answers[result.worker] = perf_counter()
        self.connection.trust(result.worker)

    def _cancel(self, running: list[SentTask]) -> None:
        self.connection.cancel([future for sent in running for future in sent.futures])

"""Shards on a Dask cluster: sent as workers become free, sent again where one dies or hangs, entered once."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

from bridle._errors import BackendError, BridleError
from bridle.engine import Batch, Exhausted, FitSource, FitSpec, Progress, WarmStartChain
from bridle.study.execution._connection import PATIENCE, Line
from bridle.study.execution._keys import Keys
from bridle.study.execution._requests import FitRequest
from bridle.study.execution._worker import Done, Shard

SHARD_SECONDS = 5.0
"""About how long a shard takes a worker."""
AHEAD = 2
"""Shards under way for each worker, so that none waits for the next."""
FIRST = 4
"""Chains in a shard before the pace is known."""
LATE = 10.0
"""A worker is late that brings nothing for so many times the usual time of a shard, and for `PATIENCE` at least."""
SETUP = 2.0
"""One that was not heard yet has besides so many times the longest time that one took to lay out and compile."""
ATTEMPTS = 4
"""Deaths of workers on a shard after which the study gives up, and how often at most it is sent at a time."""


@dataclass
class Sent:
    """A shard under way."""

    chains: list[WarmStartChain]
    shard: Shard
    began: float
    checked: float
    """When its worker was known to be there."""
    futures: list[Any]
    deaths: int = 0
    """How often the worker died that had it."""


@dataclass
class Cluster:
    """A study spread over the workers of a cluster."""

    line: Line
    keys: Keys
    devices: set[str] = field(default_factory=set)
    resent: int = 0
    """Shards that were sent again."""
    _paces: list[float] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _setup: float = 0.0
    """The longest so far."""
    _heard: dict[str, float] = field(default_factory=dict)
    """Workers that brought something in this run, and when they did last."""

    @property
    def facts(self) -> dict[str, object]:
        """For the record."""
        return {"cluster devices": sorted(self.devices), "shards sent again": self.resent}

    def run(
        self,
        source: FitSource,
        orders: Callable[[WarmStartChain], Sequence[FitRequest]],
        keys: Callable[[WarmStartChain], list[bytes]],
        deliver: Callable[[FitSpec, dict], None],
        watch: Callable[[Progress], None],
        progress: Progress,
        like: Shard,
    ) -> bool:
        """Run the chains of a source until it is exhausted; False after Ctrl-C.

        Errors: what a worker raised; `BackendError` where the scheduler went away, or workers keep dying.
        """
        running: list[Sent] = []
        more = True
        self._heard = {}  # another run has other programs to compile
        try:
            while more or running:
                if not self.line.answers():
                    continue
                while more and len(running) < AHEAD * max(1, len(self.line.workers())):
                    answer = source.next(self._count())
                    progress.settle(answer.settled)
                    more = not isinstance(answer, Exhausted)
                    if not isinstance(answer, Batch):
                        break
                    running.append(self._send(list(answer.chains), orders, like))
                self.line.wait([future for sent in running for future in sent.futures])
                for sent in [each for each in running if self._settle(each, keys, deliver, progress)]:
                    running.remove(sent)
                watch(progress)
        except KeyboardInterrupt:
            self._cancel(running)
            return False
        except BaseException:
            self._cancel(running)
            raise
        return True

    def _count(self) -> int:
        return max(FIRST, math.ceil(SHARD_SECONDS / median(self._paces[-20:]))) if self._paces else FIRST

    def _send(
        self, chains: list[WarmStartChain], orders: Callable[[WarmStartChain], Sequence[FitRequest]], like: Shard
    ) -> Sent:
        shard = Shard(like.outer, like.refits, tuple(tuple(orders(chain)) for chain in chains), like.width)
        now = perf_counter()
        return Sent(chains, shard, now, now, self.line.submit(shard))

    def _settle(
        self,
        sent: Sent,
        keys: Callable[[WarmStartChain], list[bytes]],
        deliver: Callable[[FitSpec, dict], None],
        progress: Progress,
    ) -> bool:
        """Enter a shard that ended, or send one again that failed or hangs; whether it is done with."""
        for future in list(sent.futures):
            done = self.line.result(future) if future.status == "finished" else None
            if done is not None:
                self._enter(sent, done, keys, deliver, progress)
                self._cancel([sent])
                return True
            if future.status in ("error", "cancelled", "lost"):
                self._failed(sent, future)
        if not sent.futures:
            self._again(sent)
        if len(sent.futures) < ATTEMPTS and self._hangs(sent):
            self._again(sent)
        return False

    def _hangs(self, sent: Sent) -> bool:
        """Whether the worker that has a shard is silent or late; it is given nothing more for a while."""
        if not sent.futures or perf_counter() - sent.checked < PATIENCE:
            return False
        worker = self.line.holder(sent.futures[-1])
        if worker is None:
            return bool(self.line.workers())
        alive = self.line.alive(worker)
        if alive is None:
            return False
        sent.checked = perf_counter()
        if alive and not self._late(sent, worker):
            return False
        self.line.suspect(worker)
        return True

    def _late(self, sent: Sent, worker: str) -> bool:
        if not self._times:
            return False
        since, allowed = max(sent.began, self._heard.get(worker, 0.0)), LATE * median(self._times[-20:])
        return perf_counter() - since > allowed + SETUP * self._setup * (worker not in self._heard)

    def _failed(self, sent: Sent, future: Any) -> None:
        from distributed import KilledWorker

        error = self.line.error(future)
        if isinstance(error, BridleError) or not isinstance(error, KilledWorker | OSError | None):
            raise error
        sent.futures.remove(future)
        if sent.futures:
            return
        sent.deaths += error is not None
        if sent.deaths >= ATTEMPTS:
            raise BackendError(
                f"Expected a worker that finishes a shard of {sum(map(len, sent.chains))} fits, but {ATTEMPTS} "
                "attempts died on it: perhaps of too little memory. What was committed is kept."
            ) from error

    def _again(self, sent: Sent) -> None:
        again = self.line.submit(sent.shard)
        self.resent += len(again)
        sent.began = sent.checked = perf_counter()
        sent.futures += again

    def _enter(
        self,
        sent: Sent,
        done: Done,
        keys: Callable[[WarmStartChain], list[bytes]],
        deliver: Callable[[FitSpec, dict], None],
        progress: Progress,
    ) -> None:
        self.devices.add(done.device)
        same = done.device == self.line.spec.plan["device"]
        for chain, own, records in zip(sent.chains, done.keys, done.records, strict=True):
            if same and own != keys(chain):
                raise BackendError(
                    "Expected the same program and rows on every machine of the cluster, got others on one of them. "
                    "Install the same versions everywhere, of your own modules too."
                )
            for fit, record in zip(chain, records, strict=True):
                deliver(fit, record)
            progress.settle(len(chain))
        self._paces.append(done.seconds / max(1, len(sent.chains)))
        self._times.append(done.seconds)
        self._setup = max(self._setup, done.setup)
        self._heard[done.worker] = perf_counter()
        self.line.trust(done.worker)

    def _cancel(self, running: list[Sent]) -> None:
        self.line.cancel([future for sent in running for future in sent.futures])

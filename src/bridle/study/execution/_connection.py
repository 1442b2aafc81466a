"""The line to a Dask scheduler: what is asked of it, while it or a worker may not answer."""

import contextlib
import os
from asyncio import CancelledError as Cancelled
from asyncio import run_coroutine_threadsafe
from collections.abc import Callable, Sequence
from concurrent import futures as concurrent
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import Any

from bridle._errors import BackendError
from bridle.study.execution._worker import Shard, StudySpec, run_shard

GRACE = 15.0
"""Seconds that a scheduler may be away, and that a worker may take to say that it is there."""
PATIENCE = 60.0
"""Seconds of silence after which a worker is asked."""
PAUSE = 300.0
"""Seconds for which a worker that hung gets nothing, unless it answers."""
POLL = 0.2
SOON = 0.05
"""Seconds to wait for a result that is on its way."""
LOST = (OSError, TimeoutError, concurrent.CancelledError, Cancelled)
"""What Dask raises where a scheduler or a worker went away; its CommClosedError is an OSError."""


@dataclass
class Line:
    """A Dask client, the study that the workers hold, and who does not answer."""

    client: Any
    spec: StudySpec
    _data: Any = None
    _lost_at: float | None = None
    _hung: dict[str, float] = field(default_factory=dict)
    """Addresses of workers that hung, and until when they get nothing."""
    _coming: dict[str, concurrent.Future] = field(default_factory=dict)
    """Results on their way, by the keys of their futures: one that lies on a worker that hangs does not come."""
    _asked: dict[str, tuple[concurrent.Future, float]] = field(default_factory=dict)
    """Workers that were asked whether they are there, and when."""

    def answers(self) -> bool:
        """Whether the scheduler can be asked now; a moment later where not.

        Errors: `BackendError` once it was away for longer than `GRACE`.
        """
        if self.client.status == "running":
            return True
        self._away(None)
        sleep(POLL)
        return False

    def workers(self) -> list[str]:
        """The addresses of workers that can be given work; all where all of them hung."""
        known = list(self._ask(self.client.nthreads) or ())
        return [address for address in known if self._hung.get(address, 0.0) < perf_counter()] or known

    def submit(self, shard: Shard) -> list[Any]:
        """Send a shard to a worker that is not known to hang: its future, or nothing where nobody answered."""
        free = self.workers()
        if self._data is None or self._data.status != "finished":  # gone with the last worker that held it
            self._data = self._spread(free)
        if self._data is None:
            return []
        only = {"workers": self.workers() or None} if self._hung else {}
        future = self._ask(self.client.submit, run_shard, self._data, shard, pure=False, **only)
        return [] if future is None else [future]

    def _spread(self, free: Sequence[str]) -> Any:
        """The study on these workers: its future, or None where it could not be sent."""
        sending = self._begin(self.client.scatter, self.spec, workers=free or None, hash=False, broadcast=True)
        while not concurrent.wait([sending], PATIENCE).done:
            if silent := self._silent(free):
                for worker in silent:
                    self.suspect(worker)
                sending.cancel()
                others = [worker for worker in free if worker not in silent]
                # Dask broadcasts one thing after the other: to one worker instead, from which the others fetch it
                sending = self._begin(self.client.scatter, self.spec, workers=others[:1] or None, hash=False)
                return self._ask(sending.result, PATIENCE)
        return self._ask(sending.result)

    def _silent(self, workers: Sequence[str]) -> list[str]:
        """Those that do not say within `GRACE` that they are there."""
        found: dict[str, bool] = {}
        while len(found) < len(workers):
            for worker in workers:
                if worker not in found and (answer := self.alive(worker)) is not None:
                    found[worker] = answer
            sleep(SOON)
        return [worker for worker, answer in found.items() if not answer]

    def alive(self, worker: str) -> bool | None:
        """Whether a worker says within `GRACE` that it is there; None while it still may. One that left counts so."""
        if worker not in self._asked:
            self._asked[worker] = self._begin(self.client.run, os.getpid, workers=[worker]), perf_counter()
        answer, asked = self._asked[worker]
        if not answer.done() and perf_counter() - asked < GRACE:
            return None
        del self._asked[worker]
        return answer.done() or not answer.cancel()

    def holder(self, future: Any) -> str | None:
        """The address of the worker that has this, or its result."""
        for address, keys in (self._ask(self.client.processing) or {}).items():
            if future.key in keys:
                return address
        return next(iter((self._ask(self.client.who_has, [future]) or {}).get(future.key, ())), None)

    def suspect(self, worker: str) -> None:
        """Give it nothing more for a while, and let no other wait for it to hand the study on."""
        if self._hung.get(worker, 0.0) < perf_counter():
            self._data = None
        self._hung[worker] = perf_counter() + PAUSE

    def trust(self, worker: str) -> None:
        """It brought something: give it work again."""
        self._hung.pop(worker, None)
        self._asked.pop(worker, None)

    def wait(self, futures: Sequence[Any]) -> None:
        """Until one of them ended, or a moment passed."""
        from distributed import TimeoutError as Timeout
        from distributed import wait

        coming = [each for each in self._coming.values() if not each.done()]
        if coming:
            concurrent.wait(coming, SOON, concurrent.FIRST_COMPLETED)
        elif not futures:
            sleep(POLL)  # what is missing is in the hands of another process
        elif all(future.status == "pending" for future in futures):
            try:
                wait(futures, timeout=POLL, return_when="FIRST_COMPLETED")
            except (Timeout, TimeoutError):
                pass
            except Exception as error:  # a scheduler that goes away ends the wait in several ways
                self._away(error)

    def result(self, future: Any) -> Any:
        """What a finished shard brought; None while it is on its way, or where it was lost on it."""
        if future.key not in self._coming:
            self._coming[future.key] = self._begin(self.client.gather, future)
        if not self._coming[future.key].done():
            return None
        return self._ask(self._coming.pop(future.key).result)

    def error(self, future: Any) -> BaseException | None:
        """What ended a shard; None where its worker, or the scheduler, was lost."""
        return self._ask(future.exception) if future.status == "error" else None

    def cancel(self, futures: Sequence[Any]) -> None:
        """Forget what is not done."""
        for future in futures:
            if future.key in self._coming:
                self._coming.pop(future.key).cancel()
            with contextlib.suppress(*LOST, RuntimeError):  # a scheduler that is away has forgotten it too
                if future.status == "pending":
                    future.cancel(force=True)

    def _begin(self, question: Callable[..., Any], *arguments: Any, **options: Any) -> concurrent.Future:
        """Ask without waiting for the answer."""

        async def asked() -> Any:
            return await question(*arguments, asynchronous=True, **options)

        return run_coroutine_threadsafe(asked(), self.client.loop.asyncio_loop)

    def _ask(self, question: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The answer, or None where the scheduler does not answer."""
        try:
            answer = question(*arguments, **options)
        except (Exception, *LOST) as error:
            if isinstance(error, LOST) or self.client.status != "running":  # a client that closes fails in any way
                self._away(error)
                return None
            raise
        self._lost_at = None
        return answer

    def _away(self, error: Exception | None) -> None:
        self._lost_at = self._lost_at or perf_counter()
        if perf_counter() - self._lost_at > GRACE or self.client.status == "closed":
            raise BackendError(
                "Expected the cluster's scheduler to answer, but it went away. What was committed is kept: run the "
                "same again, or bridle resume."
            ) from error

"""The connection to a Dask scheduler, which survives a scheduler or workers that do not answer."""

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

GRACE_SECONDS = 15.0
"""Time that a scheduler may be away, and that a worker may take to answer a ping."""
PATIENCE_SECONDS = 60.0
"""Silence after which a worker is pinged."""
SUSPECT_SECONDS = 300.0
"""Time for which a worker that hung gets no work, unless it answers."""
POLL_SECONDS = 0.2
"""Time between two looks at futures."""
FETCH_SECONDS = 0.05
"""Time to wait for a result on its way."""
LOST_ERRORS = (OSError, TimeoutError, concurrent.CancelledError, Cancelled)
"""Errors that Dask raises where a scheduler or a worker went away; its CommClosedError is an OSError."""


@dataclass
class DaskConnection:
    """A Dask client, the study that the workers hold, and the workers that do not answer."""

    client: Any
    study: Any
    """The study as it travels."""
    run_task: Callable[[Any, Any], Any]
    """(study, task) → the result of the task, on a worker."""
    _data: Any = None
    _lost_at: float | None = None
    _suspects: dict[str, float] = field(default_factory=dict)
    """Addresses of workers that hung, with the time until which they get no work."""
    _arriving: dict[str, concurrent.Future] = field(default_factory=dict)
    """Results on their way, by the keys of their futures; one on a worker that hangs never arrives."""
    _pings: dict[str, tuple[concurrent.Future, float]] = field(default_factory=dict)
    """Pings under way, by worker, with their times."""

    def answers(self) -> bool:
        """Return whether the scheduler answers now; wait a moment where not.

        Errors: `BackendError` once it was away for longer than `GRACE_SECONDS`.
        """
        if self.client.status == "running":
            return True
        self._note_loss(None)
        sleep(POLL_SECONDS)
        return False

    def workers(self) -> list[str]:
        """Return the addresses of workers that can get work; all of them where all of them hung."""
        addresses: list[str] = list(self._ask(self.client.nthreads) or ())
        return [address for address in addresses if self._suspects.get(address, 0.0) < perf_counter()] or addresses

    def submit(self, task: Any) -> list[Any]:
        """Send a task to a worker that is not suspect; return its future, or nothing without an answer."""
        workers = self.workers()
        if self._data is None or self._data.status != "finished":  # lost with the last worker that held it
            self._data = self._broadcast_study(workers)
        if self._data is None:
            return []
        only = {"workers": self.workers() or None} if self._suspects else {}
        future = self._ask(self.client.submit, self.run_task, self._data, task, pure=False, **only)
        return [] if future is None else [future]

    def _broadcast_study(self, workers: Sequence[str]) -> Any:
        """Send the study to these workers; return its future, or None if it could not be sent."""
        sending = self._start(self.client.scatter, self.study, workers=workers or None, hash=False, broadcast=True)
        while not concurrent.wait([sending], PATIENCE_SECONDS).done:
            if silent := self._silent_workers(workers):
                for worker in silent:
                    self.suspect(worker)
                sending.cancel()
                others = [worker for worker in workers if worker not in silent]
                # Dask broadcasts one thing after the other: to one worker instead, from which the others fetch it
                sending = self._start(self.client.scatter, self.study, workers=others[:1] or None, hash=False)
                return self._ask(sending.result, PATIENCE_SECONDS)
        return self._ask(sending.result)

    def _silent_workers(self, workers: Sequence[str]) -> list[str]:
        """Return the workers that do not answer a ping within `GRACE_SECONDS`."""
        answers: dict[str, bool] = {}
        while len(answers) < len(workers):
            for worker in workers:
                if worker not in answers and (answer := self.is_alive(worker)) is not None:
                    answers[worker] = answer
            sleep(FETCH_SECONDS)
        return [worker for worker, answer in answers.items() if not answer]

    def is_alive(self, worker: str) -> bool | None:
        """Ping a worker: True if it answers within `GRACE_SECONDS`, None while pending.

        A departed worker counts as alive.
        """
        if worker not in self._pings:
            self._pings[worker] = self._start(self.client.run, os.getpid, workers=[worker]), perf_counter()
        answer, began = self._pings[worker]
        if not answer.done() and perf_counter() - began < GRACE_SECONDS:
            return None
        del self._pings[worker]
        return answer.done() or not answer.cancel()

    def holder(self, future: Any) -> str | None:
        """Return the address of the worker that has a task, or its result."""
        for address, keys in (self._ask(self.client.processing) or {}).items():
            if future.key in keys:
                return address
        return next(iter((self._ask(self.client.who_has, [future]) or {}).get(future.key, ())), None)

    def suspect(self, worker: str) -> None:
        """Give a worker no work for a while, and let no other wait for it to pass the study on."""
        if self._suspects.get(worker, 0.0) < perf_counter():
            self._data = None
        self._suspects[worker] = perf_counter() + SUSPECT_SECONDS

    def trust(self, worker: str) -> None:
        """Give a worker work again after it returned a result."""
        self._suspects.pop(worker, None)
        self._pings.pop(worker, None)

    def wait(self, futures: Sequence[Any]) -> None:
        """Wait until one of them ended, or a moment passed."""
        from distributed import TimeoutError as Timeout
        from distributed import wait

        arriving = [future for future in self._arriving.values() if not future.done()]
        if arriving:
            concurrent.wait(arriving, FETCH_SECONDS, concurrent.FIRST_COMPLETED)
        elif not futures:
            sleep(POLL_SECONDS)  # another process has claimed the missing fits
        elif all(future.status == "pending" for future in futures):
            try:
                wait(futures, timeout=POLL_SECONDS, return_when="FIRST_COMPLETED")
            except (Timeout, TimeoutError):
                pass
            except Exception as error:  # a scheduler that goes away ends the wait in several ways
                self._note_loss(error)

    def result(self, future: Any) -> Any:
        """Return the result of a finished task; None while it is on its way, or lost."""
        if future.key not in self._arriving:
            self._arriving[future.key] = self._start(self.client.gather, future)
        if not self._arriving[future.key].done():
            return None
        return self._ask(self._arriving.pop(future.key).result)

    def error(self, future: Any) -> BaseException | None:
        """Return the error that ended a task; None if its worker, or the scheduler, was lost."""
        return self._ask(future.exception) if future.status == "error" else None

    def cancel(self, futures: Sequence[Any]) -> None:
        """Forget all that is not done."""
        for future in futures:
            if future.key in self._arriving:
                self._arriving.pop(future.key).cancel()
            with contextlib.suppress(*LOST_ERRORS, RuntimeError):  # a scheduler that is away has forgotten it too
                if future.status == "pending":
                    future.cancel(force=True)

    def _start(self, request: Callable[..., Any], *arguments: Any, **options: Any) -> concurrent.Future:
        """Send a request without waiting for the answer."""

        async def answer() -> Any:
            return await request(*arguments, asynchronous=True, **options)

        return run_coroutine_threadsafe(answer(), self.client.loop.asyncio_loop)

    def _ask(self, request: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Return the answer to a request, or None if the scheduler does not answer."""
        try:
            answer = request(*arguments, **options)
        except (Exception, *LOST_ERRORS) as error:
            if isinstance(error, LOST_ERRORS) or self.client.status != "running":  # a closing client fails in any way
                self._note_loss(error)
                return None
            raise
        self._lost_at = None
        return answer

    def _note_loss(self, error: BaseException | None) -> None:
        self._lost_at = self._lost_at or perf_counter()
        if perf_counter() - self._lost_at > GRACE_SECONDS or self.client.status == "closed":
            raise BackendError(
                "The scheduler of the cluster does not answer. Committed fits are kept: run the same study again, or "
                "bridle resume."
            ) from error

"""The line to a Dask scheduler: what is asked of it, while it or a worker may not answer."""

import contextlib
from asyncio import CancelledError as Cancelled
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import Any

from bridle._errors import BackendError
from bridle.study._shard import Shard, Spec, run_shard

GRACE = 15.0
"""Seconds that a scheduler may be away."""
PAUSE = 300.0
"""Seconds for which a worker that hung gets nothing."""
POLL = 0.2


@dataclass
class Line:
    """A Dask client, the study that the workers hold, and who does not answer."""

    client: Any
    spec: Spec
    _data: Any = None
    _lost_at: float | None = None
    _hung: dict[str, float] = field(default_factory=dict)
    """Addresses of workers that hung, and until when they get nothing."""

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
            self._data = self._ask(self.client.scatter, self.spec, workers=free or None, hash=False, broadcast=True)
        if self._data is None:
            return []
        only = {"workers": free, "allow_other_workers": True} if self._hung else {}
        future = self._ask(self.client.submit, run_shard, self._data, shard, pure=False, **only)
        return [] if future is None else [future]

    def suspect(self, future: Any) -> None:
        """Give nothing more, for a while, to the worker that has this."""
        for address, keys in (self._ask(self.client.processing) or {}).items():
            if future.key in keys:
                self._hung[address] = perf_counter() + PAUSE

    def wait(self, futures: Sequence[Any]) -> None:
        """Until one of them ended, or a moment passed."""
        from distributed import TimeoutError as Timeout
        from distributed import wait

        if not futures:
            sleep(POLL)  # what is missing is in the hands of another process
        elif all(future.status == "pending" for future in futures):
            try:
                wait(futures, timeout=POLL, return_when="FIRST_COMPLETED")
            except (Timeout, TimeoutError):
                pass
            except Exception as error:  # a scheduler that goes away ends the wait in several ways
                self._away(error)

    def result(self, future: Any) -> Any:
        """What a finished shard brought, or None where the scheduler went away before it gave it."""
        return self._ask(future.result)

    def error(self, future: Any) -> BaseException | None:
        """What ended a shard; None where its worker, or the scheduler, was lost."""
        return self._ask(future.exception) if future.status == "error" else None

    def cancel(self, futures: Sequence[Any]) -> None:
        """Forget what is not done."""
        for future in futures:
            with contextlib.suppress(OSError, TimeoutError):  # a scheduler that is away has forgotten it too
                if future.status == "pending":
                    future.cancel(force=True)

    def _ask(self, question: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The answer, or None where the scheduler does not answer."""
        try:
            answer = question(*arguments, **options)
        except (OSError, TimeoutError, CancelledError, Cancelled) as error:  # Dask's CommClosedError is an OSError
            self._away(error)
            return None
        self._lost_at = None
        return answer

    def _away(self, error: Exception | None) -> None:
        self._lost_at = self._lost_at or perf_counter()
        if perf_counter() - self._lost_at > GRACE or self.client.status == "closed":
            raise BackendError(
                "Expected the cluster's scheduler to answer, but it went away. What was committed is kept: run the "
                "same again, or bridle resume."
            ) from error

"""The members of a study in its store: what is there is not made again, what is made is committed as it comes."""

import contextlib
import functools
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

from bridle.engine import Batch, Exhausted, FitResult, FitSpec, Wait
from bridle.results import ALL_ROWS
from bridle.store import Record, Store
from bridle.study.design import Prepared, StudyEngine
from bridle.study.execution._keys import Keys, Plan, check_same
from bridle.study.execution._records import outcome_of, record_of

SHARD_SECONDS = 1.0
"""How often what has finished is committed, and about how much work is claimed at once."""
FIRST = 4
"""Chains that are claimed at once before the pace is known."""
READ = 500
"""Chains whose fits are read at once."""

Deliver = Callable[[FitSpec, FitResult], None]


@contextlib.contextmanager
def kept(prepared: Prepared, folder: str | Path | None, plan: Plan, extend: bool) -> Iterator["Vault | None"]:
    """The vault of a study's folder while it runs; None without a folder.

    Errors: `StoreError` where the folder holds another study, or cannot be used.
    """
    if folder is None:
        yield None
        return
    with Store(folder) as store:
        check_same(store.recorded("plan", plan), plan, folder, extend)
        store.record(plan=plan, finished=False)
        if prepared.engine.width is None:
            prepared.engine.width = store.fact("width")
        vault = StoreSession(store, plan)
        try:
            yield vault
        finally:
            vault.close()


class StoreSession:
    """A store, the keys of a study's members, and a thread that commits."""

    def __init__(self, store: Store, plan: Plan) -> None:
        self.store, self.keys = store, Keys(plan)
        self.found = 0
        """Members that were there."""
        self._pending: dict[bytes, Record] = {}
        self._lock, self._committing = threading.Lock(), threading.Lock()
        self._closed = threading.Event()
        self._errors: list[BaseException] = []
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def keep(self, key: bytes, record: Record) -> None:
        """Commit a member soon. What went wrong with those before is raised here."""
        self._raise()
        with self._lock:
            self._pending[key] = record

    def flush(self) -> None:
        """Commit everything that was kept, now."""
        self._raise()
        self._commit()

    def close(self) -> None:
        """End the thread that commits, and commit what is left."""
        self._closed.set()
        self._writer.join()
        if not self._errors:
            self._commit()

    def same_width(self, engine: StudyEngine, fits: Sequence[Sequence[FitSpec]]) -> None:
        """Stay with the width of the first programs: another width is another program, with other last digits."""
        width = fits[0][0].programs.width if fits and fits[0] else None
        if width is not None:
            engine.width = self.store.recorded("width", width)

    def _commit(self) -> None:
        with self._committing:
            with self._lock:
                records, self._pending = self._pending, {}
            self.store.commit(records)

    def _write(self) -> None:
        while not self._closed.wait(SHARD_SECONDS):
            try:
                self._commit()
            except BaseException as error:  # raised where the next member is kept
                self._errors.append(error)
                return

    def _raise(self) -> None:
        if self._errors:
            raise self._errors[0]


class PendingFits:
    """Chains of fits of which a store holds some: hands out those to be made, and delivers those that are there.

    `keys` gives the keys of a chain, by its number: they are made as they are needed, since initial variables are
    drawn for them, for which others need not wait.
    """

    def __init__(
        self,
        vault: StoreSession,
        chains: Sequence[Sequence[FitSpec]],
        keys: Callable[[int], Sequence[bytes]],
        held_out: Sequence[str],
        deliver: Deliver,
    ) -> None:
        self._vault, self._chains, self._keys = vault, chains, functools.cache(keys)
        self._held_out, self._deliver = tuple(held_out), deliver
        self._key: dict[int, bytes] = {}
        self._longest = max(map(len, chains), default=1)
        self._made, self._began = 0, 0.0
        whole = self._whole()
        self._open = deque(sorted({*range(len(chains))} - {*whole}))
        self._elsewhere: list[int] = []
        self._settled = self._take_over(whole)

    def deliver(self, fit: FitSpec, outcome: FitResult) -> None:
        """Hand a fit that was made to the study, and keep it."""
        self._deliver(fit, outcome)
        self._vault.keep(self._key[fit.index], record_of(outcome, variables=fit.fold == ALL_ROWS))
        if self._began:
            self._made += 1
        else:
            self._began = perf_counter()  # what came before the first one is mostly compilation

    def next(self, count: int | None = None) -> Batch | Wait | Exhausted:
        """Claim chains to train now; the answer also counts the fits that were settled since the last call.

        `count` is how many chains are wanted; by default those of about one shard. With 0 none is claimed.
        """
        chains, settled = [], self._settled
        self._settled = 0
        while self._open and not chains and count != 0:
            some = [self._open.popleft() for _ in range(min(count or self._count(), len(self._open)))]
            chains, more = self._claimed(some)
            settled += more
        if not chains and self._elsewhere and count != 0:
            some, self._elsewhere = self._elsewhere, []
            chains, more = self._claimed(some)
            settled += more
        if chains:
            return Batch(chains, settled)
        return Wait(settled) if self._open or self._elsewhere else Exhausted(settled)

    def _count(self) -> int:
        """About as many chains as one process makes in the time of a shard."""
        pace = self._made / (perf_counter() - self._began)
        return max(FIRST, math.ceil(pace * SHARD_SECONDS / self._longest))

    def _whole(self) -> list[int]:
        """The chains of which the store holds every fit."""
        if not len(self._vault.store):
            return []
        keys = [self._keys(number) for number in range(len(self._chains))]
        there = self._vault.store.committed([key for own in keys for key in own])
        return [number for number, own in enumerate(keys) if there.issuperset(own)]

    def _claimed(self, numbers: Sequence[int]) -> tuple[list[Sequence[FitSpec]], int]:
        for number in numbers:
            self._key |= {fit.index: key for fit, key in zip(self._chains[number], self._keys(number), strict=True)}
        taken, there = self._vault.store.claim([key for number in numbers for key in self._keys(number)])
        free = [n for n in numbers if (taken | there).issuperset(self._keys(n)) and taken.intersection(self._keys(n))]
        done = [number for number in numbers if there.issuperset(self._keys(number))]
        busy = [number for number in numbers if number not in {*free, *done}]
        self._vault.store.release([key for number in busy for key in self._keys(number) if key in taken])
        self._elsewhere += busy
        return [self._chains[number] for number in free], self._take_over(done)

    def _take_over(self, numbers: Sequence[int]) -> int:
        """Deliver what the store holds of some chains; how many fits that are."""
        for first in range(0, len(numbers), READ):
            some = numbers[first : first + READ]
            found = self._vault.store.find([key for number in some for key in self._keys(number)])
            for number in some:
                for fit, key in zip(self._chains[number], self._keys(number), strict=True):
                    self._deliver(fit, outcome_of(found[key], self._held_out))
        count = sum(len(self._keys(number)) for number in numbers)
        self._vault.found += count
        return count

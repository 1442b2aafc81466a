"""Fits of a study in its store: skips those that are there and commits new ones in the background."""

import contextlib
import functools
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

from bridle.engine import Batch, Exhausted, FitResult, FitSpec, Wait
from bridle.store import Record, Store
from bridle.study.design._prepared import StudyEngine
from bridle.study.execution._keys import FitKeys, StudyFacts, check_same, key_with_network
from bridle.study.execution._requests import VARIABLES, RowSet, from_record, to_record

COMMIT_SECONDS = 1.0
"""Time between commits; also about the work that a process claims at once."""
FIRST_CLAIM_CHAINS = 4
"""Chains claimed at once before the pace is known."""
MAX_READ_CHAINS = 500
"""Chains whose fits are read at once."""

Deliver = Callable[[FitSpec, FitResult], None]


@contextlib.contextmanager
def open_store_session(
    engine: StudyEngine, folder: str | Path | None, facts: StudyFacts, extend: bool
) -> Iterator["StoreSession | None"]:
    """Open the folder of a study while it runs; yield None without a folder.

    Errors: `StoreError` where the folder holds another study, or cannot be used.
    """
    if folder is None:
        yield None
        return
    with Store(folder) as store:
        plan, complete = store.recorded("plan", facts), bool(store.fact("finished"))
        check_same(plan, facts, folder, extend)
        if complete and store.fact("answers") is None:  # of a version that did not count them
            store.record(answers=[len(plan["seeds"])])
        store.record(plan=facts, finished=False)
        if engine.width is None:
            engine.set_width(store.fact("width"))
        session = StoreSession(store, facts, complete=complete)
        try:
            yield session
        finally:
            session.close()


class StoreSession:
    """A store, the keys of a study's fits, and a thread that commits."""

    def __init__(self, store: Store, facts: StudyFacts, *, complete: bool = False) -> None:
        self.store, self.keys = store, FitKeys(facts)
        self._complete = complete
        """True while this process has trained no fit for a folder that was complete."""
        self.reused_fits = 0
        """Fits that were stored already."""
        self._pending: dict[bytes, Record] = {}
        self._lock, self._committing = threading.Lock(), threading.Lock()
        self._closed = threading.Event()
        self._errors: list[BaseException] = []
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def keep(self, key: bytes, record: Record) -> None:
        """Queue a fit for the next commit; raise an error of earlier commits here."""
        self._raise_error()
        self._complete = False
        with self._lock:
            self._pending[key] = record

    def flush(self) -> None:
        """Commit all queued fits now."""
        self._raise_error()
        self._commit()

    def close(self) -> None:
        """Stop the thread that commits, and commit the rest."""
        self._closed.set()
        self._writer.join()
        if not self._errors:
            self._commit()

    def recommended(self, outer: int | None, candidate: int | None, fits: int) -> int | None:
        """Return the candidate that is refit for the rule `recommended`.

        A complete folder keeps the candidate of the version that trained it after this number of fits, since the curves
        of another version may recommend another one.
        """
        name = f"recommended/{outer}/{fits}"
        if self._complete:
            return self.store.fact(name)
        return self.store.recorded(name, candidate)

    def reuse_width(self, engine: StudyEngine, chains: Sequence[Sequence[FitSpec]]) -> None:
        """Keep the width of the first programs: another width is another program, with other last digits."""
        width = chains[0][0].programs.width if chains and chains[0] else None
        if width is not None:
            engine.set_width(self.store.recorded("width", width))

    def _commit(self) -> None:
        with self._committing:
            with self._lock:
                records, self._pending = self._pending, {}
            self.store.commit(records)

    def _write(self) -> None:
        while not self._closed.wait(COMMIT_SECONDS):
            try:
                self._commit()
            except BaseException as error:  # raised when the next fit is queued
                self._errors.append(error)
                return

    def _raise_error(self) -> None:
        if self._errors:
            raise self._errors[0]


class PendingFits:
    """Source of the chains that a store lacks; delivers the fits that it holds.

    `keys_of` returns the keys of a chain, by its index. They are computed on demand, because each needs the initial
    variables of its fit. A fit of a fold that is stored with its network has another key, so that one without it is
    trained again where networks are kept; where they are not, both serve.
    """

    def __init__(
        self,
        session: StoreSession,
        chains: Sequence[Sequence[FitSpec]],
        keys_of: Callable[[int], Sequence[bytes]],
        row_set: RowSet,
        deliver: Deliver,
    ) -> None:
        self._session, self._chains, self._row_set, self._deliver = session, chains, row_set, deliver
        self._keys_of = functools.cache(lambda index: self._own_keys(keys_of(index)))
        self._key: dict[int, bytes] = {}
        self._longest = max(map(len, chains), default=1)
        self._trained, self._began = 0, 0.0
        stored = self._stored_chains()
        self._open = deque(sorted({*range(len(chains))} - {*stored}))
        self._claimed_elsewhere: list[int] = []
        self._settled = self._deliver_stored(stored)

    def deliver(self, fit: FitSpec, result: FitResult) -> None:
        """Hand a trained fit to the study, and queue it for the store."""
        self._deliver(fit, result)
        stores_network = self._row_set.stores_network(fit.seed, fit.fold, result)
        self._session.keep(self._key[fit.index], to_record(result, stores_network))
        if self._began:
            self._trained += 1
        else:
            self._began = perf_counter()  # the time before the first one is mostly compilation

    def next(self, count: int | None = None) -> Batch | Wait | Exhausted:
        """Claim chains to train now; the answer also counts the fits that were settled since the last call.

        `count` is the number of chains; by default about `COMMIT_SECONDS` of work. With 0 none is claimed.
        """
        chains, settled = [], self._settled
        self._settled = 0
        while self._open and not chains and count != 0:
            indices = [self._open.popleft() for _ in range(min(count or self._claim_size(), len(self._open)))]
            chains, more = self._claim(indices)
            settled += more
        if not chains and self._claimed_elsewhere and count != 0:
            indices, self._claimed_elsewhere = self._claimed_elsewhere, []
            chains, more = self._claim(indices)
            settled += more
        if chains:
            return Batch(chains, settled)
        return Wait(settled) if self._open or self._claimed_elsewhere else Exhausted(settled)

    def _claim_size(self) -> int:
        """Return about the number of chains that one process trains between two commits."""
        pace = self._trained / (perf_counter() - self._began)
        return max(FIRST_CLAIM_CHAINS, math.ceil(pace * COMMIT_SECONDS / self._longest))

    def _stored_chains(self) -> list[int]:
        """Return the chains of which the store holds every fit."""
        if not len(self._session.store):
            return []
        keys = [[self._stored_keys(key) for key in self._keys_of(index)] for index in range(len(self._chains))]
        committed = self._session.store.committed([key for chain in keys for either in chain for key in either])
        return [index for index, chain in enumerate(keys) if all(not committed.isdisjoint(both) for both in chain)]

    def _own_keys(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        """Return the keys under which this run stores the fits of a chain."""
        return [key_with_network(key) for key in keys] if self._row_set.keeps_folds else keys

    def _stored_keys(self, key: bytes) -> tuple[bytes, ...]:
        """Return the keys under which a fit may be stored: with a network too, where it is not needed."""
        # refits and the fits of inner studies, which have no first seed, are stored under one key
        is_plain_fold = not self._row_set.keeps_folds and self._row_set.first_seed is not None
        return (key, key_with_network(key)) if is_plain_fold else (key,)

    def _claim(self, indices: Sequence[int]) -> tuple[list[Sequence[FitSpec]], int]:
        keys_of = self._keys_of
        for index in indices:
            self._key |= {fit.index: key for fit, key in zip(self._chains[index], keys_of(index), strict=True)}
        claimed, stored = self._session.store.claim([key for index in indices for key in keys_of(index)])
        free = [
            index
            for index in indices
            if (claimed | stored).issuperset(keys_of(index)) and claimed.intersection(keys_of(index))
        ]
        done = [index for index in indices if stored.issuperset(keys_of(index))]
        busy = [index for index in indices if index not in {*free, *done}]
        self._session.store.release([key for index in busy for key in keys_of(index) if key in claimed])
        self._claimed_elsewhere += busy
        return [self._chains[index] for index in free], self._deliver_stored(done)

    def _deliver_stored(self, indices: Sequence[int]) -> int:
        """Deliver the stored fits of some chains; return their count."""
        for first in range(0, len(indices), MAX_READ_CHAINS):
            block = indices[first : first + MAX_READ_CHAINS]
            keys, needed, others = dict[bytes, tuple[bytes, ...]](), list[bytes](), list[bytes]()
            for index in block:
                for fit, key in zip(self._chains[index], self._keys_of(index), strict=True):
                    keys[key] = self._stored_keys(key)
                    (needed if self._row_set.may_store_network(fit.seed, fit.fold) else others).extend(keys[key])
            records = self._session.store.find(needed) | self._session.store.find(others, without=VARIABLES)
            for index in block:
                for fit, key in zip(self._chains[index], self._keys_of(index), strict=True):
                    record = next(records[stored] for stored in keys[key] if stored in records)
                    self._deliver(fit, from_record(record, tuple(self._row_set.held_out)))
        count = sum(len(self._keys_of(index)) for index in indices)
        self._session.reused_fits += count
        return count

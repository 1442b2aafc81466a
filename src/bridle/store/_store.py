"""Folder of a study while it is written: fits are claimed, trained and committed, none of them twice."""

import contextlib
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from bridle._errors import StoreError
from bridle.store._index import add_segment, connect, fcntl, storage_errors, writing
from bridle.store._segments import Record, SegmentReader, segment_path, write_segment

PREFIX = ".alive-"
"""Begin of the names of signs of life."""
LEASE_SECONDS = 60.0
"""Time for which a claim holds; a living process renews it."""
RENEWALS_PER_LEASE = 4
"""Renewals of a claim in the time of a lease."""
MAX_STATEMENT_KEYS = 500
"""Most keys in one statement."""


class Store:
    """Folder that holds the fits of one study, by their keys.

    A key is a hash of everything that a fit is a function of. So the record under it is what training would give
    again. A claim is a lease: it ends with its process, or runs out where that is frozen. A commit counts only for
    keys whose claim still stands, with its token. So a process that was frozen and wakes can add nothing.

    Args:
        folder: the folder; created where it is missing.
        create: False raises an error where it is missing.
        write: False opens the folder for reading only.

    Errors: `StoreError` where the folder cannot be written, has no locks, is damaged or of another version.

    """

    def __init__(self, folder: str | Path, *, create: bool = True, write: bool = True) -> None:
        self.folder, self._writes = Path(folder), write
        if create:
            with storage_errors(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
        self._index = connect(self.folder, create=create, write=write)
        try:
            with storage_errors(self.folder):
                self._sign = LivenessLock(self.folder) if write else None
        except StoreError:
            self._index.close()
            raise
        self._lock = threading.RLock()
        self._reader = SegmentReader(self.folder)
        self._owner = "" if self._sign is None else self._sign.name
        self._tokens: dict[bytes, int] = {}
        self._closed = threading.Event()
        self._renewer = threading.Thread(target=self._renew, daemon=True)
        if write:
            self._renewer.start()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give claims back and close the index."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._sign is not None:
            self._renewer.join()
            given_back = False
            with contextlib.suppress(StoreError):
                with self._lock, self._writing() as index:
                    index.execute("DELETE FROM claims WHERE owner = ?", (self._owner,))
                given_back = True
            self._sign.end(given_back)
        self._index.close()

    def fact(self, name: str) -> Any:
        """Return a fact about the study, or None."""
        with self._lock, storage_errors(self.folder):
            row = self._index.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def record(self, **facts: object) -> None:
        """Write facts: values that JSON can hold."""
        rows = [(name, json.dumps(value, allow_nan=False)) for name, value in facts.items()]
        with self._lock, self._writing() as index:
            index.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)

    def recorded(self, name: str, value: object) -> Any:
        """Return a fact; store `value` first where there was none yet."""
        with self._lock, self._writing() as index:
            index.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, json.dumps(value, allow_nan=False)))
        return self.fact(name)

    def committed(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return the keys whose fits are committed."""
        with self._lock, storage_errors(self.folder):
            return self._select_keys(self._index, "SELECT key FROM members WHERE key IN ({})", keys)

    def find(self, keys: Sequence[bytes], *, without: str | None = None) -> dict[bytes, Record]:
        """Return the records of the committed fits among the keys, less the arrays whose names start with `without`."""
        with self._lock, storage_errors(self.folder):
            rows = [
                row
                for part in _chunks(keys)
                for row in self._index.execute(
                    "SELECT key, sha256 FROM members JOIN shards ON shard = number "
                    f"WHERE key IN ({_placeholders(part)})",
                    part,
                )
            ]
            records: dict[bytes, Record] = {}
            for key, name in sorted(rows, key=lambda row: row[1]):
                members = self._reader.members(name)
                if key not in members:
                    raise StoreError(f"A fit is missing in {str(segment_path(self.folder, name))!r}.")
                record = members[key]
                names = [name for name in record if without is None or not name.startswith(without)]
                records[key] = {name: record[name] for name in names}
            return records

    def claim(self, keys: Sequence[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Claim the fits that nobody else has: return (claimed, committed by now). The others are in work elsewhere."""
        now = time.time()
        with self._lock, self._without_sync(), self._writing() as index:
            done = self._select_keys(index, "SELECT key FROM members WHERE key IN ({})", keys)
            self._drop_dead_claims(index)
            query = "SELECT key FROM claims WHERE owner != ? AND expires BETWEEN ? AND ? AND key IN ({})"
            # a lease that ends later than possible predates a clock change, and is void
            busy = self._select_keys(index, query, keys, self._owner, now, now + 2 * LEASE_SECONDS)
            claimed = [key for key in keys if key not in done and key not in busy]
            if claimed:
                token = int(json.loads(index.execute("SELECT value FROM facts WHERE name = 'token'").fetchone()[0])) + 1
                index.execute("UPDATE facts SET value = ? WHERE name = 'token'", (json.dumps(token),))
                rows = [(key, token, self._owner, now + LEASE_SECONDS) for key in claimed]
                index.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)", rows)
                self._tokens |= dict.fromkeys(claimed, token)
        return set(claimed), done

    def commit(self, records: Mapping[bytes, Record]) -> int:
        """Store fits that this process has claimed; return the number that counted.

        First the file, then its row, so that a row never names what is not there. A member whose claim went to
        another process in the meantime does not count: that process commits it.
        """
        if not records:
            return 0
        keys = list(records)
        with self._lock, storage_errors(self.folder):
            name, size = write_segment(self.folder, records)
            with self._writing() as index:
                tokens = {
                    key: token
                    for part in _chunks(keys)
                    for key, token in index.execute(
                        f"SELECT key, token FROM claims WHERE owner = ? AND key IN ({_placeholders(part)})",
                        (self._owner, *part),
                    )
                }
                valid = [key for key in keys if key in tokens and tokens[key] == self._tokens.get(key)]
                if valid:
                    shard = add_segment(index, name, size, len(valid), self._owner, tokens[valid[0]])
                    index.executemany("INSERT INTO members VALUES (?, ?)", [(key, shard) for key in valid])
                    mine = [(key, self._owner) for key in valid]
                    index.executemany("DELETE FROM claims WHERE key = ? AND owner = ?", mine)
        for key in keys:
            self._tokens.pop(key, None)
        return len(valid)

    def release(self, keys: Sequence[bytes]) -> None:
        """Give claims back without a result."""
        if not keys:
            return
        with self._lock, self._without_sync(), self._writing() as index:
            index.executemany("DELETE FROM claims WHERE key = ? AND owner = ?", [(k, self._owner) for k in keys])
        for key in keys:
            self._tokens.pop(key, None)

    def __len__(self) -> int:
        with self._lock, storage_errors(self.folder):
            return self._index.execute("SELECT coalesce(sum(members), 0) FROM shards").fetchone()[0]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Any]:
        with storage_errors(self.folder), writing(self._index) as index:
            yield index

    @contextlib.contextmanager
    def _without_sync(self) -> Iterator[None]:
        """Do not synchronise to the disk: claims need not outlive a power failure."""
        self._index.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            self._index.execute("PRAGMA synchronous = FULL")

    def _drop_dead_claims(self, index: Any) -> None:
        """Delete the claims of processes that ended without giving them back."""
        for (owner,) in index.execute("SELECT DISTINCT owner FROM claims WHERE owner != ?", (self._owner,)).fetchall():
            if is_gone(self.folder, owner):
                index.execute("DELETE FROM claims WHERE owner = ?", (owner,))

    def _select_keys(self, index: Any, query: str, keys: Sequence[bytes], *first: object) -> set[bytes]:
        return {
            key
            for part in _chunks(keys)
            for (key,) in index.execute(query.format(_placeholders(part)), (*first, *part))
        }

    def _renew(self) -> None:
        """Renew this process's claims until the store is closed."""
        while not self._closed.wait(LEASE_SECONDS / RENEWALS_PER_LEASE):
            with self._lock, contextlib.suppress(StoreError), self._without_sync(), self._writing() as index:
                index.execute(
                    "UPDATE claims SET expires = ? WHERE owner = ?", (time.time() + LEASE_SECONDS, self._owner)
                )


def _chunks(keys: Sequence[bytes]) -> Iterator[list[bytes]]:
    keys = list(keys)
    for first in range(0, len(keys), MAX_STATEMENT_KEYS):
        yield keys[first : first + MAX_STATEMENT_KEYS]


def _placeholders(keys: Sequence[bytes]) -> str:
    return ", ".join("?" * len(keys))


class LivenessLock:
    """Sign of life of a process: a file in the folder that it locks until it ends. A copy of the folder has none.

    A frozen process still lives; its claims end with their leases. The same holds where there are no such locks, as on
    Windows.
    """

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self._path, self._descriptor = folder / f"{PREFIX}{self.name}", None
        if fcntl is not None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def end(self, given_back: bool = True) -> None:
        """Remove the sign. Where claims were not given back it stays, unlocked like that of a dead process."""
        if self._descriptor is not None:
            if given_back:
                with contextlib.suppress(OSError):
                    self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None


def is_gone(folder: Path, name: str) -> bool:
    """Return True if the process of a sign ended without removing it; remove it then."""
    path = folder / f"{PREFIX}{name}"
    if fcntl is None or not name.isalnum():
        return False
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(OSError):
            path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True

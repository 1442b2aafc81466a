"""`Store`: a study's folder while it is written. Members are claimed, trained and committed; nothing is done twice."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from bridle._errors import StoreError
from bridle.store._alive import LivenessLock, is_gone
from bridle.store._index import add_shard, connect, writing
from bridle.store._said import said
from bridle.store._shards import Reader, Record, path_of, write_shard

LEASE = 60.0
"""Seconds for which a claim holds; a living process renews it."""
RENEWED = 4
"""How often in that time it is renewed."""
TOGETHER = 500
"""Keys in one statement."""


class Store:
    """A folder that holds the members of one study, by their keys.

    A key is a hash of everything that a member is a function of, so that what is found under it is what training
    would give again. A claim is a lease: it ends with its process, or runs out where that is frozen. A commit counts
    only for keys whose claim still stands, with the token that it was given, so that a process that was frozen and
    wakes can add nothing.

    Args:
        folder: made where it is missing.
        create: whether it may be made.
        write: whether members are to be claimed and committed; without, it is only looked at.

    Errors: `StoreError` where the folder cannot be written, has no locks, is damaged or of another version.

    """

    def __init__(self, folder: str | Path, *, create: bool = True, write: bool = True) -> None:
        self.folder, self._writes = Path(folder), write
        if create:
            with said(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
        self._index = connect(self.folder, create=create, write=write)
        try:
            with said(self.folder):
                self._sign = LivenessLock(self.folder) if write else None
        except StoreError:
            self._index.close()
            raise
        self._lock = threading.RLock()
        self._reader = Reader(self.folder)
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
        if self._writes:
            self._renewer.join()
            given_back = False
            with contextlib.suppress(StoreError):
                with self._lock, self._writing() as index:
                    index.execute("DELETE FROM claims WHERE owner = ?", (self._owner,))
                given_back = True
            self._sign.end(given_back)
        self._index.close()

    def fact(self, name: str) -> Any:
        """A fact about the study, or None."""
        with self._lock, said(self.folder):
            row = self._index.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def record(self, **facts: object) -> None:
        """Write facts: values that JSON can hold."""
        rows = [(name, json.dumps(value, allow_nan=False)) for name, value in facts.items()]
        with self._lock, self._writing() as index:
            index.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)

    def recorded(self, name: str, value: object) -> Any:
        """A fact as it stands, which is the given one where there was none yet."""
        with self._lock, self._writing() as index:
            index.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, json.dumps(value, allow_nan=False)))
        return self.fact(name)

    def committed(self, keys: Sequence[bytes]) -> set[bytes]:
        """Which of some members are there."""
        with self._lock, said(self.folder):
            return self._held(self._index, "SELECT key FROM members WHERE key IN ({})", keys)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Record]:
        """The committed ones among some members."""
        with self._lock, said(self.folder):
            rows = [
                row
                for part in _parts(keys)
                for row in self._index.execute(
                    f"SELECT key, sha256 FROM members JOIN shards ON shard = number WHERE key IN ({_marks(part)})",
                    part,
                )
            ]
            found: dict[bytes, Record] = {}
            for key, name in sorted(rows, key=lambda row: row[1]):
                members = self._reader.members(name)
                if key not in members:
                    raise StoreError(f"Expected a member in {str(path_of(self.folder, name))!r}, found it missing.")
                found[key] = members[key]
            return found

    def claim(self, keys: Sequence[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Take those of some members that nobody else has: (taken, committed by now). The others are in work."""
        now = time.time()
        with self._lock, self._lightly(), self._writing() as index:
            done = self._held(index, "SELECT key FROM members WHERE key IN ({})", keys)
            self._forget_the_gone(index)
            other = "SELECT key FROM claims WHERE owner != ? AND expires BETWEEN ? AND ? AND key IN ({})"
            # a lease that ends later than any can is from before the clock was set back, and holds no longer
            busy = self._held(index, other, keys, self._owner, now, now + 2 * LEASE)
            taken = [key for key in keys if key not in done and key not in busy]
            if taken:
                token = int(json.loads(index.execute("SELECT value FROM facts WHERE name = 'token'").fetchone()[0])) + 1
                index.execute("UPDATE facts SET value = ? WHERE name = 'token'", (json.dumps(token),))
                rows = [(key, token, self._owner, now + LEASE) for key in taken]
                index.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)", rows)
                self._tokens |= dict.fromkeys(taken, token)
        return set(taken), done

    def commit(self, records: Mapping[bytes, Record]) -> int:
        """Store members that this process holds; how many of them counted.

        First the file, then its row, so that a row never names what is not there. A member whose claim went to
        another process in the meantime does not count: that process commits it.
        """
        if not records:
            return 0
        keys = list(records)
        with self._lock, said(self.folder):
            name, size = write_shard(self.folder, records)
            with self._writing() as index:
                held = {
                    key: token
                    for part in _parts(keys)
                    for key, token in index.execute(
                        f"SELECT key, token FROM claims WHERE owner = ? AND key IN ({_marks(part)})",
                        (self._owner, *part),
                    )
                }
                valid = [key for key in keys if key in held and held[key] == self._tokens.get(key)]
                if valid:
                    shard = add_shard(index, name, size, len(valid), self._owner, held[valid[0]])
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
        with self._lock, self._lightly(), self._writing() as index:
            index.executemany("DELETE FROM claims WHERE key = ? AND owner = ?", [(k, self._owner) for k in keys])
        for key in keys:
            self._tokens.pop(key, None)

    def __len__(self) -> int:
        with self._lock, said(self.folder):
            return self._index.execute("SELECT coalesce(sum(members), 0) FROM shards").fetchone()[0]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Any]:
        with said(self.folder), writing(self._index) as index:
            yield index

    @contextlib.contextmanager
    def _lightly(self) -> Iterator[None]:
        """Claims need not outlive a power failure, and so are not synchronised to the disk by themselves."""
        self._index.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            self._index.execute("PRAGMA synchronous = FULL")

    def _forget_the_gone(self, index: Any) -> None:
        """Claims of processes that ended without giving them back are free at once."""
        for (owner,) in index.execute("SELECT DISTINCT owner FROM claims WHERE owner != ?", (self._owner,)).fetchall():
            if is_gone(self.folder, owner):
                index.execute("DELETE FROM claims WHERE owner = ?", (owner,))

    def _held(self, index: Any, query: str, keys: Sequence[bytes], *first: object) -> set[bytes]:
        return {key for part in _parts(keys) for (key,) in index.execute(query.format(_marks(part)), (*first, *part))}

    def _renew(self) -> None:
        """Renew this process's claims until the store is closed."""
        while not self._closed.wait(LEASE / RENEWED):
            with self._lock, contextlib.suppress(StoreError), self._lightly(), self._writing() as index:
                index.execute("UPDATE claims SET expires = ? WHERE owner = ?", (time.time() + LEASE, self._owner))


def _parts(keys: Sequence[bytes]) -> Iterator[list[bytes]]:
    keys = list(keys)
    for first in range(0, len(keys), TOGETHER):
        yield keys[first : first + TOGETHER]


def _marks(keys: Sequence[bytes]) -> str:
    return ", ".join("?" * len(keys))

"""Index of a study's folder: an SQLite database that several processes may use at once; its errors as sentences."""

import contextlib
import errno
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridle._errors import StoreError

if sys.platform != "win32":
    import fcntl
else:  # SQLite locks there in another way
    fcntl = None

INDEX_FILE = "index.sqlite"
"""File of the index in a study's folder."""
LOCK_WAIT_SECONDS = 60.0
"""Time to wait for another process that writes."""
LOCK_RETRY_SECONDS = 0.02
"""Time between attempts where SQLite itself does not wait."""
FORMAT = 3
"""Version of the content of a folder; tests keep a folder of each that was released."""
APPLICATION = 0x62726964
"""Mark of bridle in the file."""
SCHEMA = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE shards (
    number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, members INTEGER NOT NULL,
    token INTEGER NOT NULL, owner TEXT NOT NULL, committed REAL NOT NULL);
CREATE TABLE members (key BLOB PRIMARY KEY, shard INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX of_shard ON members (shard);
CREATE TABLE claims (key BLOB PRIMARY KEY, token INTEGER NOT NULL, owner TEXT NOT NULL, expires REAL NOT NULL)
    WITHOUT ROWID;
INSERT INTO facts VALUES ('token', '0');
"""


def connect(folder: Path, *, create: bool = False, write: bool = True) -> sqlite3.Connection:
    """Open the index of a folder; create it where it is missing and `create` allows it.

    Errors: `StoreError` where there is none, where it is of another version or damaged, where it may not be written
    (with `write`), and where the file system has no locks.
    """
    path = folder / INDEX_FILE
    if path.is_symlink():
        raise StoreError(f"Expected an index in {str(folder)!r}, got a link to one. Give the folder that it leads to.")
    if not create and not path.is_file():
        raise StoreError(f"Expected a study in {str(folder)!r}, found no {INDEX_FILE}. Give the folder of a run.")
    if write:
        check_locks(folder)
    with storage_errors(folder):
        mode = "rwc" if create else "rw" if write else "ro"
        frozen = "&immutable=1" if not write and not os.access(folder, os.W_OK) else ""
        address = f"file:{quote(str(path.absolute()))}?mode={mode}{frozen}"
        connection = sqlite3.connect(
            address, uri=True, timeout=LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            _set_up(connection, folder, create, write)
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run one writing transaction: complete, or as if it had not begun."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def add_segment(index: sqlite3.Connection, name: str, size: int, members: int, owner: str, token: int = 0) -> int:
    """Insert a segment and return its number."""
    cursor: Any = index.execute(
        "INSERT INTO shards (sha256, bytes, members, token, owner, committed) VALUES (?, ?, ?, ?, ?, ?)",
        (name, size, members, token, owner, time.time()),
    )
    return cursor.lastrowid


def check_locks(folder: Path) -> None:
    """Check that the file system keeps two writers apart.

    Errors: `StoreError` where it does not, or where nothing can be written.
    """
    if fcntl is None:
        return
    with storage_errors(folder):
        # threads and hosts share process numbers
        first, probe = tempfile.mkstemp(prefix=f".{INDEX_FILE}.probe-", dir=folder)
        try:
            second = os.open(probe, os.O_RDWR)
            try:
                works = _excludes(first, second)
            finally:
                os.close(second)
        finally:
            os.close(first)
            with contextlib.suppress(OSError):
                os.unlink(probe)
    if not works:
        raise StoreError(
            f"Expected a file system with locks under {str(folder)!r}, got one without: two runs could destroy each "
            "other's work. Give a folder on a local disk and copy it afterwards."
        )


def _excludes(first: int, second: int) -> bool:
    """Return True if a lock on one descriptor keeps another from taking it."""
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(first, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kind that SQLite takes
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            return False
        raise
    try:
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _set_up(connection: sqlite3.Connection, folder: Path, create: bool, write: bool) -> None:
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if empty and not create:
        raise StoreError(f"Expected a study in {str(folder)!r}, found an empty {INDEX_FILE}: no study was started.")
    if empty:
        if _write_ahead(connection) != "wal":
            raise StoreError(
                f"Expected a file system with shared memory under {str(folder)!r}, got one without. Give a folder on "
                "a local disk and copy it afterwards."
            )
        with writing(connection):
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:  # another may be first
                for statement in filter(str.strip, SCHEMA.split(";")):
                    connection.execute(statement)
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        raise StoreError(f"Expected the index of a study in {str(folder)!r}, got another database under its name.")
    if version != FORMAT:
        age = "a newer" if version > FORMAT else "an older"
        raise StoreError(
            f"Expected format {FORMAT} in {str(folder)!r}, got {version}, of {age} bridle. "
            "Use the bridle that wrote it."
        )
    if write:
        connection.execute("PRAGMA synchronous = FULL")


def _write_ahead(connection: sqlite3.Connection) -> str:
    """Switch to SQLite's write-ahead log and return the mode that it gives.

    SQLite does not wait in this statement while another process switches, as it waits in others.
    """
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            return connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(LOCK_RETRY_SECONDS)


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn errors of SQLite and the operating system into a `StoreError` with a sentence."""
    try:
        yield
    except sqlite3.OperationalError as error:
        words = str(error)
        if "readonly" in words or "unable to open" in words:
            raise StoreError(
                f"Expected a folder that can be written, got {str(folder)!r}: {words}. Give another one."
            ) from error
        if "full" in words:
            raise StoreError(_full(folder)) from error
        if "locked" in words:
            raise StoreError(
                f"Expected {str(folder)!r} to become free, but another process kept it for {LOCK_WAIT_SECONDS:.0f} s. "
                "Try again; what is committed is safe."
            ) from error
        raise StoreError(_damaged(folder, error)) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(_damaged(folder, error)) from error
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(_full(folder)) from error
        raise StoreError(
            f"Expected a folder that can be written, got {str(folder)!r}: {error.strerror}. Give another one."
        ) from error


def _full(folder: Path) -> str:
    return (
        f"Expected room on the disk of {str(folder)!r}, found none. What was committed is safe: make room and run the "
        "same again, or bridle resume."
    )


def _damaged(folder: Path, error: Exception) -> str:
    return f"Expected a whole index in {str(folder)!r}, found a damaged one: {error}. See: bridle verify {folder}"

"""What SQLite and the operating system say, as sentences."""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bridle._errors import StoreError

WAIT = 60.0
"""Seconds to wait for another process that writes."""


@contextlib.contextmanager
def said(folder: Path) -> Iterator[None]:
    """Turn what SQLite and the operating system say into a sentence."""
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
                f"Expected {str(folder)!r} to become free, but another process kept it for {WAIT:.0f} s. "
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

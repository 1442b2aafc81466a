"""Whether the process that claimed something still lives: a file in the folder that it keeps locked until it ends."""

import contextlib
import os
import uuid
from pathlib import Path

from bridle.store._index import fcntl

PREFIX = ".alive-"


class LivenessLock:
    """A sign of life, which the operating system takes away with the process. A copy of the folder has none.

    Where a process was frozen it lives, and its claims hold as long as leases do; the same where there is no such
    sign, as on Windows.
    """

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self._path, self._descriptor = folder / f"{PREFIX}{self.name}", None
        if fcntl is not None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def end(self, given_back: bool = True) -> None:
        """Take the sign away. Where claims were not given back it stays, unlocked as that of a dead process."""
        if self._descriptor is not None:
            if given_back:
                with contextlib.suppress(OSError):
                    self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None


def is_gone(folder: Path, name: str) -> bool:
    """Whether the process of a sign ended without taking it away; that is done here then."""
    path = folder / f"{PREFIX}{name}"
    if fcntl is None or not name.isalnum():
        return False
    try:
        found = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(OSError):
            path.unlink()
    except OSError:
        return False
    finally:
        os.close(found)
    return True

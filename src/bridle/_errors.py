"""Errors and interrupts. Messages state the expected and the actual value, the position, and the next step."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from types import FrameType


class BridleError(Exception):
    """Base class of all errors of bridle."""


class InputError(BridleError, ValueError):
    """A value that cannot be used: a strength, a table, an array, a file."""


class KindError(BridleError, TypeError):
    """An object of the wrong kind: a model that is not compiled, a penalty that is not one."""


class TargetError(InputError):
    """A target that matches nothing in the model."""


class BackendError(BridleError, RuntimeError):
    """Keras already runs on a backend on which a study cannot be compiled."""


def missing_backend(error: ModuleNotFoundError) -> BackendError | None:
    """Return the error for a backend of Keras that is not installed; None for any other missing module."""
    backend = os.environ.get("KERAS_BACKEND", "")
    if error.name not in ("tensorflow", "torch", "openvino") or backend == "jax":
        return None
    return BackendError(
        f"Expected Keras on a backend that is installed, got KERAS_BACKEND={backend!r}, whose package {error.name!r} "
        "is not. Set KERAS_BACKEND=jax, or unset it, before Python starts."
    )


class StoreError(BridleError, OSError):
    """Folder or file that cannot be read or written as a study."""


class OtherStudyError(StoreError):
    """Folder with another study than the one to run; `grows` is True if this one extends it.

    `message` is the sentence without the advice, for a command that gives other advice.
    """

    def __init__(self, message: str, advice: str = "", *, grows: bool = False) -> None:
        super().__init__(f"{message} {advice}".strip())
        self.message, self.grows = message, grows


class Interrupted(BridleError, KeyboardInterrupt):
    """Stopped run. `result` has the finished fits, or is None.

    It is also a `KeyboardInterrupt`, so that code that catches only `Exception` lets it pass. `message` is the
    sentence without the advice, for a command that gives other advice.
    """

    def __init__(self, message: str, result: object = None, *, advice: str = "") -> None:
        super().__init__(f"{message} {advice}".strip())
        self.message, self.result = message, result

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the sentence without a traceback, since nothing is wrong."""
        kept = " The finished fits: import sys; sys.last_value.result" if self.result is not None else ""
        return [f"{self}{kept}"]


def short_repr(value: object, width: int = 80) -> str:
    """Return the `repr` of any value in at most `width` characters.

    >>> short_repr("a" * 100, 10), short_repr([1.5]), short_repr(1 << 20_000)
    ("'aaaaaaaa…", '[1.5]', 'something that is too large to be written')
    """
    try:
        text = repr(value[:width] if isinstance(value, str | bytes) else value)
    except (ValueError, RecursionError):  # more digits, or more levels, than Python writes
        return f"something that is too {'large' if isinstance(value, int) else 'deep or large'} to be written"
    return text if len(text) <= width else f"{text[: width - 1]}…"


MAX_NAME_CHARS = 200
"""Characters of a name that the search for near names compares."""
MAX_NAMES = 2000
"""Names that the search for near names compares."""
MAX_LISTED_NAMES = 12
"""Names that a sentence lists if none is near."""


def nearest_names(name: str, names: Iterable[str], count: int = 5) -> str:
    """Return a sentence that lists the names nearest to `name`, or all of them if none is near.

    >>> nearest_names("hiden/kernel", ["hidden/kernel", "hidden/bias"])
    "Nearest: 'hidden/kernel', 'hidden/bias'."
    """
    distinct = list(dict.fromkeys(names))
    compared = [text for text in distinct[:MAX_NAMES] if len(text) <= MAX_NAME_CHARS]
    close = get_close_matches(name[:MAX_NAME_CHARS], compared, n=count, cutoff=0.5)
    label = "Nearest" if close else "There are"
    listed = close or distinct[:MAX_LISTED_NAMES]
    if not listed:
        return "There are none."
    rest = 0 if close else len(distinct) - MAX_LISTED_NAMES
    more = f" and {rest} more" if rest > 0 else ""
    return f"{label}: {', '.join(map(short_repr, listed))}{more}."


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, as one short sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300].rstrip(". ") + "."


_interrupted = threading.Event()


@contextlib.contextmanager
def remember_interrupts() -> Iterator[None]:
    """Record Ctrl-C inside the block, in addition to the usual `KeyboardInterrupt`.

    Active only in the main thread and only if Python's default handler is installed.
    """
    is_main_thread = threading.current_thread() is threading.main_thread()
    if not is_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _interrupted.clear()
    signal.signal(signal.SIGINT, _record_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _interrupted.clear()


def raise_if_interrupted() -> None:
    """Raise `KeyboardInterrupt` if `remember_interrupts` has recorded one, which may have been dropped."""
    if _interrupted.is_set():
        raise KeyboardInterrupt


def forget_interrupts() -> None:
    """Forget a Ctrl-C that was answered, so that some more work can follow."""
    _interrupted.clear()


def _record_interrupt(signal_number: int, frame: FrameType | None) -> None:
    _interrupted.set()
    raise KeyboardInterrupt

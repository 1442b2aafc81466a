"""Ctrl-C that is not lost: Python drops an exception raised inside a garbage-collection callback, as XLA has one."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_heard = threading.Event()


@contextlib.contextmanager
def remember_interrupts() -> Iterator[None]:
    """Remember Ctrl-C inside the block, beside the `KeyboardInterrupt` that it raises as ever.

    Only where Python's own handler is in place, in the main thread; a handler of the person's stays.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _heard.clear()
    signal.signal(signal.SIGINT, _hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _heard.clear()


def raise_if_interrupted() -> None:
    """Raise the `KeyboardInterrupt` that was heard inside `remember_interrupts` and may have been dropped."""
    if _heard.is_set():
        raise KeyboardInterrupt


def _hear(number: int, frame: FrameType | None) -> None:
    _heard.set()
    raise KeyboardInterrupt

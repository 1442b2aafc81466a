"""Ctrl-C that is not lost: Python drops exceptions raised in garbage-collection callbacks, such as that of XLA."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

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


def _record_interrupt(signal_number: int, frame: FrameType | None) -> None:
    _interrupted.set()
    raise KeyboardInterrupt

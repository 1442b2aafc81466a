"""Ctrl-C is heard even where Python drops the exception."""

import gc
import signal

import pytest

from bridle._errors import raise_if_interrupted, remember_interrupts


@pytest.fixture(autouse=True)
def _python_handler():
    """Tests may run in the background, where Ctrl-C is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_is_raised_and_remembered() -> None:
    """As ever, and again at the next check; forgotten after the block."""
    with remember_interrupts():
        raise_if_interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            raise_if_interrupted()
    raise_if_interrupted()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_inside_a_collection_is_not_lost() -> None:
    """The exception is dropped by Python; the check raises it."""

    def callback(phase: str, info: dict) -> None:
        gc.callbacks.remove(callback)
        signal.raise_signal(signal.SIGINT)

    with remember_interrupts():
        gc.callbacks.append(callback)
        gc.collect()
        with pytest.raises(KeyboardInterrupt):
            raise_if_interrupted()


def test_a_handler_of_the_person_stays() -> None:
    """Nothing is replaced."""
    own = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with remember_interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, own)

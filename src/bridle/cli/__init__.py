"""The command line: commands, printing, exit codes. Run it and exit without Python's own shutdown."""

import io
import os
import sys

from bridle.cli._app import app
from bridle.cli._setup import guarded

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its exit code.

    An interrupt that a callback drops is noticed all the same (`_interrupts`), so its traceback is not shown.
    Python's own shutdown is skipped: it would wait for training threads that are still inside a block.
    """
    report = sys.unraisablehook
    sys.unraisablehook = lambda dropped: None if dropped.exc_type is KeyboardInterrupt else report(dropped)
    _quiet_tensorflow()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # also into a file or a pipe, to watch a long run
    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _quiet_tensorflow() -> None:
    """Silence the logger of TensorFlow, which Keras imports if it is installed, on any backend.

    The line about oneDNN ignores the log level; oneDNN is not used on another backend.
    """
    if os.environ.get("KERAS_BACKEND", "jax") != "tensorflow":
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def run() -> int:
    """Run the command line and return its exit code: 0, 2 after a user error, 130 after Ctrl-C."""
    try:
        with guarded():
            app()
    except SystemExit as stop:
        if isinstance(stop.code, int) or stop.code is None:
            return stop.code or 0
        return 2
    return 0

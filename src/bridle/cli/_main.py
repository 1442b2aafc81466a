"""The command `bridle`: leave with the right exit code, past Python's own shutdown."""

import os
import sys

from bridle.cli._guard import guarded


def main() -> None:
    """Run the command line and leave with its exit code.

    An interrupt that a callback drops is heard all the same (`_interrupts`), so its traceback is not shown.
    Leaving goes past Python's shutdown, which would wait for training threads that are still inside a block.
    """
    report = sys.unraisablehook
    sys.unraisablehook = lambda dropped: None if dropped.exc_type is KeyboardInterrupt else report(dropped)
    _quiet_tensorflow()
    sys.stdout.reconfigure(line_buffering=True)  # also into a file or a pipe, where a person watches a long run
    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _quiet_tensorflow() -> None:
    """Silence the logger of TensorFlow, which Keras imports where it is installed, whatever its backend.

    A line about oneDNN is written whatever the level; nothing is computed with it on another backend.
    """
    if os.environ.get("KERAS_BACKEND", "jax") != "tensorflow":
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def run() -> int:
    """Run the command line; its exit code: 0, 2 after a person's mistake, 130 after Ctrl-C."""
    try:
        with guarded():
            from bridle.cli._commands import app  # loads Keras and JAX, which takes a second or two

            app()
    except SystemExit as stop:
        if isinstance(stop.code, int) or stop.code is None:
            return stop.code or 0
        return 2
    return 0

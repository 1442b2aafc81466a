"""Exit codes: an error becomes one sentence on standard error and an exit code, never a traceback."""

import contextlib
import os
import sys
from collections.abc import Iterator

from bridle._errors import BridleError, Interrupted, missing_backend
from bridle._interrupts import remember_interrupts
from bridle.wording import escape_control_characters


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Run the block or the decorated command; exit with 2 after a user error and with 130 after Ctrl-C."""
    try:
        with remember_interrupts():
            yield
    except Interrupted as stop:
        _exit(str(stop), 130)
    except KeyboardInterrupt:
        _exit("Stopped.", 130)
    except BridleError as error:
        _exit(f"bridle: {error}", 2)
    except ModuleNotFoundError as error:
        sentence = missing_backend(error)
        if sentence is None:
            raise
        _exit(f"bridle: {sentence}", 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _exit(sentence: str, code: int) -> None:
    print(escape_control_characters(sentence), file=sys.stderr)
    raise SystemExit(code) from None

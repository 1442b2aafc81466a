"""Turn what can go wrong into one sentence on standard error and an exit code; never a traceback for a mistake."""

import contextlib
import os
import sys
from collections.abc import Iterator

from bridle._errors import BridleError, Interrupted, missing_backend
from bridle._interrupts import remember_interrupts
from bridle._text import escape_control_characters


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Run the block or the decorated command; a mistake leaves with 2, Ctrl-C with 130."""
    try:
        with remember_interrupts():
            yield
    except Interrupted as stop:
        _leave(str(stop), 130)
    except KeyboardInterrupt:
        _leave("Stopped.", 130)
    except BridleError as error:
        _leave(f"bridle: {error}", 2)
    except ModuleNotFoundError as error:
        said = missing_backend(error)
        if said is None:
            raise
        _leave(f"bridle: {said}", 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _leave(sentence: str, code: int) -> None:
    print(escape_control_characters(sentence), file=sys.stderr)
    raise SystemExit(code) from None

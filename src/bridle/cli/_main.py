"""The command `bridle`. A person's mistake ends with one sentence and exit code 2, Ctrl-C with what finished and 130."""

import os
import sys

from bridle._errors import BridleError, Interrupted


def main() -> None:
    """Run the command line and leave with its exit code.

    Leaving goes past Python's own shutdown, which would wait for training threads that are still inside a block.
    """
    code = _run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run() -> int:
    try:
        from bridle.cli._commands import app  # loads Keras and JAX, which takes a second or two

        app(standalone_mode=False)
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("\nStopped before any fit had finished.", file=sys.stderr)
        return 130
    except BridleError as error:
        print(f"bridle: {error}", file=sys.stderr)
        return 2
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except _usage_errors() as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _usage_errors() -> tuple[type[Exception], ...]:
    import click

    return (click.ClickException,)

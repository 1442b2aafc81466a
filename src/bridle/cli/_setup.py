"""The frame of a command: its folder, model function and cluster, and its exit code instead of a traceback."""

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bridle._errors import (
    BackendError,
    BridleError,
    InputError,
    Interrupted,
    StoreError,
    missing_backend,
    nearest_names,
    remember_interrupts,
)

CONNECT_SECONDS = 20
"""Time limit for the scheduler to answer, and then for its first worker."""


def check_folder(folder: Path) -> Path:
    """Make a folder and check that a file can be written in it, so that no result is lost at the end.

    Errors: `StoreError` if it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StoreError(
            f"Expected a folder that can be written, got {str(folder)!r}: {error.strerror}. Give another with --out."
        ) from error
    return folder


def import_function(text: str, folder: Path | None = None) -> Callable[..., Any]:
    """Import the function named by `module:function`; modules of `folder`, by default the current one, are found.

    Errors: `InputError` if there is no such module or function.
    """
    module_name, _, name = text.partition(":")
    if not module_name or not name:
        raise InputError(f"Expected --model module:function, got {text!r}. Write for example networks:build.")
    sys.path.insert(0, str((folder or Path.cwd()).resolve()))
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
        source = "this folder" if folder is None else "the folder of the study file"
        raise InputError(
            f"Expected a module {module_name!r} in {source} or installed. Python says: {error}."
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(
            f"Expected a function {name!r} in {module_name!r}. "
            f"{nearest_names(name, [n for n in vars(module) if n[0] != '_'])}"
        )
    return function


@contextlib.contextmanager
def connect_cluster(address: str | None) -> Iterator[Any]:
    """Yield a client of the cluster at an address; None without one.

    Errors: `InputError` if Dask is not installed or the address is malformed; `BackendError` if nothing answers.
    """
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("--dask needs the package distributed. Install it with: pip install 'bridle[dask]'") from error
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except ValueError as error:
        raise InputError(f"Expected --dask as tcp://host:port, got {address!r}. {error}") from error
    except OSError as error:
        raise BackendError(
            f"Expected a scheduler at {address!r}, but it did not answer for {CONNECT_SECONDS} s. "
            "Start one with: dask scheduler"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise BackendError(
                f"The scheduler at {address!r} has no worker. Start one on each machine with: dask worker {address}"
            ) from error
        yield client


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
    from bridle.wording import escape_control_characters  # loads SciPy

    print(escape_control_characters(sentence), file=sys.stderr)
    raise SystemExit(code) from None

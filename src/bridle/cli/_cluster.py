"""`--dask tcp://…`: a cluster for the length of a command."""

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from bridle._errors import BackendError, InputError

Dask = Annotated[
    str | None,
    typer.Option("--dask", help="Train on a Dask cluster: its scheduler's address, such as tcp://host:8786."),
]
SECONDS = 20
"""How long to wait for the scheduler, and then for its first worker."""


@contextlib.contextmanager
def cluster(address: str | None) -> Iterator[Any]:
    """A client of the cluster at an address; None without one.

    Errors: `InputError` where Dask is not installed or the address is none; `BackendError` where nobody answers.
    """
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "Expected the package distributed for --dask, found none. pip install 'bridle[dask]'"
        ) from error
    try:
        client = Client(address, timeout=SECONDS, set_as_default=False)
    except ValueError as error:
        raise InputError(f"Expected --dask as tcp://host:port, got {address!r}. {error}") from error
    except OSError as error:
        raise BackendError(
            f"Expected a scheduler at {address!r}, but nobody answered for {SECONDS} s. Start one with: dask scheduler"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError as error:
            raise BackendError(
                f"Expected a worker at {address!r}, found none. Start one on each machine with: dask worker {address}"
            ) from error
        yield client

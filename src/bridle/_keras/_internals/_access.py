"""Access to private parts of Keras, with an error that names what is missing."""

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

import keras

from bridle._errors import BackendError

TESTED_VERSIONS = ">=3.15,<3.16"
"""The versions of Keras that the tests run with; pyproject.toml repeats them."""


def missing_internal(name: str) -> BackendError:
    """Return the error that names a part of Keras that is not there."""
    return BackendError(
        f"Expected a Keras that has {name}, got Keras {keras.__version__} without it. "
        f"Install a version that bridle is tested with: pip install 'keras{TESTED_VERSIONS}'."
    )


def load_internal(module: str, name: str) -> Any:
    """Import a private object of Keras.

    Errors: `BackendError` that names what is missing.
    """
    try:
        return getattr(importlib.import_module(f"keras.src.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise missing_internal(f"keras.src.{module}.{name}") from error


def read_private(owner: Any, name: str) -> Any:
    """Read a private attribute of an object of Keras.

    Errors: `BackendError` that names what is missing.
    """
    try:
        return getattr(owner, name)
    except AttributeError as error:
        kind = owner if isinstance(owner, type) else type(owner)
        raise missing_internal(f"{kind.__name__}.{name}") from error


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute past Keras's tracking of attributes, and undo it at the end."""
    attributes, missing = vars(owner), object()
    before = attributes.get(name, missing)
    attributes[name] = value
    try:
        yield
    finally:
        if before is missing:
            del attributes[name]
        else:
            attributes[name] = before


def load_module(module: str) -> Any:
    """Import a private module of Keras.

    Errors: `BackendError` that names what is missing.
    """
    try:
        return importlib.import_module(f"keras.src.{module}")
    except ImportError as error:
        raise missing_internal(f"keras.src.{module}") from error

"""Lazy loader of the public names: the stub of the package lists them, this module imports them when used."""

import os
import re
import sys
from importlib import import_module
from pathlib import Path

from bridle._errors import missing_backend
from bridle._garbage import gc_paused

if "keras" not in sys.modules:
    os.environ.setdefault("KERAS_BACKEND", "jax")

STUB = Path(__file__).with_name("__init__.pyi").read_text("utf-8")
ROOMS = {name: room for room, name in re.findall(r"^from (bridle[\w.]*) import (\w+) as \w+$", STUB, re.MULTILINE)}
"""The room of each public name: one list for editors, type checkers and this loader."""

__doc__ = STUB.split('"""')[1]  # of the package: `help(bridle)` begins with this table of contents
__all__ = sorted(ROOMS)  # pyright: ignore[reportUnsupportedDunderAll] - checkers read the stub


def __getattr__(name: str) -> object:
    """Import a public name from its room."""
    if name not in ROOMS:
        raise AttributeError(f"module 'bridle' has no attribute {name!r}")
    try:
        with gc_paused():
            if ROOMS[name] == "bridle":
                return import_module(f"bridle.{name}")
            return getattr(import_module(ROOMS[name]), name)
    except ModuleNotFoundError as error:
        raise missing_backend(error) or error from error


def __dir__() -> list[str]:
    return __all__

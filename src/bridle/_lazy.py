"""Lazy loader of the public names: the stub of the package lists them, this module imports them when used."""

import os
import re
import sys
from contextlib import nullcontext
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
    room = f"bridle.{name}" if ROOMS[name] == "bridle" else ROOMS[name]
    try:
        with nullcontext() if room in sys.modules else gc_paused():
            module = import_module(room)
        return module if ROOMS[name] == "bridle" else getattr(module, name)
    except ModuleNotFoundError as error:
        raise missing_backend(error) or error from error


def __dir__() -> list[str]:
    return __all__

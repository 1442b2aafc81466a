"""Folders to write to and functions to call, checked before anything is trained."""

import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridle._errors import InputError, StoreError, nearest_names


def check_folder(folder: Path) -> Path:
    """Make a folder and see that a file can be written in it, so that no result is lost at the end.

    Errors: `StoreError` where it cannot.
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


def own_function(text: str, folder: Path | None = None) -> Callable[..., Any]:
    """The function that `module:function` names, with modules of a folder, the current one by default, in reach.

    Errors: `InputError` where there is no such module or function.
    """
    module_name, _, name = text.partition(":")
    if not module_name or not name:
        raise InputError(f"Expected --model module:function, got {text!r}. Write for example networks:build.")
    sys.path.insert(0, str((folder or Path.cwd()).resolve()))
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
        place = "this folder" if folder is None else "the folder of the study file"
        raise InputError(f"Expected a module {module_name!r} in {place} or installed. Python says: {error}.") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(
            f"Expected a function {name!r} in {module_name!r}. "
            f"{nearest_names(name, [n for n in vars(module) if n[0] != '_'])}"
        )
    return function

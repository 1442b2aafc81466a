"""Models and rows from untrusted files."""

import math
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np

from bridle import layers, placement, regularizers
from bridle._errors import InputError, first_line, short_repr
from bridle._keras import model_size
from bridle.untrusted._archive import ADVICE, MAX_UNPACKED_MIB, MIB, check_archive
from bridle.untrusted._config import check_config, own_names
from bridle.wording import has_valid_characters

__all__ = [
    "GENERATED_ROWS",
    "MAX_UNPACKED_MIB",
    "MIB",
    "check_config",
    "own_names",
    "read_model",
    "read_rows",
    "weights_of",
]


REGISTERED_ROOMS = (regularizers, placement, layers)
"""Rooms whose classes a model file may name: Keras knows them once they are imported."""
GENERATED_ROWS = 8
"""Rows of a batch that is generated from the shapes of the inputs."""
FLOAT32_BYTES = 4
"""Bytes of a float32."""


def read_model(path: str | Path, *, limit: int = MAX_UNPACKED_MIB) -> tuple[keras.Model, str]:
    """Load a `.keras` file that nobody vouches for: no code in it or named by it is run.

    A model with custom losses or metrics is loaded without them, because penalties do not need them.

    Args:
        path: the file.
        limit: MiB that the file may unfold to, and that the weights and the largest tensor of a batch may take.

    Returns the model, and a sentence about what was left out, or "".

    Errors: `InputError` for a file that is missing, damaged, too large, of another format, or whose layers need code
    outside of Keras and bridle.

    """
    path, size = Path(path), limit * MIB
    config = check_archive(path, size)
    compiled = config.pop("compile_config", None)
    check_config(config, repr(path.name))
    left_out = _left_out(compiled, path)
    try:
        sizes = model_size(config)
        batch = GENERATED_ROWS * sizes.largest  # tensors of a small batch
        _check_size(max(sizes.weights, batch) * FLOAT32_BYTES, path, size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the optimizer's state, which an audit does not need
            return keras.saving.load_model(path, safe_mode=True, compile=not left_out), left_out
    except InputError:
        raise
    except Exception as error:  # Keras raises many types for a wrong file
        raise InputError(
            f"Expected a model that Keras can build in {path.name!r}. Keras says: {first_line(error)} {ADVICE}"
        ) from error


def weights_of(config: dict[str, Any]) -> int:
    """Bytes of the weights of the model that a configuration builds.

    Errors: those of `outline`.
    """
    return model_size(config).weights * FLOAT32_BYTES


def _left_out(compiled: object, path: Path) -> str:
    try:
        check_config({"compile_config": compiled}, repr(path.name))
    except InputError:
        return (
            f"The compile settings of {path.name!r} need code that is not in the file, so they are left out. "
            "Penalties are audited, weight decay is not."
        )
    return ""


def _check_size(needed: int, path: Path, limit: int) -> None:
    if needed > limit:
        raise InputError(
            f"Expected a model of at most {limit // MIB} MiB in {path.name!r}, got one that needs {needed // MIB}. "
            f"Allow more with --limit {needed // MIB + 1}."
        )


def read_rows(path: str | Path, *, limit: int = MAX_UNPACKED_MIB) -> tuple[Any, np.ndarray | None]:
    """Rows from a `.npy` file, or from a `.npz` file: one array, or one for each input by its name.

    Returns the rows and, where a `.npz` file has an array `sample_weight`, the weights of the samples. Nothing is
    unpickled.

    Errors: `InputError` for a file that is missing, damaged, of another format, or holds objects.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"Expected a file of rows (.npy, .npz or .csv), found no {str(path)!r}.")
    if path.suffix not in (".npy", ".npz"):
        raise InputError(f"Expected rows in a .npy, .npz or .csv file, got {path.name!r}.")
    try:
        return (_npy(path), None) if path.suffix == ".npy" else _npz(path, limit)
    except InputError:
        raise
    except Exception as error:  # a damaged archive fails in as many ways as there are formats inside it
        problem = first_line(error)
        problem = "objects, which could be code." if "bject" in problem else f"a file that cannot be read: {problem}"
        raise InputError(f"Expected arrays of numbers in {path.name!r}, got {problem}") from error


def _check_array(file: IO[bytes], size: int, name: str, where: str) -> None:
    """Refuse an array of objects or of nothing, and one that is not as large as it says, before memory is taken."""
    header = np.lib.format
    version = header.read_magic(file)
    read = header.read_array_header_1_0 if version == (1, 0) else header.read_array_header_2_0
    shape, _, dtype = read(file)
    left = size - file.tell()
    if dtype.hasobject:
        raise InputError(f"Expected arrays of numbers in {where!r}, got objects, which could be code.")
    if not dtype.itemsize:  # NumPy divides by it
        raise InputError(f"Expected arrays of numbers in {where!r}, got {short_repr(name)} with values of no size.")
    if math.prod(shape) * dtype.itemsize != left:
        raise InputError(
            f"Expected arrays as large as they say in {where!r}, got {short_repr(name)} with {left} bytes for "
            f"{dtype} of shape {short_repr(shape)}."
        )


def _check_text(array: np.ndarray, name: str, where: str) -> None:
    if not has_valid_characters(array):
        raise InputError(f"Expected valid text in {where!r}, got {short_repr(name)} with invalid characters.")


def _npy(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        _check_array(file, path.stat().st_size, path.name, path.name)
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    _check_text(array, path.name, path.name)
    return array


def _npz(path: Path, limit: int) -> tuple[Any, np.ndarray | None]:
    with zipfile.ZipFile(path) as archive:
        total = sum(member.file_size for member in archive.infolist())
        if total > limit * MIB:
            raise InputError(f"Expected at most {limit} MiB in {path.name!r}, got {total // MIB}. Allow more: --limit.")
        for member in archive.infolist():
            with archive.open(member) as file:
                _check_array(file, member.file_size, member.filename, path.name)
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for name, array in arrays.items():
        _check_text(array, name, path.name)
    weight = arrays.pop("sample_weight", None)
    if not arrays:
        raise InputError(f"Expected at least one array of rows in {path.name!r}, found none.")
    return (next(iter(arrays.values())) if len(arrays) == 1 else arrays), weight

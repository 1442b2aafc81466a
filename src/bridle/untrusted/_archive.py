"""Checks of a `.keras` file from anywhere, before Keras reads any of it."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from bridle._errors import InputError, first_line, short_repr

CONFIG_FILE = "config.json"
"""The configuration of a model in a `.keras` file."""
WEIGHTS_FILE = "model.weights.h5"
"""The weights of a model in a `.keras` file."""
MAX_UNPACKED_MIB = 2048
"""MiB that a file may unfold to, unless more is allowed."""
MIB = 2**20
"""Bytes of a MiB."""
MAX_CONFIG_BYTES = 64 * MIB
"""The largest configuration."""
MAX_UNPACKED_RATIO = 100
"""The largest size of a member of more than 1 MiB over its stored size: Keras stores without compression."""
ADVICE = "If you trust the file, load it in Python with keras.saving.load_model and call bridle.audit(model)."
"""The advice at the end of a refusal."""


def check_archive(path: Path, limit: int) -> dict[str, Any]:
    """Look at everything in a `.keras` file that can do harm, and return its configuration, still unread by Keras.

    Refused are members outside of the archive, twice the same name, encryption, more than `limit` bytes unfolded,
    compression bombs, and weights that point outside of the file.

    Errors: `InputError` for all that, and for a file that is missing, damaged or no `.keras` file.
    """
    where = repr(path.name)
    try:
        with zipfile.ZipFile(_opened(path)) as archive:
            _check_members(archive, where, limit)
            raw = archive.read(CONFIG_FILE)
            _check_weights(archive.read(WEIGHTS_FILE), where, limit)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"Expected a model that fits into memory, got {where}. {ADVICE}") from error
    except Exception as error:  # a damaged archive fails in as many ways as there are formats inside it
        raise InputError(f"Expected a whole .keras file, got {where}, which is damaged: {first_line(error)}") from error
    return _config(raw, where)


def _opened(path: Path) -> Path:
    if path.is_dir():
        raise InputError(f"Expected a .keras file, got the folder {str(path)!r}.")
    if not path.is_file():
        near = sorted(file.name for file in path.parent.glob("*.keras"))[:5] if path.parent.is_dir() else []
        there = (
            f"There are: {', '.join(map(short_repr, near))}." if near else "Write the path of a file of model.save()."
        )
        raise InputError(f"Expected a .keras file, found no {str(path)!r}. {there}")
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):
        kind = "an old HDF5 model file" if path.suffix in (".h5", ".hdf5") else "which is no .keras archive"
        raise InputError(
            f"Expected a .keras file, got {path.name!r}, {kind}. Write one with model.save('model.keras')."
        )
    return path


def _check_members(archive: zipfile.ZipFile, where: str, limit: int) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if name not in names:
            raise InputError(f"Expected {name} in {where}, found none. Write the file with model.save('model.keras').")
    for member in members:
        _check_member(member, where)
    if len(set(names)) != len(names):
        raise InputError(f"Expected each name once in {where}, got one several times. {ADVICE}")
    total = sum(member.file_size for member in members)
    if total > limit:
        raise InputError(
            f"Expected at most {limit // MIB} MiB in {where}, got {total // MIB}. "
            f"Allow more with --limit {total // MIB + 1}."
        )
    if archive.getinfo(CONFIG_FILE).file_size > MAX_CONFIG_BYTES:
        raise InputError(f"Expected a configuration of at most {MAX_CONFIG_BYTES // MIB} MiB in {where}. {ADVICE}")


def _check_member(member: zipfile.ZipInfo, where: str) -> None:
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename:
        raise InputError(f"Expected names inside {where}, got {member.filename!r}, which leads out of it. {ADVICE}")
    if member.flag_bits & 1:
        raise InputError(f"Expected an open file, got {where} with {member.filename!r} encrypted. {ADVICE}")
    if member.file_size > MIB and member.file_size > MAX_UNPACKED_RATIO * max(1, member.compress_size):
        raise InputError(
            f"Expected {member.filename!r} in {where} to unfold to at most {MAX_UNPACKED_RATIO} times its size, got "
            f"{member.file_size // max(1, member.compress_size)} times, as compression bombs do. {ADVICE}"
        )


def _check_weights(raw: bytes, where: str, limit: int) -> None:
    import h5py

    with h5py.File(io.BytesIO(raw), "r") as file:
        total = sum(_sizes(file, where, set()))
    if total > limit:
        raise InputError(
            f"Expected at most {limit // MIB} MiB of weights in {where}, got {total // MIB}. "
            f"Allow more with --limit {total // MIB + 1}."
        )


def _sizes(group: Any, where: str, visited: set[int]) -> Iterator[int]:
    """The bytes of each array in a group; hard links may lead in circles."""
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise InputError(f"Expected weights inside {where}, got the link {name!r}. {ADVICE}")
        item = group[name]
        address = h5py.h5o.get_info(item.id).addr
        if address in visited:
            continue
        visited.add(address)
        if isinstance(item, h5py.Group):
            yield from _sizes(item, where, visited)
        elif isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise InputError(f"Expected weights inside {where}, got {name!r}, which lies in another file. {ADVICE}")
            yield int(item.size or 0) * item.dtype.itemsize


def _config(raw: bytes, where: str) -> dict[str, Any]:
    try:
        config = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"Expected a configuration in {where} that can be read, got {first_line(error)}") from error
    if not isinstance(config, dict):
        raise InputError(f"Expected a dictionary as the configuration in {where}, got {type(config).__name__}.")
    return config

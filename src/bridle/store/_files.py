"""A study on disk: arrays in `study.npz` (never pickled), words in `study.json`, each whole or not there at all."""

import io
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np

from bridle._errors import StoreError
from bridle.results import Activation, Arm, Members, Nested, Picture, Score, StudyResult

FORMAT = 2
ARRAYS, WORDS = "study.npz", "study.json"


def save(result: StudyResult, folder: str | Path) -> Path:
    """Write a result into a folder, made where it is missing; what was there under the same names is replaced.

    Errors: `StoreError` where the folder cannot be written.
    """
    folder = Path(folder)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **_arrays(result))
    blob = buffer.getvalue()
    words = {"format": FORMAT, "sha256": sha256(blob).hexdigest(), **_words(result)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / ARRAYS, lambda file: file.write(blob))
        text = json.dumps(words, indent=1, allow_nan=False).encode()
        write_whole(folder / WORDS, lambda file: file.write(text))
    except OSError as error:
        raise StoreError(
            f"Expected a folder that can be written, got {str(folder)!r}: {error.strerror}. Give another with --out."
        ) from error
    return folder


def load(folder: str | Path) -> StudyResult:
    """Read a result that `save` wrote.

    Errors: `StoreError` where there is none, or where a file was damaged since.
    """
    folder = Path(folder)
    try:
        words = json.loads((folder / WORDS).read_text(encoding="utf-8"))
        blob = (folder / ARRAYS).read_bytes()
    except FileNotFoundError as error:
        raise StoreError(
            f"Expected a study in {str(folder)!r}, found no {Path(error.filename).name}. "
            "Give the folder that a run wrote."
        ) from error
    except (OSError, ValueError) as error:
        raise StoreError(f"Expected a study in {str(folder)!r} that can be read. {error}") from error
    if words.get("format") != FORMAT:
        raise StoreError(
            f"Expected format {FORMAT} in {str(folder / WORDS)!r}, got {words.get('format')!r}. "
            "Use the bridle that wrote it."
        )
    if sha256(blob).hexdigest() != words.get("sha256"):
        raise StoreError(
            f"Expected {str(folder / ARRAYS)!r} as it was written, found other bytes. "
            "The file is damaged: run the study again."
        )
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            return _result({name: arrays[name] for name in arrays.files}, words)
    except (KeyError, ValueError, TypeError, BadZipFile) as error:
        raise StoreError(
            f"Expected a whole study in {str(folder)!r}, found that {error} is missing or wrong."
        ) from error


def write_text(path: str | Path, text: str) -> Path:
    """Write one text file, whole or not at all.

    Errors: `StoreError` where it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: file.write(text.encode()))
    except OSError as error:
        raise StoreError(
            f"Expected a file that can be written, got {str(path)!r}: {error.strerror}. Give another."
        ) from error
    return path


def write_whole(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file so that it is either complete under its name or absent: temporary name, fsync, rename."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _arrays(result: StudyResult) -> dict[str, np.ndarray]:
    plain = ("setting_arm", "setting_strengths", "epochs", "curves", "diagnostics", "fold_rows")
    arrays = {name: getattr(result, name) for name in plain}
    arrays |= {f"members.{name}": column for name, column in vars(result.members).items()}
    arrays |= {f"held_out.{name}": values for name, values in result.held_out.items()}
    for member, variables in result.weights.items():
        arrays |= {f"weights.{member}.{number}": value for number, value in enumerate(variables)}
    if result.picture is not None:
        picture = result.picture
        arrays |= {"picture.x": picture.x, "picture.y": picture.y, "picture.surfaces": picture.surfaces}
        arrays |= {"picture.wide": picture.axes[0], "picture.high": picture.axes[1]}
    if result.nested is not None:
        arrays |= {f"nested.{name}": values for name, values in vars(result.nested).items()}
    for number, seen in enumerate(result.activations):
        arrays |= {f"activations.{number}.values": seen.values, f"activations.{number}.classes": seen.classes}
    return arrays


def _words(result: StudyResult) -> dict[str, Any]:
    return {
        "arms": [asdict(arm) for arm in result.arms],
        "slots": result.slots,
        "score": asdict(result.score),
        "quantities": result.quantities,
        "diagnostic_names": result.diagnostic_names,
        "held_out_names": result.held_out_names,
        "held_out_rows": dict(result.held_out_rows),
        "drawn": None if result.picture is None else list(result.picture.settings),
        "weights": {str(member): len(variables) for member, variables in result.weights.items()},
        "weight_names": result.weight_names,
        "activations": [
            {"tensor": seen.tensor, "settings": list(seen.settings), "entries": seen.entries}
            for seen in result.activations
        ],
        "model": result.model_json,
        "protocol": result.protocol,
        "provenance": dict(result.provenance),
    }


def _arm(words: dict[str, Any]) -> Arm:
    return Arm(words["name"], tuple(map(tuple, words["terms"])), tuple(words["slots"]), words["learning_rate"])


def _nested(arrays: dict[str, np.ndarray]) -> Nested | None:
    if "nested.arm" not in arrays:
        return None
    return Nested(**{name: arrays[f"nested.{name}"] for name in Nested.__dataclass_fields__})


def _activation(number: int, arrays: dict[str, np.ndarray], words: dict[str, Any]) -> Activation:
    values, classes = (arrays[f"activations.{number}.{name}"] for name in ("values", "classes"))
    return Activation(words["tensor"], tuple(words["settings"]), values, classes, words["entries"])


def _result(arrays: dict[str, np.ndarray], words: dict[str, Any]) -> StudyResult:
    picture = None
    if words["drawn"] is not None:
        axes = (arrays["picture.wide"], arrays["picture.high"])
        picture = Picture(
            arrays["picture.x"], arrays["picture.y"], axes, tuple(words["drawn"]), arrays["picture.surfaces"]
        )
    return StudyResult(
        arms=tuple(map(_arm, words["arms"])),
        slots=tuple(words["slots"]),
        setting_arm=arrays["setting_arm"],
        setting_strengths=arrays["setting_strengths"],
        members=Members(**{name: arrays[f"members.{name}"] for name in Members.__dataclass_fields__}),
        score=Score(**words["score"]),
        epochs=arrays["epochs"],
        quantities=tuple(words["quantities"]),
        curves=arrays["curves"],
        diagnostic_names=tuple(words["diagnostic_names"]),
        diagnostics=arrays["diagnostics"],
        fold_rows=arrays["fold_rows"],
        held_out_names=tuple(words["held_out_names"]),
        held_out={name: arrays[f"held_out.{name}"] for name in words["held_out_rows"]},
        held_out_rows=words["held_out_rows"],
        weights={
            int(member): tuple(arrays[f"weights.{member}.{number}"] for number in range(count))
            for member, count in words["weights"].items()
        },
        weight_names=tuple(words.get("weight_names", ())),
        picture=picture,
        nested=_nested(arrays),
        activations=tuple(
            _activation(number, arrays, seen) for number, seen in enumerate(words.get("activations", ()))
        ),
        model_json=words["model"],
        protocol=words["protocol"],
        provenance=words["provenance"],
    )

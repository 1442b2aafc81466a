"""A result on disk: words in `study.json`, arrays (never pickled) in the file that it names; whole or not there."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from bridle._errors import StoreError
from bridle.results import (
    Activation,
    Arm,
    Baseline,
    Calibration,
    Confidence,
    FoldNetworks,
    Members,
    Nested,
    PathNetworks,
    Picture,
    Probe,
    RowScores,
    Score,
    SeedMean,
    StoredTransformer,
    StudyResult,
)
from bridle.store._arrays import pack, unpack, write_atomic
from bridle.store._index import storage_errors

FORMAT = 2
"""Version of the content of the file."""
RESULT_FILE = "study.json"
"""File of the result in a study's folder."""
ARRAYS = re.compile(r"study(-[0-9a-f]{16})?\.npz")
"""Named by their hash, so that a result that is replaced is whole until the new one is; without it in older folders."""


def save(result: StudyResult, folder: str | Path) -> Path:
    """Write a result into a folder, made where it is missing; what was there under the same names is replaced.

    Errors: `StoreError` where the folder cannot be written.
    """
    folder = Path(folder)
    blob = pack(_arrays(result), compress=True)
    digest = sha256(blob).hexdigest()
    name = f"study-{digest[:16]}.npz"
    words = {"format": FORMAT, "arrays": name, "sha256": digest, **_words(result)}
    text = json.dumps(words, indent=1, allow_nan=False).encode()
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / name, lambda file: file.write(blob))
        write_atomic(folder / RESULT_FILE, lambda file: file.write(text))
        for old in folder.glob("study*.npz"):
            if ARRAYS.fullmatch(old.name) and old.name != name:
                old.unlink(missing_ok=True)
    return folder


def load(folder: str | Path) -> StudyResult:
    """Read a result that `save` wrote.

    Errors: `StoreError` where there is none, or where a file was damaged since.
    """
    folder = Path(folder)
    words = _read_words(folder)
    name = words.get("arrays", "study.npz")
    if not isinstance(name, str) or not ARRAYS.fullmatch(name):
        raise StoreError(f"Expected the name of a file of arrays in {str(folder / RESULT_FILE)!r}, got {name!r}.")
    try:
        blob = (folder / name).read_bytes()
    except OSError as error:
        raise StoreError(
            f"Expected {name} beside {str(folder / RESULT_FILE)!r}: {error.strerror}. Run the study again."
        ) from error
    if sha256(blob).hexdigest() != words.get("sha256"):
        raise StoreError(
            f"Expected {str(folder / name)!r} as it was written, found other bytes. "
            "The file is damaged: run the study again."
        )
    try:
        return _result(unpack(blob), words)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            f"Expected a whole study in {str(folder)!r}, found that {error} is missing or wrong."
        ) from error


def _read_words(folder: Path) -> dict[str, Any]:
    try:
        words = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(
            f"Expected a study in {str(folder)!r}, found no {RESULT_FILE}. Give the folder that a run wrote."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"Expected a study in {str(folder)!r} that can be read. {error}") from error
    version = words.get("format") if isinstance(words, dict) else None
    if version != FORMAT:
        age = "newer" if isinstance(version, int) and version > FORMAT else "another"
        raise StoreError(
            f"Expected format {FORMAT} in {str(folder / RESULT_FILE)!r}, got {version!r}, of {age} bridle. "
            "Use the bridle that wrote it."
        )
    return words


def write_text(path: str | Path, text: str) -> Path:
    """Write one text file, whole or not at all.

    Errors: `StoreError` where it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, lambda file: file.write(text.encode()))
    except OSError as error:
        raise StoreError(
            f"Expected a file that can be written, got {str(path)!r}: {error.strerror}. Give another."
        ) from error
    return path


def _arrays(result: StudyResult) -> dict[str, np.ndarray]:
    plain = ("setting_arm", "setting_strengths", "epochs", "curves", "diagnostics", "fold_rows")
    arrays = {name: getattr(result, name) for name in plain}
    arrays |= {f"members.{name}": column for name, column in vars(result.members).items()}
    arrays |= {f"held_out.{name}": values for name, values in result.held_out.items()}
    for member, variables in result.networks.items():
        arrays |= {f"weights.{member}.{index}": value for index, value in enumerate(variables)}
    if result.probe is not None:
        arrays |= {f"probe.rows.{index}": rows for index, rows in enumerate(result.probe.rows)}
        for member, outputs in result.probe.predictions.items():
            arrays |= {f"probe.{member}.{index}": value for index, value in enumerate(outputs)}
    if result.picture is not None:
        picture = result.picture
        arrays |= {"picture.x": picture.x, "picture.y": picture.y, "picture.surfaces": picture.surfaces}
        arrays |= {"picture.wide": picture.axes[0], "picture.high": picture.axes[1]}
    if result.row_scores is not None:
        arrays |= {f"row_scores.{name}": values for name, values in vars(result.row_scores).items()}
    for candidate, predictions in result.validation_predictions.items():
        arrays[f"validation_predictions.{candidate}"] = predictions
    if result.nested is not None:
        arrays |= {f"nested.{name}": values for name, values in vars(result.nested).items()}
    if result.seed_mean is not None:
        arrays["seed_mean.scores"] = result.seed_mean.scores
        arrays |= {f"seed_mean.held_out.{name}": values for name, values in result.seed_mean.held_out.items()}
    if result.confidence is not None:
        for kind, calibration in vars(result.confidence).items():
            arrays |= {f"confidence.{kind}.{name}": values for name, values in vars(calibration).items()}
    if result.path_networks is not None:
        networks = result.path_networks
        arrays |= {"networks.settings": networks.settings, "networks.surfaces": networks.surfaces}
        arrays |= {f"networks.weights.{index}": value for index, value in enumerate(networks.weights.values())}
    for index, activation in enumerate(result.activations):
        arrays |= {f"activations.{index}.values": activation.values, f"activations.{index}.classes": activation.classes}
    arrays |= _preparation_arrays("preparation", result.preparation)
    if result.fold_networks is not None:
        folds = result.fold_networks
        arrays["folds.row_hashes"] = folds.row_hashes
        arrays |= {f"folds.validation.{fold}": rows for fold, rows in enumerate(folds.validation)}
        for fold, preparation in enumerate(folds.preparation):
            arrays |= _preparation_arrays(f"folds.preparation.{fold}", preparation)
    return arrays


def _preparation_arrays(name: str, preparation: Mapping[str, StoredTransformer]) -> dict[str, np.ndarray]:
    return {
        f"{name}.{part}.{inner}": values
        for part, stored in preparation.items()
        for inner, values in stored.arrays.items()
    }


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
        "weights": _variable_counts(result.weights),
        "weight_names": result.weight_names,
        "activations": [
            {"tensor": activation.tensor, "settings": list(activation.settings), "entries": activation.entries}
            for activation in result.activations
        ],
        "probe": None if result.probe is None else _counts(result.probe),
        "model": result.model_json,
        "protocol": result.protocol,
        "prepared_units": result.prepared_units,
        "preparation": _preparation_words(result.preparation),
        "provenance": dict(result.provenance),
        "seed_mean": _seed_mean_words(result.seed_mean),
        **({"networks": _networks_words(result.path_networks)} if result.path_networks else {}),
        **({"folds": _fold_words(result.fold_networks)} if result.fold_networks else {}),
        **({"baselines": [_baseline_words(baseline) for baseline in result.baselines]} if result.baselines else {}),
    }


def _variable_counts(weights: Mapping[int, tuple[np.ndarray, ...]]) -> dict[str, int]:
    return {str(member): len(variables) for member, variables in weights.items()}


def _preparation_words(preparation: Mapping[str, StoredTransformer]) -> dict[str, Any]:
    return {
        part: {"text": stored.text, "words": stored.words, "arrays": list(stored.arrays)}
        for part, stored in preparation.items()
    }


def _fold_words(folds: FoldNetworks) -> dict[str, Any]:
    preparation = [_preparation_words(one) for one in folds.preparation]
    return {
        "weights": _variable_counts(folds.weights),
        "validation": len(folds.validation),
        "preparation": preparation,
    }


def _folds(arrays: dict[str, np.ndarray], words: dict[str, Any] | None) -> FoldNetworks | None:
    if words is None:
        return None
    parts = [arrays[f"folds.validation.{fold}"] for fold in range(words["validation"])]
    if any(rows.ndim != 1 or not np.isin(rows, np.arange(len(arrays["folds.row_hashes"]))).all() for rows in parts):
        raise ValueError("the validation rows of a fold")
    if len(words["preparation"]) != len(arrays["fold_rows"]):
        raise ValueError("the preparation of a fold")
    return FoldNetworks(
        _weights(arrays, words["weights"]),
        tuple(parts),
        arrays["folds.row_hashes"],
        tuple(_preparation(f"folds.preparation.{fold}", arrays, one) for fold, one in enumerate(words["preparation"])),
    )


def _weights(arrays: dict[str, np.ndarray], counts: dict[str, int]) -> dict[int, tuple[np.ndarray, ...]]:
    return {
        int(member): tuple(arrays[f"weights.{member}.{index}"] for index in range(count))
        for member, count in counts.items()
    }


def _networks_words(networks: PathNetworks) -> dict[str, Any]:
    return {"seed": networks.seed, "weights": list(networks.weights)}


def _networks(arrays: dict[str, np.ndarray], words: dict[str, Any] | None) -> PathNetworks | None:
    if words is None:
        return None
    weights = {name: arrays[f"networks.weights.{index}"] for index, name in enumerate(words["weights"])}
    return PathNetworks(int(words["seed"]), arrays["networks.settings"], weights, arrays["networks.surfaces"])


def _seed_mean_words(seed_mean: SeedMean | None) -> dict[str, Any] | None:
    if seed_mean is None:
        return None
    held_out = list(seed_mean.held_out)
    return {"is_convex": seed_mean.is_convex, "obstacle": seed_mean.obstacle, "held_out": held_out}


def _seed_mean(arrays: dict[str, np.ndarray], words: dict[str, Any] | None) -> SeedMean | None:
    if words is None:
        return None
    held_out = {name: arrays[f"seed_mean.held_out.{name}"] for name in words["held_out"]}
    return SeedMean(arrays["seed_mean.scores"], held_out, bool(words["is_convex"]), str(words["obstacle"]))


def _confidence(arrays: dict[str, np.ndarray]) -> Confidence | None:
    if "confidence.single.temperature" not in arrays:
        return None
    names = tuple(Calibration.__dataclass_fields__)
    return Confidence(
        *(Calibration(*(arrays[f"confidence.{kind}.{name}"] for name in names)) for kind in ("single", "mean"))
    )


def _baseline_words(baseline: Baseline) -> dict[str, Any]:
    """Return a baseline as JSON, which has null where a score is unknown."""
    held_out = {name: _finite_or_none(score) for name, score in baseline.held_out.items()}
    scores = [_finite_or_none(score) for score in baseline.scores.tolist()]
    return {"name": baseline.name, "text": baseline.text, "scores": scores, "held_out": held_out}


def _finite_or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _baseline(words: dict[str, Any]) -> Baseline:
    held_out = {name: math.nan if score is None else float(score) for name, score in words["held_out"].items()}
    return Baseline(words["name"], words["text"], np.array(words["scores"], float), held_out)


def _counts(probe: Probe) -> dict[str, Any]:
    predictions = {str(member): len(outputs) for member, outputs in probe.predictions.items()}
    return {"rows": len(probe.rows), "predictions": predictions}


def _probe(arrays: dict[str, np.ndarray], counts: dict[str, Any] | None) -> Probe | None:
    if counts is None:
        return None
    rows = tuple(arrays[f"probe.rows.{index}"] for index in range(counts["rows"]))
    predictions = {
        int(member): tuple(arrays[f"probe.{member}.{index}"] for index in range(count))
        for member, count in counts["predictions"].items()
    }
    return Probe(rows, predictions)


def _arm(words: dict[str, Any]) -> Arm:
    return Arm(words["name"], tuple(map(tuple, words["terms"])), tuple(words["slots"]), words["learning_rate"])


def _nested(arrays: dict[str, np.ndarray]) -> Nested | None:
    if "nested.arm" not in arrays:
        return None
    return Nested(**{name: arrays[f"nested.{name}"] for name in Nested.__dataclass_fields__})


def _row_scores(arrays: dict[str, np.ndarray]) -> RowScores | None:
    if "row_scores.values" not in arrays:
        return None
    return RowScores(**{name: arrays[f"row_scores.{name}"] for name in RowScores.__dataclass_fields__})


def _validation_predictions(arrays: dict[str, np.ndarray]) -> dict[int, np.ndarray]:
    parts = {name.removeprefix("validation_predictions."): array for name, array in arrays.items()}
    return {int(candidate): array for candidate, array in parts.items() if candidate.isdecimal()}


def _activation(index: int, arrays: dict[str, np.ndarray], words: dict[str, Any]) -> Activation:
    values, classes = (arrays[f"activations.{index}.{name}"] for name in ("values", "classes"))
    return Activation(words["tensor"], tuple(words["settings"]), values, classes, words["entries"])


def _preparation(name: str, arrays: dict[str, np.ndarray], words: dict[str, Any]) -> dict[str, StoredTransformer]:
    return {part: _transformer(f"{name}.{part}", arrays, stored) for part, stored in words.items()}


def _transformer(name: str, arrays: dict[str, np.ndarray], words: dict[str, Any]) -> StoredTransformer:
    if not isinstance(words["text"], str):
        raise ValueError(f"the text of {name!r}")
    inner = {one: arrays[f"{name}.{one}"] for one in words["arrays"]}
    return StoredTransformer(words["text"], words["words"], inner)


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
        weights=_weights(arrays, words["weights"]),
        weight_names=tuple(words.get("weight_names", ())),
        probe=_probe(arrays, words.get("probe")),
        picture=picture,
        nested=_nested(arrays),
        activations=tuple(
            _activation(index, arrays, activation) for index, activation in enumerate(words.get("activations", ()))
        ),
        path_networks=_networks(arrays, words.get("networks")),
        model_json=words["model"],
        protocol=words["protocol"],
        prepared_units=tuple(words.get("prepared_units", ())),
        preparation=_preparation("preparation", arrays, words.get("preparation", {})),
        seed_mean=_seed_mean(arrays, words.get("seed_mean")),
        confidence=_confidence(arrays),
        provenance=words["provenance"],
        row_scores=_row_scores(arrays),
        validation_predictions=_validation_predictions(arrays),
        fold_networks=_folds(arrays, words.get("folds")),
        baselines=tuple(map(_baseline, words.get("baselines", ()))),
    )

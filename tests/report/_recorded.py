"""Recorded studies, cut down to what their verdicts are made of.

`python tests/report/_recorded.py NAME=FOLDER …` adds studies that a run stored, and renews their verdicts.
`python tests/report/_recorded.py` renews the verdicts after a change of their words.
"""

import gzip
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bridle import results, stats, store
from bridle.report import sentences
from bridle.results import Members, StudyResult
from bridle.stats import Evidence, nan_mean, weigh_evidence
from bridle.stats._recommend import Recommendation
from bridle.wording import leading_arm

STUDIES = Path(__file__).parent / "recorded.json.gz"
TEXTS = Path(__file__).parent / "recorded.txt"
POINTS = 20
"""The points of a curve that are kept, up to the last one."""
FACTS = ("constant", "target", "screened", "loss")
"""The entries of the provenance that verdicts use."""
TYPES = {
    kind.__name__: kind
    for module in (results, stats)
    for kind in vars(module).values()
    if is_dataclass(kind) and isinstance(kind, type)
} | {"Recommendation": Recommendation}


def cut(result: StudyResult, evidence: Evidence) -> StudyResult:
    """Return a result with the fits of the candidate that the verdict is about and of none, at a few epochs."""
    arms = {0, evidence.winner or 0, leading_arm(result, evidence) or 0} & set(evidence.choices)
    used = np.isin(result.members.setting, [evidence.candidate(arm) for arm in arms])
    points = np.unique(np.linspace(0, len(result.epochs) - 1, POINTS).astype(int))
    score = result.score.name
    names = ("fit/loss", "validation/loss", f"validation/{score}", f"train/{result.score.measure}")
    columns = [index for index, name in enumerate(result.quantities) if name in names or name.startswith("penalty/")]
    spread = [index for index, name in enumerate(result.diagnostic_names) if name.startswith(("spread/", "dead/"))]
    weights = [np.zeros(array.shape, bool) for array in next(iter(result.weights.values()), ())]
    config = json.loads(result.model_json).get("compile_config") if result.model_json else None
    return replace(
        result,
        members=Members(**{name: values[used] for name, values in vars(result.members).items()}),
        epochs=result.epochs[points],
        quantities=tuple(result.quantities[index] for index in columns),
        curves=_thin(result, used, points, columns),
        diagnostic_names=tuple(result.diagnostic_names[index] for index in spread),
        diagnostics=result.diagnostics[used][:, spread],
        held_out={name: values[used] for name, values in result.held_out.items()},
        weights={0: tuple(weights)} if weights else {},
        weight_names=(),
        probe=None,
        picture=None,
        activations=(),
        model_json=json.dumps({"compile_config": {"loss": config.get("loss")}}) if config else "",
        preparation={},
        row_scores=None,
        seed_mean=None,
        provenance={name: value for name, value in result.provenance.items() if name in FACTS}
        | {"ranges": dict.fromkeys(result.provenance.get("ranges", ()), 0)},
    )


def _thin(result: StudyResult, used: np.ndarray, points: np.ndarray, columns: list[int]) -> np.ndarray:
    """Return the curves of some fits: the mean of their candidate, and at the last point their own values."""
    curves = result.curves[used][:, points][:, :, columns]
    settings = result.members.setting[used]
    for setting in np.unique(settings):
        rows = np.flatnonzero(settings == setting)
        curves[rows, :-1] = nan_mean(curves[rows, :-1], 0)
    return curves


def encode(value: Any) -> Any:
    """Return a value as JSON; numbers with a fraction have seven digits."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"": type(value).__name__} | {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        flat = [encode(entry) for entry in value.reshape(-1).tolist()]
        return {"": "array", "dtype": str(value.dtype), "shape": value.shape, "items": flat}
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, Mapping):
        return {"": "dict", "items": [[encode(key), encode(inner)] for key, inner in value.items()]}
    if isinstance(value, tuple | list):
        return {"": "tuple", "items": [encode(inner) for inner in value]}
    return value


def decode(value: Any) -> Any:
    """Return the value that `encode` was given."""
    if not isinstance(value, dict):
        return value
    match value[""]:
        case "array":
            return np.array(value["items"], value["dtype"]).reshape(value["shape"])
        case "dict":
            return {decode(key): decode(inner) for key, inner in value["items"]}
        case "tuple":
            return tuple(decode(inner) for inner in value["items"])
        case kind:
            known = {field.name for field in fields(TYPES[kind])}
            return TYPES[kind](**{name: decode(inner) for name, inner in value.items() if name in known})


def read() -> dict[str, tuple[StudyResult, Evidence]]:
    """Return every recorded study with its evidence, by name."""
    return decode(json.loads(gzip.decompress(STUDIES.read_bytes())))


def write(studies: Mapping[str, tuple[StudyResult, Evidence]]) -> None:
    """Write the studies and their verdicts."""
    words = json.dumps(encode(dict(sorted(studies.items()))), separators=(",", ":"))
    STUDIES.write_bytes(gzip.compress(words.encode(), mtime=0))
    TEXTS.write_text(text_of(read()), encoding="utf-8")


def text_of(studies: Mapping[str, tuple[StudyResult, Evidence]]) -> str:
    """Return all verdicts, each with the name of its study."""
    return "\n".join(f"[{name}]\n" + "\n".join(sentences(*study)) + "\n" for name, study in studies.items())


def main(folders: list[str]) -> None:
    """Add the studies of some folders."""
    studies = read() if STUDIES.exists() else {}
    for name, _, folder in (text.partition("=") for text in folders):
        result = store.load(folder)
        evidence = weigh_evidence(result)
        small = cut(result, evidence)
        if sentences(small, evidence) != sentences(result, evidence):
            raise ValueError(f"{name}: {sentences(small, evidence)} instead of {sentences(result, evidence)}")
        studies[name] = small, evidence
    write(studies)


if __name__ == "__main__":
    main(sys.argv[1:])

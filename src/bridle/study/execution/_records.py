"""What is stored of a fit: its outcome as arrays by name, and back."""

from collections.abc import Mapping, Sequence

import numpy as np

from bridle.engine import FitResult


def record_of(outcome: FitResult, variables: bool) -> dict[str, np.ndarray]:
    """An outcome as arrays; its trained variables only where they are wanted again."""
    record = {
        "curves": outcome.curves,
        "numbers": np.array([outcome.diverged_at, outcome.epochs, outcome.kept_epoch], np.int64),
        "diagnostics": outcome.diagnostics,
    }
    for number, name in enumerate(sorted(outcome.measures)):
        record[f"measures/{number}"] = np.asarray(outcome.measures[name])
    several = {"variables": outcome.variables if variables else (), "predictions": outcome.predictions}
    for kind, values in several.items():
        record |= {f"{kind}/{number}/{value.dtype.name}": _plain(value) for number, value in enumerate(values)}
    return record


def outcome_of(record: Mapping[str, np.ndarray], held_out: Sequence[str]) -> FitResult:
    """The outcome that `record_of` recorded.

    Args:
        record: arrays by name.
        held_out: the names of the held-out rows.

    Errors: `KeyError` where an array is missing.

    """
    diverged_at, epochs, kept = (int(value) for value in record["numbers"])
    variables, predictions = _several(record, "variables"), _several(record, "predictions")
    measures = {name: record[f"measures/{number}"] for number, name in enumerate(sorted(held_out))}
    return FitResult(
        record["curves"], diverged_at, epochs, kept, record["diagnostics"], measures, variables, predictions
    )


def _several(record: Mapping[str, np.ndarray], kind: str) -> tuple[np.ndarray, ...]:
    named = [name.split("/") for name in record if name.startswith(f"{kind}/")]
    return tuple(
        record["/".join(parts)].view(np.dtype(parts[2])) for parts in sorted(named, key=lambda parts: int(parts[1]))
    )


def _plain(value: np.ndarray) -> np.ndarray:
    """Kinds that NumPy does not know, such as bfloat16, as their bits."""
    value = np.asarray(value)
    return value if value.dtype.kind in "biufc" else value.view({1: np.uint8, 2: np.uint16}[value.dtype.itemsize])

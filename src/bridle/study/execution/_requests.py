"""Fits as plain numbers that travel and are stored: requests, tasks of them, and records of results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bridle.engine import FitResult, Fold, Rows
from bridle.results import ALL_ROWS

MAX_SMALL_BYTES = 1 << 16
"""Trained variables of a small network."""
VARIABLES = "variables/"
"""Start of the names of the trained variables in a record."""

FitKey = tuple[int, int, int]
"""A fit: (candidate, seed, fold)."""
Record = Mapping[str, np.ndarray]
"""A fit's result as arrays by name."""


@dataclass(frozen=True)
class FitRequest:
    """One fit to train; with the rows of its study, all that the fit is a function of."""

    strengths: bytes
    """float32 (slot,), one for each strength of the study."""
    rate: float | None
    """The learning rate, where it differs from the optimizer's."""
    seed: int
    fold: int
    """The index of the fold, or `ALL_ROWS` for a refit."""
    rule: int = 0
    """The number of the rule by which it ends, of `Prepared.rule_of`."""


@dataclass(frozen=True)
class RowSet:
    """The rows that requests refer to: folds, or all rows with the held-out ones."""

    folds: Sequence[Fold]
    held_out: Mapping[str, Rows]
    arm_folds: Sequence[Sequence[Fold]] = ()
    """The same for each rule of an arm of its own, which sets other rows aside."""
    first_seed: int | None = None
    """The seed whose small networks of the first fold are stored, for the report to explore; None for no seed."""
    keeps_folds: bool = False
    """True if the networks of all folds are stored."""

    def rows(self, request: FitRequest) -> Fold:
        """Return the rows of one request."""
        return (self.folds, *self.arm_folds)[request.rule][0 if request.fold == ALL_ROWS else request.fold]

    def may_store_network(self, seed: int, fold: int) -> bool:
        """Return True if the trained variables of a fit are stored, of some fits only if they are few."""
        return self.keeps_folds or fold == ALL_ROWS or (fold == 0 and seed == self.first_seed)

    def stores_network(self, seed: int, fold: int, result: FitResult) -> bool:
        """Return True if the trained variables of a fit are stored."""
        return self.keeps_folds or keeps_variables(self.first_seed, seed, fold, result)


@dataclass(frozen=True)
class Task:
    """Chains of requests that run as one unit on a cluster."""

    outer: int | None
    """The outer fold of nested cross-validation whose training rows they use; None for all rows."""
    refits: bool
    chains: Sequence[Sequence[FitRequest]]
    width: int | None


@dataclass(frozen=True)
class TaskResult:
    """The answer of a worker to a task."""

    keys: list[list[bytes]]
    records: list[list[Record]]
    device: str
    worker: str
    """Its address."""
    setup: float
    """Seconds before its first fit began: preparing the study, waiting for another thread, compiling."""
    seconds: float
    """Seconds that its fits took."""


def make_request(strengths: np.ndarray, rate: float | None, seed: int, fold: int, rule: int = 0) -> FitRequest:
    """Return a request for a row of strengths."""
    return FitRequest(np.asarray(strengths, np.float32).tobytes(), rate, seed, fold, rule)


def keeps_variables(first_seed: int | None, seed: int, fold: int, result: FitResult) -> bool:
    """Return True if trained variables are stored anyway: of refits, and of small networks as `RowSet` says."""
    size = sum(value.nbytes for value in result.variables)
    return fold == ALL_ROWS or (fold == 0 and seed == first_seed and size <= MAX_SMALL_BYTES)


def to_record(result: FitResult, variables: bool) -> dict[str, np.ndarray]:
    """Return a result as arrays; its trained variables only on demand."""
    record = {
        "curves": result.curves,
        "numbers": np.array([result.diverged_at, result.epochs, result.kept_epoch], np.int64),
        "diagnostics": result.diagnostics,
    }
    if result.row_scores is not None:
        record["row_scores"] = result.row_scores
    for index, name in enumerate(sorted(result.measures)):
        record[f"measures/{index}"] = np.asarray(result.measures[name])
    lists = {"variables": result.variables if variables else (), "predictions": result.predictions}
    for kind, values in lists.items():
        record |= {f"{kind}/{index}/{value.dtype.name}": _to_storable(value) for index, value in enumerate(values)}
    return record


def from_record(record: Record, held_out: Sequence[str]) -> FitResult:
    """Return the result that `to_record` recorded.

    Args:
        record: arrays by name.
        held_out: the names of the held-out rows.

    Errors: `KeyError` where an array is missing.

    """
    diverged_at, epochs, best_epoch = (int(value) for value in record["numbers"])
    variables, predictions = _read_list(record, "variables"), _read_list(record, "predictions")
    measures = {name: record[f"measures/{index}"] for index, name in enumerate(sorted(held_out))}
    return FitResult(
        record["curves"],
        diverged_at,
        epochs,
        best_epoch,
        record["diagnostics"],
        measures,
        variables,
        predictions,
        record.get("row_scores"),
    )


def _read_list(record: Record, kind: str) -> tuple[np.ndarray, ...]:
    names = [name.split("/") for name in record if name.startswith(f"{kind}/")]
    return tuple(
        record["/".join(parts)].view(np.dtype(parts[2])) for parts in sorted(names, key=lambda parts: int(parts[1]))
    )


def _to_storable(value: np.ndarray) -> np.ndarray:
    """Return types that NumPy lacks, such as bfloat16, as their bits."""
    value = np.asarray(value)
    return value if value.dtype.kind in "biufc" else value.view({1: np.uint8, 2: np.uint16}[value.dtype.itemsize])

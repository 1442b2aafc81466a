"""A shard as a pure function of a study, its rows and orders: what a machine of a cluster runs."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from bridle._errors import BackendError
from bridle.engine import FitResult, FitSpec, Progress, run_fits
from bridle.results import ALL_ROWS
from bridle.study.data import Rows, Splitter
from bridle.study.design import Prepared, Question, inner_study, prepare, refit_rows
from bridle.study.execution._keys import Keys, Plan, device, differences, plan_of
from bridle.study.execution._records import record_of
from bridle.study.execution._requests import FitRequest, RowSet, fits_of

KEPT = 2
"""Studies that a worker holds ready, with what it compiled for them."""


@dataclass(frozen=True)
class StudySpec:
    """A study as it travels, once to each worker."""

    name: str
    question: Question
    rows: Rows
    plan: Plan
    race: bool
    nested: int | Splitter | None
    threads: int | None


@dataclass(frozen=True)
class Shard:
    """Orders that run as one unit, in chains."""

    outer: int | None
    """The outer fold of nested cross-validation whose training rows they use; None for all rows."""
    refits: bool
    chains: Sequence[Sequence[FitRequest]]
    width: int | None


@dataclass(frozen=True)
class Done:
    """What a worker sends back."""

    keys: list[list[bytes]]
    records: list[list[Mapping[str, np.ndarray]]]
    device: str
    worker: str
    """Its address."""
    setup: float
    """Seconds before its first fit began: laying out, waiting for another thread that does, compiling."""
    seconds: float
    """Seconds that its fits took."""


@dataclass
class _Bench:
    """A study laid out on a worker, with the inner studies and rows that were asked for."""

    prepared: Prepared
    keys: Keys
    lock: threading.Lock
    grounds: dict[tuple[int | None, bool], tuple[Prepared, RowSet]]


_benches: dict[str, _Bench] = {}
_laying = threading.Lock()


def run_shard(spec: StudySpec, shard: Shard) -> Done:
    """Make the fits of a shard.

    Errors: `BackendError` where this machine has other versions or rows than the study was begun with.
    """
    from distributed import get_worker

    asked, bench = perf_counter(), _bench(spec)
    with bench.lock:
        prepared, ground = _ground(bench, spec, shard)
        prepared.engine.width = shard.width
        fits = fits_of(prepared, shard.chains, ground)
        keys = [bench.keys.chain(prepared, *pair, ground.held_out) for pair in zip(shard.chains, fits, strict=True)]
    records: dict[int, Mapping[str, np.ndarray]] = {}
    began = asked

    def watch(progress: Progress) -> None:
        nonlocal began
        began = progress.began

    def deliver(fit: FitSpec, outcome: FitResult) -> None:
        records[fit.index] = record_of(outcome, variables=fit.fold == ALL_ROWS)

    options = {"held_out": ground.held_out, "watch": watch, "threads": spec.threads}
    run_fits(prepared.engine.training, fits, deliver=deliver, **options)
    made = [[records[fit.index] for fit in chain] for chain in fits]
    return Done(keys, made, device(), get_worker().address, began - asked, perf_counter() - began)


def ground_of(prepared: Prepared, refits: bool) -> RowSet:
    """The rows that orders are made on."""
    if not refits:
        return RowSet(prepared.folds, {})
    fold, _, held_out, _ = refit_rows(prepared)
    return RowSet([fold], held_out)


def _bench(spec: StudySpec) -> _Bench:
    with _laying:
        if spec.name not in _benches:
            while len(_benches) >= KEPT:
                _benches.pop(next(iter(_benches)))
            prepared = prepare(spec.question, spec.rows)
            _check(spec, prepared)
            _benches[spec.name] = _Bench(prepared, Keys(spec.plan), threading.Lock(), {})
        return _benches[spec.name]


def _check(spec: StudySpec, prepared: Prepared) -> None:
    found = differences(spec.plan, plan_of(prepared, spec.race, spec.nested))
    found.pop("device", None)  # another kind of device gives other last digits, and the result names it
    if found:
        said = "; ".join(f"{name}: {words}" for name, words in found.items())
        raise BackendError(f"Expected the same study on every machine of the cluster, got on one of them: {said}.")


def _ground(bench: _Bench, spec: StudySpec, shard: Shard) -> tuple[Prepared, RowSet]:
    name = shard.outer, shard.refits
    if name not in bench.grounds:
        inner = bench.prepared if shard.outer is None else inner_study(bench.prepared, spec.nested, shard.outer)
        bench.grounds[name] = inner, ground_of(inner, shard.refits)
    return bench.grounds[name]

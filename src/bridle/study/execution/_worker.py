"""A task as a pure function of a study and its rows: the part of a cluster's worker."""

import threading
from dataclasses import dataclass
from time import perf_counter

from bridle._errors import BackendError
from bridle.engine import FitResult, FitSpec, Progress, run_fits
from bridle.study.data._rows import Rows
from bridle.study.data._splitter import Splitter
from bridle.study.design._prepare import inner_study, prepare, refit_rows
from bridle.study.design._prepared import Prepared
from bridle.study.design._question import Question
from bridle.study.execution._facts import fits_of, fold_row_set, refit_row_set, study_facts
from bridle.study.execution._keys import FitKeys, StudyFacts, device_type, differences
from bridle.study.execution._requests import Record, RowSet, Task, TaskResult, to_record

MAX_CACHED_STUDIES = 2
"""Studies that a worker holds ready, with their compiled programs."""


@dataclass(frozen=True)
class StudySpec:
    """A study as it travels, once to each worker."""

    name: str
    question: Question
    rows: Rows
    facts: StudyFacts
    race: bool | str
    nested: int | Splitter | None
    threads: int | None
    keeps_folds: bool = False


@dataclass
class WorkerCache:
    """A study prepared on a worker, with the inner studies and rows that tasks needed."""

    prepared: Prepared
    keys: FitKeys
    lock: threading.Lock
    row_sets: dict[tuple[int | None, bool], tuple[Prepared, RowSet]]


_caches: dict[str, WorkerCache] = {}
_preparing = threading.Lock()


def run_task(spec: StudySpec, task: Task) -> TaskResult:
    """Train the fits of a task.

    Errors: `BackendError` where this machine has other versions or rows than the study began with.
    """
    from distributed import get_worker

    start, cache = perf_counter(), _cache_of(spec)
    with cache.lock:
        prepared, row_set = _row_set(cache, spec, task)
        prepared.engine.set_width(task.width)
        fits = fits_of(prepared, task.chains, row_set)
        keys = [cache.keys.of_chain(*pair, row_set.held_out) for pair in zip(task.chains, fits, strict=True)]
    records: dict[int, Record] = {}
    began = start

    def watch(progress: Progress) -> None:
        nonlocal began
        began = progress.began

    def deliver(fit: FitSpec, result: FitResult) -> None:
        records[fit.index] = to_record(result, row_set.stores_network(fit.seed, fit.fold, result))

    run_fits(
        prepared.engine.training, fits, held_out=row_set.held_out, deliver=deliver, watch=watch, threads=spec.threads
    )
    chains = [[records[fit.index] for fit in chain] for chain in fits]
    return TaskResult(keys, chains, device_type(), get_worker().address, began - start, perf_counter() - began)


def row_set_of(prepared: Prepared, refits: bool, keeps_folds: bool = False) -> RowSet:
    """Return the rows that requests refer to."""
    return refit_row_set(prepared, refit_rows(prepared)) if refits else fold_row_set(prepared, keeps_folds)


def _cache_of(spec: StudySpec) -> WorkerCache:
    with _preparing:
        if spec.name not in _caches:
            while len(_caches) >= MAX_CACHED_STUDIES:
                _caches.pop(next(iter(_caches)))
            prepared = prepare(spec.question, spec.rows.loaded())
            _check_same_study(spec, prepared)
            _caches[spec.name] = WorkerCache(prepared, FitKeys(spec.facts), threading.Lock(), {})
        return _caches[spec.name]


def _check_same_study(spec: StudySpec, prepared: Prepared) -> None:
    changes = differences(spec.facts, study_facts(prepared, spec.race, spec.nested))
    changes.pop("device", None)  # another device type gives other last digits, and the result names it
    if changes:
        words = "; ".join(f"{name}: {change}" for name, change in changes.items())
        raise BackendError(f"Expected the same study on every machine of the cluster, got on one of them: {words}.")


def _row_set(cache: WorkerCache, spec: StudySpec, task: Task) -> tuple[Prepared, RowSet]:
    name = task.outer, task.refits
    if name not in cache.row_sets:
        inner = cache.prepared
        if task.outer is not None and spec.nested is not None:
            inner = inner_study(cache.prepared, spec.nested, task.outer)
        cache.row_sets[name] = inner, row_set_of(inner, task.refits, spec.keeps_folds and task.outer is None)
    return cache.row_sets[name]

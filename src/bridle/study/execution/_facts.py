"""Facts of a study: all that its numbers are a function of, as plain values. The fits of its requests."""

import json
import re
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

import jax
import keras
import numpy as np

from bridle._keras import fingerprint_model
from bridle.engine import ENGINE, FitSpec
from bridle.placement import by_target
from bridle.regularizers import EarlyStopping
from bridle.store import fingerprint
from bridle.study.data._arrays import has_class_columns
from bridle.study.data._folds import RefitRows
from bridle.study.design._arms import NONE
from bridle.study.design._prepared import Prepared
from bridle.study.design._scores import score_text
from bridle.study.execution._keys import STORED_PATHS, STORED_STARTS, StudyFacts, device_type
from bridle.study.execution._requests import FitRequest, RowSet


def study_facts(prepared: Prepared, race: bool | str, nested: object) -> StudyFacts:
    """Return everything that decides a study's numbers, by the names that users know.

    The names and values are stored, and hashed into the keys of fits: they never change.
    """
    question, rows = prepared.question, prepared.rows
    row_values = (rows.sample_weight, rows.groups, rows.class_weight, rows.validation)
    facts = {
        "model": fingerprint_model(prepared.model),
        "arms": {
            arm.name: {
                **by_target((term.target, _stored(term.to_text())) for term in arm.terms),
                **({} if arm.learning_rate is None else {"learning_rate": arm.learning_rate}),
            }
            for arm in prepared.arms
            if arm.name != NONE
        },
        "strengths": {
            f"{arm.name}: {_stored(prepared.bound_terms.slots[slot])}": "auto" if grid.open else list(grid.values)
            for arm in prepared.arms
            for slot, grid in zip(arm.slots, arm.grids, strict=True)
        },
        "rows": f"{prepared.fold_rows.sum(axis=1).max()} rows, {fingerprint(rows.x, rows.y)[:16]}",
        "weights, groups and validation rows": _fingerprint_text(row_values),
        "preparation": [_object_text(rows.preprocessor), _object_text(rows.target_preprocessor)],
        "held-out rows": {name: fingerprint(*pair)[:16] for name, pair in rows.held_out.items()},
        "folds": question.folds if isinstance(question.folds, int) else _object_text(question.folds),
        "seeds": [int(seed) for seed in question.seed_numbers],
        "epochs": question.epochs,
        "batch size": question.batch_size,
        "shuffle": question.shuffle,
        "score": score_text(prepared.engine.program, prepared.score),
        "points": question.curve_points,
        "start": STORED_STARTS[question.initial_weights],
        "path": STORED_PATHS[question.warm_start],
        "early stopping": None if question.early_stopping is None else _early_stopping_facts(question.early_stopping),
        "race": race,
        "nested": nested if isinstance(nested, int | None) else _object_text(nested),
        **({"padded steps": "left out of losses and metrics"} if prepared.engine.program.masked else {}),
        **({"folds share out": "combinations of classes"} if _shares_out(prepared) else {}),
        "engine": ENGINE,
        "keras": keras.__version__,
        "jax": jax.__version__,
        "device": device_type(),
    }
    return json.loads(json.dumps(facts))  # as it will be read


def _stored(text: str) -> str:
    """Return the text of a term, or the name of a slot, with the stored name of its kind."""
    return re.sub(r"\bsoftmaxnorm\b", "maxnorm", text)


def _shares_out(prepared: Prepared) -> bool:
    """Return True if folds share out the combinations of several targets; earlier versions did not."""
    given, first, preparer = prepared.rows, prepared.folds[0].rows, prepared.preparer
    if not isinstance(prepared.question.folds, int) or given.groups is not None or given.validation is not None:
        return False
    return has_class_columns(first.x, first.y, preparer.loss, preparer.outputs)


def _early_stopping_facts(rule: EarlyStopping) -> dict[str, Any]:
    """Return a rule under its stored names, which do not follow those of the class."""
    return {
        "patience": rule.patience,
        "watch": rule.validation_fraction,
        "monitor": rule.monitor,
        "min_delta": rule.min_delta,
        "keep_best": rule.restore_best_weights,
    }


def fold_row_set(prepared: Prepared, keeps_folds: bool = False) -> RowSet:
    """Return the rows of fits on the folds of a study, whose networks may all be stored."""
    return RowSet(prepared.folds, {}, prepared.arm_folds, prepared.first_seed, keeps_folds)


def refit_row_set(prepared: Prepared, rows: RefitRows) -> RowSet:
    """Return the rows of fits on all rows of a study."""
    return RowSet([rows.fold], rows.held_out, [[fold] for fold in rows.arm_folds(prepared.shares)])


def fits_of(
    prepared: Prepared, chains: Sequence[Sequence[FitRequest]], row_set: RowSet, total_fits: int | None = None
) -> list[list[FitSpec]]:
    """Return the fits of requests, numbered in their order; trace the programs that they need.

    `total_fits` is about how many of such fits the study has in all.
    """
    total = sum(map(len, chains)) if total_fits is None else total_fits
    fit_chains, indices = [], count()
    for chain in chains:
        fits = []
        for request in chain:
            rows, start = row_set.rows(request), partial(prepared.engine.start, request.seed, request.rate)
            programs = prepared.engine.programs(rows, row_set.held_out, total, request.rule)
            strengths = np.frombuffer(request.strengths, np.float32)
            fits.append(FitSpec(next(indices), request.seed, request.fold, strengths, start, rows, programs))
        fit_chains.append(fits)
    return fit_chains


def _fingerprint_text(values: tuple) -> str:
    return fingerprint(*values)[:16] if any(value is not None for value in values) else "none"


def _object_text(thing: object) -> str | None:
    """Return a splitter or transformer in words, without addresses, which differ between processes."""
    return None if thing is None else re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))

"""The record of a study's origin: versions, machine and sizes, and the protocol in words."""

import os
import platform

import jax
import keras
import numpy as np
import scipy
import sklearn

from bridle._version import __version__
from bridle.engine import core_count
from bridle.study._baseline import constant_facts
from bridle.study.data import fingerprint, transformer_line
from bridle.study.design import Prepared, natural_direction
from bridle.study.execution import STORED_PATHS


def provenance_facts(prepared: Prepared, seconds: float, threads: int | None) -> dict[str, object]:
    """Return versions, machine, rows and sizes: all that must stay the same for the same numbers, and the time."""
    engine = prepared.engine
    return {
        "bridle": __version__,
        "keras": keras.__version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "python": platform.python_version(),
        "seconds": round(seconds, 3),
        "epochs": prepared.question.epochs,
        "batch_size": prepared.question.batch_size,
        "threads": threads or core_count(),
        "width": max(engine.widths, default=1),
        "device": jax.devices()[0].device_kind,
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores",
        "compilations": engine.compilations,
        "forms": engine.forms,
        "compile_seconds": round(engine.compile_seconds, 3),
        **constant_facts(prepared),
        "data_sha256": fingerprint(prepared.rows.x, prepared.rows.y),
    }


def describe_protocol(prepared: Prepared) -> str:
    """Return the protocol of a study in a few sentences."""
    question = prepared.question
    seeds = len(question.seed_numbers)
    random = question.initial_weights == "random"
    varied = "initial weights and shuffling" if random else "shuffling, from the weights given"
    start = f"{seeds} {'seed' if seeds == 1 else 'seeds'} for {varied}"
    size = f"{question.epochs} epochs, batches of {question.batch_size}"
    sentences = [
        f"{start}; {_split_text(prepared)}; {_preparation_text(prepared)}{size}.",
        *_training_sentences(prepared),
        f"Score: {prepared.score.name}{_direction_text(prepared)}{_unit_text(prepared)}, "
        f"measured {_time_text(prepared)}.",
        *_pooled_sentences(prepared),
        *_held_out_sentences(prepared),
        *prepared.notes,
    ]
    slow = prepared.engine.untraced
    return " ".join(sentences) + (f" Run operation by operation, which is slow, because of {slow}" if slow else "")


def _split_text(prepared: Prepared) -> str:
    counts = prepared.fold_rows
    if prepared.rows.validation is not None:
        return f"trained on {counts[0, 0]} rows and judged on the same {counts[0, 1]} others every time"
    train, validation = (
        f"{min(column)} to {max(column)}" if len(set(column)) > 1 else str(column[0]) for column in counts.T
    )
    order = " in the order of the rows" if prepared.ordered else ""
    return (
        f"{len(counts)} folds{order} ({train} rows to train on, {validation} to judge), the same for every arm and seed"
    )


def _preparation_text(prepared: Prepared) -> str:
    rows, parts = prepared.rows, []
    if rows.preprocessor is not None:
        parts.append(f"rows prepared by {transformer_line(rows.preprocessor)}")
    if rows.target_preprocessor is not None:
        parts.append(f"the target {'' if parts else 'prepared '}by {transformer_line(rows.target_preprocessor)}")
    where = "inside each fold" if rows.validation is None else "on the training rows"
    return f"{' and '.join(parts)}, fitted {where}; " if parts else ""


def _unit_text(prepared: Prepared) -> str:
    target = prepared.rows.target_preprocessor
    if target is None or prepared.preparer.loss.lower().replace("_", "").endswith("crossentropy"):
        return ""
    if not prepared.score.pooled and prepared.score.name in prepared.units.transformed:
        return f" in units of the target as {transformer_line(target)} gives it"
    return " in the units of the target as it was given"


def _training_sentences(prepared: Prepared) -> list[str]:
    """Return the differences to a plain fit."""
    question, sentences = prepared.question, []
    constants = prepared.engine.program.blueprint.constants
    if constants:
        sentences.append(f"Numbers in the graph of the model given, the same for every seed: {', '.join(constants)}.")
    if any(grid.open for arm in prepared.arms for grid in arm.grids):
        sentences.append("Ranges of strengths found by fits of the first seed on the first fold.")
    if question.warm_start is not None:
        path = STORED_PATHS[question.warm_start]
        sentences.append(f"Each strength starts from the weights of its neighbour, {path}.")
    if prepared.rows.class_weight is not None:
        sentences.append("Training rows are weighed by class.")
    if question.early_stopping is not None:
        rule = question.early_stopping
        ends = "" if rule.patience is None else f", and ended after {rule.patience} epochs without improvement"
        share = f"the last {rule.validation_fraction:.0%}" if prepared.ordered else f"{rule.validation_fraction:.0%}"
        sentences.append(f"Each fit is watched on {share} of its training rows, which are set aside{ends}.")
    return sentences


def _direction_text(prepared: Prepared) -> str:
    """Return the direction of a score, where the user chose it."""
    if natural_direction(prepared.engine.program, prepared.score.measure) == prepared.score.maximize:
        return ""
    return f" ({'more' if prepared.score.maximize else 'less'} is better)"


def _pooled_sentences(prepared: Prepared) -> list[str]:
    """Return the definition of a pooled score, and of its value for one fold."""
    if not prepared.score.pooled:
        return []
    return [
        f"For each setting and seed, {prepared.score.measure} is computed over the predictions of all folds together; "
        "the score of a fold is its jackknife pseudo-value, n·θ − (n − 1)·θ without the fold for n folds, which may "
        "lie outside the range of the measure."
    ]


def _time_text(prepared: Prepared) -> str:
    if prepared.engine.recipe.keeps_best:
        return "on the weights of the best epoch on the watched rows"
    return "after the last epoch"


def _held_out_sentences(prepared: Prepared) -> list[str]:
    sets = [f"{name} ({len(pair[1])} rows)" for name, pair in prepared.rows.held_out.items()]
    return [f"Looked at once, after selection, by refits on all rows: {', '.join(sets)}."] if sets else []

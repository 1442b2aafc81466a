"""The record of a study's origin: versions, machine, sizes, constant predictions; the protocol in words."""

import os
import platform
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import jax
import keras
import numpy as np
import scipy
import sklearn

from bridle._version import __version__
from bridle.engine import core_count
from bridle.regularizers import EarlyStopping
from bridle.stats import CROSS_ENTROPY, DATA_LOSS, DEPENDENT_ROWS, LOG_LOSS, SET_ASIDE, SQUARED_ERROR
from bridle.store import fingerprint
from bridle.study.data._arrays import Data
from bridle.study.data._rows import count_rows
from bridle.study.data._transformers import transformer_line
from bridle.study.design._prepared import Prepared
from bridle.study.design._scores import natural_direction
from bridle.study.execution._keys import STORED_PATHS
from bridle.wording import join_names

ACCURACIES = ("acc", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")
"""Names of accuracies."""
SQUARES = ("mse", "mean_squared_error")
"""Names of squared errors."""
ABSOLUTES = ("mae", "mean_absolute_error")
"""Names of absolute errors."""
ROOTS = ("rmse", "root_mean_squared_error")
"""Names of root mean squared errors."""
LOG_LOSSES = ("binarycrossentropy", "sparsecategoricalcrossentropy", "categoricalcrossentropy")
"""Losses of targets with classes."""
BASELINE_KINDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(ACCURACIES, "share"),
        **dict.fromkeys(SQUARES, "square"),
        **dict.fromkeys(ABSOLUTES, "absolute"),
        **dict.fromkeys(ROOTS, "root"),
        **dict.fromkeys(("r2", "r2_score"), "explained"),
    }
)
"""The formula of the best constant score, by the name of a measure."""


def provenance_facts(prepared: Prepared, seconds: float, threads: int | None) -> dict[str, object]:
    """Return versions, machine, rows and sizes, which must be the same to reproduce the numbers, and the time."""
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


def dependence_facts(prepared: Prepared) -> dict[str, str]:
    """Return why rows are not independent: they are in groups, or in time order; empty if neither is known."""
    if prepared.rows.groups is not None:
        return {DEPENDENT_ROWS: "groups"}
    return {DEPENDENT_ROWS: "time order"} if prepared.ordered else {}


def set_aside_facts(prepared: Prepared) -> dict[str, dict[str, list[int]]]:
    """Return the rows that arms set aside by a rule of their own, and of how many, in the median fold; or nothing."""
    facts: dict[str, list[int]] = {}
    for arm in prepared.arms:
        if rule := prepared.rule_of(arm):
            cuts = np.array([fold.cuts for fold in prepared.arm_folds[rule - 1]])
            train, both = np.median(cuts, axis=0)
            facts[arm.name] = [round(both - train), round(both)]
    return {SET_ASIDE: facts} if facts else {}


def is_classifier(prepared: Prepared) -> bool:
    """Return True for one output with a probability, or a logit, for each class of mutually exclusive ones."""
    loss = prepared.preparer.loss.lower().replace("_", "")
    outputs, program = prepared.preparer.outputs, prepared.engine.program
    labels = jax.tree.leaves(prepared.folds[0].rows.y)
    if program.has_own_loss or loss not in LOG_LOSSES or len(labels) > 1 or len(outputs) != 2 or outputs[1] is None:
        return False
    return (outputs[1] == 1) == (loss == "binarycrossentropy")


def log_loss_facts(prepared: Prepared) -> dict[str, bool]:
    """Return the fact that the score of a row is the log loss of its class; empty for other scores."""
    measure = prepared.preparer.loss if prepared.score.measure == "loss" else prepared.score.measure
    is_log_loss = measure.lower().replace("_", "") in LOG_LOSSES
    return {LOG_LOSS: True} if is_log_loss and is_classifier(prepared) else {}


def data_loss_facts(prepared: Prepared) -> dict[str, str]:
    """Return the kind of the loss: cross entropy of exclusive classes, squared error of one output, or other."""
    if is_classifier(prepared):
        return {DATA_LOSS: CROSS_ENTROPY}
    loss, single = prepared.preparer.loss.lower().replace("_", ""), len(jax.tree.leaves(prepared.folds[0].rows.y)) == 1
    is_square = loss in [name.replace("_", "") for name in SQUARES] and single
    return {DATA_LOSS: SQUARED_ERROR if is_square and not prepared.engine.program.has_own_loss else "other"}


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
        return f"trained on {counts[0, 0]} rows and validated on the same {counts[0, 1]} other rows"
    train, validation = (
        f"{min(column)} to {max(column)}" if len(set(column)) > 1 else str(column[0]) for column in counts.T
    )
    order = " in the order of the rows" if prepared.ordered else ""
    rows = f"{train} training and {validation} validation rows"
    return f"{len(counts)} folds{order} ({rows}), the same for every arm and seed"


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
        sentences.append(f"Constants in the graph of the given model, the same for every seed: {', '.join(constants)}.")
    if any(grid.open for arm in prepared.arms for grid in arm.grids):
        sentences.append("Ranges of strengths found by fits of the first seed on the first fold.")
    if question.warm_start is not None:
        path = STORED_PATHS[question.warm_start]
        sentences.append(f"Each strength starts from the weights of the strength before it, {path}.")
    if prepared.rows.class_weight is not None:
        sentences.append("Training rows are weighted by class.")
    if question.early_stopping is not None:
        sentences.append(_stopping_sentence(question.early_stopping, prepared.ordered))
    for rule in prepared.rules:
        names = join_names([repr(arm.name) for arm in prepared.arms if arm.early_stopping == rule])
        sentences.append(f"For {names}: {_stopping_sentence(rule, prepared.ordered)}")
    return sentences


def _stopping_sentence(rule: EarlyStopping, is_ordered: bool) -> str:
    ends = "" if rule.patience is None else f"; a fit ends after {rule.patience} epochs without improvement"
    share = f"the last {rule.validation_fraction:.0%}" if is_ordered else f"{rule.validation_fraction:.0%}"
    return f"Early stopping monitors {share} of the training rows of each fit, which are set aside{ends}."


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
        f"For each candidate and seed, {prepared.score.measure} is computed over the predictions of all folds; "
        "the score of a fold is its jackknife pseudo-value, n·θ − (n − 1)·θ without the fold for n folds, which can "
        "lie outside the range of the measure."
    ]


def _time_text(prepared: Prepared) -> str:
    recipes = (prepared.engine.recipe, *prepared.engine.arm_recipes)
    texts = {True: "with the weights of the best epoch on the rows set aside", False: "after the last epoch"}
    kinds = dict.fromkeys(recipe.keeps_best for recipe in recipes)
    return ", or where an arm stops early ".join(texts[keeps] for keeps in kinds)


def _held_out_sentences(prepared: Prepared) -> list[str]:
    sets = [f"{name} ({count_rows(pair[0])} rows)" for name, pair in prepared.rows.held_out.items()]
    return [f"Scored once, after the selection, by refits on all rows: {', '.join(sets)}."] if sets else []


def constant_facts(prepared: Prepared) -> dict[str, dict[str, float]]:
    """Return the scores of the best constant prediction, and the scale of a target of numbers, for the record.

    `constant` has one entry for each measure with a known formula; `target` is there for a target of numbers. Both
    are over all rows, with their weights. Empty if the target is prepared, since its units are then others.
    """
    rows, measures = prepared.rows, ("loss", *prepared.engine.program.metric_names)
    if rows.target_preprocessor is not None or (rows.reconstructs and rows.preprocessor is not None):
        return {"constant": {name: 0.0 for name in measures if BASELINE_KINDS.get(name) == "explained"}}
    target = rows.x if rows.reconstructs else rows.y
    data = prepared.preparer.check(target, target, rows.sample_weight)
    scores = constant_scores(data, prepared.preparer.loss, measures)
    numeric = data.labels is None and scores
    return {"constant": scores} | ({"target": scale(data)} if numeric else {})


def scale(data: Data) -> dict[str, float]:
    """Return the mean and the standard deviation of a target, over rows and columns."""
    return {"mean": float(np.mean(data.y)), "standard deviation": float(np.std(np.asarray(data.y, float)))}


def constant_scores(data: Data, loss: str, measures: Sequence[str]) -> dict[str, float]:
    """Return the scores of the best constant, for each measure with a known formula.

    For one target of classes: the share of the largest class as accuracy. For a target of numbers: its variance as
    squared error, its mean distance to the median as absolute error, 0 as R2; averaged over columns.
    """
    if isinstance(data.y, dict | tuple):
        return {}
    kinds = {name: BASELINE_KINDS.get(loss if name == "loss" else name, "") for name in measures}
    if data.labels is not None:
        counts = np.bincount(data.labels, data.weight)
        return {name: float(counts.max() / counts.sum()) for name, kind in kinds.items() if kind == "share"}
    if "crossentropy" in loss.lower().replace("_", "") or np.ndim(data.y) > 2:
        return {}
    values = np.asarray(data.y, float).reshape(len(data.y), -1)
    square = float(np.average((values - np.average(values, 0, data.weight)) ** 2, 0, data.weight).mean())
    best = {"square": square, "root": square**0.5, "explained": 0.0}
    if data.weight is None:
        best["absolute"] = float(np.abs(values - np.median(values, 0)).mean())
    return {name: best[kind] for name, kind in kinds.items() if kind in best}

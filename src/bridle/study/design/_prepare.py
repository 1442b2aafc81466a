"""Preparation of a study before its first fit: model, arms, folds and programs, each checked; and its inner studies."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError
from bridle._garbage import gc_paused
from bridle._keras import (
    loss_name,
    make_program,
    mixes_rows,
    predicted_shapes,
    read_blueprint,
    require_jax,
)
from bridle.engine import Recipe, core_count, on_accelerator
from bridle.placement import bind_terms, check_labels, check_plain, label_notes
from bridle.study.data._arrays import Data
from bridle.study.data._folds import RefitRows, make_folds, make_refit_rows
from bridle.study.data._rows import RowPreparer, Rows, take_rows
from bridle.study.data._splits import Split, WholeTimeSplit, split_rows, time_ordered_splitter, unstratified_notes
from bridle.study.data._splitter import Splitter
from bridle.study.design._arms import arm_rules, read_arms
from bridle.study.design._objective import make_objective, try_out
from bridle.study.design._padding import padding_notes
from bridle.study.design._prepared import Prepared, StudyEngine
from bridle.study.design._question import Question
from bridle.study.design._reconstruction import check_range, check_reconstruction, check_stored, check_target_in_memory
from bridle.study.design._row_scores import count_fits, keeps_predictions, missing_reason, row_scorer
from bridle.study.design._scores import check_pooled, choose_score, stopping_rule, undefined_notes

OUTER = "outer"
"""The name of the held-out rows of an inner study."""
MIXED = (
    "A prediction of this model depends on the other rows of its batch. Measures are computed in blocks of up to 1,024 "
    "rows, which can mix training and validation rows. They differ from those of "
    "model.evaluate(batch_size={})."
)
"""The note on a model that mixes rows."""


@gc_paused()
def prepare(question: Question, rows: Rows) -> Prepared:
    """Check a question against its rows and build the shared parts of its fits. Train and compile nothing.

    Errors: those of `blueprint`, `read_arms`, `read_rows` and `split_rows`; `BackendError` off JAX.
    """
    require_jax()
    plan = read_blueprint(question.model)
    model = plan.template
    check_plain(model)
    if rows.reconstructs:
        check_target_in_memory(rows.x)
        check_reconstruction(model, rows.x)
    if rows.ordered and isinstance(question.folds, int | np.integer):
        question, rows = _in_time_order(question, int(question.folds), rows)
    arms, terms = read_arms(model, question.arms)
    preparer = RowPreparer(rows, loss_name(model), _outputs(model))
    rules = arm_rules(arms, question.early_stopping)
    shares = [rule.validation_fraction for rule in rules]
    folds = make_folds(preparer, question.folds, question.validation_fraction, shares)
    compiled = make_program(plan, *folds.rows[0].rows)
    check_stored(compiled, folds.rows[0].rows)
    held_out = {name: preparer.outside(parts, preparer.fitted(None), name) for name, parts in rows.held_out.items()}
    for name, data in held_out.items():
        predicted_shapes(model, data.x, name)
    bound = bind_terms(terms)
    check_labels(model, terms, folds.rows[0].rows.x)
    try_out(compiled, bound, folds.rows[0].rows.x)
    for arm in arms:
        compiled.optimizer_state(arm.learning_rate)
    score = choose_score(compiled, question.score)
    stopping, arm_stopping = (
        stopping_rule(compiled, question.early_stopping),
        [stopping_rule(compiled, rule) for rule in rules],
    )
    held_out_labels = {name: data.y for name, data in held_out.items()}
    notes = undefined_notes(compiled, score, stopping, folds.rows, held_out_labels)
    for share, rule in zip(shares, arm_stopping, strict=True):
        undefined_notes(compiled, score, rule, folds.by_share[share], {})
    if rows.validation is None:
        notes += unstratified_notes(preparer.all_rows(), question.folds, rows.groups)
    notes += [*label_notes(model, terms), *padding_notes(model, folds.rows[0].rows)]
    notes += check_range(model, preparer.all_rows(), rows.reconstructs)
    preparer.release()
    if mixes_rows(compiled, folds.rows[0].rows.x):
        notes.append(MIXED.format(question.batch_size))
    if score.pooled:
        check_pooled(compiled, score, [target for _, target in folds.fitted])
    points = min(question.curve_points, question.epochs)
    fits = count_fits(arms, len(question.seed_numbers), len(folds.rows))
    outputs = predicted_shapes(model, folds.rows[0].rows.x)
    reason = missing_reason(compiled, score, outputs, folds.rows, fits)
    objective = make_objective(compiled, bound)
    if not score.pooled and not reason:
        objective = replace(objective, score_rows=row_scorer(compiled, score.measure))
    recipe = Recipe(
        question.epochs,
        question.batch_size,
        question.shuffle,
        points,
        stopping,
        predictions=score.pooled,
        row_predictions=keeps_predictions(outputs, folds.rows, fits),
    )
    weights = None if question.initial_weights == "random" else tuple(np.asarray(v.value) for v in compiled.variables)
    recipes = tuple(replace(recipe, stopping=rule) for rule in arm_stopping)
    engine = StudyEngine(objective, recipe, len(bound.slots), compiled, weights, arm_recipes=recipes)
    cut_rows = (folds.rows, folds.counts, folds.ordered, folds.by_share, folds.fitted, folds.validation)
    return Prepared(
        question, rows, preparer, arms, terms, bound, score, *cut_rows, engine, reason, tuple(notes), rules=rules
    )


def _in_time_order(question: Question, folds: int, rows: Rows) -> tuple[Question, Rows]:
    """Return a question whose folds are in the order of time, and rows of which equal times are groups.

    Where validation rows are given, there are no folds, and groups stay.
    """
    if rows.validation is not None:
        return question, rows if rows.groups is not None else replace(rows, groups=rows.moments)
    if rows.groups is not None:
        raise InputError(
            "Expected groups or a time of the rows, got both, and a number of folds, which follow one of them. "
            "Leave one out, or give a splitter of scikit-learn as folds=…."
        )
    if rows.moments is None:
        return replace(question, folds=time_ordered_splitter(folds, folds, "folds")), rows
    splitter = time_ordered_splitter(folds, folds, "folds", kind=WholeTimeSplit)
    return replace(question, folds=splitter), replace(rows, groups=rows.moments)


def with_rows(prepared: Prepared, rows: Rows) -> Prepared:
    """Return the same study of other rows, with the programs that are already compiled."""
    preparer = RowPreparer(rows, prepared.preparer.loss, prepared.preparer.outputs)
    folds = make_folds(preparer, prepared.question.folds, prepared.question.validation_fraction, prepared.shares)
    preparer.release()
    return replace(
        prepared,
        rows=rows,
        preparer=preparer,
        folds=folds.rows,
        fold_rows=folds.counts,
        ordered=folds.ordered,
        by_share=folds.by_share,
        fitted=folds.fitted,
        validation_indices=folds.validation,
    )


def all_rows(prepared: Prepared) -> Data:
    """Return all rows of a study as arrays."""
    data = prepared.preparer.all_rows()
    prepared.preparer.release()
    return data


def refit_rows(prepared: Prepared) -> RefitRows:
    """Return all rows and the held-out ones, prepared in the same way."""
    watch = prepared.question.validation_fraction
    return make_refit_rows(prepared.preparer, watch, prepared.ordered, prepared.shares)


def compile_ahead(prepared: Prepared) -> None:
    """Start to compile the programs of the folds, and after them those of the refits, and return.

    XLA mostly uses one core and does not hold Python's lock, so a second core and Python are free meanwhile. A run that
    needs a program waits for it, and raises the errors of its compilation. Nothing happens on an accelerator, where the
    width of programs is timed first.
    """
    if on_accelerator():
        return
    engine = prepared.engine
    compiling = ThreadPoolExecutor(core_count())
    for rule, folds in enumerate((prepared.folds, *prepared.arm_folds)):
        for fold in {fold.shape: fold for fold in folds}.values():
            compiling.submit(engine.programs(fold, {}, rule=rule).compile_fully)
    rows = refit_rows(prepared)
    for rule, fold in enumerate((rows.fold, *rows.arm_folds(prepared.shares))):
        compiling.submit(engine.programs(fold, rows.held_out, rule=rule).compile_fully)
    compiling.shutdown(wait=False)


def inner_study(prepared: Prepared, folds: int | Splitter, index: int) -> Prepared:
    """Return the same study on the training rows of one outer fold."""
    return outer_fold_study(prepared, outer_splits(prepared, folds)[index], index)


def outer_splits(prepared: Prepared, folds: int | Splitter) -> list[Split]:
    """Return the outer folds; in time order where the inner ones are."""
    if prepared.ordered and isinstance(folds, int | np.integer):
        folds = time_ordered_splitter(folds, prepared.question.folds)
    return split_rows(all_rows(prepared), folds, prepared.rows.groups)


def outer_fold_study(prepared: Prepared, split: Split, index: int) -> Prepared:
    """Return the same study on an outer fold's training rows, with the other rows held out."""
    rows = prepared.rows

    def part(values: Any, side: np.ndarray) -> Any:
        return None if values is None else take_rows(values, side)

    inner_rows = replace(
        rows,
        paths={},
        x=take_rows(rows.x, split.train),
        y=take_rows(rows.y, split.train),
        sample_weight=part(rows.sample_weight, split.train),
        groups=part(rows.groups, split.train),
        held_out={OUTER: tuple(part(values, split.validation) for values in (rows.x, rows.y, rows.sample_weight))},
    )
    return replace(with_rows(prepared, inner_rows), outer=index)


def _outputs(model: keras.Model) -> tuple[int | None, ...]:
    """Return the shape of the first output; unknown for a subclassed model."""
    outputs = getattr(model, "outputs", None)
    return tuple(outputs[0].shape) if outputs else (None, None)

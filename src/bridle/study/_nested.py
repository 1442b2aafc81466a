"""Nested cross-validation: the selection is repeated inside each outer fold, and scored on the rows left out."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bridle._errors import InputError
from bridle.results import Nested, StudyResult
from bridle.stats import weigh_evidence
from bridle.study._progress import Update, Watch
from bridle.study.data._arrays import Data
from bridle.study.data._rows import take_rows
from bridle.study.data._splits import split_rows
from bridle.study.data._splitter import ListedFolds, Splitter
from bridle.study.design._prepare import OUTER, all_rows, outer_fold_study, outer_splits
from bridle.study.design._prepared import Prepared

RunStudy = Callable[[Prepared, Watch], tuple[StudyResult, bool]]
"""(study, watch) → its result, False if the user stopped it."""


def run_nested(prepared: Prepared, folds: int | Splitter, watch: Watch, run_study: RunStudy) -> Nested | None:
    """Select inside each outer fold as the study does, and score the selection on that fold; None if stopped.

    Args:
        prepared: the study.
        folds: outer folds, a number or a scikit-learn splitter.
        watch: called with updates.
        run_study: runs one inner study.

    """
    splits = outer_splits(prepared, folds)
    selections = []
    for index, split in enumerate(splits):
        inner = outer_fold_study(prepared, split, index)

        def watch_inner(update: Update, label: str = f"outer fold {index + 1}/{len(splits)}") -> None:
            watch(replace(update, stage=f"{label}, {update.stage}"))

        result, finished = run_study(inner, watch_inner)
        if not finished:
            return None
        selections.append(_selection(result))
    rows = np.array([[len(split.train), len(split.validation)] for split in splits])
    arm, strengths, validation, scores, none = zip(*selections, strict=True)
    return Nested(
        np.array(arm), np.stack(strengths), np.array(validation), np.stack(scores, axis=1), np.stack(none, axis=1), rows
    )


def check_nested(prepared: Prepared, folds: int | Splitter) -> None:
    """Raise, before any training, for outer folds that do not fit the rows, or leave too few for the folds inside.

    Errors: `InputError` with a validation set instead of folds, and for a score that is defined over no outer fold;
    those of `split_rows`, with the number of the fold.
    """
    if prepared.rows.validation is not None:
        raise InputError("Expected folds for nested cross-validation, got validation=(x, y). Leave one of them out.")
    if isinstance(prepared.question.folds, ListedFolds):
        raise InputError(
            "Expected folds as a number or a splitter for nested cross-validation, got a list: its row numbers "
            "refer to all rows, not to an outer fold. Give folds=5, or a list as nested."
        )
    rows, groups, measure = all_rows(prepared), prepared.rows.groups, prepared.score.measure
    several = rows.several_labels
    splits = outer_splits(prepared, folds)
    if all(measure in prepared.engine.program.undefined(take_rows(rows.y, split.validation)) for split in splits):
        raise InputError(
            f"Expected outer folds over whose rows {measure} is defined, got rows of one kind in all {len(splits)}. "
            "Give a number of outer folds, such as nested=5. Each is scored separately, also with a pooled score."
        )
    for index, split in enumerate(splits):
        x, y, labels, inside = (
            None if values is None else take_rows(values, split.train)
            for values in (rows.x, rows.y, rows.labels, groups)
        )
        try:
            split_rows(Data(x, y, None, labels, several), prepared.question.folds, inside)
        except InputError as error:
            raise InputError(f"{error} This is inside outer fold {index + 1} of nested={folds}.") from error


def _selection(result: StudyResult) -> tuple[int, np.ndarray, float, np.ndarray, np.ndarray]:
    """Return the choice of an inner study, its validation score, and the scores of its refits on the outer fold."""
    evidence, blank = weigh_evidence(result), np.full(len(result.seeds), np.nan)
    outer = result.held_out_scores(OUTER)
    none = outer[evidence.choices[0].best] if 0 in evidence.choices else blank
    if evidence.winner is None:
        return -1, np.full(len(result.slots), np.nan), np.nan, blank, none
    candidate = evidence.candidate(evidence.winner)
    return (
        evidence.winner,
        result.setting_strengths[candidate],
        float(evidence.validation.mean[candidate]),
        outer[candidate],
        none,
    )

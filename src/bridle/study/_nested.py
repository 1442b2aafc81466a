"""Nested cross-validation: the whole selection is repeated inside each outer fold, and judged on the rows left out."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bridle._errors import InputError
from bridle.results import Nested, StudyResult
from bridle.stats import weigh_evidence
from bridle.study._update import Update, Watch
from bridle.study.data import Data, ListedFolds, Splitter, split_rows, take_rows
from bridle.study.design import OUTER, Prepared, outer_fold_study, outer_splits, whole_rows

Run = Callable[[Prepared, Watch], tuple[StudyResult, bool]]


def run_nested(prepared: Prepared, folds: int | Splitter, watch: Watch, run: Run) -> Nested | None:
    """Select inside each outer fold as the study selects, and judge the choice on that fold; None where stopped.

    Args:
        prepared: the study.
        folds: outer folds, a number or a scikit-learn splitter.
        watch: hears what goes on.
        run: runs one inner study to its end.

    """
    splits = outer_splits(prepared, folds)
    found = []
    for number, split in enumerate(splits, start=1):
        inner = outer_fold_study(prepared, split, number - 1)

        def named(update: Update, number: int = number) -> None:
            watch(replace(update, stage=f"outer fold {number}/{len(splits)}, {update.stage}"))

        result, whole = run(inner, named)
        if not whole:
            return None
        found.append(_judged(result))
    rows = np.array([[len(split.train), len(split.validation)] for split in splits])
    arm, strengths, chosen, scores, none = zip(*found, strict=True)
    return Nested(
        np.array(arm), np.stack(strengths), np.array(chosen), np.stack(scores, axis=1), np.stack(none, axis=1), rows
    )


def check_nested(prepared: Prepared, folds: int | Splitter) -> None:
    """Refuse, before anything is trained, outer folds that do not fit the rows, or leave too few for the folds inside.

    Errors: `InputError` with a validation set instead of folds, and for a score that is defined over no outer fold;
    those of `split_rows`, with the number of the fold.
    """
    if prepared.rows.validation is not None:
        raise InputError("Expected folds for nested cross-validation, got validation=(x, y). Leave one of them out.")
    if isinstance(prepared.question.folds, ListedFolds):
        raise InputError(
            "Expected folds as a number or a splitter for nested cross-validation, got a list: its row numbers are "
            "those of all rows, not of an outer fold's. Give folds=5, or a list as nested."
        )
    whole, groups, measure = whole_rows(prepared), prepared.rows.groups, prepared.score.measure
    splits = outer_splits(prepared, folds)
    if all(measure in prepared.engine.program.undefined(take_rows(whole.y, split.validation)) for split in splits):
        raise InputError(
            f"Expected outer folds over whose rows {measure} is defined, got rows of one kind in all {len(splits)}. "
            "Give a number of outer folds, as nested=5: they are judged one by one, also where the score is pooled."
        )
    for number, split in enumerate(splits, start=1):
        x, y, labels, inside = (
            None if values is None else take_rows(values, split.train)
            for values in (whole.x, whole.y, whole.labels, groups)
        )
        try:
            split_rows(Data(x, y, None, labels), prepared.question.folds, inside)
        except InputError as error:
            raise InputError(f"{error} This is inside outer fold {number} of nested={folds}.") from error


def _judged(result: StudyResult) -> tuple[int, np.ndarray, float, np.ndarray, np.ndarray]:
    """What an inner study chose, the score that chose it, and the scores of its refits on the rows left out."""
    evidence, blank = weigh_evidence(result), np.full(len(result.seeds), np.nan)
    fresh = result.held_out_scores(OUTER)
    none = fresh[evidence.choices[0].best] if 0 in evidence.choices else blank
    if evidence.winner is None:
        return -1, np.full(len(result.slots), np.nan), np.nan, blank, none
    setting = evidence.choices[evidence.winner].best
    return (
        evidence.winner,
        result.setting_strengths[setting],
        float(evidence.validation.mean[setting]),
        fresh[setting],
        none,
    )

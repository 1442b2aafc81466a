"""Measures that are undefined over the rows of some fold: reported before training, NaN after it."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from bridle._errors import InputError
from bridle._keras import Program
from bridle.engine import Fold, Stopping
from bridle.results import Score
from bridle.study.design._scores import score_text


def undefined_notes(
    program: Program, score: Score, stopping: Stopping | None, folds: Sequence[Fold], held_out: Mapping[str, Any]
) -> list[str]:
    """Return notes on a score that is undefined over some fold or held-out rows.

    Args:
        program: has the compiled metrics.
        score: what settings are compared by.
        stopping: what early stopping watches, or None.
        folds: the rows of every fold.
        held_out: labels of held-out rows by name.

    Errors: `InputError` where the score is defined over no fold, or what is watched over none of some fold's rows.

    """
    here = _without(program, score, folds)
    why = f"{score.measure} needs more than one kind of label among the rows that it judges"
    pooled = ""
    if len(folds) > 1 and not score.pooled:
        pooled = f"score='pooled:{score_text(program, score)}' judges the rows of all folds together. "
    advice = (
        "A number of folds, with groups=… where rows of a subject belong together, gives folds that hold every class: "
        f"their rows are judged together. {pooled}score='loss' is defined everywhere."
    )
    if len(here) == len(folds):
        raise InputError(
            f"Expected a score that is defined over the rows of some fold, got {score.name!r} over rows of one kind in "
            f"{'the validation rows' if len(folds) == 1 else f'all {len(folds)} folds'}. {advice}"
        )
    if stopping is not None:
        monitor = ("loss", *program.metric_names)[stopping.measure]
        for index, fold in enumerate(folds):
            if fold.watch and monitor in _undefined(program, fold, *fold.cuts[:2]):
                raise InputError(
                    f"Expected a monitor that is defined over the rows set aside for it, got {monitor!r} over rows of "
                    f"one kind in fold {index}. Set more aside (watch), or write monitor='loss'."
                )
    notes = []
    if here:
        numbers = ", ".join(map(str, here))
        several = f"folds {numbers}" if len(here) > 1 else f"fold {numbers}"
        notes.append(
            f"{why}; it is not defined in {several} of {len(folds)}, which count{'' if len(here) > 1 else 's'} for "
            f"nothing (NaN). {advice}"
        )
    lost = [name for name, y in held_out.items() if score.measure in program.undefined(y)]
    if lost:
        notes.append(f"{why}; it is not defined over the held-out rows {', '.join(map(repr, lost))} (NaN).")
    return notes


def _without(program: Program, score: Score, folds: Sequence[Fold]) -> list[int]:
    """Return the folds over whose rows a score is not defined; of a pooled score all or none."""
    numbers = list(range(len(folds)))
    if not score.pooled:
        return [n for n in numbers if score.measure in _undefined(program, folds[n], folds[n].cuts[-1], None)]
    parts = [jax.tree.map(lambda leaf, fold=fold: np.asarray(leaf)[fold.cuts[-1] :], fold.rows.y) for fold in folds]
    y = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    return numbers if score.measure in program.undefined(y) else []


def _undefined(program: Program, fold: Fold, first: int, end: int | None) -> tuple[str, ...]:
    return program.undefined(jax.tree.map(lambda leaf: np.asarray(leaf)[first:end], fold.rows.y))

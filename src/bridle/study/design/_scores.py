"""Measures by which candidates are compared or stopped: their direction, and the folds that do not define them."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from bridle._errors import InputError, nearest_names, short_repr
from bridle._keras import Program, direction
from bridle.engine import Fold, Stopping
from bridle.regularizers import EarlyStopping
from bridle.results import POOLED, Score
from bridle.study.design._units import scale_of

LOSS = "loss"
POOLING = "pooled:"
"""The prefix of a score, before its direction, that is computed over the rows of all folds together."""
PREFIXES = {"min": False, "max": True}
"""The prefixes of a direction, as in `min:brier`; True if more is better."""


def choose_score(program: Program, text: str | None, argument: str = "score") -> Score:
    """Return the score by name, or the first compiled metric that is one number, or the data loss.

    Args:
        program: has the compiled metrics.
        text: "loss", the name of a compiled metric, or one with its direction, as in "min:brier"; None for the
            first metric. As a score also "pooled:" before any of them.
        argument: the name of the argument, for messages.

    Errors: `InputError` where the model has no such metric, and where nothing says in which direction it is better.

    """
    names = (LOSS, *program.metric_names)
    single = [metric for metric in program.metric_names if "[" not in metric]
    pooled = argument == "score" and text not in names and (text or "").startswith(POOLING)
    start, plain = (POOLING, (text or "").removeprefix(POOLING)) if pooled else ("", text or [*single, LOSS][0])
    prefix, name = _split(plain, names)
    if name not in names:
        raise InputError(
            f"Expected {argument} as 'loss' or a compiled metric, also as 'min:…' or 'max:…', got {text!r}. "
            f"{nearest_names(name, names)}"
        )
    if (prefix, name) == ("max", LOSS):
        raise InputError(f"Expected {argument} in a direction that is better, got {text!r}. Write 'loss'.")
    better = PREFIXES[prefix] if prefix else natural_direction(program, name)
    if better is None:
        raise InputError(
            f"Expected {argument} with a direction, got {name!r}, of which Keras does not know whether more or less is "
            f"better. Write {argument}='{start}min:{name}' where less is better, "
            f"{argument}='{start}max:{name}' where more is, or {argument}='loss'."
        )
    return Score(f"{POOLED if pooled else ''}{name}", better, pooled)


def check_pooled(program: Program, score: Score, targets: Sequence[Any]) -> None:
    """Raise, before anything is trained, for scores that cannot be computed from pooled predictions.

    Args:
        program: has the compiled metrics.
        score: the measure that candidates are compared by.
        targets: the fitted preparation of the target in each fold, or None.

    Errors: `InputError` for the loss of a model with its own `compute_loss`, and for targets that each fold prepares
    by more than a shift and a scale.

    """
    if score.measure == "loss" and program.has_own_loss:
        raise InputError(
            "Expected the name of a compiled metric in score='pooled:…', got 'pooled:loss' of a model with its own "
            "compute_loss, which needs the weights of one fit. Write score='loss', or pool a metric."
        )
    if any(target is not None and scale_of(target) is None for target in targets):
        raise InputError(
            f"Expected a target_preprocessor that shifts and scales for a pooled score, got {targets[0]!r}, which "
            f"gives each fold other labels. Prepare the labels before the study, or write score={score.measure!r}."
        )


def natural_direction(program: Program, name: str) -> bool | None:
    """Return True if more of a measure is better, False if less is, None if Keras does not know."""
    if name == LOSS:
        return False
    bases = dict.fromkeys(metric.partition("[")[0] for metric in program.metric_names)
    better = direction(dict(zip(bases, program.metrics, strict=False))[name.partition("[")[0]])
    return None if better is None else better == "up"


def score_text(program: Program, score: Score) -> str:
    """Return a score as text, with its direction where Keras does not know it or has the other one."""
    direction = (
        "" if natural_direction(program, score.measure) == score.maximize else f"{'max' if score.maximize else 'min'}:"
    )
    return f"{POOLING if score.pooled else ''}{direction}{score.measure}"


def stopping_rule(program: Program, stopping: EarlyStopping | None) -> Stopping | None:
    """Return the stopping rule of the engine.

    Errors: those of `choose_score`.
    """
    if stopping is None:
        return None
    score = choose_score(program, stopping.monitor, "monitor")
    index = (LOSS, *program.metric_names).index(score.name)
    return Stopping(index, score.maximize, stopping.patience, float(stopping.min_delta), stopping.restore_best_weights)


def undefined_notes(
    program: Program, score: Score, stopping: Stopping | None, folds: Sequence[Fold], held_out: Mapping[str, Any]
) -> list[str]:
    """Return notes on a score that is undefined over some fold or held-out rows.

    Args:
        program: has the compiled metrics.
        score: what candidates are compared by.
        stopping: what early stopping watches, or None.
        folds: the rows of every fold.
        held_out: labels of held-out rows by name.

    Errors: `InputError` where the score is defined over no fold, or what is watched over none of some fold's rows.

    """
    here = _without(program, score, folds)
    why = f"{score.measure} needs more than one kind of label among its rows"
    pooled = ""
    if len(folds) > 1 and not score.pooled:
        pooled = f"score='pooled:{score_text(program, score)}' is computed over the rows of all folds together. "
    advice = (
        "Give a number of folds, and groups=… if rows of a subject belong together: each fold then has every class. "
        f"{pooled}score='loss' is defined everywhere."
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
                    f"one kind in fold {index}. Increase validation_fraction, or write monitor='loss'."
                )
    notes = []
    if here:
        numbers = ", ".join(map(str, here))
        several = f"folds {numbers}" if len(here) > 1 else f"fold {numbers}"
        notes.append(
            f"{why}; it is not defined in {several} of {len(folds)}, which count{'' if len(here) > 1 else 's'} as "
            f"missing (NaN). {advice}"
        )
    lost = [name for name, y in held_out.items() if score.measure in program.undefined(y)]
    if lost:
        notes.append(f"{why}; it is not defined over the held-out rows {', '.join(map(short_repr, lost))} (NaN).")
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


def _split(text: str, names: tuple[str, ...]) -> tuple[str, str]:
    """Split a score into a direction, which may be empty, and a name, which may contain a colon."""
    prefix, _, name = text.partition(":")
    return (prefix, name) if prefix in PREFIXES and text not in names else ("", text)

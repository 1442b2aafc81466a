"""One fit of a model on all rows, without folds: the engine for an estimator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bridle._errors import InputError
from bridle.engine import FitResult, FitSpec, run_fits
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.design._arms import candidate_table


@dataclass(frozen=True)
class SingleFit:
    """Result of one fit."""

    variables: tuple[np.ndarray, ...]
    """The variables of the model, the trainable ones first."""
    losses: np.ndarray
    """The mean training loss of each recorded epoch, without penalties."""


def train_single(
    model: Any, terms: Mapping[str, Any], x: np.ndarray, y: np.ndarray, *, seed: int, epochs: int, batch_size: int
) -> SingleFit:
    """Train a compiled model once on all rows, under one arm, as a fit of a study is.

    Args:
        model: compiled and built `keras.Model`.
        terms: `{target: regularizer}`, each with one strength; may be empty.
        x, y: the rows.
        seed: the seed of initial weights and shuffling.
        epochs, batch_size: as in `Study`.

    Errors: `InputError` for several strengths, and if the loss is not finite.

    """
    arms = {"arm": terms} if terms else {}
    question = Question(model, arms, seeds=(seed,), folds=2, epochs=epochs, batch_size=batch_size)
    prepared = prepare(question, Rows(x, y, validation=(x[:1], y[:1])))
    table = candidate_table(prepared.arms, prepared.bound_terms.absent)[1].astype(np.float32)
    if len(table) != len(prepared.arms):
        raise InputError(
            f"Expected one strength for each regularizer of a single fit, got {dict(terms)}. Write a number, such as "
            "bridle.L1(1e-3), or compare strengths with bridle.Study on the model."
        )
    engine, fold, results = prepared.engine, prepared.folds[0], list[FitResult]()
    start, programs = engine.start(seed), engine.programs(fold, {})
    finished = run_fits(
        engine.training,
        [[FitSpec(0, seed, 0, table[-1], lambda: start, fold, programs)]],
        held_out={},
        deliver=lambda fit, result: results.append(result),
        watch=lambda progress: None,
        threads=1,
    )
    if not finished:
        raise KeyboardInterrupt
    result = results[0]
    if result.diverged_at >= 0:
        raise InputError(
            f"Expected a loss that stays finite, got one that does not from epoch {result.diverged_at} on. "
            "Scale the rows, or use a smaller learning rate."
        )
    training_losses = result.curves[:, engine.quantities(engine.sides).index("train/loss")]
    return SingleFit(tuple(result.variables), training_losses[np.isfinite(training_losses)])

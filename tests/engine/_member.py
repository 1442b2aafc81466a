"""One member at the level of the engine, and the fit of Keras that it has to equal."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import keras
import numpy as np
from tests.engine._rows import TRAIN, first, rest

from bridle.engine import FitResult, FitSpec, run_fits
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.design._arms import candidate_table

SEED, EPOCHS, BATCH = 7, 5, 16
TORTURE = "BRIDLE_TORTURE" in os.environ
Build = Callable[[], keras.Model]


@dataclass(frozen=True)
class Trained:
    """Result of a fit."""

    curves: Mapping[str, np.ndarray]
    """One number for each epoch, by quantity."""
    start: list[np.ndarray]
    """The variables before the fit, the trainable ones first."""
    end: list[np.ndarray]
    """The variables after it."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Loss and metrics on the training rows after it, by `model.evaluate`."""


def member(
    model: object,
    x: Any,
    y: Any,
    *,
    validation: tuple[Any, Any] | None = None,
    weight: Any = None,
    folds: Any = 5,
    fold: int = 0,
    terms: Mapping[str, object] | None = None,
) -> Trained:
    """One member on one fold, under the terms of an arm or none."""
    return members(model, x, y, validation=validation, weight=weight, folds=folds, fold=fold, terms=terms)[-1]


def members(
    model: object,
    x: Any,
    y: Any,
    *,
    validation: tuple[Any, Any] | None = None,
    weight: Any = None,
    folds: Any = 5,
    fold: int = 0,
    terms: Mapping[str, object] | None = None,
    every: bool = False,
) -> list[Trained]:
    """The member of the arm, after that of `none` if `every`; everything that knows the engine is in here."""
    question = Question(
        model, {"arm": terms} if terms else {}, seeds=(SEED,), folds=folds, epochs=EPOCHS, batch_size=BATCH,
        shuffle=False,
    )  # fmt: skip
    prepared = prepare(question, Rows(x, y, sample_weight=weight, validation=validation))
    engine, rows = prepared.engine, prepared.folds[fold]
    if not TORTURE:  # a third program, whose numbers are not compared
        engine.objective = replace(engine.objective, score_rows=None)
    settings = candidate_table(prepared.arms, prepared.bound_terms.absent)[1].astype(np.float32)
    start, programs = engine.start(SEED), engine.programs(rows, {})
    fits = [
        FitSpec(number, SEED, fold, setting, lambda: start, rows, programs)
        for number, setting in enumerate(settings if every else settings[-1:])
    ]
    outcomes: list[FitResult] = []
    run_fits(
        engine.training,
        [[fit] for fit in fits],
        held_out={},
        deliver=lambda fit, outcome: outcomes.append(outcome),
        watch=lambda progress: None,
        threads=1,
    )
    measures = engine.objective.measure_names
    names = [
        "fit/loss",
        *(f"penalty/{part}" for part in engine.objective.part_names),
        *(f"{part}/{name}" for part in ("train", "validation") for name in measures),
    ]
    return [
        Trained(
            dict(zip(names, outcome.curves.T, strict=True)), [*start.trainable, *start.other], list(outcome.variables)
        )
        for outcome in outcomes
    ]


def keras_fit(
    build: Build,
    x: Any,
    y: Any,
    *,
    validation: tuple[Any, Any] | None = None,
    weight: Any = None,
    evaluated: bool = False,
    inner: Callable[[keras.Model], keras.Model] = lambda model: model,
) -> Trained:
    """The same by `model.fit` after `set_random_seed`, in the names of a member's curves; `inner` has the variables."""
    keras.utils.set_random_seed(SEED)
    model = build()
    start = values(inner(model))
    history = model.fit(
        x,
        y,
        sample_weight=weight,
        validation_data=validation,
        validation_batch_size=1000,
        epochs=EPOCHS,
        batch_size=BATCH,
        shuffle=False,
        verbose=0,
    ).history
    curves = {f"validation/{name.removeprefix('val_')}": v for name, v in history.items() if name.startswith("val_")}
    end = values(inner(model))
    if charges_itself(model, first(x, 2)):
        curves.pop("validation/loss", None)  # Keras adds the model's own losses, a member's data loss has none
    options = {"sample_weight": weight, "batch_size": 1000, "verbose": 0, "return_dict": True}
    measures = model.evaluate(x, y, **options) if evaluated else {}
    return Trained({"fit/loss": history["loss"], **curves}, start, end, measures)


def charges_itself(model: keras.Model, x: Any) -> bool:
    """Whether a model adds losses of its own; its call is traced and not run, which would compile every operation."""
    variables = [[each.value for each in part] for part in (model.trainable_variables, model.non_trainable_variables)]
    _, _, losses = jax.eval_shape(lambda: model.stateless_call(*variables, x, return_losses=True))
    return bool(losses)


def values(model: keras.Model) -> list[np.ndarray]:
    """Copies of the variables, the trainable ones first."""
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    return [np.array(variable.value) for variable in variables]


def equal(got: Trained, expected: Trained, *, rounded: bool = False) -> None:
    """The same start bit for bit, every curve that both have, and the same variables in the end."""
    rtol, atol = (1e-2, 1e-3) if rounded else (2e-4, 1e-6)
    for ours, theirs in zip(got.start, expected.start, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name in expected.curves.keys() & got.curves.keys():
        np.testing.assert_allclose(got.curves[name], expected.curves[name], rtol, atol, err_msg=name)
    rtol, atol = (5e-2, 5e-3) if rounded else (2e-3, 2e-5)
    for number, (ours, theirs) in enumerate(zip(got.end, expected.end, strict=True)):
        np.testing.assert_allclose(ours, theirs, rtol, atol, err_msg=f"variable {number}")


def parity(build: Build, x: Any, y: Any, *, validate: bool = True, rounded: bool = False, train: int = TRAIN) -> None:
    """A member of the model that `build` makes equals the fit of that model, on the first rows."""
    split = {"validation": (rest(x, train), rest(y, train))}
    got = member(build, first(x, train), first(y, train), **split)
    expected = keras_fit(build, first(x, train), first(y, train), **(split if validate else {}))
    compared = {name for name in got.curves if name.startswith("validation/")} if validate else set()
    assert compared - {"validation/loss"} <= set(expected.curves)
    equal(got, expected, rounded=rounded)

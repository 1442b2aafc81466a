"""Averages of weights over the steps of a fit, against NumPy and against the averages of Keras's optimizers."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras import optimizers
from tests.engine._line import fits, line, rows, run

from bridle.engine import FitResult, FitSpec, Fold, Objective, Recipe, Stopping, put_fold, run_fits
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.design._prepared import StudyEngine

RECIPE = Recipe(epochs=5, batch_size=10, shuffle=False, points=5)


def averaging(rate: float = 0.1, decays: Callable = lambda strengths: strengths[0]) -> Objective:
    """The line, whose only strength is also the decay of its average."""
    return replace(line(rate), average_decay=decays)


def steps(x: np.ndarray, y: np.ndarray, strength: float, count: int) -> list[np.ndarray]:
    """The weights after each step of gradient descent on all rows."""
    w, after = np.zeros(2), []
    for _ in range(count):
        w = w - 0.1 * (2 * x.T @ (x @ w - y) / len(x) + 2 * strength * w)
        after.append(w)
    return after


def test_a_fit_returns_the_average_of_its_weights() -> None:
    """`decay * average + (1 - decay) * weight`, which begins with the weights after the first step."""
    fold = rows()
    objective = averaging()
    outcomes, _ = run(objective, fits(objective, fold, 4, RECIPE), RECIPE)
    x, y = np.asarray(fold.rows.x)[:10], np.asarray(fold.rows.y)[:10]
    for index, outcome in outcomes.items():
        decay = 0.01 * index
        first, *rest = steps(x, y, decay, 5)
        average = first
        for weights in rest:
            average = decay * average + (1 - decay) * weights
        np.testing.assert_allclose(outcome.variables[0], average, rtol=1e-5)
        np.testing.assert_allclose(outcome.curves[-1, 2], np.mean((x @ average - y) ** 2), rtol=1e-4)


def test_measures_are_those_of_the_average_while_the_fit_trains() -> None:
    """Each point of a curve is that of the average so far, as the last one."""
    fold = rows()
    objective = averaging(decays=lambda strengths: jnp.float32(0.9))
    short = replace(RECIPE, epochs=3, points=3)
    long, few = (run(objective, fits(objective, fold, 1, recipe), recipe)[0][0] for recipe in (RECIPE, short))
    assert np.array_equal(long.curves[2, -1], few.curves[-1, -1])
    assert not np.array_equal(long.curves[3, -1], few.curves[-1, -1])


def test_an_average_begins_with_the_first_step_that_has_a_decay() -> None:
    """A decay that is 0 at first forgets the weights before it."""
    fold = rows()
    late = replace(
        averaging(decays=lambda strengths: strengths[0]),
        at_epoch=lambda strengths, epoch: jnp.where(epoch >= 3, jnp.float32(0.5), 0) + 0 * strengths,
        loss=line().loss,
    )
    late = replace(late, loss=lambda t, o, s, *batch: line().loss(t, o, 0 * s, *batch))
    outcome = run(late, fits(late, fold, 1, RECIPE), RECIPE)[0][0]
    x, y = np.asarray(fold.rows.x)[:10], np.asarray(fold.rows.y)[:10]
    *_, fourth, fifth = steps(x, y, 0.0, 5)
    np.testing.assert_allclose(outcome.variables[0], 0.5 * fourth + 0.5 * fifth, rtol=1e-5)


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, stopping=Stopping(0, False, 2, 0.0, True))])
def test_a_decay_of_zero_changes_no_bit(recipe: Recipe) -> None:
    """Beside early stopping too."""
    fold = rows(8)
    if recipe.stopping is not None:
        fold = replace(fold, train=6, watch=2)
    without, zero = line(0.4), averaging(0.4, lambda strengths: 0 * strengths[0])
    one, other = (run(objective, fits(objective, fold, 1, recipe), recipe)[0][0] for objective in (without, zero))
    assert np.array_equal(one.curves, other.curves, equal_nan=True)
    assert one.variables[0].tobytes() == other.variables[0].tobytes()


def test_early_stopping_watches_and_keeps_the_average() -> None:
    """The epoch that is kept has the best average on the rows that are watched, and not the best weights."""
    draw = np.random.default_rng(5).normal
    fold = put_fold(draw(size=(11, 2)).astype("float32"), draw(size=11).astype("float32"), None, 6, 2)
    recipe = Recipe(20, 10, False, 20, Stopping(0, maximize=False, patience=None, min_delta=0.0, keep_best=True))
    for objective in (line(0.05), averaging(0.05, lambda strengths: jnp.float32(0.8))):
        result = run(objective, fits(objective, fold, 1, recipe), recipe)[0][0]
        watched = result.curves[:, 3]
        assert result.kept_epoch == int(np.argmin(watched[:-1])) + 1 < 19
        assert watched[-1] == pytest.approx(watched[result.kept_epoch - 1], rel=1e-5)


@cache
def engine_of(kind: type[optimizers.Optimizer], averages: bool, momentum: float | None) -> tuple[StudyEngine, Fold]:
    """An engine whose fits average their weights with their only strength, with an optimizer that averages itself."""
    own = {} if momentum is None else {"use_ema": True, "ema_momentum": momentum}
    layers = [keras.Input((9,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(kind(0.01, **own), "mse")
    x = np.random.default_rng(0).normal(size=(37, 9)).astype("float32")
    question = Question(model, {}, seeds=(3,), folds=2, epochs=4, batch_size=5)
    prepared = prepare(question, Rows(x, x[:, :1] ** 2 - x[:, 1:2]))
    engine = prepared.engine
    objective, engine.strength_count = engine.objective, 1
    engine.objective = replace(objective, loss=lambda t, other, s, *batch: objective.loss(t, other, s[:0], *batch))
    if averages:
        engine.objective = replace(engine.objective, average_decay=lambda strengths: strengths[0])
    return engine, prepared.folds[0]


def trained(kind: type[optimizers.Optimizer], decay: float | None, momentum: float | None = None) -> FitResult:
    """One fit, which averages its weights with a decay, or as its optimizer does."""
    engine, fold = engine_of(kind, decay is not None, momentum)
    strengths, results = np.array([decay or 0], np.float32), []
    fit = FitSpec(0, 3, 0, strengths, lambda: engine.start(3), fold, engine.programs(fold, {}))
    run_fits(
        engine.training, [[fit]], held_out={}, deliver=lambda fit, result: results.append(result), watch=lambda p: None
    )
    return results[0]


@pytest.mark.parametrize(("kind", "decay"), [(optimizers.SGD, 0.37), (optimizers.Adam, 0.9)])
def test_the_average_is_that_of_keras_bit_for_bit(kind: type[optimizers.Optimizer], decay: float) -> None:
    """With a kernel that is trained transposed, and others."""
    keras_average, average = trained(kind, None, decay), trained(kind, decay)
    for one, other in zip(keras_average.variables, average.variables, strict=True):
        assert one.tobytes() == other.tobytes()
    assert np.array_equal(keras_average.curves[-1], average.curves[-1])


def test_a_fit_averages_once_where_the_optimizer_averages_itself() -> None:
    """A decay replaces the average of the optimizer; without one, the optimizer's stays."""
    adam = optimizers.Adam
    pairs = (trained(adam, 0.5, 0.9), trained(adam, 0.5)), (trained(adam, 0.0, 0.9), trained(adam, None, 0.9))
    for pair in pairs:
        for one, other in zip(*(result.variables for result in pair), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)

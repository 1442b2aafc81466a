"""Scores of the mean over seeds and confidence, from predictions that the tests make up."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy.special import expit, logit, softmax
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.preprocessing import StandardScaler
from tests.conftest import network

from bridle import L2, Study
from bridle.engine import FitResult
from bridle.results import ALL_ROWS, MAX_AVERAGED
from bridle.study._confidence import measure_confidence
from bridle.study._seed_mean import mean_leaves, score_seed_mean
from bridle.study.design._prepare import refit_rows

RNG = np.random.default_rng(0)
ARMS = {"L2": {"*/kernel": L2([1e-2])}}


def fit(*predictions: np.ndarray, variables: tuple = ()) -> FitResult:
    """Return a fit with these predictions."""
    blank = np.zeros(0, np.float32)
    return FitResult(blank[None], -1, 1, 1, blank, {}, variables, predictions)


def validation_rows(prepared, fold: int, part: str) -> np.ndarray:
    rows = prepared.folds[fold]
    return np.asarray(getattr(rows.rows, part))[rows.cuts[-1] :]


def with_predictions(prepared, draw, seeds: int) -> dict:
    """Return a fit of candidates 0 and 1 for every seed and fold; `draw` takes labels."""
    return {
        (candidate, seed, fold): fit(draw(validation_rows(prepared, fold, "y")).astype("float32"))
        for candidate in (0, 1)
        for seed in range(seeds)
        for fold in range(len(prepared.folds))
    }


def shares(y: np.ndarray) -> np.ndarray:
    """Return probabilities that lean to the class."""
    return expit(1.5 * (2 * y.reshape(-1, 1) - 1) + 2 * RNG.normal(size=(len(y), 1)))


def test_the_score_of_the_mean_is_that_of_numpys_mean(moons) -> None:
    """Of each fold, and of the refits on held-out rows; candidates without refits have none."""
    model = network(4)
    test = (moons[0][:15], moons[1][:15])
    prepared = Study(model, ARMS, seeds=3, folds=3, epochs=1).prepare(*moons, test=test)
    results = with_predictions(prepared, shares, 3)
    weights = [[RNG.normal(size=v.shape).astype("float32") for v in model.variables] for _ in range(3)]
    for seed in range(3):
        results[1, seed, ALL_ROWS] = fit(variables=tuple(weights[seed]))
    scored = score_seed_mean(prepared, results, 2, [1], refit_rows(prepared).held_out)
    assert np.isnan(scored.scores[0]).all()
    assert np.isnan(scored.held_out["test"][0])
    for fold in range(3):
        y = validation_rows(prepared, fold, "y")
        mean = np.mean([results[1, seed, fold].predictions[0] for seed in range(3)], axis=0)
        assert scored.scores[1, fold] == pytest.approx(accuracy_score(y, mean[:, 0] > 0.5))
    outputs = []
    for values in weights:
        model.set_weights(values)
        outputs.append(model.predict(test[0], verbose=0))
    expected = accuracy_score(test[1], np.mean(outputs, axis=0)[:, 0] > 0.5)
    assert scored.held_out["test"][1] == pytest.approx(expected)
    assert scored.is_convex
    assert scored.obstacle == ""


def test_a_scaled_target_is_scored_in_its_units() -> None:
    x, y = RNG.normal(size=(60, 2)).astype("float32"), RNG.normal(100, 20, size=60)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae", keras.metrics.R2Score(name="r2")])
    for score, measure in (("mae", lambda a, b: np.abs(a - b).mean()), ("pooled:r2", None)):
        study = Study(model, ARMS, seeds=2, folds=3, epochs=1, score=score)
        prepared = study.prepare(x, y, target_preprocessor=StandardScaler())
        results = with_predictions(prepared, lambda y: y + 0.5 * RNG.normal(size=y.shape), 2)
        scored = score_seed_mean(prepared, results, 2, [0], {})
        pairs = []
        for fold, scaler in enumerate(prepared.targets):
            mean = np.mean([results[0, seed, fold].predictions[0] for seed in range(2)], axis=0)
            pairs.append([scaler.inverse_transform(v) for v in (validation_rows(prepared, fold, "y"), mean)])
        if measure is not None:
            np.testing.assert_allclose(scored.scores[0], [measure(*pair) for pair in pairs], rtol=1e-4)
        else:
            whole = r2_score(*(np.concatenate(parts) for parts in zip(*pairs, strict=True)))
            assert scored.scores[0].mean() == pytest.approx(whole, abs=0.02)  # pseudo-values


def test_one_seed_has_no_mean_and_masks_stay() -> None:
    prepared = Study(network(2), ARMS, seeds=1, folds=2, epochs=1).prepare(np.zeros((8, 2)), np.arange(8) % 2)
    assert score_seed_mean(prepared, {}, 2, [0], {}) is None
    mask = np.array([True, False])
    mean = mean_leaves([(np.array([1.0, 2.0], "float32"), mask), (np.array([3.0, 4.0], "float32"), ~mask)])
    np.testing.assert_array_equal(mean[0], [2.0, 3.0])
    np.testing.assert_array_equal(mean[1], mask)
    assert MAX_AVERAGED == 10


def classifier(kind: str) -> tuple[keras.Model, np.ndarray]:
    """Return a model and 60 labels."""
    units, last, loss = {
        "sigmoid": (1, "sigmoid", "binary_crossentropy"),
        "logit": (1, None, keras.losses.BinaryCrossentropy(from_logits=True)),
        "softmax": (3, "softmax", "sparse_categorical_crossentropy"),
        "one-hot logits": (3, None, keras.losses.CategoricalCrossentropy(from_logits=True)),
    }[kind]
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, last)])
    model.compile("sgd", loss)
    labels = np.arange(60) % max(units, 2)
    return model, np.eye(3)[labels] if kind.startswith("one-hot") else labels


@pytest.mark.parametrize("kind", ["sigmoid", "logit", "softmax", "one-hot logits"])
def test_confidence_is_measured_for_every_form_of_classes(kind: str) -> None:
    """The log loss is scikit-learn's, averaged over seeds and folds; that of the mean is the mean's."""
    model, labels = classifier(kind)
    study = Study(model, ARMS, seeds=2, folds=3, epochs=1)
    prepared = study.prepare(np.zeros((60, 2), "float32"), labels)

    def draw(y: np.ndarray) -> np.ndarray:
        y = y.argmax(axis=1) if y.size > len(y) else y.reshape(-1).astype(int)
        if kind in ("sigmoid", "logit"):
            probability = shares(y)
            return logit(probability) if kind == "logit" else probability
        logits = 2 * np.eye(3)[y] + 3 * RNG.normal(size=(len(y), 3))
        return logits if "logits" in kind else softmax(logits, axis=1)

    results = with_predictions(prepared, draw, 2)
    measured = measure_confidence(prepared, results, 2, [1])

    def probabilities(key: tuple) -> np.ndarray:
        values = results[key].predictions[0].astype(float)
        if kind in ("sigmoid", "logit"):
            values = expit(values) if kind == "logit" else values
            return np.c_[1 - values, values]
        return softmax(values, axis=1) if "logits" in kind else values / values.sum(axis=1, keepdims=True)

    single, mean = [], []
    for fold in range(3):
        y = validation_rows(prepared, fold, "y")
        y = y.argmax(axis=1) if y.size > len(y) else y.reshape(-1)
        parts = [probabilities((1, seed, fold)) for seed in range(2)]
        classes = range(parts[0].shape[1])
        single += [log_loss(y, part, labels=classes) for part in parts]
        mean.append(log_loss(y, np.mean(parts, axis=0), labels=classes))
    assert measured.single.log_loss[1, 0] == pytest.approx(np.mean(single), rel=1e-4)
    assert measured.mean.log_loss[1, 0] == pytest.approx(np.mean(mean), rel=1e-4)
    assert measured.single.temperature[1] > 0
    assert np.isnan(measured.single.temperature[0])


def test_seeds_that_a_race_left_out_do_not_count(moons) -> None:
    """The confidence and the score of the mean are those of the seeds that were trained."""
    short, long = (Study(network(2), ARMS, seeds=seeds, folds=2, epochs=1).prepare(*moons) for seeds in (2, 4))
    results = with_predictions(short, shares, 2)
    one, two = (measure_confidence(prepared, results, 2, [0, 1]) for prepared in (short, long))
    np.testing.assert_array_equal(one.mean.log_loss, two.mean.log_loss)
    one, two = (score_seed_mean(prepared, results, 2, [0, 1], {}) for prepared in (short, long))
    np.testing.assert_array_equal(one.scores, two.scores)


def test_confidence_is_not_measured_without_classes_folds_or_predictions(moons) -> None:
    model = network(2)
    study = Study(model, ARMS, seeds=1, folds=2, epochs=1)
    prepared = study.prepare(*moons)
    results = with_predictions(prepared, shares, 1)
    assert measure_confidence(prepared, results, 2, [0]) is not None
    assert (
        measure_confidence(prepared, {key: replace(one, predictions=()) for key, one in results.items()}, 2, [0])
        is None
    )
    one_set = study.prepare(*moons, validation=moons)
    assert measure_confidence(one_set, results, 2, [0]) is None
    model.compile("sgd", "mse")
    assert measure_confidence(Study(model, ARMS, seeds=1, folds=2).prepare(*moons), results, 2, [0]) is None

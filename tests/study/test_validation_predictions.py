"""Predictions of each row by networks that did not train on it."""

import keras
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

import bridle


def test_they_are_the_mean_over_seeds_in_units_of_the_target(tmp_path) -> None:
    """Their error in each fold is the score of the mean of the seeds; a row in no fold has none."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 2)).astype("float32")
    y = 100 + 20 * x[:, 0] + rng.normal(size=30)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="out")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    every = np.arange(30)
    folds = [(np.setdiff1d(every, part), part) for part in (every[:10], every[12:24])]
    study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([1e-2])}}, seeds=2, folds=folds, epochs=4)
    result = study.run(x, y, target_preprocessor=StandardScaler(), store=tmp_path, progress=False)
    data = result.data
    assert 0 in data.validation_predictions
    for candidate, predictions in data.validation_predictions.items():
        assert predictions.shape == (24, 1)
        assert np.isnan(predictions[10:12]).all()
        errors = [np.mean((predictions[part, 0] - y[part]) ** 2) for _, part in folds]
        assert errors == pytest.approx(data.seed_mean.scores[candidate], rel=1e-4)
    stored = bridle.load(tmp_path).data.validation_predictions
    assert stored.keys() == data.validation_predictions.keys()
    assert np.array_equal(stored[0], data.validation_predictions[0], equal_nan=True)

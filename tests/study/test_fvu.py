"""FVU as a metric: alone, in `fit`, and as the score of a study."""

import keras
import numpy as np
import pytest
from sklearn.metrics import r2_score

import bridle
from bridle.representations import fvu

RNG = np.random.default_rng(0)
Y = (RNG.normal(size=(50, 4)) * [1, 2, 3, 4] + 1000).astype(np.float32)
P = (Y + RNG.normal(size=Y.shape)).astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True])
def test_batches_give_the_value_over_all_rows(weighted: bool) -> None:
    """That of scikit-learn's R2, in two batches, far from zero; and again after a reset."""
    weight = RNG.random(50).astype(np.float32) if weighted else np.ones(50, np.float32)
    expected = 1 - r2_score(Y.astype(float), P.astype(float), sample_weight=weight, multioutput="variance_weighted")
    metric = keras.metrics.deserialize(keras.metrics.serialize(bridle.metrics.FVU()))
    for _ in range(2):
        metric.reset_state()
        for first, last in ((0, 25), (25, 50)):
            metric.update_state(Y[first:last], P[first:last], weight[first:last] if weighted else None)
        assert float(metric.result()) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("shape", [(50, 4), (50, 4, 3)])
@pytest.mark.parametrize("of_steps", [False, True])
def test_weights_of_rows_and_of_steps(shape: tuple[int, ...], of_steps: bool) -> None:
    """As by NumPy, also where y has no axis of features; weights of rows may have an axis of length 1."""
    y, p = RNG.normal(size=(2, *shape)).astype(np.float32)
    weight = RNG.random((50, 4 if of_steps else 1)).astype(np.float32)
    metric = bridle.metrics.FVU()
    metric.update_state(y, p, weight)
    weights = np.broadcast_to(weight.reshape(*weight.shape, *(1,) * (len(shape) - 2)), shape)
    mean = (weights * y).sum(axis=0) / weights.sum(axis=0)
    expected = (weights * (y - p) ** 2).sum() / (weights * (y - mean) ** 2).sum()
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)


def test_padded_steps_are_not_counted() -> None:
    """In `evaluate` and in a study: the sums over real steps, by NumPy; whatever stands in the padding."""
    x = RNG.normal(size=(30, 5, 3)).astype(np.float32)
    lengths = RNG.integers(1, 6, 30)
    real = np.arange(5) < lengths[:, None]
    x[~real] = 0
    y = np.where(real[..., None], x, 50).astype(np.float32)
    layers = [keras.Input((5, 3)), keras.layers.Masking(), keras.layers.LSTM(4, return_sequences=True, name="code")]
    model = keras.Sequential([*layers, keras.layers.Dense(3)])
    model.compile("adam", "mse", metrics=[bridle.metrics.FVU()])
    study = bridle.Study(model, {"L1": {"code/output": bridle.L1(0.01)}}, seeds=1, folds=2, epochs=1)
    result = study.run(x, y, test=(x, y), progress=False)
    network = result.model("none", single=True)
    counts = np.maximum(real.sum(axis=0), 1)[:, None]
    mean = (y * real[..., None]).sum(axis=0) / counts
    errors = [(((y - of) ** 2) * real[..., None]).sum() for of in (network.predict(x, verbose=0), mean)]
    measured = network.evaluate(x, y, verbose=0, return_dict=True)["fvu"]
    assert measured == pytest.approx(errors[0] / errors[1], rel=1e-4)
    held_out = dict(zip(result.data.held_out_names, result.data.held_out["test"].T, strict=True))["fvu"]
    assert held_out[np.isfinite(held_out)][0] == pytest.approx(measured, rel=1e-4)


def test_a_study_selects_by_it(tmp_path) -> None:
    """Less is better, without saying so; the values are those of `evaluate`, and a saved model keeps the metric."""
    x = (Y - 1000) / 10
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="code"), keras.layers.Dense(4)])
    model.compile("adam", "mse", metrics=[bridle.metrics.FVU()])
    study = bridle.Study(model, {"L1": {"code/output": bridle.L1(0.1)}}, seeds=1, folds=2, epochs=2, score="fvu")
    result = study.run(x, test=x[:9], progress=False)
    assert not result.data.score.maximize
    network = result.model("L1", single=True)
    measured = network.evaluate(x[:9], x[:9], verbose=0, return_dict=True)["fvu"]
    assert measured == pytest.approx(fvu(x[:9], network.predict(x[:9], verbose=0)), rel=1e-3)
    assert result.data.held_out_scores("test")[1, 0] == pytest.approx(measured, rel=1e-3)
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(x[:9], x[:9], verbose=0, return_dict=True)["fvu"] == pytest.approx(measured, rel=1e-5)

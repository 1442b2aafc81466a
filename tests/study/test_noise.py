"""Noise in a study: its numbers are those of a loop in NumPy, arms are paired, and evaluation has none."""

from typing import Any

import keras
import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_moons

import bridle
from bridle.engine import Moment, draw_at

ROWS, EPOCHS, RATE = 12, 3, 0.1
X = np.random.default_rng(0).normal(size=(ROWS + 4, 5)).astype("float32")
Y = (X @ np.arange(1.0, 6.0)).astype("float32")[:, None]


def line(rate: float = RATE) -> keras.Model:
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, use_bias=False, name="out")])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


def run(arms: dict[str, Any], model: keras.Model | None = None, **options: Any) -> Any:
    chosen = {"seeds": 1, "epochs": EPOCHS, "batch_size": ROWS, "curve_points": EPOCHS, "initial_weights": "model"}
    study = bridle.Study(model or line(), arms, **{**chosen, **options})
    return study.run(X[:ROWS], Y[:ROWS], validation=(X[ROWS:], Y[ROWS:]), refit="none")


def curve(result: Any, arm: str, quantity: str = "validation/loss", candidate: int = 0) -> np.ndarray:
    data = result.data
    settings = [index for index, number in enumerate(data.setting_arm) if data.arms[number].name == arm]
    return data.curves[data.members.setting == settings[candidate], :, data.quantities.index(quantity)][0]


def numbers(kind: str, target: str, shape: tuple[int, ...], epoch: int, normal: bool = False) -> np.ndarray:
    """Return the random numbers of the fit of seed 0 on fold 0 in a batch of all rows."""
    draw = draw_at(Moment(np.array([0, 1], "uint32"), np.int32(epoch), np.int32(0)), f"{kind} {target}")
    return np.asarray(draw.normal(shape) if normal else draw.uniform(shape), "float64")


def trained(weights: np.ndarray, arm: str) -> list[float]:
    """Return the validation losses of gradient descent in NumPy, with the noise of an arm."""
    w, losses = weights.astype("float64"), []
    for epoch in range(EPOCHS):
        x, scale, factor = X[:ROWS].astype("float64"), np.ones((ROWS, 1)), np.ones((5, 1))
        if arm == "inputs":
            x = x * (numbers("dropout", "inputs", x.shape, epoch) < 0.7) / 0.7
        if arm == "noise":
            x = x + 0.3 * numbers("gaussiannoise", "inputs", x.shape, epoch, normal=True)
        if arm == "outputs":
            scale = (numbers("dropout", "out/output", scale.shape, epoch) < 0.5) / 0.5
        if arm == "weights":
            factor = (numbers("dropconnect", "out/kernel", factor.shape, epoch) < 0.8) / 0.8
        error = (x @ (w * factor)) * scale - Y[:ROWS]
        w = w - RATE * 2 / ROWS * factor * (x.T @ (error * scale))
        losses.append(float(np.mean((X[ROWS:] @ w - Y[ROWS:]) ** 2)))
    return losses


ARMS = {
    "inputs": {"inputs": bridle.Dropout(0.3)},
    "noise": {"inputs": bridle.GaussianNoise(0.3)},
    "outputs": {"out/output": bridle.Dropout(0.5)},
    "weights": {"out/kernel": bridle.DropConnect(0.2)},
}


def test_equals_a_loop_in_numpy() -> None:
    """Every arm, with the random numbers of (seed, fold, epoch, step, site); evaluation has no noise."""
    model = line()
    result = run(ARMS, model)
    for arm in ("none", *ARMS):
        expected = trained(np.asarray(model.get_weights()[0]), arm)
        np.testing.assert_allclose(curve(result, arm), expected, rtol=2e-4, err_msg=arm)


def test_dropout_at_a_site_is_an_inserted_layer_over_fifty_seeds() -> None:
    """The paired interval of the loss holds 0, and is less than a twentieth of what dropout changes wide."""
    x, y = make_moons(400, noise=0.3, random_state=3)

    def losses(inserted: list[keras.Layer], arms: dict[str, Any]) -> list[np.ndarray]:
        layers = [keras.layers.Dense(64, "relu", name="hidden"), *inserted]
        model = keras.Sequential([keras.Input((2,)), *layers, keras.layers.Dense(1, "sigmoid", name="out")])
        model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
        study = bridle.Study(model, arms, seeds=50, epochs=100, batch_size=40, curve_points=1)
        data = study.run(x[:40], y[:40], validation=(x[40:], y[40:]), refit="none", progress=False).data
        return [data.scores()[data.path(arm)[0], :, 0] for arm in (0, 1)]

    none, site = losses([], {"dropout": {"hidden/output": bridle.Dropout(0.5)}})
    layer, _ = losses([keras.layers.Dropout(0.5)], {"other": {"out/kernel": bridle.L2(0.1)}})
    mean, half = np.mean(site - layer), stats.sem(site - layer) * stats.t.ppf(0.975, len(site) - 1)
    assert abs(mean) < half < 0.05 * np.mean(none - site)


def test_zero_is_none_bit_for_bit() -> None:
    """Alone and beside another term, and for every kind of noise."""
    zeros: dict[str, Any] = {
        "inputs": [bridle.Dropout(0), bridle.GaussianNoise(0.0, multiplicative=True)],
        "out/kernel": [bridle.DropConnect(0)],
        "out/output": bridle.GaussianNoise(0),
    }
    others = {"out/kernel": bridle.L2(0.1)}
    beside = {**zeros, "out/kernel": [bridle.DropConnect(0), bridle.L2(0.1)]}
    active = {"inputs": bridle.GaussianNoise(0.3)}
    more = {**active, "out/kernel": bridle.DropConnect(0), "out/output": bridle.Dropout(0)}
    result = run({"zeros": zeros, "others": others, "beside": beside, "active": active, "more": more, **ARMS})
    for one, other in (("none", "zeros"), ("others", "beside"), ("active", "more")):
        np.testing.assert_array_equal(curve(result, one), curve(result, other))
        np.testing.assert_array_equal(curve(result, one, "fit/loss"), curve(result, other, "fit/loss"))
    assert not np.array_equal(curve(result, "active"), curve(result, "none"))


def test_evaluation_has_no_noise() -> None:
    """With a learning rate of nothing the losses after an epoch are those of none, the losses during it are not."""
    arms = {"drop": {"inputs": bridle.Dropout([0.5, 0.9])}}
    still = run(arms, line(1e-30))
    for candidate in (0, 1):
        np.testing.assert_array_equal(curve(still, "drop", candidate=candidate), curve(still, "none"))
        assert np.all(curve(still, "drop", "fit/loss", candidate) != curve(still, "none", "fit/loss"))


def test_ar_sees_the_noise_and_tar_does_not() -> None:
    """As in AWD-LSTM: AR on dropped outputs, TAR on outputs before dropout."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(8, 6, 3)).astype("float32"), rng.normal(size=(8, 1)).astype("float32")
    layers = [keras.layers.SimpleRNN(4, return_sequences=True, name="rnn"), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((6, 3)), *layers, keras.layers.Dense(1, name="out")])
    model.compile(keras.optimizers.SGD(1e-30), "mse")
    both = [bridle.AR(1.0), bridle.TAR(1.0)]
    arms = {"dry": {"rnn/output": both}, "wet": {"rnn/output": [*both, bridle.Dropout(0.9, shared="time")]}}
    study = bridle.Study(model, arms, seeds=1, epochs=1, batch_size=8, initial_weights="model")
    result = study.run(x, y, validation=(x, y), refit="none")
    dry, wet = ({kind: float(curve(result, arm, f"penalty/rnn/output {kind}")[0]) for kind in ("ar", "tar")}
                for arm in ("dry", "wet"))  # fmt: skip
    assert wet["tar"] == pytest.approx(dry["tar"], rel=1e-6)
    assert abs(wet["ar"] - dry["ar"]) > 0.1 * dry["ar"]


TOKENS = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Embedding(9, 4, mask_zero=True, name="embedding"),
        keras.layers.LSTM(4, return_sequences=True, name="lstm"),
        keras.layers.GlobalAveragePooling1D(name="pool"),
        keras.layers.Dense(1, name="out"),
    ]
)


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ({"inputs": bridle.Dropout(0.5)}, "got indices that"),
        ({"lstm/hidden_state": bridle.Dropout(0.5)}, "which no noise reaches"),
        ({"lstm/output": bridle.Dropout(0.5), "*/output": bridle.Dropout(0.2)}, "got those of 'lstm/output'"),
        ({"pool/output": bridle.Dropout(0.5, shared="time")}, "Leave `shared` out"),
        ({"out/kernel": bridle.Dropout(0.5)}, "an activation"),
        ({"out/output": bridle.DropConnect(0.5)}, "a weight"),
        ({"labels": bridle.Dropout(0.5)}, "the labels of the model"),
    ],
)
def test_refuses_noise_without_a_tensor(arm: dict[str, Any], said: str) -> None:
    """Each a sentence, before training."""
    with pytest.raises(bridle.BridleError, match=said):
        bridle.regularize(TOKENS, arm)

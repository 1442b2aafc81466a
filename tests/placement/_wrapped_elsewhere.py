"""Files, loops and other models around a penalized one, on the backend of this process.

One row for each comparison: its name, what Keras gave and what NumPy or the plain model gives.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

import bridle
from bridle.callbacks import StrengthSchedule

L = keras.layers
X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = X[:, :1] - X[:, 1:2]
WARMUP = {"hidden/kernel": bridle.L2(bridle.schedule.linear(0, 1, 10)), "hidden/output": bridle.L1(0.1)}
EXACT = {"hidden/kernel": bridle.L1(0.3, exact=True)}


def model(optimizer: str | keras.optimizers.Optimizer = "sgd") -> keras.Model:
    keras.utils.set_random_seed(1)
    x = keras.Input((3,), name="x")
    built = keras.Model(x, L.Dense(1, name="out")(L.Dense(4, "relu", name="hidden")(x)))
    built.compile(optimizer, "mse")
    built.optimizer.build(built.trainable_variables)
    return built


def dropping(rate: float) -> keras.Model:
    keras.utils.set_random_seed(1)
    x = keras.Input((3,), name="x")
    hidden = L.Dropout(rate, name="drop")(L.Dense(4, "relu")(x))
    recurrent = L.LSTM(3, dropout=rate / 2, recurrent_dropout=rate / 4, name="lstm")(L.Reshape((3, 1))(x))
    built = keras.Model(x, L.Dense(1, name="out")(L.GaussianNoise(rate)(L.Concatenate()([hidden, recurrent]))))
    built.compile("sgd", "mse")
    return built


def trained(own: keras.Model) -> float:
    keras.utils.set_random_seed(2)
    return own.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0).history["loss"][-1]


def loaded(own: keras.Model, folder: Path) -> keras.Model:
    own.save(folder / "rated.keras")
    keras.utils.set_random_seed(3)  # a file has no states of random layers
    return keras.models.load_model(folder / "rated.keras")


def charged(own: keras.Model, amount: float) -> float:
    kernel, bias = (np.asarray(weight, float) for weight in own.get_layer("hidden").get_weights())
    return amount * (kernel**2).sum() + 0.1 * np.maximum(X @ kernel + bias, 0).sum() / len(X)


def error(own: keras.Model) -> float:
    return float(np.mean((own.predict(X, verbose=0) - Y) ** 2))


def refused(action: object) -> float:
    """1 where a sentence of bridle refuses."""
    try:
        action()
    except bridle.BridleError:
        return 1.0
    return 0.0


def rows(folder: Path) -> Iterator[tuple[str, float, float]]:
    penalized, plain = bridle.regularize(model("adam"), WARMUP), model("adam")
    penalized.fit(X, Y, epochs=4, verbose=0)
    yield "loss after a schedule", penalized.evaluate(X, Y, verbose=0), error(penalized) + charged(penalized, 0.3)
    penalized.save_weights(folder / "own.weights.h5")
    plain.load_weights(folder / "own.weights.h5")
    yield "weights in the plain model", error(plain), error(penalized)
    plain.fit(X, Y, epochs=2, verbose=0)
    plain.save_weights(folder / "plain.weights.h5")
    penalized.load_weights(folder / "plain.weights.h5")
    yield "weights of the plain model", penalized.evaluate(X, Y, verbose=0), error(plain) + charged(plain, 0.3)
    penalized.save(folder / "own.keras")
    again = keras.models.load_model(folder / "own.keras")
    yield "loaded", again.evaluate(X, Y, verbose=0), error(plain) + charged(plain, 0.3)
    yield "audit", float(bridle.audit(again, X).ok), 1.0
    inner = bridle.regularize(model(), WARMUP)
    outer = keras.Sequential([keras.Input((3,)), inner, L.Reshape((1,))])
    outer.compile("sgd", "mse")
    yield "inside, unmoved", refused(lambda: outer.fit(X, Y, verbose=0)), 1.0
    outer.fit(X, Y, epochs=3, verbose=0, callbacks=[StrengthSchedule()])
    yield "inside", outer.evaluate(X, Y, verbose=0), error(outer) + charged(inner, 0.2)
    yield "audit inside", float(bridle.audit(outer, X).ok), 1.0
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05))
    kernels = []
    for optimizer in (keras.optimizers.SGD(0.05), scaled):
        exact = bridle.regularize(model(optimizer), EXACT)
        exact.fit(X, Y, epochs=40, batch_size=16, shuffle=False, verbose=0)
        kernels.append(exact.get_layer("hidden").get_weights()[0])
        exact.save_weights(folder / "exact.weights.h5")
    model(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05))).load_weights(folder / "exact.weights.h5")
    yield "exact zeros", float((kernels[0] == 0).any()), 1.0
    yield "with loss scaling", float(np.abs(kernels[0] - kernels[1]).max() < 1e-5), 1.0
    exact.optimizer = keras.optimizers.Adam()
    yield "another optimizer", refused(lambda: exact.fit(X, Y, verbose=0)), 1.0
    rates = {"*/rate": 0.4, "*/stddev": 0.4, "lstm/dropout": 0.2, "lstm/recurrent_dropout": 0.1}
    rated, plain = bridle.regularize(dropping(0.6), rates), dropping(0.4)
    yield "rates", trained(rated), trained(plain)
    yield "trained with rates", error(rated), error(plain)
    yield "loaded with rates", *(trained(loaded(own, folder)) for own in (rated, plain))
    yield from updates(folder)


def updates(folder: Path) -> Iterator[tuple[str, float, float]]:
    """Weight decay and a constraint: Keras with the same numbers, and where a schedule has begun with none."""
    terms = {"*/kernel, */bias": bridle.WeightDecay(0.3), "hidden/kernel": bridle.MaxNorm(0.5)}
    adam, own = keras.optimizers.Adam, model(keras.optimizers.Adam(0.05, weight_decay=0.3))
    own.get_layer("hidden").kernel.constraint = keras.constraints.MaxNorm(0.5)
    ours = bridle.regularize(model(adam(0.05)), terms)
    twice = bridle.regularize(model(adam(0.05, weight_decay=0.9)), terms)
    for each in (own, ours, twice):
        each.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    kernels = [np.concatenate([np.ravel(weight) for weight in each.get_weights()]) for each in (own, ours, twice)]
    yield "decay and limit", float(np.abs(kernels[1] - kernels[0]).max() < 1e-6), 1.0
    yield "never twice", float(np.abs(kernels[2] - kernels[0]).max() < 1e-6), 1.0
    ours.save(folder / "decay.keras")
    again = keras.models.load_model(folder / "decay.keras")
    for each in (ours, again):
        each.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    yield "decay, loaded", again.evaluate(X, Y, verbose=0), ours.evaluate(X, Y, verbose=0)
    late = {"hidden/kernel": [bridle.WeightDecay(bridle.schedule.steps({3: 1})), bridle.UnitNorm()]}
    begun, plain = bridle.regularize(model(), late), bridle.regularize(model(), {"hidden/kernel": "unitnorm"})
    for each in (begun, plain):
        each.fit(X, Y, epochs=3, verbose=0, shuffle=False)
    yield "decay that has not begun", begun.evaluate(X, Y, verbose=0), plain.evaluate(X, Y, verbose=0)
    yield "unit norm", float(np.linalg.norm(begun.get_layer("hidden").get_weights()[0], axis=0).mean()), 1.0


def checked() -> list[tuple[str, float, float]]:
    """Return all rows."""
    with tempfile.TemporaryDirectory() as folder:
        return list(rows(Path(folder)))

"""Treated labels in `fit`, on the backend of this process.

One row for each comparison: its name, what bridle gave and what Keras's own loss or NumPy gives.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

import bridle

L = keras.layers
rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3)).astype("float32")
Y = rng.integers(0, 3, 20)
ONE_HOT = np.eye(3, dtype="float32")[Y]
WEIGHTS = (rng.random(20) * (np.arange(20) % 4 > 0)).astype("float32")
SMOOTH = {"labels": bridle.LabelSmoothing(0.2)}


def model(loss: Any, rate: float = 0.1) -> keras.Model:
    keras.utils.set_random_seed(1)
    x = keras.Input((3,), name="x")
    built = keras.Model(x, L.Dense(3, "softmax", name="out")(L.Dense(4, "relu", name="hidden")(x)))
    built.compile(keras.optimizers.SGD(rate), loss)
    return built


def two_outputs(smooth: float) -> keras.Model:
    """A model with classes and a number."""
    keras.utils.set_random_seed(1)
    x = keras.Input((3,), name="x")
    hidden = L.Dense(4, "relu", name="hidden")(x)
    built = keras.Model(x, [L.Dense(3, "softmax", name="kind")(hidden), L.Dense(1, name="size")(hidden)])
    built.compile(keras.optimizers.SGD(0.1), [keras.losses.CategoricalCrossentropy(label_smoothing=smooth), "mse"])
    return built


def history(own: keras.Model, labels: np.ndarray) -> np.ndarray:
    """Losses of three epochs of two batches, then the weights."""
    logs = own.fit(X, labels, 10, 3, verbose=0, shuffle=False, sample_weight=WEIGHTS).history
    return np.concatenate([logs["loss"], *(np.ravel(weight) for weight in own.get_weights())])


def probabilities(own: keras.Model, x: np.ndarray) -> np.ndarray:
    return np.asarray(own.predict(x, verbose=0), float)


def mixed_by_numpy(numbers: np.ndarray, alpha: float, own: keras.Model) -> float:
    """The loss of one batch of mixed rows, from the numbers that were drawn."""
    u, v, order = float(numbers[0]), float(numbers[1]), np.argsort(numbers[2:], kind="stable")
    q = (u ** (-1 / alpha) - 1) * np.cos(2 * np.pi * v) ** 2
    share = np.where((WEIGHTS > 0) & (WEIGHTS[order] > 0), 0.5 + 0.5 * np.sqrt(q / (1 + q)), 1.0)
    p = probabilities(own, (share[:, None] * X + (1 - share[:, None]) * X[order]).astype("float32"))
    rows = np.arange(20)
    each = share * WEIGHTS * np.log(p[rows, Y]) + (1 - share) * WEIGHTS[order] * np.log(p[rows, Y[order]])
    return float(-np.sum(each) / 20)


def refused(action: Any, *words: str) -> float:
    """1 where a sentence of bridle refuses, with these words."""
    try:
        action()
    except bridle.BridleError as error:
        return float(all(word in str(error) for word in words))
    return 0.0


def rows(folder: Path) -> Iterator[tuple[str, Any, Any]]:
    plain = keras.losses.CategoricalCrossentropy()
    smoothed = bridle.regularize(model(plain), SMOOTH)
    smoothed.save(folder / "smoothed.keras")
    loaded = keras.models.load_model(folder / "smoothed.keras")
    theirs = history(model(keras.losses.CategoricalCrossentropy(label_smoothing=0.2)), ONE_HOT)
    yield "smoothed", history(smoothed, ONE_HOT), theirs
    sparse = bridle.regularize(model("sparse_categorical_crossentropy"), SMOOTH)
    yield "smoothed integers", history(sparse, Y), theirs
    yield "loaded", history(loaded, ONE_HOT), theirs
    course = {"labels": bridle.LabelSmoothing(bridle.schedule.steps({0: 0.2, 3: 0.0}))}
    yield "scheduled", history(bridle.regularize(model(plain), course), ONE_HOT), theirs

    mixed = bridle.regularize(model("sparse_categorical_crossentropy", 0.0), {"labels": bridle.Mixup(0.5)})
    seeds = keras.random.SeedGenerator()
    for _ in range(2):
        seeds.state.assign(mixed._bridle_state.label_seeds.state)
        numbers = np.asarray(keras.ops.convert_to_numpy(keras.random.uniform((22,), seed=seeds)))
        logs = mixed.fit(X, Y, 20, verbose=0, shuffle=False, sample_weight=WEIGHTS).history
        yield "mixed", logs["loss"][0], mixed_by_numpy(numbers, 0.5, mixed)
    plainly = -np.mean(np.log(probabilities(mixed, X)[np.arange(20), Y]))
    yield "mixed evaluated without", mixed.evaluate(X, Y, verbose=0), plainly
    several = [bridle.regularize(two_outputs(0.0), SMOOTH), two_outputs(0.2)]
    own, theirs = (two.fit(X, [ONE_HOT, X[:, :1]], 10, 2, verbose=0, shuffle=False).history for two in several)
    for name in ("loss", "kind_loss", "size_loss"):
        yield name, own[name], np.array(theirs[name])
    outer = keras.Sequential([keras.Input((3,)), smoothed])
    outer.compile("sgd", "categorical_crossentropy")
    yield "inside another", refused(lambda: outer.fit(X, ONE_HOT, verbose=0), "regularize the outer model"), 1.0
    yield "no classes", refused(lambda: bridle.regularize(model("mse"), SMOOTH), "mean_squared_error"), 1.0
    tokens = keras.Sequential([keras.Input((3,), name="words"), L.Embedding(5, 2), L.Flatten(), L.Dense(1)])
    tokens.compile("sgd", "mse")
    yield (
        "integers",
        refused(lambda: bridle.regularize(tokens, {"labels": "mixup(0.2)"}), "the input of the model"),
        1.0,
    )


def checked() -> list[tuple[str, float, float]]:
    """Return for each row its name, the greatest difference, and the greatest expected value."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            (name, float(np.max(np.abs(np.asarray(ours, float) - theirs))), float(np.max(np.abs(theirs))))
            for name, ours, theirs in rows(Path(folder))
        ]

"""Noise of a regularized model: rows of (name, got, expected)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

import bridle

COUNT = 4000
X = np.tile(np.array([[1.0, -2.0, 3.0]], "float32"), (COUNT, 1))


def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    eye = keras.initializers.Identity()
    layers = [keras.layers.Dense(3, use_bias=False, kernel_initializer=eye, name=name) for name in ("hidden", "out")]
    built = keras.Sequential([keras.Input((3,)), *layers])
    built.compile("sgd", "mse")
    return built


def called(built: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(built(X, training=True))


def rows(folder: Path) -> Iterator[tuple[str, float, float]]:
    drop = called(bridle.regularize(model(), {"hidden/output": bridle.Dropout(0.4)}))
    yield "dropout: mean", float((drop / X).mean()), 1.0
    yield "dropout: variance", float((drop / X).var()), 0.4 / 0.6
    yield "dropout: correlation", float(np.corrcoef(drop.T)[0, 1]), 0.0
    noise = called(bridle.regularize(model(), {"inputs": bridle.GaussianNoise(0.5)})) - X
    yield "noise: variance", float(noise.var()), 0.25
    share = called(bridle.regularize(model(), {"out/kernel": bridle.DropConnect(0.5)}))
    yield "drop connect: one mask a batch", float(share.std(axis=0).max()), 0.0
    terms = {"hidden/output": bridle.Dropout(0.5), "out/kernel": [bridle.DropConnect(0.2), bridle.L2(0.1)]}
    noisy = bridle.regularize(model(), terms)
    yield "penalty of weights without noise", float(noisy.penalties(X)["penalty/out/kernel"]), 0.3
    yield "prediction", float(np.abs(noisy.predict(X, verbose=0) - X).max()), 0.0
    noisy.fit(X, X, epochs=1, batch_size=256, verbose=0)
    noisy.save(folder / "noisy.keras")
    loaded = keras.models.load_model(folder / "noisy.keras")
    yield "loaded", float(np.abs(loaded.predict(X, verbose=0) - noisy.predict(X, verbose=0)).max()), 0.0
    yield "loaded trains with noise", float(called(loaded).std() > 0.1), 1.0
    cloned = keras.models.clone_model(noisy)
    yield "cloned trains with noise", float(np.abs(called(cloned) - called(cloned)).max() > 0), 1.0
    yield "stripped has none", float(np.abs(called(bridle.strip(noisy)) - noisy.predict(X, verbose=0)).max()), 0.0


def checked() -> list[tuple[str, float, float]]:
    """Return all rows."""
    with tempfile.TemporaryDirectory() as folder:
        return list(rows(Path(folder)))

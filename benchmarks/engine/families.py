"""The six families: rows, a compiled Keras model, and how long each population is trained for the measurement."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

TRAIN = 1024
"""Rows of the digits to train on; the other 773 validate."""
MANY = 100
"""Members from which on slow families are trained for fewer epochs."""
CODE_STRENGTH = 1e-5
"""Of the L1 penalty on the autoencoder's code."""


class Rows(NamedTuple):
    """Rows to train on and to validate, as Keras takes them."""

    x: np.ndarray
    y: np.ndarray
    xv: np.ndarray
    yv: np.ndarray


@dataclass(frozen=True)
class Family:
    """One kind of network on one set of rows."""

    title: str
    rows: Callable[[], Rows]
    model: Callable[[], Any]
    """A new compiled Keras model."""
    batch: int
    bar: float
    """How many times faster than a loop of `model.fit` bridle should be."""
    length: int = 20
    """Epochs of one fit."""
    many: int = 20
    """Epochs of one fit where very many members of a slow family are measured; their cost is as of `length`."""
    arms: Callable[[], dict] = dict
    """What the study penalizes."""
    bare_model: Callable[[], Any] | None = None
    """The model without what the study penalizes; the same model where that is nothing."""

    def epochs(self, size: int) -> int:
        """How long each of so many members is trained here."""
        return self.many if size > MANY else self.length

    @property
    def study_model(self) -> Callable[[], Any]:
        """What a person gives to a study."""
        return self.bare_model or self.model


def moons_rows() -> Rows:
    from sklearn.datasets import make_moons

    x, y = make_moons(n_samples=100, noise=0.2, random_state=1)
    x = x.astype("float32")
    return Rows(x[:30], y[:30], x[30:], y[30:])


def digits_rows(*shape: int) -> Rows:
    """Scikit-learn's digits, 8 × 8 pixels from 0 to 1, in an order of their own."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).astype("float32").reshape(-1, *shape), y[order].astype("int32")
    return Rows(x[:TRAIN], y[:TRAIN], x[TRAIN:], y[TRAIN:])


def copied_rows() -> Rows:
    rows = digits_rows(64)
    return Rows(rows.x, rows.x, rows.xv, rows.xv)


def moons_model() -> Any:
    from keras import Input, Sequential, layers

    model = Sequential([Input((2,)), layers.Dense(500, "relu"), layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def _classifier(*stack: Any) -> Any:
    import keras

    return _compiled(keras.Sequential([*stack, keras.layers.Dense(10)]))


def _compiled(model: Any) -> Any:
    from keras.losses import SparseCategoricalCrossentropy

    model.compile("adam", SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def dense_model() -> Any:
    from keras import Input, layers

    return _classifier(Input((64,)), layers.Dense(256, "relu"))


def cnn_model() -> Any:
    from keras import Input, layers

    return _classifier(
        Input((8, 8, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
    )


def lstm_model() -> Any:
    from keras import Input, layers

    return _classifier(Input((8, 8)), layers.LSTM(64))


def autoencoder_model(penalized: bool = True) -> Any:
    from keras import Input, Sequential, layers, regularizers

    penalty = regularizers.L1(CODE_STRENGTH) if penalized else None
    code = layers.Dense(256, "relu", name="code", activity_regularizer=penalty)
    model = Sequential([Input((64,)), code, layers.Dense(64)])
    model.compile("adam", "mse")
    return model


def transformer_model() -> Any:
    """The bias of the first layer, one for each token, is the learned embedding of positions."""
    from keras import Input, Model, layers

    tokens = Input((8, 8))
    first = layers.EinsumDense("btf,fe->bte", (8, 32), bias_axes="te", bias_initializer="random_uniform")(tokens)
    seen = layers.MultiHeadAttention(4, 8)(first, first)
    second = layers.LayerNormalization()(first + seen)
    fed = layers.Dense(32)(layers.Dense(64, "relu")(second))
    third = layers.LayerNormalization()(second + fed)
    return _compiled(Model(tokens, layers.Dense(10)(layers.GlobalAveragePooling1D()(third))))


def _sparse_code() -> dict:
    import bridle

    return {"L1": {"code/output": bridle.L1(CODE_STRENGTH)}}


FAMILIES = {
    "moons": Family("moons 2-500-1", moons_rows, moons_model, 32, 150, length=1000, many=1000),
    "dense": Family("digits 64-256-10", lambda: digits_rows(64), dense_model, 64, 5),
    "cnn": Family("digits, 2 convolutions", lambda: digits_rows(8, 8, 1), cnn_model, 64, 2),
    "lstm": Family("digits, LSTM 64", lambda: digits_rows(8, 8), lstm_model, 64, 2.5, many=8),
    "autoencoder": Family(
        "autoencoder 64-256-64, L1 on the code",
        copied_rows,
        autoencoder_model,
        64,
        5,
        arms=_sparse_code,
        bare_model=lambda: autoencoder_model(penalized=False),
    ),
    "transformer": Family("digits, transformer block", lambda: digits_rows(8, 8), transformer_model, 64, 2, many=8),
}

"""Iris: L1 on the activity of the first of four hidden layers."""

import keras
from sklearn.datasets import load_iris
from sklearn.model_selection import ShuffleSplit, train_test_split
from sklearn.preprocessing import StandardScaler

from bridle.cases._case import Case, Protocol, Published, one_third
from bridle.regularizers import L1, L2

ARM = "L1 activity of the first layer"
"""The published arm."""
TEST_ROWS = 38
"""Rows of the published test set."""
SPLITS = 10
"""Random splits into training and test rows."""


def network() -> keras.Model:
    """Return the published network: 512-256-64 tanh, 32 relu, 3 softmax; SGD."""
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(512, activation="tanh", name="hidden1"),
            keras.layers.Dense(256, activation="tanh", name="hidden2"),
            keras.layers.Dense(64, activation="tanh", name="hidden3"),
            keras.layers.Dense(32, activation="relu", name="hidden4"),
            keras.layers.Dense(3, activation="softmax", name="out"),
        ]
    )
    model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def iris() -> Case:
    """Return the case. Its published protocol scales all rows, then splits them once at random; we draw ten splits."""
    x, numbers = load_iris(return_X_y=True)
    y = keras.utils.to_categorical(numbers)
    leaked = StandardScaler().fit_transform(x)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=TEST_ROWS, stratify=numbers, random_state=0)
    return Case(
        name="iris",
        title="Iris: activity regularization of a deep network",
        question=(
            "A network of 168,643 weights learns 112 flowers. Does an L1 penalty on the activity of its first "
            f"layer help? The published test set has {TEST_ROWS} rows, so one flower is 0.026; its split was drawn "
            "once, without a seed."
        ),
        model=network,
        epochs=350,
        batch_size=128,
        tutorial=Protocol(
            {ARM: {"hidden1/output": L1(1e-3)}},
            (leaked, y),
            (leaked[:0], y[:0]),
            ShuffleSplit(SPLITS, test_size=TEST_ROWS, random_state=0),
            lambda seeds: max(1, seeds // SPLITS),
        ),
        honest=Protocol(
            {ARM: {"hidden1/output": L1()}, "L2 all weights": {"*/kernel": L2()}},
            (x_train, y_train),
            (x_test, y_test),
            5,
            lambda seeds: one_third(one_third(seeds)),
            StandardScaler(),
        ),
        published=(Published("none", None, 0.9643, 0.9211), Published(ARM, 1e-3, 0.9821, 0.9474)),
        tolerance=0.03,
        claims=(("L1 on the first layer's activity lifts test accuracy above the network without it", ARM, "none"),),
    )

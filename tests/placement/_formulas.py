"""Penalized losses beside the same losses computed by NumPy, on the backend of this process.

One row for each comparison: its name, what Keras gave and what the formula gives.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

import bridle

L = keras.layers
ROWS = 12


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm(x: np.ndarray, mask: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray):
    """Hidden and cell states over all steps; at padded steps they stay."""
    units = len(recurrent)
    h, c, hidden, cell = np.zeros((len(x), units)), np.zeros((len(x), units)), [], []
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ kernel + h @ recurrent + bias, 4, axis=1)
        new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        there = mask[:, step, None]
        c = np.where(there, new, c)
        h = np.where(there, sigmoid(o) * np.tanh(new), h)
        hidden.append(h)
        cell.append(c)
    return np.stack(hidden, 1), np.stack(cell, 1)


def dense() -> tuple[keras.Model, dict, np.ndarray, np.ndarray, Callable]:
    """Weights, a pre-activation summed over the batch, an activation, groups of inputs."""
    model = keras.Sequential([keras.Input((3,)), L.Dense(4, "relu", name="hidden"), L.Dense(1, name="out")])
    x = np.random.default_rng(1).normal(size=(ROWS, 3)).astype("float32")
    terms = {
        "*/kernel": bridle.L2(0.01),
        "hidden/preactivation": bridle.L1(0.002, per="batch"),
        "hidden/output": "l1l2(0.03, 0.02)",
        "out/bias": bridle.L1(0.5),
        "hidden/kernel, out/kernel": bridle.GroupLasso(0.1),
    }

    def formula(weights: list[np.ndarray]) -> tuple[np.ndarray, float]:
        kernel, bias, last, end = weights
        before = x @ kernel + bias
        after = np.maximum(before, 0)
        groups = np.sqrt(4) * np.linalg.norm(kernel, axis=1).sum() + np.abs(last).sum()
        charged = 0.01 * ((kernel**2).sum() + (last**2).sum()) + 0.002 * np.abs(before).sum()
        charged += (0.03 * after.sum() + 0.02 * (after**2).sum()) / ROWS + 0.5 * np.abs(end).sum() + 0.1 * groups
        return after @ last + end, charged

    return model, terms, x, None, formula


def masked_lstm() -> tuple[keras.Model, dict, np.ndarray, np.ndarray, Callable]:
    """A gate, cell and hidden states, change over time; padded steps and samples of weight zero are not counted."""
    model = keras.Sequential([keras.Input((5, 2)), L.Masking(), L.LSTM(3, name="lstm"), L.Dense(1, name="out")])
    x = np.random.default_rng(2).normal(size=(ROWS, 5, 2)).astype("float32")
    x[:4, 3:] = 0
    x[4, 1:] = 0
    weight = np.ones(ROWS, "float32")
    weight[::3] = 0
    terms = {
        "lstm/recurrent_kernel[forget]": bridle.L2(0.3),
        "lstm/bias[output]": bridle.L1(0.2),
        "lstm/cell_state": bridle.L1(0.1),
        "lstm/hidden_state": bridle.TAR(0.7),
        "lstm/output": bridle.L2(0.4),
    }
    mask = np.any(x != 0, axis=2)

    def formula(weights: list[np.ndarray]) -> tuple[np.ndarray, float]:
        kernel, recurrent, bias, last, end = weights
        hidden, cell = lstm(x, mask, kernel, recurrent, bias)
        counted = weight > 0
        charged = 0.3 * (recurrent[:, 3:6] ** 2).sum() + 0.2 * np.abs(bias[9:12]).sum()
        charged += 0.1 * (np.abs(cell) * (mask & counted[:, None])[..., None]).sum() / counted.sum()
        both = (mask[:, 1:] & mask[:, :-1]) & counted[:, None]
        charged += 0.7 * ((np.diff(hidden, axis=1) ** 2) * both[..., None]).sum() / (both.sum() * 3)
        charged += 0.4 * (hidden[counted, -1] ** 2).sum() / counted.sum()
        return hidden[:, -1] @ last + end, charged

    return model, terms, x, weight, formula


def ignored_by_keras() -> tuple[keras.Model, dict, np.ndarray, np.ndarray, Callable]:
    """Inside TimeDistributed, at SimpleRNN, on a frozen weight: where Keras's own penalties are lost."""
    step = L.Dense(3, "tanh", name="step", trainable=False)
    layers = [L.TimeDistributed(step, name="td"), L.SimpleRNN(2, name="rnn"), L.Dense(1, name="out")]
    model = keras.Sequential([keras.Input((4, 2)), *layers])
    x = np.random.default_rng(3).normal(size=(ROWS, 4, 2)).astype("float32")
    terms = {
        "td/step/kernel": bridle.L2(0.1),
        "td/step/preactivation": bridle.L2(0.2),
        "rnn/output": bridle.L1(0.3),
    }

    def formula(weights: list[np.ndarray]) -> tuple[np.ndarray, float]:
        kernel, bias, inner, recurrent, shift, last, end = weights
        before, h = x @ kernel + bias, np.zeros((ROWS, 2))
        for number in range(4):
            h = np.tanh(np.tanh(before[:, number]) @ inner + h @ recurrent + shift)
        charged = 0.1 * (kernel**2).sum() + 0.2 * (before**2).sum() / ROWS + 0.3 * np.abs(h).sum() / ROWS
        return h @ last + end, charged

    return model, terms, x, None, formula


def comparisons(case: Callable) -> Iterator[tuple[str, float, float]]:
    """(name, loss by Keras, loss by formula) for fit, for the epoch after an update, and after save and load."""
    keras.utils.set_random_seed(4)
    model, terms, x, weight, formula = case()
    for number, each in enumerate(model.weights):
        each.assign(np.random.default_rng(number).normal(0.1, 0.7, each.shape))
    y = np.random.default_rng(9).normal(size=(ROWS, 1)).astype("float32")
    model.compile(keras.optimizers.SGD(0.05), "mse")
    penalized = bridle.regularize(model, terms)

    def loss(own: keras.Model) -> float:
        prediction, charged = formula([np.asarray(w, "float64") for w in own.get_weights()])
        return float(np.mean((prediction[:, 0] - y[:, 0]) ** 2 * (1 if weight is None else weight)) + charged)

    def fit(own: keras.Model) -> float:
        history = own.fit(x, y, batch_size=ROWS, sample_weight=weight, shuffle=False, verbose=0).history
        return history["loss"][0]

    for when in ("first epoch", "second epoch"):
        expected = loss(penalized)
        yield f"{case.__name__}, {when}", fit(penalized), expected
    with tempfile.TemporaryDirectory() as folder:
        penalized.save(Path(folder, "model.keras"))
        again = keras.models.load_model(Path(folder, "model.keras"))
    yield f"{case.__name__}, loaded", fit(again), loss(penalized)
    cloned = keras.models.clone_model(again)
    cloned.set_weights(again.get_weights())
    cloned.compile("sgd", "mse")
    yield f"{case.__name__}, cloned", fit(cloned), loss(again)


def checked() -> list[tuple[str, float, float]]:
    """Return all comparisons."""
    return [row for case in (dense, masked_lstm, ignored_by_keras) for row in comparisons(case)]

"""A reader's question: a binarizing penalty on four sigmoid units in the middle of a classifier."""

from dataclasses import dataclass

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from bridle import schedule
from bridle._api import Result, Study
from bridle.cases._reproduction import CaseAnswer, CaseOptions, Line, ReproductionCase
from bridle.regularizers._smooth import Binarizing
from bridle.report import Sheet
from bridle.stats import mean_interval

UNITS, CLASSES = 4, 10
STRENGTHS = (0.1, 0.3, 1.0)
"""Strengths of the penalty in the second half of the training."""
EPOCHS, TEST_ROWS = 200, 500
MAX_DISTANCE, MAX_LOSS, MIN_WORDS = 0.02, 0.005, 8
"""The bars: distance to 0 or 1, accuracy that the hard code loses, words for ten classes."""


@dataclass(frozen=True)
class Codes:
    """Measures of the codes of one trained network on held-out rows."""

    distance: float
    """The mean distance of a unit to the nearer one of 0 and 1."""
    soft: float
    """Accuracy from the code."""
    hard: float
    """Accuracy from the code rounded to 0 and 1, with the same output layer."""
    words: int
    """Distinct words among the most frequent word of each class."""


def network() -> keras.Model:
    """Return a classifier of 64 pixels with four sigmoid units before its output."""
    layers = [
        keras.layers.Dense(64, "relu", name="hidden"),
        keras.layers.Dense(UNITS, "sigmoid", name="code"),
        keras.layers.Dense(CLASSES, "softmax", name="out"),
    ]
    model = keras.Sequential([keras.Input((64,)), *layers])
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def measure_codes(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> Codes:
    """Return the measures of a network, given by the kernels and biases of its layers."""
    kernel, bias, code_kernel, code_bias, out_kernel, out_bias = weights
    code = 1 / (1 + np.exp(-(np.maximum(x @ kernel + bias, 0) @ code_kernel + code_bias)))
    bits = np.round(code)
    words = []
    for label in np.unique(y):
        rows, counts = np.unique(bits[y == label], axis=0, return_counts=True)
        words.append(tuple(rows[counts.argmax()]))
    soft, hard = (float(np.mean((units @ out_kernel + out_bias).argmax(axis=1) == y)) for units in (code, bits))
    return Codes(float(np.minimum(code, 1 - code).mean()), soft, hard, len(set(words)))


def measure_refits(result: Result, x: np.ndarray, y: np.ndarray) -> dict[str, list[Codes]]:
    """Return the measures of the refits of each arm, by its name."""
    data, codes = result.data, dict[str, list[Codes]]()
    for member, weights in sorted(data.weights.items()):
        arm = data.arms[int(data.setting_arm[data.members.setting[member]])].name
        codes.setdefault(arm, []).append(measure_codes(list(weights), x, y))
    return codes


def _select(result: Result, train: dict[str, list[Codes]]) -> str:
    """Return the arm with the best accuracy over the folds among those whose codes on training rows are binary."""
    means = dict(zip((arm.name for arm in result.data.arms), result.data.scores().mean(axis=(1, 2)), strict=True))
    binary = [
        name
        for name, codes in train.items()
        if name != "none" and np.mean([code.distance for code in codes]) < MAX_DISTANCE / 2
    ]
    return max(binary or [name for name in train if name != "none"], key=lambda name: float(means[name]))


def run(options: CaseOptions) -> CaseAnswer:
    """Run the study, and measure the codes of its refits on held-out rows."""
    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target
    x, x_test, y, y_test = train_test_split(x, y, test_size=TEST_ROWS, random_state=1, stratify=y)
    epochs = 40 if options.quick else EPOCHS
    arms = {
        f"Binarizing {strength:g}": {"code/output": Binarizing(schedule.steps({epochs // 2: strength}))}
        for strength in STRENGTHS
    }
    study = Study(network(), arms, seeds=options.seed_count(10), folds=2, epochs=epochs, batch_size=64, curve_points=10)
    result = options.study("binary-code", study, x, y, test=(x_test, y_test), refit="all")
    held_out = measure_refits(result, x_test, y_test)
    best = _select(result, measure_refits(result, x, y))
    codes, plain = held_out[best], held_out["none"]
    distance, loss, words = (
        mean_interval(np.array(values))
        for values in (
            [code.distance for code in codes],
            [code.soft - code.hard for code in codes],
            [float(code.words) for code in codes],
        )
    )
    cost = mean_interval(np.array([code.soft - other.soft for code, other in zip(codes, plain, strict=True)]))
    lines = (
        Line(
            f"mean distance of the code to 0 or 1, {best}, held out",
            f"{np.mean([code.distance for code in plain]):.3g} without a penalty",
            "below 0.02",
            distance[0],
            distance[1:],
            distance[0] < MAX_DISTANCE,
        ),
        Line(
            "accuracy that rounding the code to bits costs",
            f"{np.mean([code.soft - code.hard for code in plain]):.3g} without a penalty",
            "at most 0.005",
            loss[0],
            loss[1:],
            loss[0] <= MAX_LOSS + 1e-9,  # a multiple of 1/500
        ),
        Line("distinct words of the ten classes", "10", "at least 8", words[0], words[1:], words[0] >= MIN_WORDS),
        Line(
            'accuracy minus that without a penalty: "does not break the classification"', "a reader", "", *_pair(cost)
        ),
    )
    return CaseAnswer(lines, _verdict(lines, best), (result.section("Binary code"),), tables=(_sheet(held_out),))


def _pair(interval: tuple[float, float, float]) -> tuple[float, tuple[float, float]]:
    return interval[0], interval[1:]


def _sheet(codes: dict[str, list[Codes]]) -> Sheet:
    headers = ("arm", "distance to 0 or 1", "accuracy", "accuracy of the bits", "words")
    rows = []
    for name, measured in codes.items():
        means = np.mean([(code.distance, code.soft, code.hard, code.words) for code in measured], axis=0)
        rows.append((name, f"{means[0]:.4f}", f"{means[1]:.3f}", f"{means[2]:.3f}", f"{means[3]:.1f}"))
    return Sheet("Codes of the refits on held-out rows (means over seeds)", headers, tuple(rows))


def _verdict(lines: tuple[Line, ...], best: str) -> str:
    cost = lines[-1].measured
    missed = [line.quantity for line in lines if line.reproduced is False]
    if missed:
        return f"{best}: not as asked for: {'; '.join(missed)}. Accuracy changes by {cost}."
    return f"{best} makes the code binary, rounding it costs next to nothing, and accuracy changes by {cost}."


def binary_code() -> ReproductionCase:
    """Return the case."""
    return ReproductionCase(
        name="binary-code",
        title="A binary code in the middle of a classifier",
        question=(
            "A reader asked for a penalty that drives sigmoid outputs to 0 or 1, so that a layer becomes a binary "
            "code. Does it, and what does the code cost?"
        ),
        protocol=(
            f"Digits of scikit-learn divided by 16, 64-64-{UNITS}-10, {EPOCHS} epochs of Adam, {TEST_ROWS} rows held "
            "out. bridle.Binarizing, strength × Σ x(1 − x), on the four sigmoid units, switched on after half of the "
            "epochs: from the start it would fix words before they are useful. The strength is the one with the best "
            "accuracy over two folds among those that make the code of the training rows binary (mean distance below "
            "0.01). All measures are those of refits on all training rows, on the rows held out, over seeds. "
            "Strengths and epochs were set on another split."
        ),
        run=run,
    )

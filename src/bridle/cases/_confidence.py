"""The confidence penalty on classifiers: error, log loss and calibration, before and after one temperature."""

from typing import Any

import keras
import numpy as np
from sklearn.datasets import load_digits

from bridle._api import Result, Study
from bridle.cases._mnist1d import draw_signals
from bridle.cases._reproduction import CaseAnswer, CaseOptions, Line, ReproductionCase
from bridle.regularizers._confidence import Confidence
from bridle.regularizers._labels import LabelSmoothing
from bridle.report import Sheet
from bridle.stats import Comparison, compare

STRENGTHS, SHARES = [0.03, 0.1, 0.3, 1.0], [0.03, 0.1, 0.2, 0.4]
THRESHOLD = 0.5
"""The entropy in nats below which the hinge charges a prediction."""
FOLDS, SEEDS = 5, 2
PENALTY = "confidence"


def arms() -> dict[str, dict[str, Any]]:
    """Return the penalty, its hinge, and label smoothing as a control."""
    return {
        PENALTY: {"out/output": Confidence(STRENGTHS, from_logits=True)},
        "confidence, hinge": {"out/output": Confidence(STRENGTHS, threshold=THRESHOLD, from_logits=True)},
        "label smoothing": {"labels": LabelSmoothing(SHARES)},
    }


def network(inputs: int, units: int) -> keras.Model:
    """Return a classifier of ten classes with two hidden layers."""
    hidden = [keras.layers.Dense(units, "relu", name=f"hidden{index}") for index in (1, 2)]
    model = keras.Sequential([keras.Input((inputs,)), *hidden, keras.layers.Dense(10, name="out")])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    return model


def best_of(result: Result, arm: str) -> int:
    """Return the candidate of an arm with the best mean log loss."""
    index = [existing.name for existing in result.data.arms].index(arm)
    return result.evidence.choices[index].best


def log_loss_gain(result: Result, arm: str) -> Comparison:
    """Return the gain in log loss, each fold at the strength that is best in the others; corrected over the arms."""
    return result.evidence.gains[[existing.name for existing in result.data.arms].index(arm)]


def error_gain(result: Result, arm: str) -> Comparison:
    """Return the gain in accuracy of the candidate with the best log loss, in points."""
    accuracy = 100 * result.data.by_candidate(result.data.quantity("validation/accuracy")[:, -1])
    return compare(accuracy[best_of(result, arm)], accuracy[0], result.data.fold_rows)


def data_lines(result: Result, name: str) -> list[Line]:
    """Return the lines of one data set."""
    gain, error, confidence = log_loss_gain(result, PENALTY), error_gain(result, PENALTY), result.data.confidence
    lines = [
        Line(
            f"{name}: error, gain in points",
            "lower or equal",
            "not clearly worse",
            error.difference,
            (error.low, error.high),
            not error.high < 0,
        ),
        _gain(f"{name}: log loss, gain", "lower", "above 0, with its interval", gain),
    ]
    if confidence is not None:
        calibration, best = confidence.single, best_of(result, PENALTY)
        before, after = calibration.error[0, 0], calibration.error[best, 0]
        quantity = f"{name}: calibration error, none minus confidence"
        lines.append(Line(quantity, "lower", "above 0", before - after, None, bool(after < before), digits=2))
        warm = float(calibration.log_loss[0, 1] - calibration.log_loss[best, 1])
        lines.append(Line(f"{name}: log loss after one temperature, gain", "", "", warm, digits=2))
    control = log_loss_gain(result, "label smoothing")
    return [*lines, _gain(f"{name}: log loss, gain of label smoothing", "control", "", control)]


def _gain(quantity: str, reference: str, bar: str, gain: Comparison) -> Line:
    reproduced = bool(gain.low > 0) if bar else None
    note = "" if reproduced is not False else f"The interval over {gain.count:,} {gain.over} contains 0."
    return Line(quantity, reference, bar, gain.difference, (gain.low, gain.high), reproduced, note)


def table(results: dict[str, Result]) -> Sheet:
    """Return error, log loss and calibration error of the best strength of each arm, without and with a temperature."""
    rows: list[tuple[str, ...]] = []
    for name, result in results.items():
        accuracy = result.data.by_candidate(result.data.quantity("validation/accuracy")[:, -1]).mean(axis=(1, 2))
        for arm in result.data.arms:
            best, confidence = best_of(result, arm.name), result.data.confidence
            if confidence is None:
                continue
            losses, errors = confidence.single.log_loss[best], confidence.single.error[best]
            numbers = (f"{100 * (1 - accuracy[best]):.2f}", *(f"{value:.3f}" for value in (*losses, *errors)))
            strengths = ", ".join(f"{value:g}" for value in result.data.strengths(best).values())
            rows.append((name, f"{arm.name} {strengths}".strip(), *numbers))
    headers = ("data", "arm", "error, %", "log loss", "after one temperature", "calibration error", "after it")
    return Sheet(
        "Out of fold, mean over seeds; the temperature of a fold is fitted on the others", headers, tuple(rows)
    )


def run(options: CaseOptions) -> CaseAnswer:
    """Cross-validate both data sets."""
    digits, signals = load_digits(), draw_signals(4000, 1000)
    data = {
        "digits": (network(64, 64), (digits.data / 16).astype(np.float32), digits.target, 60),
        "MNIST-1D": (network(40, 100), signals.x, signals.y, 60),
    }
    results: dict[str, Result] = {}
    for name, (model, x, y, epochs) in data.items():
        rows = slice(0, 300) if options.quick else slice(None)
        study = Study(
            model,
            arms(),
            seeds=options.seed_count(SEEDS, 1),
            folds=3 if options.quick else FOLDS,
            epochs=5 if options.quick else epochs,
            batch_size=64,
            score="loss",
            curve_points=6,
        )
        results[name] = options.study(name, study, x[rows], y[rows])
    lines = [line for name, result in results.items() for line in data_lines(result, name)]
    sections = tuple(result.section(name) for name, result in results.items())
    return CaseAnswer(tuple(lines), _verdict(lines), sections, tables=(table(results),))


def _verdict(lines: list[Line]) -> str:
    judged = [line for line in lines if line.reproduced is not None]
    missed = [line.quantity for line in judged if not line.reproduced]
    warm = [line for line in lines if "after one temperature" in line.quantity]
    first = "The penalty lowers log loss and calibration error, and the error is not clearly worse"
    if missed:
        first = f"Not as published: {'; '.join(missed)}"
    left = " and ".join(f"{line.measured} on {line.quantity.partition(':')[0]}" for line in warm)
    return f"{first}. With one fitted temperature in both, the gain in log loss is {left}."


def confidence() -> ReproductionCase:
    """Return the case."""
    return ReproductionCase(
        name="confidence",
        title="Confidence penalty: error, log loss, calibration",
        question=(
            "A penalty on the confidence of predictions is said to help classifiers. Does it lower error, "
            "log loss and calibration error, and what is left of it after one temperature is fitted?"
        ),
        protocol=(
            "Digits of scikit-learn (64-64-64-10) and 4,000 signals of MNIST-1D (40-100-100-10), 60 epochs of Adam, "
            f"{FOLDS} folds, {SEEDS} seeds; the penalty on the entropy of the softmax with strengths "
            f"{', '.join(f'{value:g}' for value in STRENGTHS)}, the same as a hinge below {THRESHOLD} nats, and label "
            "smoothing as a control. Strengths are chosen by log loss: for its gain in each fold by the other folds, "
            "with intervals corrected over the arms. Source: Pereyra, Tucker, Chorowski, Kaiser and Hinton, 2017, "
            "with other data and networks, so that signs can be compared and sizes cannot."
        ),
        run=run,
    )

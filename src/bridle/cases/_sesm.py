"""Sparse encoding symmetric machine: a tied autoencoder whose code is short when it is quantized."""

from collections.abc import Sequence

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from bridle._api import Study
from bridle.cases._reproduction import CaseAnswer, CaseOptions, Line, ReproductionCase
from bridle.layers import TiedDense
from bridle.regularizers import L1
from bridle.regularizers._smooth import Log
from bridle.report import Sheet
from bridle.representations import code_entropy, probe, quantize
from bridle.stats import mean_interval

UNITS, TEST_ROWS, EPOCHS = 128, 597, 200
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Strengths of the sparsity of the code."""
KERNEL_STRENGTH = 1e-6
STEPS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 3, 1 / 2)
"""Distances of the values to which a code is rounded."""
PCA_STEPS = (3.0, 2.0, 1.5, 1.0, 0.75, 0.5, 0.35, 0.25, 0.1)
PCA_UNITS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
LEVELS = 256
"""Values of a finely quantized component of PCA."""
RATES = (0.25, 0.5, 1.0)
"""Bits a pixel at which errors are compared."""
LABELS = 10
"""Labels of each class for the linear probe."""
Points = list[tuple[float, float]]
"""Pairs of (bits a pixel, root mean squared error)."""


def network() -> keras.Model:
    """Return 64-128-64 with a sigmoid code and the transposed encoder as decoder."""
    x, tied = keras.Input((64,)), TiedDense(UNITS, name="tied")
    code = keras.layers.Activation("sigmoid", name="code")(tied(x))
    model = keras.Model(x, tied(code, decode=True))
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    return model


def error_at(points: Points, bits: float) -> float:
    """Return the smallest error with at most these bits, linear between the points of the lower envelope."""
    best, envelope = np.inf, Points()
    for rate, error in sorted(points):
        if error < best:
            best = error
            envelope.append((rate, error))
    rates, errors = np.array(envelope).T
    return float(np.interp(bits, rates, errors))


def _rmse(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.sqrt(np.mean((first - second) ** 2)))


def pca_points(train: np.ndarray, test: np.ndarray, levels: int | None = None) -> Points:
    """Return the points of PCA: for several steps of all components, or with a number of levels of the widest one."""
    points, mean = Points(), train.mean(axis=0)
    components = np.linalg.svd(train - mean, full_matrices=False)[2]
    for units in PCA_UNITS:
        code, basis = (test - mean) @ components[:units].T, components[:units]
        widest = float(np.ptp((train - mean) @ basis[0]))
        for step in PCA_STEPS if levels is None else (widest / levels,):
            restored = quantize(code, step) @ basis + mean
            points.append((code_entropy(code, step) / test.shape[1], _rmse(test, restored)))
    return points


def code_points(code: np.ndarray, kernel: np.ndarray, bias: np.ndarray, test: np.ndarray) -> Points:
    """Return the points of a code in (0, 1), decoded from its rounded values."""
    return [
        (code_entropy(code, step) / test.shape[1], _rmse(test, quantize(code, step) @ kernel.T + bias))
        for step in STEPS
    ]


def run(options: CaseOptions) -> CaseAnswer:
    """Run the study, and measure bits, errors and probes of the refits on held-out rows."""
    bunch = load_digits()
    x, labels = (bunch.data / 16).astype(np.float32), bunch.target
    train, test, _, labels = train_test_split(x, labels, test_size=TEST_ROWS, random_state=1, stratify=labels)
    arms = {
        f"Log {strength:g}": {"code/output": Log(strength), "tied/kernel": L1(KERNEL_STRENGTH)}
        for strength in STRENGTHS
    }
    count = options.seed_count(5)
    epochs = 20 if options.quick else EPOCHS
    study = Study(network(), arms, seeds=count, folds=2, epochs=epochs, batch_size=64, curve_points=10)
    result = options.study("sesm", study, train, train, refit="all")
    data, points, rows = result.data, dict[int, Points](), list[tuple[str, ...]]()
    gains: dict[str, list[float]] = {}
    for member, weights in sorted(data.weights.items()):
        kernel, bias, decoder_bias = list(weights)[:3]
        code, seed = 1 / (1 + np.exp(-(test @ kernel + bias))), int(data.members.seed[member])
        arm = data.arms[int(data.setting_arm[data.members.setting[member]])].name
        points.setdefault(seed, []).extend(code_points(code, kernel, decoder_bias, test))
        known = probe(test, labels, per_class=LABELS, seed=seed).mean
        gains.setdefault(arm, []).append(probe(code, labels, per_class=LABELS, seed=seed).mean - known)
        rows.append((arm, str(seed), f"{_rmse(test, code @ kernel.T + decoder_bias):.3f}", f"{code.mean():.3f}"))
    lines = _rate_lines(list(points.values()), train, test)
    lines = (*lines, _probe_line(gains))
    sheet = Sheet("Codes on held-out rows", ("arm", "seed", "RMSE without rounding", "mean activation"), tuple(rows))
    return CaseAnswer(lines, _verdict(lines), (result.section("SESM"),), tables=(sheet,))


def _rate_lines(points: Sequence[Points], train: np.ndarray, test: np.ndarray) -> tuple[Line, ...]:
    """Return the differences of errors to PCA at equal bits: with its best step, and with fine steps."""
    lines = []
    for levels, name in ((None, "PCA with its best step"), (LEVELS, f"PCA with {LEVELS} levels")):
        reference = pca_points(train, test, levels)
        for bits in RATES:
            known = error_at(reference, bits)
            mean, low, high = mean_interval(np.array([error_at(ones, bits) - known for ones in points]))
            lines.append(
                Line(
                    f"RMSE minus that of {name}, at {bits:g} bits a pixel",
                    f"PCA {known:.3f}",
                    "below 0, with its interval" if levels is None else "",
                    mean,
                    (low, high),
                    bool(high < 0) if levels is None else None,
                    _note(high, bits) if levels is None else "",
                )
            )
    return tuple(lines)


def _note(high: float, bits: float) -> str:
    if high < 0 or bits != RATES[0]:
        return ""
    return (
        "PCA is the better code of these digits where the step of its quantization is chosen as well as its number of "
        f"components, here and at more bits. For components that are quantized finely, to {LEVELS} levels, see below."
    )


def _probe_line(gains: dict[str, list[float]]) -> Line:
    middle = f"Log {STRENGTHS[len(STRENGTHS) // 2]:g}"
    mean, low, high = mean_interval(np.array(gains[middle]))
    return Line(
        f"accuracy of a linear probe with {LABELS} labels a class, code minus pixels, {middle}",
        "pixels",
        "above 0, with its interval",
        mean,
        (low, high),
        bool(low > 0),
    )


def _verdict(lines: Sequence[Line]) -> str:
    beaten = [line for line in lines[: len(RATES)] if line.reproduced]
    fine = [line for line in lines[len(RATES) : -1] if line.interval is not None and line.interval[1] < 0]
    probed = "A linear probe reads the code better than pixels." if lines[-1].reproduced else "A probe gains nothing."
    if len(beaten) == len(RATES):
        return f"At equal bits below one a pixel, the sparse code has a smaller error than PCA. {probed}"
    return (
        f"At equal bits the sparse code beats PCA with fine steps at {len(fine)} of {len(RATES)} rates, and PCA with "
        f"its best step at {len(beaten)}. {probed}"
    )


def sesm() -> ReproductionCase:
    """Return the case."""
    return ReproductionCase(
        name="sesm",
        title="A symmetric machine with a sparse code: error against bits",
        question=(
            "An autoencoder whose decoder is the transposed encoder learns a sparse code of digits. Does it need fewer "
            "bits than PCA for the same error, and do its units tell the digits apart?"
        ),
        protocol=(
            f"Digits of scikit-learn divided by 16, 64-{UNITS}-64 with sigmoid units l and tied weights W, {EPOCHS} "
            f"epochs of Adam, {TEST_ROWS} rows held out. Loss: mean squared error + α Σ log(1 + l²) + "
            f"{KERNEL_STRENGTH:g} Σ|W|, α from {STRENGTHS[0]:g} to {STRENGTHS[-1]:g}; refits on all training rows, "
            "5 seeds. The code is that of the encoder; Ranzato et al. 2007 also optimize it for each row. Bits are the "
            "sum of the entropies of the rounded units on held-out rows, errors those of reconstructions from rounded "
            "codes; for each seed the best strength and step at these bits count, for PCA the best number of "
            "components, and its best step or steps of the range divided by 256. Settings were set on another split."
        ),
        run=run,
    )

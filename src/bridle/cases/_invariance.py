"""Invariant features: a convolutional autoencoder with pooling against a dense one, on shifted digits."""

from collections.abc import Callable, Sequence
from itertools import product

import keras
import numpy as np
from sklearn.datasets import load_digits

from bridle._api import Result, Study
from bridle.cases._reproduction import CaseAnswer, CaseOptions, Line, ReproductionCase
from bridle.regularizers import L1
from bridle.report import Sheet
from bridle.representations import fvu
from bridle.stats import mean_interval

SIDE, SHIFT = 8, 1
"""Pixels of a side of a digit, and the largest shift."""
MARGIN = 2
"""Empty pixels around a digit that is not shifted."""
SHIFTS = tuple(product((-SHIFT, 0, SHIFT), repeat=2))
UNITS, STRENGTH, EPOCHS = 64, 1e-3, 60
KINDS = ("pooled", "dense")


def shifted(digits: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return images of shape (image, 12, 12, 1) with each digit moved by some pixels from the middle."""
    images = np.zeros((len(digits), SIDE + 2 * MARGIN, SIDE + 2 * MARGIN, 1), np.float32)
    top, left = MARGIN + down, MARGIN + right
    images[:, top : top + SIDE, left : left + SIDE, 0] = digits
    return images


def network(kind: str) -> keras.Model:
    """Return an autoencoder with a code of 64 units: maxima of 16 feature maps, or a dense layer."""
    side = SIDE + 2 * MARGIN
    x = keras.Input((side, side, 1))
    if kind == "pooled":
        maps = keras.layers.Conv2D(16, 5, activation="relu", name="features")(x)  # 8 × 8
        code = keras.layers.Flatten(name="code")(keras.layers.MaxPooling2D(4, name="pool")(maps))  # 2 × 2 × 16
    else:
        code = keras.layers.Dense(UNITS, "relu", name="code")(keras.layers.Flatten()(x))
    model = keras.Model(x, keras.layers.Dense(side * side, name="decoder")(code))
    model.compile(keras.optimizers.Adam(2e-3), "mse")
    return model


def shift_ratio(encode: Callable[[np.ndarray], np.ndarray], digits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean change of a code under a shift, divided by that to another image of the same class."""
    base = encode(shifted(digits, 0, 0))
    changes = [np.linalg.norm(encode(shifted(digits, *by)) - base, axis=1).mean() for by in SHIFTS if any(by)]
    partner, rng = np.arange(len(labels)), np.random.default_rng(0)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        partner[rows] = np.roll(rows, 1)
    return float(np.mean(changes) / np.linalg.norm(base - base[partner], axis=1).mean())


def measure_refits(
    result: Result, kind: str, x: np.ndarray, digits: np.ndarray, labels: np.ndarray
) -> dict[str, np.ndarray]:
    """Return (ratio, FVU, exact zeros) of the refits of each arm, of shape (seed, 3)."""
    data, values = result.data, dict[str, list[tuple[float, float, float]]]()
    model = network(kind)
    encoder = keras.Model(model.input, model.get_layer("code").output)
    for member, weights in sorted(data.weights.items()):
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)
        arm = data.arms[int(data.setting_arm[data.members.setting[member]])].name

        def encode(images: np.ndarray) -> np.ndarray:
            return np.asarray(encoder.predict(images, batch_size=2048, verbose=0))

        unexplained = fvu(x.reshape(len(x), -1), np.asarray(model.predict(x, batch_size=2048, verbose=0)))
        zeros = float(np.mean(encode(x) == 0))
        values.setdefault(arm, []).append((shift_ratio(encode, digits, labels), unexplained, zeros))
    return {arm: np.array(rows) for arm, rows in values.items()}


def run(options: CaseOptions) -> CaseAnswer:
    """Run a study of each network, and measure the codes of the refits."""
    bunch = load_digits()
    digits, labels = (bunch.data / 16).astype(np.float32).reshape(-1, SIDE, SIDE), bunch.target
    if options.quick:
        digits, labels = digits[:400], labels[:400]
    moves = np.random.default_rng(0).integers(0, len(SHIFTS), len(digits))
    x = np.concatenate([shifted(digits[row : row + 1], *SHIFTS[move]) for row, move in enumerate(moves)])
    measured, sections = dict[str, dict[str, np.ndarray]](), []
    for kind in KINDS:
        study = Study(
            network(kind),
            {"L1": {"code/output": L1(STRENGTH)}},
            seeds=options.seed_count(5),
            folds=2,
            epochs=10 if options.quick else EPOCHS,
            batch_size=64,
            curve_points=10,
        )
        result = options.study(kind, study, x, x.reshape(len(x), -1), refit="all")
        measured[kind] = measure_refits(result, kind, x, digits, labels)
        sections.append(result.section(f"{kind.capitalize()} code"))
    lines = tuple(_line(arm, *(measured[kind][arm][:, 0] for kind in KINDS)) for arm in ("none", "L1"))
    return CaseAnswer(lines, _verdict(lines), tuple(sections), tables=(_sheet(measured),))


def _line(arm: str, pooled: np.ndarray, dense: np.ndarray) -> Line:
    count = min(len(pooled), len(dense))
    mean, low, high = mean_interval(pooled[:count] - dense[:count])
    penalty = "without a penalty" if arm == "none" else f"with {arm} {STRENGTH:g} on the code"
    return Line(
        f"change of the code under a shift / under another image of the class, pooled minus dense, {penalty}",
        f"dense {dense.mean():.3g}, pooled {pooled.mean():.3g}",
        "below 0, with its interval",
        mean,
        (low, high),
        bool(high < 0),
    )


def _sheet(measured: dict[str, dict[str, np.ndarray]]) -> Sheet:
    headers = ("network", "arm", "change under a shift", "FVU", "exact zeros")
    rows = tuple(
        (kind, arm, *(f"{value:.3f}" for value in values.mean(axis=0)))
        for kind, arms in measured.items()
        for arm, values in arms.items()
    )
    return Sheet("Codes of the refits (means over seeds)", headers, rows)


def _verdict(lines: Sequence[Line]) -> str:
    if not all(line.reproduced for line in lines):
        return "The pooled code is not clearly less changed by a shift than the dense one."
    return (
        "A shift by one pixel changes the pooled code less than the dense one, each measured against another image of "
        "the same class; the pooled code pays for it with a worse reconstruction, because it does not say where."
    )


def invariance() -> ReproductionCase:
    """Return the case."""
    return ReproductionCase(
        name="invariance",
        title="Invariant features: pooling against shifts",
        question=(
            "A code should change little when a digit moves by a pixel, and much when it becomes another digit. Does "
            "pooling in the encoder give that, with and without a sparse code?"
        ),
        protocol=(
            "Digits of scikit-learn divided by 16, in 12 × 12 pixels, each shifted by −1, 0 or 1 pixel in both "
            f"directions. Two autoencoders with {UNITS} units and a linear decoder: the maxima over 4 × 4 of 16 "
            f"feature maps (5 × 5, relu), or a dense relu layer. {EPOCHS} epochs of Adam, none and L1 {STRENGTH:g} on "
            "the code, 5 seeds, refits on all rows. The ratio is the mean distance of the codes of a digit before and "
            "after a shift, divided by the mean distance to another digit of its class. The idea is that of Ranzato et "
            "al. 2007, whose decoder also gets the positions of the maxima; here it does not."
        ),
        run=run,
    )

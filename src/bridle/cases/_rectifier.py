"""Rectifier networks: how many exact zeros in the hidden layers cost no accuracy?"""

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from jaxtyping import Float
from sklearn.datasets import load_digits

from bridle._api import Result, Study
from bridle._errors import InputError
from bridle.cases._reproduction import CaseAnswer, CaseOptions, Line, ReproductionCase
from bridle.plots import Drawing, LineSeries, draw_lines, lines_alt
from bridle.regularizers import L1
from bridle.stats import mean_interval

LAYERS = ("hidden1", "hidden2", "hidden3")
MIN_ZEROS = 0.8
"""The bar: the share of exact zeros up to which the error stays within one standard error of the best."""
FOLDS = 5
MAX_ROWS = 10_000
"""The most rows of a local file."""


class Size(NamedTuple):
    """Units of a layer, epochs, rows per batch, seeds, strengths."""

    units: int
    epochs: int
    batch: int
    seeds: int
    strengths: int


DIGITS, FILE, QUICK = Size(256, 60, 64, 1, 13), Size(1000, 20, 100, 1, 10), Size(16, 5, 64, 1, 3)


def network(inputs: int, units: int) -> keras.Model:
    """Return a classifier with three rectifier layers."""
    hidden = [keras.layers.Dense(units, "relu", name=name) for name in LAYERS]
    model = keras.Sequential([keras.Input((inputs,)), *hidden, keras.layers.Dense(10, name="out")])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    return model


def read_images(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images as rows from 0 to 1, and their classes, from an .npz file with `x_train` and `y_train`.

    Errors: `InputError` for another file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x, y = arrays["x_train"][:MAX_ROWS], arrays["y_train"][:MAX_ROWS]
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise InputError(
            f"Expected an .npz file with the arrays x_train and y_train, got {path.name!r}: {error}. Keras's mnist.npz "
            "is one."
        ) from error
    if len(x) != len(y) or not np.isin(y, range(10)).all():
        raise InputError(f"Expected classes from 0 to 9 for {len(x):,} images in {path.name!r}, got others.")
    x = x.reshape(len(x), -1).astype(np.float32)
    return x / max(float(x.max()), 1e-9), y.astype(np.int32)


class Curve(NamedTuple):
    """Exact zeros and errors in percent along the path, mean over seeds, by candidate and fold."""

    zeros: Float[np.ndarray, "candidate fold"]
    errors: Float[np.ndarray, "candidate fold"]

    def knee(self) -> tuple[float, Float[np.ndarray, "fold"]]:
        """Return the most zeros whose mean error is within one standard error of the best, and the same by fold.

        The standard error is that of the best mean over the folds. Zeros of a fold are those of the candidate with the
        most zeros whose error in this fold is no worse than the best error of the fold plus the standard error.
        """
        means = self.errors.mean(axis=1)
        best = int(means.argmin())
        allowed = float(self.errors[best].std(ddof=1)) / np.sqrt(self.errors.shape[1])
        whole = self.zeros.mean(axis=1)[means <= means[best] + allowed].max()
        folds = [z[e <= e.min() + allowed].max() for z, e in zip(self.zeros.T, self.errors.T, strict=True)]
        return float(whole), np.array(folds)


def read_curve(result: Result) -> Curve:
    """Return the curve of a study along its path of strengths, `none` first."""
    data = result.data
    path = np.concatenate([[0], data.path(1)])
    layers = [data.by_candidate(data.diagnostic(f"zeros/{name}/output")) for name in LAYERS]
    errors = 100 * (1 - data.scores())
    return Curve(np.mean(layers, axis=0)[path].mean(axis=1), errors[path].mean(axis=1))


def run(options: CaseOptions) -> CaseAnswer:
    """Cross-validate the path of strengths."""
    if options.data is None:
        images = load_digits()
        size, x, y = DIGITS, (images.data / 16).astype(np.float32), images.target.astype(np.int32)
    else:
        size, (x, y) = FILE, read_images(options.data)
    if options.quick:
        size, x, y = QUICK, x[:300], y[:300]
    strengths = [float(f"{value:.3g}") for value in np.geomspace(1e-5, 1e-2, size.strengths)]
    study = Study(
        network(x.shape[1], size.units),
        {"L1": {"hidden*/output": L1(strengths)}},
        seeds=options.seed_count(size.seeds, 1),
        folds=3 if options.quick else FOLDS,
        epochs=size.epochs,
        batch_size=size.batch,
        curve_points=4,
    )
    result = options.study("images", study, x, y, refit="none")
    curve = read_curve(result)
    lines = _lines(curve)
    section = result.section("Rectifier network")
    return CaseAnswer(tuple(lines), _verdict(lines), (section,), pictures=(_picture(curve),))


def _lines(curve: Curve) -> list[Line]:
    knee, folds = curve.knee()
    _, low, high = mean_interval(folds, test_share=1 / (len(folds) - 1))
    means, zeros = curve.errors.mean(axis=1), curve.zeros.mean(axis=1)
    after = float(means[zeros >= zeros.max() - 1e-9].max() - means.min())
    return [
        Line(
            "exact zeros up to which the error is within one standard error of the best",
            "about 0.85, as remembered",
            f"at least {MIN_ZEROS:g}",
            knee,
            (low, min(high, 1.0)),
            knee >= MIN_ZEROS,
        ),
        Line("rise of the error at the strongest penalty, points", "a rise", "above 0", after, None, after > 0),
        Line("exact zeros without a penalty", "", "", float(zeros[0])),
        Line("error without a penalty, %", "", "", float(means[0])),
        Line("lowest error along the path, %", "", "", float(means.min())),
    ]


def _picture(curve: Curve) -> Drawing:
    order = np.argsort(curve.zeros.mean(axis=1))
    error = curve.errors.std(axis=1, ddof=1) / np.sqrt(curve.errors.shape[1])
    series = [
        LineSeries(
            "L1 on the hidden outputs",
            100 * curve.zeros.mean(axis=1)[order],
            curve.errors.mean(axis=1)[order],
            error[order],
        )
    ]
    x, y = "exact zeros in the hidden layers, %", "validation error, %"
    figure = draw_lines(series, x=x, y=y, log=False)
    caption = "Error against exact zeros along the path of strengths. Bars: standard error over folds."
    return Drawing("zeros", caption, lines_alt(series, x, y), figure)


def _verdict(lines: list[Line]) -> str:
    knee, rise = lines[0], lines[1]
    return (
        f"The error stays within one standard error of its best up to {100 * (knee.value or 0):.0f} % exact zeros, and "
        f"is {rise.measured} points higher at the strongest penalty."
    )


def rectifier() -> ReproductionCase:
    """Return the case."""
    return ReproductionCase(
        name="rectifier",
        title="Sparse rectifiers: error against exact zeros",
        question=(
            "An L1 penalty on the outputs of rectifier layers makes exact zeros. How many of the hidden units can be "
            "zero for a row before the error suffers?"
        ),
        protocol=(
            f"Digits of scikit-learn, three rectifier layers of {DIGITS.units} units, {DIGITS.epochs} epochs of Adam, "
            f"L1 on the outputs of all three with {DIGITS.strengths} strengths from 1e-5 to 0.01, {FOLDS} folds, "
            f"{DIGITS.seeds} seed. With --data the first {MAX_ROWS:,} images of a file, layers of {FILE.units} "
            f"units and {FILE.epochs} epochs. Zeros are counted over training rows. The interval is that of the knees "
            "of the folds. The path ends where the figure of the paper ends; a first one, to 0.03, collapsed beyond "
            "83 % zeros. Glorot, Bordes and Bengio, 2011, have the figure; its 85 % is as remembered, unchecked."
        ),
        run=run,
        data="an .npz file with x_train and y_train, such as Keras's mnist.npz",
    )

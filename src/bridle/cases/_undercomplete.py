"""An under-complete linear autoencoder: an oracle that is known in closed form."""

from typing import Any

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from bridle._api import Result, Study
from bridle.cases._reproduction import CaseAnswer, CaseOptions, Line, ReproductionCase
from bridle.regularizers import L2
from bridle.stats import mean_interval

WIDTHS = (2, 4, 8, 16, 32)
"""Units of the code whose reconstruction is held against that of PCA."""
CODE = 16
"""Units of the code along the path of strengths."""
SHARES = (0.01, 0.03, 0.06, 0.12, 0.25, 0.5, 0.8)
"""Strengths of the path, as parts of the one at which the last direction dies."""
FOLDS = 5
EPOCHS = 1500
MAX_FVU_RATIO, MAX_GAIN_ERROR = 0.01, 0.02
"""The bars: FVU against PCA, and singular values against the closed form."""


def digits() -> np.ndarray:
    """Return the 1,797 digits of scikit-learn as rows of 64 values from 0 to 1."""
    return (load_digits().data / 16).astype(np.float32)


def network(code: int, inputs: int = 64, epochs: int = EPOCHS) -> keras.Model:
    """Return a linear autoencoder without bias, trained by Adam with a rate that falls to 0 over `epochs` steps."""
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(code, use_bias=False, name="encoder"),
            keras.layers.Dense(inputs, use_bias=False, name="decoder"),
        ]
    )
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.02, epochs)), "mse")
    return model


def squared_sizes(x: np.ndarray) -> np.ndarray:
    """Return the squared singular values of the centred rows divided by rows x columns, in descending order.

    These are the strengths of `L2` on both kernels at which the directions die: the mean squared error of Keras is the
    sum of squares divided by rows x columns.
    """
    return np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2 / x.size


def _folds() -> KFold:
    return KFold(FOLDS, shuffle=True, random_state=0)


def pca_fvu(x: np.ndarray, code: int) -> np.ndarray:
    """Return the unexplained share of the variance of held-out rows for PCA, fold by fold."""
    shares = []
    for train, test in _folds().split(x):
        pca = PCA(code).fit(x[train])
        rest = x[test] - pca.inverse_transform(pca.transform(x[test]))
        shares.append(np.sum(rest**2) / np.sum((x[test] - x[train].mean(axis=0)) ** 2))
    return np.array(shares)


def study_fvu(result: Result, x: np.ndarray) -> np.ndarray:
    """Return the same share for a study of one candidate, mean over its seeds, fold by fold."""
    spread = [np.mean((x[test] - x[train].mean(axis=0)) ** 2) for train, test in _folds().split(x)]
    return result.data.scores()[0].mean(axis=0) / np.array(spread)


def gain_errors(result: Result, sizes: np.ndarray, code: int = CODE) -> np.ndarray:
    """Return the largest relative error of the living singular values of W1 W2 for each strength of the path.

    A direction with squared singular value s retains 1 - strength / s of itself, and nothing below 0.
    """
    data, errors = result.data, []
    for member, weights in sorted(data.weights.items()):
        strength = float(np.nansum(data.setting_strengths[data.members.setting[member]]))
        expected = 1 - strength / sizes[:code]
        measured = np.linalg.svd(weights[0] @ weights[1], compute_uv=False)[:code]
        if strength > 0:
            errors.append(np.abs(measured / expected - 1)[expected > 0].max())
    return np.array(errors)


def _line_of_width(result: Result, x: np.ndarray, code: int) -> Line:
    reference, measured = pca_fvu(x, code), study_fvu(result, x)
    mean, low, high = mean_interval(measured, test_share=1 / (FOLDS - 1))
    return Line(
        f"FVU of {code} units, held out",
        f"PCA {reference.mean():.4f}",
        "within 1 % of PCA",
        mean,
        (low, high),
        bool(abs(measured.mean() / reference.mean() - 1) <= MAX_FVU_RATIO),
        digits=4,
    )


def _auto_line(result: Result, sizes: np.ndarray) -> Line:
    strengths = result.data.setting_strengths[result.data.setting_arm == 1].max(axis=1)
    weakest, strongest = float(strengths.min()), float(strengths.max())
    first, last = float(sizes[CODE - 1]), float(sizes[0])
    return Line(
        '"auto": strongest strength over that of the last death, and its range',
        f"directions die from {first:.2g} to {last:.2g}",
        "the range contains all deaths",
        strongest / last,
        (weakest, strongest),
        weakest <= first and strongest >= last,
    )


def _gain_line(errors: np.ndarray) -> Line:
    return Line(
        f"singular values of W₁W₂, largest relative error over {len(errors)} strengths",
        "closed form 1 − λ/σ²",
        "at most 0.02",
        float(errors.max()),
        None,
        bool(errors.max() <= MAX_GAIN_ERROR),
    )


def _verdict(lines: list[Line]) -> str:
    missed = [line.quantity for line in lines if not line.reproduced]
    if missed:
        return f"Not as the closed form: {'; '.join(missed)}."
    return (
        "The network finds the subspace of the principal components, L2 shrinks each direction as the closed form "
        'says, and "auto" compares strengths around the death of the directions.'
    )


def run(options: CaseOptions) -> CaseAnswer:
    """Run a study per width against PCA, one along a path of strengths, and one with "auto"."""
    x = digits()
    sizes = squared_sizes(x)
    shared: dict[str, Any] = {"folds": _folds(), "epochs": EPOCHS, "batch_size": len(x), "curve_points": 20}
    centred = {"preprocessor": StandardScaler(with_std=False)}
    lines, sections = [], []
    for code in WIDTHS[:2] if options.quick else WIDTHS:
        study = Study(network(code), {}, seeds=options.seed_count(2, 1), **shared)
        result = options.study(f"width-{code}", study, x, **centred)
        lines.append(_line_of_width(result, x, code))
        sections.append(result.section(f"{code} units"))
    arms = {"L2": {"*/kernel": L2([float(share * sizes[0]) for share in SHARES])}}
    path = Study(network(CODE), arms, seeds=1, **{**shared, "folds": 2})
    result = options.study("path", path, x, refit="all", **centred)
    lines.append(_gain_line(gain_errors(result, sizes)))
    sections.insert(0, result.section("Path of strengths"))
    if not options.quick:
        auto = Study(network(CODE), {"L2": {"*/kernel": L2("auto")}}, seeds=1, **{**shared, "folds": 3})
        result = options.study("auto", auto, x, **centred)
        lines.append(_auto_line(result, sizes))
        sections.insert(1, result.section('"auto"'))
    return CaseAnswer(tuple(lines), _verdict(lines), tuple(sections))


def undercomplete() -> ReproductionCase:
    """Return the case."""
    return ReproductionCase(
        name="undercomplete",
        title="Under-complete code: a linear autoencoder against its closed form",
        question=(
            "A linear autoencoder with fewer units than inputs has a known answer: without a penalty the subspace of "
            "the principal components, and with L2 on both kernels a known shrinkage of each direction. Does the "
            "engine find both?"
        ),
        protocol=(
            f"Digits of scikit-learn divided by 16 and centred, 64-k-64 without bias, {EPOCHS} full-batch steps of "
            "Adam with a rate that falls to 0. FVU is the sum of squared errors of held-out rows divided by that of "
            "their distance to the training mean, over five folds. For the loss ‖X − XW₁W₂‖² + λ(‖W₁‖² + ‖W₂‖²), a "
            "direction with singular value σ keeps 1 − λ/σ² of itself and dies at σ² = λ: the stationary point of "
            "σ²(1 − w²)² + 2λw²."
        ),
        run=run,
    )

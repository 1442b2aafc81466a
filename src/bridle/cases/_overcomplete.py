"""An over-complete code: does an autoencoder with more units than inputs learn the identity, and what prevents it?"""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from bridle._api import Result, Study
from bridle._errors import InputError
from bridle.cases._reproduction import CaseAnswer, CaseOptions, Line, ReproductionCase
from bridle.cases._undercomplete import digits
from bridle.layers import JumpReLU, TopK
from bridle.plots import code_drawings
from bridle.regularizers import L1
from bridle.regularizers._batch import KL
from bridle.report import Sheet
from bridle.representations import StudiedCodes, join_codes
from bridle.stats import mean_interval

UNITS, TRAIN_ROWS = 256, 1347
STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
COUNTS = (8, 16, 32)
"""Units that TopK keeps."""
COST = (1e-4, 1e-3)
"""Strengths of the number of active units of JumpReLU."""
MAX_FVU, MIN_RATIO, ABOUT_ONE = 0.1, 10.0, 2.0
"""The bars: FVU of digits, and FVU of noise over FVU of digits with a penalty, and without one."""
EQUAL_L0 = 16.0


def network(epochs: int, code: list[keras.layers.Layer]) -> keras.Model:
    """Return 64-256-64, trained by Adam with a rate that falls to 0."""
    model = keras.Sequential([keras.Input((64,)), *code, keras.layers.Dense(64, name="decoder")])
    steps = epochs * -(-TRAIN_ROWS // 32)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)), "mse")
    return model


def _dense(activation: str) -> list[keras.layers.Layer]:
    return [keras.layers.Dense(UNITS, activation, name="code")]


def _before(activation: keras.layers.Layer) -> list[keras.layers.Layer]:
    return [keras.layers.Dense(UNITS, name="encoder"), activation]


def noise_ratio(codes: StudiedCodes, candidate: int) -> tuple[float, float, float]:
    """Return FVU of white noise over FVU of held-out digits, mean over seeds with its interval."""
    return mean_interval(codes.measures["noise_fvu"][candidate] / codes.measures["fvu"][candidate])


def _ratio_line(codes: StudiedCodes, name: str) -> Line:
    """Return the line of the best ratio of a penalty among strengths with FVU of digits up to the bar."""
    positions = [i for i, arm in enumerate(codes.arms) if arm == name]
    usable = [i for i in positions if np.nanmean(codes.measures["fvu"][i]) <= MAX_FVU]
    note = "" if usable else f"No strength keeps the FVU of digits at {MAX_FVU}."
    mean, low, high = max((noise_ratio(codes, i) for i in usable), default=(np.nan,) * 3)
    return Line(
        f"FVU of white noise / FVU of held-out digits, {name}",
        "Ranzato 2007: a sparse code does not reconstruct noise",
        f"≥ {MIN_RATIO:g} at an FVU of digits ≤ {MAX_FVU}",
        mean,
        (low, high),
        bool(usable) and mean >= MIN_RATIO,
        note,
    )


def _identity_line(codes: StudiedCodes) -> Line:
    mean, low, high = noise_ratio(codes, 0)
    holds = 1 / ABOUT_ONE <= mean <= ABOUT_ONE
    fvu, noise = (float(np.nanmean(codes.measures[name][0])) for name in ("fvu", "noise_fvu"))
    note = (
        f"It reconstructs {100 * (1 - noise):.0f} % of the variance of noise that it never saw. But it reconstructs "
        f"all but {fvu:.2g} of that of digits, and the ratio divides by it: no step trains the directions in which "
        "digits do not vary, such as corners that are always empty."
    )
    return Line(
        "FVU of white noise / FVU of held-out digits, no penalty",
        "Ranzato 2007: it may simply learn the identity",
        "about 1 (from 0.5 to 2)",
        mean,
        (low, high),
        holds,
        "" if holds else note,
    )


def _monotone_line(codes: StudiedCodes, arm: str) -> Line:
    path = [0, *codes.of_arm(arm)]
    l0, fvu = (np.nanmean(codes.measures[name][path], axis=1) for name in ("l0", "fvu"))
    steps = (np.diff(l0) < 0) & (np.diff(fvu) > 0)
    bar = "each stronger penalty: lower L0, higher FVU"
    return Line(
        f"steps of the frontier of {arm} that are monotone",
        f"{len(steps)}",
        bar,
        float(steps.sum()),
        None,
        bool(steps.all()),
    )


def _equal_line(codes: StudiedCodes) -> Line:
    quantity, bar = f"FVU of TopK minus FVU of L1 at L0 {EQUAL_L0:g}, paired by seed", "an interval"
    try:
        equal = codes.at_equal_l0("TopK", "L1", EQUAL_L0)
    except InputError as error:  # a small version, whose paths do not reach that L0
        return Line(quantity, "", bar, None, note=str(error))
    reference = f"L1 {equal.second:.3g}, TopK {equal.first:.3g}"
    is_known = bool(np.isfinite([equal.low, equal.high]).all())
    return Line(quantity, reference, bar, equal.difference, (equal.low, equal.high), is_known)


def _verdict(codes: StudiedCodes, equal: Line) -> str:
    """Return what the codes make of noise, and which one reconstructs digits better at equal sparsity."""
    fvu, noise = (np.nanmean(codes.measures[name], axis=1) for name in ("fvu", "noise_fvu"))
    usable = [index for index in codes.of_arm("L1") if fvu[index] <= MAX_FVU]
    text = f"Without a penalty the code explains {100 * (1 - noise[0]):.0f} % of the variance of white noise"
    if usable:
        strongest = usable[-1]
        share = max(0.0, 100 * (1 - noise[strongest]))
        text += (
            f"; with {codes.names[strongest]} it explains {share:.0f} %, at an FVU of digits of {fvu[strongest]:.2g}"
        )
    if equal.value is None or equal.interval is None or not equal.reproduced:
        return f"{text}."
    low, high = equal.interval
    better = "TopK reconstructs better" if high < 0 else "L1 reconstructs better" if low > 0 else "neither is better"
    return f"{text}. At {EQUAL_L0:g} active units {better}: FVU differs by {equal.measured}."


def _renamed(codes: StudiedCodes, arm: str, name: str) -> StudiedCodes:
    """Return the codes of a study without arms, under the name of its layer."""
    return replace(codes, arms=(arm,), names=(name,), dictionaries={}, reconstructions={})


def _sheet(codes: StudiedCodes) -> Sheet:
    names = ("l0", "fvu", "noise_fvu", "norm_ratio", "live")
    rows = [
        (name, *(f"{float(np.nanmean(codes.measures[key][index])):.3g}" for key in names))
        for index, name in enumerate(codes.names)
    ]
    headers = ("candidate", "L0", "FVU", "FVU of noise", "norms", "live units")
    return Sheet("Codes of the held-out digits, means over seeds", headers, tuple(rows))


def run(options: CaseOptions) -> CaseAnswer:
    """Run L1 and KL as paths, TopK and JumpReLU as models, and measure all codes on the digits left out."""
    x = digits()
    train, left_out = x[:TRAIN_ROWS], x[TRAIN_ROWS:]
    epochs, seeds = (6, 2) if options.quick else (60, options.seed_count(5))
    shared: dict[str, Any] = {"seeds": seeds, "folds": 2, "epochs": epochs, "curve_points": 10}

    def measured(name: str, code: list[keras.layers.Layer], arms: dict[str, Any]) -> tuple[Result, StudiedCodes]:
        result = options.study(name, Study(network(epochs, code), arms, **shared), train, refit="all")
        return result, result.representation("code", left_out)

    result, plain = measured("l1", _dense("relu"), {"L1": {"code/output": L1(list(STRENGTHS))}})
    kl, smooth = measured("kl", _dense("sigmoid"), {"KL": {"code/output": KL([1e-4, 1e-3, 1e-2], target=0.05)}})
    parts = [plain]
    for count in COUNTS[::2] if options.quick else COUNTS:
        codes = measured(f"topk-{count}", _before(TopK(count, name="code")), {})[1]
        parts.append(_renamed(codes, "TopK", f"TopK {count}"))
    for cost in COST[1:] if options.quick else COST:
        codes = measured(f"jumprelu-{cost:g}", _before(JumpReLU(l0=cost, name="code")), {})[1]
        parts.append(_renamed(codes, "JumpReLU", f"JumpReLU {cost:g}"))
    codes = join_codes(parts)
    lines = [_identity_line(codes), *(_ratio_line(codes, arm) for arm in ("L1", "TopK", "JumpReLU"))]
    lines += [_ratio_line(smooth, "KL"), _monotone_line(codes, "L1"), _equal_line(codes)]
    sections = (result.section("L1 on the code"), kl.section("KL on a sigmoid code"))
    pictures = code_drawings(codes, plain.of_arm("L1")[3], image=(8, 8))
    return CaseAnswer(tuple(lines), _verdict(codes, lines[-1]), sections, pictures, (_sheet(codes),))


def overcomplete() -> ReproductionCase:
    """Return the case."""
    return ReproductionCase(
        name="overcomplete",
        title="Over-complete code: the identity, and what prevents it",
        question=(
            "An autoencoder with four times as many units as inputs can copy its input without learning anything about "
            "it. Does a sparse code prevent that, and which one reconstructs best with equally many active units?"
        ),
        protocol=(
            f"Digits of scikit-learn divided by 16, 64-{UNITS}-64 with a rectifier, 60 epochs of Adam with a rate that "
            f"falls to 0, {TRAIN_ROWS} rows to train on and the rest to measure. White noise has the mean of each "
            "pixel and the mean variance of the pixels. FVU is the squared error over the squared distance to the "
            "mean. KL needs values from 0 to 1, so its code has a sigmoid instead and no exact zeros. Reference: "
            "Ranzato, Boureau and LeCun, Sparse feature learning for deep belief networks, 2007."
        ),
        run=run,
    )

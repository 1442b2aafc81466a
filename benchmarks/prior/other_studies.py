"""The rule on the simulated studies of `benchmarks.power`: another network and learning rate, families left out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.prior.evaluate import WORSE, transfers
from benchmarks.prior.learn import MEASURES, NAMES

from bridle.stats._prior import LOG_LOSS, SHARE, SQUARE, Prior, expect_gains
from bridle.stats._recommend import floor_of, loss_weight, relative_gains

FAMILIES = {"moons": "moons", "sparse": "sparse linear", "friedman": "friedman 1"}
ARMS = {"L2 weights": (1e-3, 5e-3, 2.5e-2), "L1 weights": (3e-4, 1.5e-3, 8e-3), "L1 activations": (1e-3, 1e-2, 1e-1)}
PASSES = 5
"""Passes on the first partition: five seeds in five folds."""
FOLDS = 5
VARIANCE = 23.8 / 25
"""Variance of the target of friedman 1 as it is scaled there."""


def judge(folder: Path, priors: dict[str, Prior], gains: dict[str, np.ndarray]) -> list[dict[str, object]]:
    """Return for each setting the gains of the rules over none on fresh rows, in points; empty without studies."""
    settings: dict[tuple[str, int], list[dict[str, float]]] = {}
    for path in sorted(folder.glob("*.npz")):
        family, rows = re.match(r"(\w+)-(\d+)-", path.name).groups()  # type: ignore[union-attr]
        if family not in FAMILIES:
            continue
        left_out = FAMILIES[family]
        prior = replace(priors[left_out], transfers=transfers(gains, left_out).astype(float))
        stored = np.load(path)
        for losses, folds, truth in zip(stored["losses"], stored["folds"], stored["truth"], strict=True):
            fresh = truth[:, :, :PASSES].mean((2, 3))
            score = -fresh[0] / VARIANCE if family == "friedman" else fresh[1]
            by_row = losses[:, :, :PASSES].mean(2)
            picked = _picks(family, int(rows), by_row, folds[0], prior)
            found = {rule: float(score[c] - score[0]) for rule, c in picked.items()}
            settings.setdefault((family, int(rows)), []).append({**found, "oracle": float(score.max() - score[0])})
    return [_summary(family, rows, studies) for (family, rows), studies in settings.items()]


def _picks(family: str, rows: int, by_row: np.ndarray, folds: np.ndarray, prior: Prior) -> dict[str, int]:
    """Return the candidate of each rule, from row losses (measure, candidate, row)."""
    errors = {SQUARE: by_row[0]} if family == "friedman" else {SHARE: 1 - by_row[1], LOG_LOSS: by_row[0]}
    weights = dict(zip(errors, (1.0, loss_weight(rows)), strict=False))
    value = np.zeros(by_row.shape[1])
    for measure, table in errors.items():
        value += weights[measure] * _expected(prior, measure, rows, table, folds)
    best = int(np.argmax(value))
    score, loss = next(iter(errors)), list(errors)[-1]
    return {
        "best": int(np.argmin(errors[score].mean(1))),
        "best log loss": int(np.argmin(errors[loss].mean(1))),
        "recommended": best if value[best] > 0 else 0,
    }


def _expected(prior: Prior, measure: str, rows: int, table: np.ndarray, folds: np.ndarray) -> np.ndarray:
    by_fold = np.stack([table[:, folds == fold].mean(1) for fold in range(FOLDS)], 1)
    gains, variance = relative_gains(by_fold[0], by_fold, floor=floor_of(measure), overlap=1 / (FOLDS - 1))
    expected, first = np.zeros(len(table)), 1
    for name, strengths in ARMS.items():
        inside = np.arange(first, first + len(strengths))
        place = np.log10(np.array(strengths) / (5 if rows > 200 else 1))
        level = float(by_fold[0].mean())
        curves = prior.curves(MEASURES.index(measure), NAMES.index(name), rows, level, place)
        options = {"length": prior.length, "degrees": FOLDS - 1.0}
        expected[inside] = expect_gains(curves, place, gains[inside], variance[inside], **options).gain
        first += len(strengths)
    return expected


def _summary(family: str, rows: int, studies: Sequence[Mapping[str, float]]) -> dict[str, object]:
    def interval(values: np.ndarray) -> list[float]:
        return [100 * float(values.mean()), 196 * float(values.std(ddof=1)) / len(values) ** 0.5]

    table = {rule: np.array([study[rule] for study in studies]) for rule in studies[0]}
    return {
        "family": FAMILIES[family],
        "rows": rows,
        "studies": len(studies),
        "rules": {rule: interval(values) for rule, values in table.items()},
        "over best": interval(table["recommended"] - table["best"]),
        "worse": {rule: float((values < WORSE).mean()) for rule, values in table.items()},
    }

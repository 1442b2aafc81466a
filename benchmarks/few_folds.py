"""With two or three folds, are useless arms said to help? Thousands of simulated studies, without training.

`python -m benchmarks.few_folds` writes benchmarks/few_folds.json, which docs/statistics.md shows.

A network here has random hidden units and an output layer by ridge regression, so that arms, like networks from other
seeds, differ by luck alone; scores are those of cross-validation on rows of two moons, in single precision.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.datasets import make_moons

from bridle.stats import compare_all, cross_select

NUMBERS = Path(__file__).parent / "few_folds.json"
STUDIES, ROWS, FOLDS, ARMS, SEEDS, STRENGTHS = 2000, 40, (2, 3), 9, 2, (1, 3)
UNITS, RIDGE, NOISE = 12, 0.1, 0.35
SIGNS = {"accuracy": 1, "loss": -1}


def parts(folds: int) -> list[np.ndarray]:
    """Return the rows that each fold judges."""
    return np.array_split(np.arange(ROWS), folds)


def scores(studies: int, folds: int, strengths: int) -> dict[str, np.ndarray]:
    """Return accuracy and squared error of useless candidates: float32 (study, 1 + arms * strengths, seed, fold)."""
    rng, networks = np.random.default_rng(folds), (1 + ARMS * strengths) * SEEDS
    x, y = make_moons(20_000, noise=NOISE, random_state=1)
    found = {name: np.empty((studies, networks // SEEDS, SEEDS, folds), np.float32) for name in SIGNS}
    for study in range(studies):
        own = rng.choice(len(x), ROWS, replace=False)
        target = 2.0 * y[own] - 1
        hidden = np.tanh(1.5 * np.c_[x[own], np.ones(ROWS)] @ rng.normal(size=(networks, 3, UNITS)))
        for fold, judged in enumerate(parts(folds)):
            learned = np.setdiff1d(np.arange(ROWS), judged)
            inner = hidden[:, learned].swapaxes(1, 2)
            products = inner @ hidden[:, learned] + RIDGE * np.eye(UNITS)
            weights = np.linalg.solve(products, (inner @ target[learned])[..., None])
            wrong = (hidden[:, judged] @ weights)[..., 0] - target[judged]
            right = (np.abs(wrong) < 1).sum(axis=1).astype(np.float32) / np.float32(len(judged))
            found["accuracy"][study, :, :, fold] = right.reshape(-1, SEEDS)
            found["loss"][study, :, :, fold] = (wrong**2).mean(axis=1).reshape(-1, SEEDS)
    return found


def false_claims(studies: int, folds: int, strengths: int) -> dict[str, float]:
    """Return the share of studies in which any of nine useless arms is said to help."""
    rows = np.array([[ROWS - len(part), len(part)] for part in parts(folds)])
    shares = {}
    for name, table in scores(studies, folds, strengths).items():
        claims = 0
        for none, *others in SIGNS[name] * table:
            arms = np.stack(others).reshape(ARMS, strengths, SEEDS, folds)
            fair = [cross_select(np.arange(strengths), arm, maximize=True) for arm in arms]
            claims += any(gain.low > 0 for gain in compare_all(fair, none, rows, share=name == "accuracy"))
        shares[name] = claims / studies
    return shares


def main() -> None:
    """Measure, write the numbers down and print them."""
    claims = {
        f"{folds} folds, {strengths} {'strength' if strengths == 1 else 'strengths'} each": false_claims(
            STUDIES, folds, strengths
        )
        for folds in FOLDS
        for strengths in STRENGTHS
    }
    found = {"studies": STUDIES, "false claims": claims}
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

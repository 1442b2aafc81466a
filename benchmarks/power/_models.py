"""Studies of linear models with random features: row scores of cross-validation, and scores on fresh rows."""

from dataclasses import dataclass

import numpy as np

from bridle.results import Arm, Members, RowScores, Score, StudyResult

FOLDS, COLUMNS, UNITS, FRESH = 5, 6, 16, 300
WEIGHTS = np.array([0.8, 0.8, -0.8, 0.0, 0.0, 0.0])


@dataclass(frozen=True)
class Drawn:
    """A simulated study: its result, and the scores of the same fits on fresh rows, (candidate, seed, fold)."""

    result: StudyResult
    fresh: np.ndarray


def build(
    values, rows, fold_rows, *, name="loss", maximize=False, weights=None, arms=None, columns=None, **facts
) -> StudyResult:
    """Return a result of row scores (candidate, seed, fold, position); by default, all candidates are of one arm.

    Arms are pairs (target, penalty), with the arm of each candidate and its strength. `columns` are other quantities,
    (candidate, seed, fold) each.
    """
    candidates, seeds, folds, _ = values.shape
    terms, arm_of, strengths = arms or (
        (("kernel", "L2"),),
        np.minimum(np.arange(candidates), 1),
        np.arange(candidates),
    )
    grid = np.array([(c, s, f) for c in range(candidates) for s in range(seeds) for f in range(folds)])
    weights = (rows >= 0).astype(float) if weights is None else weights
    finished = np.isfinite(values[..., 0]).reshape(-1)
    last = np.where(rows >= 0, weights * values, 0.0).sum(axis=-1) / weights.sum(axis=1)
    quantities = tuple(
        dict.fromkeys(f"{part}/{measure}" for measure in (name, "loss") for part in ("validation", "train"))
    )
    tables = dict.fromkeys(quantities, last) | (columns or {})
    curves = np.stack([table.reshape(-1) for table in tables.values()], axis=1)[:, None, :]
    slots = np.zeros((candidates, len(terms)))
    slots[np.arange(candidates), np.maximum(arm_of, 1) - 1] = strengths
    return StudyResult(
        arms=(
            Arm("none", (), ()),
            *(
                Arm(f"arm {arm}", ((target, f"{penalty}(strength={{s{arm}}})"),), (arm - 1,))
                for arm, (target, penalty) in enumerate(terms, 1)
            ),
        ),
        slots=tuple(f"s{arm}" for arm in range(1, len(terms) + 1)),
        setting_arm=np.asarray(arm_of),
        setting_strengths=slots,
        members=Members(*grid.T, finished, np.full(len(grid), -1), np.ones(len(grid), int), np.ones(len(grid), int)),
        score=Score(name, maximize),
        epochs=np.array([1]),
        quantities=tuple(tables),
        curves=curves,
        diagnostic_names=(),
        diagnostics=np.zeros((len(grid), 0)),
        fold_rows=fold_rows,
        row_scores=RowScores(values.reshape(len(grid), -1), rows, weights),
        provenance=facts,
    )


def draw(study: int, ridges, *, seeds=3, count=60, useless=False) -> Drawn:
    """Return one study: ridge regression on random units, by squared error, `ridges[0]` as no penalty.

    With `useless`, every candidate has `ridges[0]` and units of its own in each fit, so that they differ by chance.
    """
    rng = np.random.default_rng(study)
    x, fresh = rng.normal(size=(count, COLUMNS)), rng.normal(size=(FRESH, COLUMNS))
    y, truth = (z @ WEIGHTS + np.sin(2 * z[:, 0]) + rng.normal(size=len(z)) for z in (x, fresh))
    parts = np.array_split(rng.permutation(count), FOLDS)
    rows = np.full((FOLDS, max(map(len, parts))), -1)
    values = np.full((len(ridges), seeds, *rows.shape), np.nan)
    outside = np.empty((len(ridges), seeds, FOLDS))
    for fold, judged in enumerate(parts):
        rows[fold, : len(judged)] = judged
        learned = np.setdiff1d(np.arange(count), judged)
        for seed in range(seeds):
            for candidate, ridge in enumerate(ridges):
                if useless or candidate == 0:
                    hidden = rng.normal(size=(COLUMNS + 1, UNITS))
                    inner, other = (np.tanh(np.c_[z, np.ones(len(z))] @ hidden / 2) for z in (x, fresh))
                    half = inner[learned]
                    gram, target = half.T @ half, half.T @ y[learned]
                weights = np.linalg.solve(gram + (ridges[0] if useless else ridge) * np.eye(UNITS), target)
                values[candidate, seed, fold, : len(judged)] = (inner[judged] @ weights - y[judged]) ** 2
                outside[candidate, seed, fold] = ((other @ weights - truth) ** 2).mean()
    sizes = np.array([[count - len(part), len(part)] for part in parts])
    return Drawn(build(values, rows, sizes), outside)

"""Protocols on the same simulated fits: how often a gain is claimed, and how often the interval covers the truth."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from benchmarks.power._models import build
from benchmarks.power._simulate import ARM_OF, FOLDS, PASSES, Setting, load

from bridle.results import StudyResult
from bridle.stats import LOG_LOSS, best_of, read_rows, weigh_evidence

DESIGNS = {"5 seeds": (0, 1, 2, 3, 4), "5 partitions": (0, 5, 6, 7, 8)}
"""25 fits of each candidate: seeds of one partition into folds, or as many partitions with a seed each."""
TARGET_VARIANCE = 0.9945
"""The variance of the target of `friedman`, for r2."""


@dataclass(frozen=True)
class Simulated:
    """One study as a result, and the scores of its fits on fresh rows, (candidate, seed, fold)."""

    result: StudyResult
    fresh: np.ndarray


def scores_of(setting: Setting) -> tuple[str, ...]:
    return ("loss", "r2") if setting.regression else ("loss", "accuracy")


def studies(setting: Setting, folder: Path, score: str, design: str) -> Iterator[Simulated]:
    """Yield the studies of one setting, by one score and design."""
    data, passes = load(setting, folder), DESIGNS[design]
    for study in range(len(data["losses"]) if data else 0):
        piece = {name: values[study] for name, values in data.items()}
        measure = 1 if score == "accuracy" else 0
        losses, fresh = piece["losses"][measure].astype(float), piece["truth"][measure].astype(float)
        yield _simulated(losses, fresh, piece["folds"], piece["y"].astype(float), score, passes, setting.regression)


def _simulated(losses, fresh, folds, y, score, passes, regression) -> Simulated:
    """Arrange passes as seeds; one over another partition has no fits in the folds of the first."""
    parts = [PASSES[index][1] for index in passes]
    cells = [(part, (folds[part] == fold).nonzero()[0]) for part in dict.fromkeys(parts) for fold in range(FOLDS)]
    rows = np.full((len(cells), max(len(judged) for _, judged in cells)), -1)
    values = np.full((len(losses), len(passes), *rows.shape), np.nan)
    outside = np.full(values.shape[:3], np.nan)
    for cell, (part, judged) in enumerate(cells):
        rows[cell, : len(judged)] = judged
        for seed, index in enumerate(passes):
            if parts[seed] == part:
                values[:, seed, cell, : len(judged)] = _row_scores(losses[:, index][:, judged], y[judged], score)
                outside[:, seed, cell] = fresh[:, index, cell % FOLDS]
    sizes = np.array([[len(y) - len(judged), len(judged)] for _, judged in cells])
    outside = 1 - outside / TARGET_VARIANCE if score == "r2" else outside
    facts = {LOG_LOSS: True} if score == "loss" and not regression else {}
    return Simulated(build(values, rows, sizes, name=score, maximize=score != "loss", arms=ARM_OF, **facts), outside)


def _row_scores(losses: np.ndarray, y: np.ndarray, score: str) -> np.ndarray:
    """Return the scores of rows: their losses or hits, or the score of the fold plus their influence on r2."""
    if score != "r2":
        return losses
    error, squares = losses.mean(axis=-1, keepdims=True), (y - y.mean()) ** 2
    total = squares.mean()
    return 1 - error / total - (losses - error) / total + error * (squares - total) / total**2


def first_seeds(result: StudyResult, count: int) -> StudyResult:
    """Return the part of a result that its first seeds give."""
    used, fits, rows = result.members.seed < count, result.members, result.row_scores
    arrays = {name: values[used] for name, values in vars(fits).items()}
    return replace(
        result,
        members=replace(fits, **arrays),
        curves=result.curves[used],
        diagnostics=result.diagnostics[used],
        row_scores=replace(rows, values=rows.values[used]),
    )


def looks(simulated: list[Simulated]) -> float:
    """Return the share of studies with a claim after any number of seeds: who extends a study looks at every one."""
    claims = 0
    for study in simulated:
        answers = (weigh_evidence(first_seeds(study.result, count + 1)) for count in range(len(study.result.seeds)))
        claims += any(answer.claim is not None and answer.claim.low > 0 for answer in answers)
    return claims / len(simulated)


def judge(simulated: list[Simulated]) -> dict[str, float]:
    """Return the truth, the share of studies with a claim, by folds and by rows, and the coverage of the interval."""
    differences, intervals, truths, claims, old = [], [], [], 0, 0
    for study in simulated:
        result = study.result
        evidence, sign = weigh_evidence(result), 1.0 if result.score.maximize else -1.0
        before = weigh_evidence(replace(result, row_scores=None))
        claims += evidence.claim is not None and evidence.claim.low > 0
        old += before.claim is not None and before.claim.low > 0
        differences.append(evidence.primary.difference)
        intervals.append((evidence.primary.low, evidence.primary.high))
        chosen = read_rows(result).choose(best_of(np.arange(len(ARM_OF)), maximize=result.score.maximize))
        truths.append(sign * np.nanmean([study.fresh[c, :, f] - study.fresh[0, :, f] for f, c in enumerate(chosen)]))
    truth, low, high = float(np.mean(truths)), *np.array(intervals).T
    known = np.isfinite(low)
    return {
        "studies": len(simulated),
        "truth": truth,
        "truth error": float(np.std(truths, ddof=1) / np.sqrt(len(truths))),
        "mean difference": float(np.mean(differences)),
        "error": float(np.sqrt(np.mean((np.array(differences) - truth) ** 2))),
        "before": old / len(simulated),
        "claims": claims / len(simulated),
        "covers": float(np.mean((low <= truth) & (truth <= high), where=known)),
        "too low": float(np.mean(high < truth, where=known)),
        "too high": float(np.mean(low > truth, where=known)),
        "no interval": float(1 - known.mean()),
    }

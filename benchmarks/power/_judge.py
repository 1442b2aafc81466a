"""Protocols on the same simulated fits: how often a gain is claimed, and how often the interval covers the truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from benchmarks.power._models import build
from benchmarks.power._simulate import ARM_OF, FOLDS, PASSES, TARGETS, Setting, load, strengths_of

from bridle.results import StudyResult
from bridle.stats import (
    CROSS_ENTROPY,
    DATA_LOSS,
    LOG_LOSS,
    SQUARED_ERROR,
    RowTable,
    best_of,
    compare_rows,
    is_share,
    read_rows,
    weigh_evidence,
)
from bridle.stats._looks import Looks
from bridle.stats._row_variance import row_moments

DESIGNS = {"5 seeds": (0, 1, 2, 3, 4), "5 partitions": (0, 5, 6, 7, 8)}
"""25 fits of each candidate: seeds of one partition into folds, or as many partitions with a seed each."""
CHOSEN_ON = {"friedman-200": 100, "null-friedman-60": 50, "moons-200": 50, "sparse-200": 50, "null-200": 50}
"""The number of first studies on which the form of the interval was chosen, 100 of other settings."""
TARGET_VARIANCE = 0.9945
"""The variance of the target of `friedman`, for r2."""


@dataclass(frozen=True)
class Simulated:
    """One study as a result, and the scores of its fits on fresh rows, (candidate, seed, fold)."""

    result: StudyResult
    fresh: np.ndarray


def scores_of(setting: Setting) -> tuple[str, ...]:
    return ("loss", "r2") if setting.regression else ("loss", "accuracy")


def studies(
    setting: Setting, folder: Path, score: str, design: str, training: np.ndarray | None = None
) -> Iterator[Simulated]:
    """Yield the studies of one setting, by one score and design.

    `training` has the training losses of candidates, for pieces that were stored without.
    """
    data, passes = load(setting, folder), DESIGNS[design]
    for study in range(len(data["losses"]) if data else 0):
        piece = {name: values[study] for name, values in data.items()}
        if training is not None and "training" not in piece:
            piece["training"] = np.broadcast_to(training[:, None, None], piece["truth"].shape[1:])
        measure = 1 if score == "accuracy" else 0
        losses, fresh = piece["losses"][measure].astype(float), piece["truth"][measure].astype(float)
        yield _simulated(setting, piece, losses, fresh, score, passes)


def _simulated(setting, piece, losses, fresh, score, passes) -> Simulated:
    """Arrange passes as seeds; one over another partition has no fits in the folds of the first."""
    folds, y = piece["folds"], piece["y"].astype(float)
    parts = [PASSES[index][1] for index in passes]
    cells = [(part, (folds[part] == fold).nonzero()[0]) for part in dict.fromkeys(parts) for fold in range(FOLDS)]
    rows = np.full((len(cells), max(len(judged) for _, judged in cells)), -1)
    values = np.full((len(losses), len(passes), *rows.shape), np.nan)
    outside = np.full(values.shape[:3], np.nan)
    columns = {name: np.full(outside.shape, np.nan) for name in ("validation/loss", "train/loss")}
    for cell, (part, judged) in enumerate(cells):
        rows[cell, : len(judged)] = judged
        for seed, index in enumerate(passes):
            if parts[seed] == part:
                values[:, seed, cell, : len(judged)] = _row_scores(losses[:, index][:, judged], y[judged], score)
                outside[:, seed, cell] = fresh[:, index, cell % FOLDS]
                columns["validation/loss"][:, seed, cell] = piece["losses"][0, :, index][:, judged].mean(axis=-1)
                if "training" in piece:
                    columns["train/loss"][:, seed, cell] = piece["training"][:, index, cell % FOLDS]
    sizes = np.array([[len(y) - len(judged), len(judged)] for _, judged in cells])
    outside = 1 - outside / TARGET_VARIANCE if score == "r2" else outside
    regression = setting.regression
    facts = {DATA_LOSS: SQUARED_ERROR if regression else CROSS_ENTROPY}
    facts |= {LOG_LOSS: True} if score == "loss" and not regression else {}
    columns |= {"train/r2": 1 - columns["train/loss"] / TARGET_VARIANCE} if score == "r2" else {}
    terms = tuple((target, name[:2].lower()) for name, target in TARGETS.items())
    arms = terms, ARM_OF, strengths_of(setting).max(axis=1)
    options = {"name": score, "maximize": score != "loss", "arms": arms, "columns": columns}
    return Simulated(build(values, rows, sizes, **options, **facts), outside)


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


def paired(result: StudyResult) -> tuple[RowTable, list[int | None], list[np.ndarray]]:
    """Return the rows of a study, what it chooses for each fold, and the scores of that and of none, more is better."""
    table, maximize = read_rows(result), result.score.maximize
    chosen = table.choose(best_of(np.arange(len(result.setting_arm)), maximize=maximize))
    return table, chosen, [(1.0 if maximize else -1.0) * table.take(each) for each in (chosen, [0] * len(chosen))]


def looks(results: Sequence[StudyResult], plans: Sequence[int]) -> dict[int, list[float]]:
    """Return the share of studies with a claim after at most 1, 2 and so on seeds, looked at after each, for each plan.

    Args:
        results: the studies.
        plans: the seeds that a study is known to get from the start; those after them are extensions. With 0, no look
            knows of another.

    """
    claimed = np.zeros((len(plans), len(results), len(results[0].seeds)), bool)
    for study, result in enumerate(results):
        share = is_share(result.scores(), result.fold_rows)
        for count in range(1, claimed.shape[2] + 1):
            table, _, scores = paired(first_seeds(result, count))
            if not compare_rows(*scores, table, share=share).low > 0:
                continue
            for index, plan in enumerate(plans):
                known = Looks((*range(1, count),), (*range(count + 1, plan + 1),)) if plan else Looks()
                answer = compare_rows(*scores, replace(table, looks=known), share=share)
                claimed[index, study, count - 1] = answer.low > 0
    shares = np.maximum.accumulate(claimed, axis=2).mean(axis=1)
    return {plan: share.tolist() for plan, share in zip(plans, shares, strict=True)}


def judge(simulated: list[Simulated], first: int) -> dict[str, float | None]:
    """Return the truth, the share of studies with a claim, by folds and by rows, and the coverage of the interval.

    "training" is the variance that is not explained by the rows that judge, by folds or by seeds, as a multiple of that
    of the rows that judge. "fresh" studies are those from the index `first` on.
    """
    differences, intervals, truths, parts, claims, old = [], [], [], [], 0, 0
    for study in simulated:
        result, sign = study.result, 1.0 if study.result.score.maximize else -1.0
        if result.folds == FOLDS:
            before = weigh_evidence(replace(result, row_scores=None))
            old += bool(before.best_arm) and before.gains[before.best_arm].low > 0
        table, chosen, (arm, none) = paired(result)
        answer = compare_rows(arm, none, table, share=is_share(result.scores(), result.fold_rows))
        claims += answer.low > 0
        differences.append(answer.difference)
        intervals.append((answer.low, answer.high))
        moments = row_moments(arm - none, table.rows, table.shares)
        parts.append((moments.variance, moments.folds.excess + moments.seeds.excess))
        truths.append(sign * np.nanmean([study.fresh[c, :, f] - study.fresh[0, :, f] for f, c in enumerate(chosen)]))
    truth, low, high = float(np.mean(truths)), *np.array(intervals).T
    known, judging = np.isfinite(low), np.mean(parts, axis=0)
    covered, error = (low <= truth) & (truth <= high), np.mean((np.array(differences) - truth) ** 2)
    later = known & (np.arange(len(simulated)) >= first)
    return {
        "studies": len(simulated),
        "truth": truth,
        "truth error": float(np.std(truths, ddof=1) / np.sqrt(len(truths))),
        "mean difference": float(np.mean(differences)),
        "error": float(np.sqrt(error)),
        "training": float((error - judging.sum()) / judging[0]),
        "before": old / len(simulated) if simulated[0].result.folds == FOLDS else None,
        "claims": claims / len(simulated),
        "covers": float(np.mean(covered, where=known)),
        "fresh studies": int(later.sum()),
        "fresh covers": float(np.mean(covered, where=later)) if later.any() else None,
        "too low": float(np.mean(high < truth, where=known)),
        "too high": float(np.mean(low > truth, where=known)),
        "no interval": float(1 - known.mean()),
    }

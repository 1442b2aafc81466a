"""Evaluation of the rules with one family left out: what each chooses, and its score on fresh rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from benchmarks.prior.learn import (
    MEASURES,
    NAMES,
    TEMPERED,
    Sample,
    best_expected,
    chosen,
    curves_at,
    expectations,
    learn,
    lines_of,
    recommended,
    without,
)
from scipy import stats

from bridle.stats._prior import LEAST_GAIN, LOG_LOSS, SHARE, SQUARE, Prior

WORSE = -0.01
"""A choice is counted as worse than none below this difference of accuracy or r²."""
MIN_ROWS = 6
"""It must be wrong on so many more fresh rows: fewer cannot differ at the 5 % level in a sign test."""
ROUNDING = 0.01
"""Rows; accuracies are stored with seven digits."""
SUM, TEMPERED_WEIGHT = "sum of gains, with a temperature", 2.0
WITH_GAINS, WITH_CURVES = "… with the learned gains of the kinds", "… with their spread and noise too"
LOSS_WEIGHTS = ((30.0, 0.0), (100.0, 1.0), (300.0, 3.0))
"""Weight of the expected gain in log loss beside that in accuracy, by the number of rows, in a variant of the rule."""
Row = tuple[Sample, dict[str, float]]


def picks(sample: Sample, prior: Prior) -> dict[str, int]:
    """Return the candidate of every rule."""
    validated = sample.numbers["validated"].astype(int)

    def best(measure: str) -> int:
        return int(validated[np.argmin(np.nan_to_num(sample.row_losses[measure].mean(1), nan=1e9))])

    classes = bool(sample.classes)
    score, loss, tempered = (SHARE, LOG_LOSS, TEMPERED) if classes else (SQUARE,) * 3
    weight = loss_weight(sample.rows)
    return {
        "best": best(score),
        "best log loss": best(loss),
        "best log loss after a temperature": best(tempered),
        "prior alone": chosen(sample, prior, [(1.0, score, None)]),
        "recommended": recommended(sample, prior),
        "… with the log loss": chosen(
            sample, prior, [(1.0, score, score), *([(weight, loss, loss)] if classes else [])]
        ),
        "… by log loss alone": chosen(sample, prior, [(1.0, loss, loss)]),
        "… with a temperature": chosen(
            sample, prior, [(1.0, score, score), *([(weight, loss, tempered)] if classes else [])]
        ),
        SUM: summed(sample, prior),
        "oracle": int(validated[np.argmax(sample.score[validated])]),
    }


def picks_of_kinds(sample: Sample, own: Prior, shipped: Prior) -> dict[str, int]:
    """Return the candidate of every rule for a study of the other kinds, of which the package has no curves.

    `recommended` has the spread and the noise of the penalties and expects no gain; the other rules expect the gains of
    `own`, the curves of the kinds.
    """
    validated = sample.numbers["validated"].astype(int)
    candidates = validated[sample.arm[validated] >= 0]
    curves = curves_at(sample, own, SHARE, candidates)
    pooled = curves_at(sample, shipped, SHARE, candidates, known=False)
    return {
        "best": int(validated[np.argmin(np.nan_to_num(sample.row_losses[SHARE].mean(1), nan=1e9))]),
        "recommended": best_expected(sample, candidates, pooled),
        WITH_GAINS: best_expected(sample, candidates, replace(pooled, mean=curves.mean)),
        WITH_CURVES: best_expected(sample, candidates, curves),
        "oracle": int(validated[np.argmax(sample.score[validated])]),
    }


def leave_one_family_out_of_kinds(samples: Sequence[Sample], priors: dict[str, Prior], shipped: Prior) -> list[Row]:
    """Return the gains over none on fresh rows of every rule, for every study of classes with the other kinds."""
    gains, rows = prior_gains(samples, priors), []
    cut = {family: replace(prior, transfers=transfers(gains, family).astype(float)) for family, prior in priors.items()}
    for s in samples:
        if s.classes:
            rows.append((s, {rule: float(s.score[c]) for rule, c in picks_of_kinds(s, cut[s.family], shipped).items()}))
    return rows


def loss_weight(rows: float) -> float:
    """Return the weight of the log loss, linear in the logarithm of the rows."""
    sizes, values = np.array(LOSS_WEIGHTS).T
    return float(np.interp(np.log(rows), np.log(sizes), values))


def summed(sample: Sample, prior: Prior) -> int:
    """Return the candidate with the largest sum of gains, 0 for none.

    That is the mean of the curves, the cross-validated relative gain in the score, and for classes `TEMPERED_WEIGHT`
    times that in the log loss after a temperature: nothing is shrunk.
    """
    score = SHARE if sample.classes else SQUARE
    candidates, expected = expectations(sample, prior, score, None)
    value = expected.prior_gain + cross_validated(sample, score)
    if sample.classes:
        value = value + TEMPERED_WEIGHT * cross_validated(sample, TEMPERED)
    best = int(np.argmax(value))
    return int(candidates[best]) if value[best] > 0 else 0


def cross_validated(sample: Sample, measure: str) -> np.ndarray:
    """Return the relative gains of the validated candidates, without none."""
    inside = sample.arm[sample.numbers["validated"].astype(int)] >= 0
    return np.clip(np.nan_to_num(sample.validated_gains(measure)[0][inside], nan=LEAST_GAIN), LEAST_GAIN, 1.0)


def prior_gains(samples: Sequence[Sample], priors: dict[str, Prior]) -> dict[str, np.ndarray]:
    """Return by family, as (measure, arm), the mean relative gain where the curves of other families alone choose.

    NaN for a measure or an arm that the family lacks.
    """
    gains: dict[str, np.ndarray] = {}
    for family in sorted({sample.family for sample in samples}):
        table = np.full((len(MEASURES), len(NAMES)), np.nan)
        group = [sample for sample in samples if sample.family == family and not sample.tests_only]
        for m, measure in enumerate(MEASURES):
            for arm in range(len(NAMES)):
                values = [
                    _prior_gain(sample, priors[family], m, arm)
                    for sample in group
                    if measure in sample.measures and (sample.arm == arm).any()
                ]
                table[m, arm] = np.mean(values) if values else np.nan
        gains[family] = table
    return gains


def _prior_gain(sample: Sample, prior: Prior, measure: int, arm: int) -> float:
    path, name = np.flatnonzero(sample.arm == arm), MEASURES[measure]
    mean = curves_at(sample, prior, name, path).mean
    best = int(np.argmax(mean))
    return float(sample.gains(name)[path[best]]) if mean[best] > 0 else 0.0


def transfers(gains: dict[str, np.ndarray], left_out: str = "") -> np.ndarray:
    """Return (measure, arm): 1 where the mean over families of these gains is above 0, else 0."""
    tables = np.array([table for family, table in gains.items() if family != left_out])
    counted = np.isfinite(tables).sum(0)
    return np.where(counted > 0, np.nansum(tables, axis=0), -1.0) > 0


def priors_without(samples: Sequence[Sample]) -> dict[str, Prior]:
    """Return the prior of all other families, by family."""
    lines = lines_of([sample for sample in samples if not sample.tests_only])
    return {family: learn(without(lines, family)) for family in sorted({sample.family for sample in samples})}


def leave_one_family_out(samples: Sequence[Sample], priors: dict[str, Prior]) -> list[Row]:
    """Return the gains over none on fresh rows of every rule, for every study with cross-validation."""
    gains, rows = prior_gains(samples, priors), []
    cut = {family: replace(prior, transfers=transfers(gains, family).astype(float)) for family, prior in priors.items()}
    for s in samples:
        if s.has_validation:
            rows.append((s, {rule: float(s.score[c]) for rule, c in picks(s, cut[s.family]).items()}))
    return rows


def summarize(rows: Sequence[Row], rule: str, other: str | None = None) -> dict[str, float]:
    """Return mean gain over families with its 95 % interval, in points, and the share of studies worse than none.

    A classifier counts as worse where its accuracy is lower by more than `-WORSE` and by at least `MIN_ROWS` rows.
    """
    families = sorted({sample.family for sample, _ in rows})
    gains = np.array([gain[rule] - (gain[other] if other else 0.0) for _, gain in rows])
    names = np.array([sample.family for sample, _ in rows])
    means = 100 * np.array([gains[names == family].mean() for family in families])
    half = (
        float(stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means)))
        if len(means) > 2
        else np.nan
    )
    rows_lost = np.array(
        [-gain * s.fresh_rows if s.classes else MIN_ROWS for gain, (s, _) in zip(gains, rows, strict=True)]
    )
    worse = (gains < WORSE) & (rows_lost >= MIN_ROWS - ROUNDING)
    between, within = deviations([100 * gains[names == family] for family in families])
    return {
        "mean": float(means.mean()),
        "half": half,
        "worse": float(worse.mean()),
        "between": between,
        "within": within,
    }


def deviations(groups: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the standard deviation between the true means of groups, and that within a group; NaN if unknown.

    The variance of the means of groups is that of the true means, plus that within a group times the mean of 1/n.
    """
    repeated = [group.var(ddof=1) for group in groups if len(group) > 1]
    if len(repeated) < 2:
        return np.nan, np.nan
    within = float(np.mean(repeated))
    total = float(np.var([group.mean() for group in groups], ddof=1))
    between = total - within * float(np.mean([1 / len(group) for group in groups]))
    return max(between, 0.0) ** 0.5, within**0.5

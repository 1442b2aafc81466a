"""Comparison on single rows: by hand-computed numbers, by scipy, and by simulation."""

import json
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.power.__main__ import NUMBERS
from benchmarks.power._models import build, draw
from scipy import stats as scipy_stats

from bridle.results import StudyResult
from bridle.stats import DEPENDENT_ROWS, LOG_LOSS, best_of, compare_rows, read_rows, weigh_evidence

FOLDS, SIZE = 5, 12
ROWS = np.arange(FOLDS * SIZE).reshape(FOLDS, SIZE)
SIZES = np.array([[48, 12]] * FOLDS)


def drawn(candidates=2, seeds=3, rng=0, skewed=False) -> np.ndarray:
    """Return row scores (candidate, seed, fold, position), the same noise for every candidate and some of its own."""
    rng = np.random.default_rng(rng)
    size = (FOLDS, SIZE)
    own = rng.exponential(1.0, (candidates, 1, *size)) if skewed else rng.normal(size=(candidates, 1, *size))
    return rng.normal(size=(1, 1, FOLDS, SIZE)) + own + 0.3 * rng.normal(size=(candidates, seeds, FOLDS, SIZE))


def fits_alone(paired: np.ndarray) -> float:
    """Return the mean variance between the fits of a row, divided by their number and that of the rows."""
    flat = paired.reshape(len(paired), -1)
    return float(np.mean(np.nanvar(flat, axis=0, ddof=1) / np.isfinite(flat).sum(axis=0)) / flat.shape[1])


def compared(result: StudyResult, arm=1, none=0, **options):
    table = read_rows(result)
    assert table is not None
    return compare_rows(table.take([arm] * len(table.rows)), table.take([none] * len(table.rows)), table, **options)


def by_formula(values: np.ndarray, paired: np.ndarray, alone: float, chance: float | None = None, overlap=1.25):
    """Return the difference and its interval from the differences of rows and of seeds.

    `alone` is the variance of the mean of seeds if the fits of all rows were independent, `chance` the part of it from
    fits of the same fold.
    """
    count, mean, chance = len(values), values.mean(), alone if chance is None else chance
    rows, folds, seeds = values.var(ddof=1) / count, np.nanmean(paired, axis=(0, 2)), np.nanmean(paired, axis=(1, 2))
    groups = np.array([folds.var(ddof=1) / len(folds), seeds.var(ddof=1) / len(seeds) if len(seeds) > 1 else 0.0])
    beyond = np.maximum(groups - [rows, alone], 0.0)
    judged = rows + overlap * max(rows - chance, 0.0)
    variance, freedom = judged + beyond.sum(), [len(folds) - 1, max(len(seeds) - 1, 1)]
    spread = judged**2 / (count - 1) + (np.where(beyond > 0, groups, 0.0) ** 2 / freedom).sum()
    quantile, error = scipy_stats.t.ppf(0.975, variance**2 / spread), np.sqrt(variance)
    skewness = scipy_stats.skew(values) / np.sqrt(count)

    def moved(skewness: float) -> float:
        return 3 / skewness * (np.cbrt(1 + skewness * (quantile - skewness / 6)) - 1)

    return mean, mean - moved(skewness) * error, mean + moved(-skewness) * error


@pytest.mark.parametrize("skewed", [False, True])
def test_the_interval_is_that_of_rows_which_judge_and_train(skewed) -> None:
    """Variance s² / n, N / n1 of it once more without what comes from seeds; the end of the longer tail moved out."""
    values = drawn(skewed=skewed)
    got = compared(build(values, ROWS, SIZES))
    paired = values[1] - values[0]
    differences = paired.mean(axis=0).reshape(-1)
    expected = by_formula(differences, paired, fits_alone(paired), overlap=60 / 48)
    assert (got.difference, got.low, got.high) == pytest.approx(expected)
    assert (got.over, got.count) == ("rows", 60)
    if skewed:
        low, high = got.difference - got.low, got.high - got.difference
        assert (low > high) == (scipy_stats.skew(differences) < 0)


def test_a_row_that_two_partitions_validate_counts_once() -> None:
    """With its mean difference: ten folds of two partitions have 60 rows, not 120."""
    order = np.random.default_rng(5).permutation(60).reshape(FOLDS, SIZE)
    rows, values = np.concatenate([ROWS, order]), np.concatenate([drawn(rng=1), drawn(rng=2)], axis=2)
    got = compared(build(values, rows, np.concatenate([SIZES, SIZES])))
    paired = values[1] - values[0]
    differences = paired.mean(axis=0)
    fits = np.stack([paired[:, rows == row].reshape(-1) for row in range(60)], axis=1)
    alone = fits_alone(fits)
    by_row = (np.bincount(ROWS.reshape(-1), differences[:5].reshape(-1))
              + np.bincount(order.reshape(-1), differences[5:].reshape(-1))) / 2  # fmt: skip
    expected = by_formula(by_row, paired, alone, fits_alone(paired))
    assert (got.difference, got.low, got.high) == pytest.approx(expected)
    assert got.count == 60


def test_weights_of_rows_count_in_the_mean_and_in_its_variance() -> None:
    """A row of weight 0 is as good as absent."""
    values, weights = drawn(), np.ones((FOLDS, SIZE))
    weights[:, -1] = 0
    got = compared(build(values, ROWS, SIZES, weights=weights))
    paired = (values[1] - values[0])[:, :, :-1]
    expected = by_formula(paired.mean(axis=0).reshape(-1), paired, fits_alone(paired))
    assert (got.difference, got.low, got.high) == pytest.approx(expected)


def test_one_seed_has_no_variance_between_seeds() -> None:
    values = drawn(seeds=1)
    got = compared(build(values, ROWS, SIZES))
    paired = values[1] - values[0]
    expected = by_formula(paired.reshape(-1), paired, 0.0)
    assert (got.difference, got.low, got.high) == pytest.approx(expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_what_folds_or_seeds_share_widens_the_interval(axis) -> None:
    """A difference of its own in each seed or fold adds its variance, divided by their number."""
    values = drawn(rng=4)
    shifts = np.array([-2.0, 2.0, 0.0]) if axis == 0 else np.array([-2.0, 1.0, 2.0, -1.0, 0.0])
    values[1] += np.expand_dims(shifts, (1, 2) if axis == 0 else (0, 2))
    got = compared(build(values, ROWS, SIZES))
    paired = values[1] - values[0]
    expected = by_formula(paired.mean(axis=0).reshape(-1), paired, fits_alone(paired))
    assert (got.low, got.high) == pytest.approx(expected[1:])


def test_the_p_value_agrees_with_the_interval() -> None:
    """Below 5 % exactly where the 95 % interval excludes zero, with tails on either side."""
    seen = set()
    for rng in range(60):
        values = drawn(rng=rng, skewed=True)
        shift = (1 if rng % 2 else -1) * (0.3 + rng / 100)
        for sign in (1, -1):
            shifted = values.copy()
            shifted[1] = sign * shifted[1] + shift
            shifted[0] *= sign
            got = compared(build(shifted, ROWS, SIZES))
            assert (got.p_value <= 0.05) == got.clear
            seen.add((sign, got.clear, got.difference > 0))
    assert len(seen) == 8


def test_shares_have_a_least_variance() -> None:
    """One hit that changes side in 60 rows is no certainty: 1 / (m n²), with m fits for each row."""
    values = np.ones((2, 3, FOLDS, SIZE))
    values[0, :, 0, 0] = 0
    plain, share = (compared(build(values, ROWS, SIZES), share=share) for share in (False, True))
    variance = 2.25 * (1 / 60) * (59 / 60) / 59
    assert (share.difference - share.low) / (plain.difference - plain.low) == pytest.approx(
        np.sqrt(1 + 1 / (3 * 60**2) / variance)
    )


def test_log_losses_have_half_a_row_with_another_label() -> None:
    """Sure predictions, all of them right: the loss -log(1 - p) of one that is wrong counts with weight 1/2."""
    sure, timid = np.full((FOLDS, SIZE), 0.999), np.linspace(0.8, 0.9, FOLDS * SIZE).reshape(SIZE, FOLDS).T
    values = np.log(np.stack([np.stack([part] * 3) for part in (sure, timid)]))
    plain, other = (compared(build(values, ROWS, SIZES, **{LOG_LOSS: flag})) for flag in (False, True))
    assert plain.difference == other.difference
    assert plain.high < 0 < other.high
    wrong = np.log(1 - timid) - np.log(1 - sure)
    differences = np.mean(values[1] - values[0], axis=0)
    variance = differences.var(ddof=1) / 60
    error = np.sqrt(2.25 * variance + 0.5 * np.mean((wrong - differences.mean()) ** 2) / 60**2)
    cubes = ((differences - differences.mean()) ** 3).sum() + 0.5 * np.mean((wrong - differences.mean()) ** 3)
    squares = differences.var() * 60 + 0.5 * np.mean((wrong - differences.mean()) ** 2)
    skewness, quantile = cubes / squares**1.5, scipy_stats.t.ppf(0.975, 59)
    high = 3 / -skewness * (np.cbrt(1 - skewness * (quantile + skewness / 6)) - 1)
    assert other.high == pytest.approx(differences.mean() + high * error, rel=1e-4)


def test_no_interval_without_differences() -> None:
    values = drawn()
    values[1] = values[0]
    got = compared(build(values, ROWS, SIZES))
    assert (got.missing, got.p_value, got.clear) == ("same", 1.0, False)
    values[1] += 0.5
    assert compared(build(values, ROWS, SIZES)).missing == "even"


def test_intervals_are_cut_to_what_is_possible() -> None:
    values = drawn() * 9
    got = compared(build(values, ROWS, SIZES), widest=1.0)
    assert got.missing == "wide" or got.low == -1.0 or got.high == 1.0


def test_the_choice_for_a_fold_does_not_see_its_rows() -> None:
    """Candidate 2 is best on the rows of the first fold alone, in both partitions; elsewhere candidate 1 is."""
    order = np.random.default_rng(5).permutation(60).reshape(FOLDS, SIZE)
    rows = np.concatenate([ROWS, order])
    values = np.ones((3, 2, 10, SIZE))
    values[1] = np.where(rows < SIZE, 3.0, 0.5)
    values[2] = np.where(rows < SIZE, -9.0, 0.9)
    table = read_rows(build(values, rows, np.concatenate([SIZES, SIZES])))
    chosen = table.choose(best_of(np.arange(3), maximize=False))
    assert chosen[0] == 1
    assert chosen[1:5] == [2] * 4
    first = [set(order[fold]) & set(range(SIZE)) for fold in range(FOLDS)]
    assert len({len(part) for part in first}) > 1
    scores = table.outside()[0]
    assert np.isnan(scores[:, :, 0]).all()
    assert scores[1, 0, 1:] == pytest.approx(0.5)


def test_the_primary_question_is_about_the_procedure() -> None:
    """Its difference is that of the candidates chosen without a fold's rows; `none` is one of them."""
    values = drawn(candidates=4, rng=3)
    values[3] -= 1.0
    result = build(values, ROWS, SIZES)
    evidence = weigh_evidence(result)
    assert evidence.primary.over == "rows"
    assert evidence.primary.level == 0.95
    assert evidence.primary.difference == pytest.approx((values[0] - values[3]).mean())
    assert evidence.chosen == pytest.approx(values[3].mean())
    assert evidence.claim is evidence.primary
    assert evidence.primary.clear
    worse = build(np.concatenate([values[3:], values[:3]]), ROWS, SIZES)
    evidence = weigh_evidence(worse)
    assert evidence.primary.missing == "same"
    assert evidence.claim is None


@pytest.mark.parametrize("reason", ["no row scores", "groups"])
def test_folds_are_compared_where_rows_cannot_be(reason) -> None:
    result = build(drawn(), ROWS, SIZES, **({DEPENDENT_ROWS: "groups"} if reason == "groups" else {}))
    evidence = weigh_evidence(result if reason == "groups" else replace(result, row_scores=None))
    assert evidence.primary is None
    assert evidence.gains[1].over == "folds"
    assert evidence.claim is (evidence.gains[1] if evidence.winner else None)


def test_a_fit_without_row_scores_is_compared_on_folds() -> None:
    result = build(drawn(), ROWS, SIZES)
    values = result.row_scores.values.copy()
    values[-1] = np.nan
    assert read_rows(replace(result, row_scores=replace(result.row_scores, values=values))) is None


def test_diverged_fits_are_left_out_in_pairs() -> None:
    """The row of a seed that diverged has the mean difference of the other seeds."""
    values = drawn()
    result = build(values, ROWS, SIZES)
    finished = result.members.finished.copy()
    lost = (result.members.setting == 1) & (result.members.seed == 0) & (result.members.fold == 2)
    finished[lost] = False
    got = compared(replace(result, members=replace(result.members, finished=finished)))
    paired = values[1] - values[0]
    paired[0, 2] = np.nan
    expected = by_formula(np.nanmean(paired, axis=0).reshape(-1), paired, fits_alone(paired))
    assert (got.difference, got.low) == pytest.approx(expected[:2])


STUDIES = 160


def bound(rate: float) -> float:
    """Return the rate that one simulation in a thousand exceeds."""
    return float(scipy_stats.binom.ppf(0.999, STUDIES, rate)) / STUDIES


@pytest.fixture(scope="module")
def ridged() -> list:
    """Studies of a penalty that helps, each with its evidence and the truth of what was chosen."""
    return [draw(study, (0.01, 0.3, 3.0)) for study in range(STUDIES)]


def test_useless_candidates_are_not_claimed_to_help() -> None:
    """Candidates that differ by chance: at most 2.5 %, within the error of the count."""
    claims = 0
    for study in range(STUDIES):
        evidence = weigh_evidence(draw(study, (0.3,) * 4, useless=True).result)
        claims += evidence.claim is not None and evidence.claim.low > 0
    assert claims / STUDIES <= bound(0.025)


def test_intervals_of_the_procedure_cover(ridged) -> None:
    """The mean gain on fresh rows of what was chosen: about 95 %; and more clear gains than on folds."""
    gains, truths, clear, folds = [], [], 0, 0
    for study in ridged:
        table = read_rows(study.result)
        chosen = table.choose(best_of(np.arange(3), maximize=False))
        evidence = weigh_evidence(study.result)
        gains.append(evidence.primary)
        truths.append(np.mean([study.fresh[0, :, f] - study.fresh[c, :, f] for f, c in enumerate(chosen)]))
        clear += evidence.primary.low > 0
        folds += weigh_evidence(replace(study.result, row_scores=None)).gains[1].low > 0
    truth = np.mean(truths)
    assert truth > 0
    assert 1 - np.mean([gain.low <= truth <= gain.high for gain in gains]) <= bound(0.07)
    assert clear > 1.5 * folds


def test_the_documented_figures_keep_the_promise() -> None:
    """Simulated networks: at most nominal claims where nothing helps, twice those of folds where something does."""
    lines = json.loads(NUMBERS.read_text())
    for line in lines:
        allowed = scipy_stats.binom.ppf(0.999, line["studies"], 0.025) / line["studies"]
        if line["family"].startswith("null"):
            assert max(line["claims"], line.get("looks", 0.0)) <= allowed
        elif line["truth"] >= line["error"] and line["design"] == "5 seeds":
            assert line["claims"] >= min(0.95, 2 * line["before"])
        assert line["too high"] <= 2 * allowed
    assert {line["family"] for line in lines} == {"moons", "sparse", "friedman", "null", "null-friedman"}

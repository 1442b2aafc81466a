"""Summaries, rules and comparisons: by hand-computed numbers, by scipy, and by simulation."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bridle.stats import Summary, compare, compare_all, select_strength, summarize

ROWS = np.array([[80, 20]] * 5)


def test_summary_averages_seeds_within_folds_and_takes_the_error_across_folds() -> None:
    """Not the standard deviation over all fits: seeds of one fold share its rows."""
    scores = np.array([[[0.8, 0.6, 0.7], [1.0, 0.6, 0.8]]])
    summary = summarize(scores)
    fold_means = np.array([0.9, 0.6, 0.75])
    assert summary.mean[0] == pytest.approx(0.75)
    assert summary.error[0] == pytest.approx(fold_means.std(ddof=1) / np.sqrt(3))
    assert summary.seed_sd[0] == pytest.approx(np.std([0.7, 0.8], ddof=1))


def test_summary_counts_what_is_missing() -> None:
    """A diverged fit is passed over in the mean and noted; a setting of which nothing finished is NaN."""
    summary = summarize(np.array([[[0.8, np.nan]], [[np.nan, np.nan]], [[0.7, 0.9]]]))
    assert summary.mean[0] == 0.8
    assert summary.complete.tolist() == [False, False, True]
    assert np.isnan(summary.mean[1])


def test_one_fold_has_no_error_across_folds() -> None:
    """But a spread over seeds."""
    summary = summarize(np.array([[[0.8], [0.9]]]))
    assert np.isnan(summary.error[0])
    assert summary.seed_sd[0] == pytest.approx(np.std([0.8, 0.9], ddof=1))


def made(means, error=0.02, whole=None) -> Summary:
    means = np.array(means, float)
    return Summary(
        means, np.full(len(means), error), means * 0, np.ones(len(means), bool) if whole is None else np.array(whole)
    )


@pytest.mark.parametrize(
    ("means", "maximize", "whole", "best", "one_se"),
    [
        ([0.7, 0.8, 0.79, 0.6], True, None, 1, 2),
        ([0.7, 0.8, 0.79, 0.785], True, None, 1, 3),
        ([0.8, 0.8, 0.8, 0.7], True, None, 0, 2),
        ([0.5, 0.3, 0.31, 0.9], False, None, 1, 2),
        ([0.7, 0.9, 0.8, 0.79], True, [1, 0, 1, 1], 2, 3),
        ([0.7, np.nan, 0.71, 0.6], True, [0, 0, 0, 0], 2, 2),
    ],
)
def test_rules(means, maximize, whole, best, one_se) -> None:
    """`best`, weaker on a tie; `1se`, the strongest within one error; diverged settings passed over."""
    choice = select_strength(np.arange(4), made(means, whole=whole), maximize=maximize)
    assert (choice.best, choice.one_se) == (best, one_se)


def test_nothing_to_select_from() -> None:
    """None, not a guess."""
    assert select_strength(np.arange(2), made([np.nan, np.nan]), maximize=True) is None


def test_one_fold_without_error_selects_best_for_both_rules() -> None:
    """Without a standard error nothing is within it but the best."""
    choice = select_strength(np.arange(3), made([0.1, 0.3, 0.2], error=np.nan), maximize=True)
    assert choice.best == choice.one_se == 1


def test_interval_is_nadeau_and_bengio() -> None:
    """Variance (1/K + n2/n1) s², t with K - 1 degrees of freedom."""
    rng = np.random.default_rng(0)
    none, arm = rng.normal(0.7, 0.05, (3, 5)), rng.normal(0.75, 0.05, (3, 5))
    got = compare(arm, none, ROWS)
    d = (arm - none).mean(axis=0)
    half = scipy_stats.t.ppf(0.975, 4) * np.sqrt((1 / 5 + 20 / 80) * d.var(ddof=1))
    assert (got.difference, got.low, got.high) == pytest.approx((d.mean(), d.mean() - half, d.mean() + half))
    assert got.over == "folds"
    assert got.p_value == pytest.approx(2 * scipy_stats.t.sf(abs(d.mean()) / (half / scipy_stats.t.ppf(0.975, 4)), 4))


def test_one_validation_set_is_compared_over_seeds_only() -> None:
    """The plain paired t, and the result says what it varied."""
    rng = np.random.default_rng(1)
    none, arm = rng.normal(0.7, 0.05, (6, 1)), rng.normal(0.75, 0.05, (6, 1))
    got = compare(arm, none, np.array([[30, 70]]))
    reference = scipy_stats.ttest_rel(arm[:, 0], none[:, 0])
    assert got.p_value == pytest.approx(reference.pvalue)
    assert (got.low, got.high) == pytest.approx(reference.confidence_interval(0.95))
    assert got.over == "seeds"


def test_holm_agrees_with_its_intervals() -> None:
    """Corrected p below 0.05 exactly where the corrected interval excludes zero; the smallest pays for all arms."""
    rng = np.random.default_rng(2)
    none = rng.normal(0.7, 0.02, (4, 5))
    arms = [none + shift + rng.normal(0, 0.01, none.shape) for shift in (0.08, 0.03, 0.0, 0.02)]
    plain = [compare(arm, none, ROWS) for arm in arms]
    corrected = compare_all(arms, none, ROWS)
    smallest = int(np.argmin([c.p_value for c in plain]))
    assert corrected[smallest].p_value == pytest.approx(min(1.0, 4 * plain[smallest].p_value))
    assert corrected[smallest].level == pytest.approx(1 - 0.05 / 4)
    for one, raw in zip(corrected, plain, strict=True):
        assert (one.p_value <= 0.05) == one.clear
        assert one.p_value >= raw.p_value


def _exchangeable(rng: np.random.Generator, arms: int) -> np.ndarray:
    """Cross-validated squared errors of `arms` regressions, each on a noise feature of its own: (arm, 1, fold)."""
    rows, folds = 50, 5
    x, y = rng.normal(size=(arms, rows)), rng.normal(size=rows)
    parts = np.array_split(rng.permutation(rows), folds)
    errors = np.empty((arms, 1, folds))
    for fold, held in enumerate(parts):
        train = np.setdiff1d(np.arange(rows), held)
        slope = (x[:, train] @ y[train]) / (x[:, train] ** 2).sum(axis=1)
        errors[:, 0, fold] = ((y[held] - slope[:, None] * x[:, held]) ** 2).mean(axis=1)
    return errors


def test_arms_that_do_the_same_are_told_apart_at_most_at_the_nominal_rate() -> None:
    """1,000 simulated studies of exchangeable arms: at most 5 % rejections, within the error of the count."""
    rng = np.random.default_rng(3)
    rows = np.array([[40, 10]] * 5)
    pair = family = 0
    for _ in range(1000):
        scores = _exchangeable(rng, 5)
        pair += compare(scores[1], scores[0], rows).clear
        family += any(c.clear for c in compare_all(list(scores[1:]), scores[0], rows))
    bound = scipy_stats.binom.ppf(0.999, 1000, 0.05)
    assert pair <= bound
    assert family <= bound


def test_a_real_difference_is_seen() -> None:
    """The same simulation with one arm that knows something rejects nearly always: the test can fail both ways."""
    rng = np.random.default_rng(4)
    seen = 0
    for _ in range(100):
        scores = _exchangeable(rng, 2)
        seen += compare(scores[1] - 0.5, scores[0], np.array([[40, 10]] * 5)).clear
    assert seen > 90


def test_no_difference_at_all_is_no_evidence() -> None:
    """Equal scores: p = 1 and an interval that holds zero."""
    same = np.full((2, 5), 0.9)
    got = compare(same, same, ROWS)
    assert got.p_value == 1.0
    assert not got.clear


def test_folds_without_spread_give_no_interval() -> None:
    """The same difference in every fold is a matter of few rows, not of certainty."""
    none = np.full((1, 2), 0.8)
    got = compare(none + 0.1, none, np.array([[10, 10]] * 2))
    assert got.difference == pytest.approx(0.1)
    assert np.isnan(got.low)
    assert not got.clear


def test_rounding_breaks_no_tie() -> None:
    """Means that differ in the eighth digit are equal."""
    summary = summarize(np.array([[[0.8, 0.8]], [[0.8 + 2e-9, 0.8]]]))
    assert summary.mean[0] == summary.mean[1]

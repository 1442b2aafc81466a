"""Two and three folds: agreement by chance is no evidence, and what cannot be told has no interval."""

import json

import numpy as np
import pytest
from benchmarks import few_folds
from scipy import stats as scipy_stats

from bridle.stats import compare, compare_all, is_share, survivors

STUDIES, NOMINAL = 300, 0.025
BOUND = float(scipy_stats.binom.ppf(0.999, STUDIES, NOMINAL)) / STUDIES


def shares(*counts: int, rows: int = 40) -> np.ndarray:
    """Accuracies in single precision, as a study stores them: shape (1, fold)."""
    return np.array([counts], np.float32) / np.float32(rows)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_one_row_more_in_every_fold_is_no_claim(folds: int) -> None:
    """22/40 - 21/40 and 25/40 - 24/40 differ in the ninth digit only: equal, so without a spread to go by."""
    arm, none = (shares(*counts[:folds]) for counts in ((22, 25, 30, 33, 19), (21, 24, 29, 32, 18)))
    gain = compare(arm, none, np.array([[40, 40]] * folds))
    assert len(np.unique(arm - none)) > 1
    assert gain.difference == pytest.approx(1 / 40)
    assert np.isnan([gain.low, gain.high, gain.p_value]).all()
    assert not gain.clear


def test_the_same_rows_more_in_folds_of_unequal_size_are_no_claim() -> None:
    """2 of 14, 2 of 13 and 2 of 13 rows: the spread comes from the sizes of the folds."""
    rows = np.array([[26, 14], [27, 13], [27, 13]])
    none = np.array([[7 / 14, 6 / 13, 8 / 13]])
    gain = compare(none + 2 / rows[:, 1], none, rows, share=True)
    assert is_share(none, rows)
    least = np.sqrt(gain.difference * (1 - gain.difference) * np.mean(1 / rows[:, 1]))
    error = least * np.sqrt(1 / 3 + np.mean(rows[:, 1]) / np.mean(rows[:, 0]))
    assert gain.high - gain.difference == pytest.approx(scipy_stats.t.ppf(0.975, 2) * error)
    assert not gain.clear
    assert compare(none + 2 / rows[:, 1], none, rows).clear  # which the spread alone would claim


def test_two_folds_give_no_interval() -> None:
    """One degree of freedom: by chance, two differences agree to any number of digits."""
    gain = compare(np.array([[0.81, 0.83]]), np.array([[0.70, 0.73]]), np.array([[40, 40]] * 2))
    assert (gain.missing, gain.count) == ("few", 2)
    assert np.isnan(gain.low)


def test_no_difference_anywhere_is_no_certainty() -> None:
    """A zero in every fold says that few rows were looked at, not that the arms are the same."""
    gain = compare(shares(22, 25, 30), shares(22, 25, 30), np.array([[80, 40]] * 3))
    assert gain.missing == "same"
    assert np.isnan([gain.low, gain.high]).all()


def test_a_difference_of_rounding_is_neither_worse_nor_better() -> None:
    """A loss of 0.5 that is worse by 1e-6 in each of ten folds, and by nearly as much in every one."""
    none = np.full((1, 10), 0.5)
    worse = compare(none - 1e-6 + 1e-8 * np.arange(10), none, np.array([[90, 10]] * 10))
    assert not worse.clear
    assert worse.missing == "same"


def test_no_interval_reaches_beyond_what_is_possible() -> None:
    """Accuracies lie between 0 and 1: what holds every difference is no interval, and the others are cut."""
    rng, rows = np.random.default_rng(0), np.array([[80, 40]] * 3)
    for scale in (0.05, 0.2, 0.5):
        for _ in range(50):
            arm, none = (np.clip(0.7 + scale * rng.standard_normal((1, 3)), 0, 1) for _ in range(2))
            gain = compare_all([arm] * 9, none, rows, widest=1.0)[0]
            assert gain.missing == "wide" or (-1 <= gain.low <= gain.high <= 1)
    wild = compare(np.array([[1.0, 0.0, 1.0]]), np.array([[0.0, 0.9, 0.1]]), rows, widest=1.0)
    assert wild.missing == "wide"


def test_seeds_that_all_show_the_same_give_no_interval() -> None:
    """Neither on one validation set: networks from ten seeds that end alike are one network."""
    none = np.full((10, 1), 0.7)
    assert compare(none + 0.1, none, np.array([[30, 70]])).missing == "even"
    assert compare(np.array([[0.8], [0.9]]), none[:2], np.array([[30, 70]])).missing == "few"


def test_a_race_stops_nothing_for_rounding() -> None:
    """Fits that are alike but for the last digits all go on."""
    scores = 0.8 + 1e-8 * np.arange(4)[:, None] + np.zeros((4, 6))
    assert survivors(scores, maximize=True).all()


@pytest.mark.parametrize("strengths", few_folds.STRENGTHS)
@pytest.mark.parametrize("folds", few_folds.FOLDS)
def test_nine_useless_arms_are_not_said_to_help(folds: int, strengths: int) -> None:
    """At most at the nominal 2.5 % over all arms, at one strength each and at the best of three."""
    for claims in few_folds.false_claims(STUDIES, folds, strengths).values():
        assert claims <= BOUND


def test_the_documented_figures_keep_the_promise() -> None:
    """Those of the larger simulation that the documentation shows."""
    numbers = json.loads(few_folds.NUMBERS.read_text())
    assert numbers["studies"] >= 1000
    assert max(rate for line in numbers["false claims"].values() for rate in line.values()) <= 0.025


def test_three_folds_can_show_a_large_gain() -> None:
    """The rules hold back luck, not effects: 30 points of accuracy on 100 rows a fold are seen."""
    none, rows = shares(60, 63, 58, rows=100), np.array([[200, 100]] * 3)
    assert compare(shares(92, 90, 91, rows=100), none, rows, share=True).low > 0.1

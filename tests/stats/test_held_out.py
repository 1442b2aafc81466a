"""Check of a gain on held-out rows: by hand-computed numbers and by simulation; and differences that shares allow."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.power._models import build

from bridle.results import ALL_ROWS, Members
from bridle.stats import DEPENDENT_ROWS, Comparison, exact_interval, read_rows, weigh_evidence
from bridle.stats._gains import _cut
from bridle.stats._held_out import check_held_out
from bridle.stats._intervals import possible_differences

FOLDS, SIZE, SEEDS, TEST = 5, 40, 3, 50
ROWS = np.arange(FOLDS * SIZE).reshape(FOLDS, SIZE)
SIZES = np.array([[160, 40]] * FOLDS)


def drawn(
    rng: np.random.Generator, gain: float, test_gain: float, rows: int = TEST, spread: float = 1.0, seeds: float = 0.0
):
    """Return a study of one candidate and none, whose rows and held-out rows differ by normal numbers.

    `spread` is the standard deviation of rows, `seeds` that of fits by their seed.
    """
    own = rng.normal(gain, spread, (FOLDS, SIZE)) + seeds * rng.normal(size=(SEEDS, FOLDS, 1))
    none = np.zeros((SEEDS, FOLDS, SIZE))
    result = build(np.stack([none, none + own]), ROWS, SIZES, name="r2", maximize=True)
    members, count = result.members, len(result.members)
    refits = np.array([(c, s) for c in range(2) for s in range(SEEDS)])
    added = {"setting": refits[:, 0], "seed": refits[:, 1], "fold": np.full(len(refits), ALL_ROWS)}
    fields = {}
    for name, values in vars(members).items():
        new = added.get(name, np.resize(values[:1], len(refits)))
        fields[name] = np.concatenate([values, new])
    difference = rng.normal(test_gain, spread, rows).mean() + seeds * rng.normal(size=len(refits))
    held_out = np.full((count + len(refits), 1), np.nan)
    held_out[count:, 0] = np.where(refits[:, 0] == 1, difference, 0.0)
    scores = result.row_scores
    padded = np.concatenate([scores.values, np.full((len(refits), SIZE), np.nan)])
    return replace(
        result,
        members=Members(**fields),
        curves=np.concatenate([result.curves, np.zeros((len(refits), *result.curves.shape[1:]))]),
        diagnostics=np.zeros((count + len(refits), 0)),
        row_scores=replace(scores, values=padded),
        held_out_names=("r2",),
        held_out={"test": held_out},
        held_out_rows={"test": rows},
    )


def test_the_error_is_that_of_the_gain_and_of_so_many_rows() -> None:
    """The side of the interval that looks at the held-out difference, and the variance of single rows."""
    result = drawn(np.random.default_rng(0), 0.5, 0.0)
    (check,) = weigh_evidence(result).held_out_checks.values()
    gain = weigh_evidence(result).claim
    table = read_rows(result)
    variance = np.var(table.scores[1] - table.scores[0])
    expected = np.sqrt(((gain.difference - gain.low) / 1.959964) ** 2 + variance / TEST)
    assert check.error == pytest.approx(expected, rel=1e-5)
    assert check.difference == pytest.approx(float(np.diff(result.held_out_scores("test").mean(axis=1))[0]))
    assert check.explained == (abs(check.difference - gain.difference) <= 1.959964 * check.error)
    assert check.rows == TEST


def test_folds_stand_for_rows_where_there_are_no_independent_ones() -> None:
    """The variance between folds, times their rows."""
    result = drawn(np.random.default_rng(1), 0.5, 0.0).with_provenance(**{DEPENDENT_ROWS: "groups"})
    gain = weigh_evidence(result).gains[1]
    check = check_held_out(result, None, gain, (1, 0), "test")
    folds = np.diff(result.scores().mean(axis=1), axis=0)[0]
    expected = np.sqrt(((gain.difference - gain.low) / 1.959964) ** 2 + folds.var(ddof=1) * SIZE / TEST)
    assert check.error == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rows", [20, 200])
def test_chance_is_called_so_in_nineteen_of_twenty_studies(rows) -> None:
    """Held-out rows of the same kind contradict in at most 5 %, rows where the gain is a loss far more often."""
    rng = np.random.default_rng(rows)
    shares = []
    for test_gain in (0.4, -0.4):
        studies = [drawn(rng, 0.4, test_gain, rows) for _ in range(80)]
        checks = [weigh_evidence(one).held_out_checks.get("test") for one in studies]
        shares.append(np.mean([not check.explained for check in checks if check is not None]))
    assert shares[0] <= 0.07
    assert shares[1] > (0.5 if rows == 20 else 0.95)


def test_the_seeds_of_the_refits_are_chance_too() -> None:
    """With many held-out rows, the few refits differ by their seeds alone."""
    rng = np.random.default_rng(7)
    studies = [drawn(rng, 0.4, 0.4, 10_000, seeds=0.3) for _ in range(100)]
    checks = [weigh_evidence(one).held_out_checks.get("test") for one in studies]
    assert np.mean([not check.explained for check in checks if check is not None]) <= 0.12


def test_there_is_no_check_without_an_interval() -> None:
    """Nor where the refits are missing."""
    result = drawn(np.random.default_rng(2), 0.5, 0.0)
    gain = weigh_evidence(result).claim
    for other in (replace(gain, low=np.nan), replace(gain, over="seeds")):
        assert check_held_out(result, read_rows(result), other, (1, 0), "test") is None
    missing = replace(result, held_out={"test": np.full_like(result.held_out["test"], np.nan)})
    assert check_held_out(missing, read_rows(missing), gain, (1, 0), "test") is None


def test_shares_allow_only_some_differences() -> None:
    """By the exact intervals of both, which are those of the binomial distribution."""
    low, high = possible_differences(0.98, 0.95, 100)
    assert low == pytest.approx(max(exact_interval(0.98, 100)[0] - 1, -exact_interval(0.95, 100)[1]))
    assert high == pytest.approx(min(exact_interval(0.98, 100)[1], 1 - exact_interval(0.95, 100)[0]))
    wide = Comparison(0.03, -0.5, 0.5, 0.2, 0.95, "rows", 100)
    assert (_cut(wide, 0.98, 0.95, 1.0).low, _cut(wide, 0.98, 0.95, 1.0).high) == (low, high)
    narrow = replace(wide, low=0.01, high=0.05)
    assert _cut(narrow, 0.98, 0.95, 1.0) == narrow
    errors = _cut(wide, 0.02, 0.05, -1.0)
    assert errors.high == pytest.approx(exact_interval(0.05, 100)[1])


def test_the_cut_loses_no_true_difference() -> None:
    """Shares near 1: the range holds the true difference in 97 % of draws; one minus the score in far fewer."""
    rng = np.random.default_rng(0)
    none, arm, rows = 0.94, 0.99, 80
    inside, naive = [], []
    for _ in range(2000):
        uniform = rng.random(rows)
        lower, upper = (uniform < none).mean(), (uniform < arm).mean()
        low, high = possible_differences(upper, lower, rows)
        inside.append(low <= arm - none <= high)
        naive.append(arm - none <= 1 - lower)
    assert np.mean(inside) >= 0.97
    assert np.mean(naive) < 0.8

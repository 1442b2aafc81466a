"""Several looks at one question: bounds by published tables and by simulated Brownian motions."""

import numpy as np
import pytest
from benchmarks.power._models import build
from scipy import stats as scipy_stats

from bridle.stats import LOOKS, compare_rows, read_looks, read_rows
from bridle.stats._looks import Looks, level_of_look, p_of_look

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


def bound(level: float) -> float:
    return scipy_stats.norm.ppf(0.5 + level / 2)


@pytest.mark.parametrize(("looks", "constant"), [(2, 1.977), (5, 2.040), (10, 2.087)])
def test_bounds_are_those_of_obrien_and_fleming(looks, constant) -> None:
    """Constants of Jennison and Turnbull, Group Sequential Methods, 1999, table 2.3."""
    times = tuple(np.arange(1, looks + 1) / looks)
    assert bound(level_of_look(0.95, times)) == pytest.approx(constant, abs=0.002)
    first = bound(level_of_look(0.95, times, times[0]))
    assert first == pytest.approx(constant * np.sqrt(looks), abs=0.01)


def test_one_look_has_the_nominal_level() -> None:
    assert level_of_look(0.95, (1.0,)) == 0.95
    assert p_of_look(0.03, (1.0,)) == 0.03
    assert Looks().times(5, 0.4) == (1.0,)
    assert Looks().time(5, 0.4) == 1.0


def test_the_p_value_is_that_of_the_level() -> None:
    for time in (0.4, 1.0):
        single = 1 - level_of_look(0.95, FIVE, time)
        assert p_of_look(single, FIVE, time) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_all_looks_together_have_the_level(share) -> None:
    """Estimates from 1 to 20 seeds with a common part: 5 % leave the bounds at some look, within simulation error."""
    rng, studies, seeds = np.random.default_rng(0), 20_000, 20
    parts = np.sqrt(share) * rng.normal(size=(studies, seeds))
    common = np.sqrt((1 - share) / seeds) * rng.normal(size=(studies, 1))
    means = common + parts.cumsum(axis=1) / np.arange(1, seeds + 1)
    crossed = np.zeros(studies, bool)
    for look in range(2, seeds + 1):
        variance = (1 - share) / seeds + share / look
        of_seeds = (share / look) / variance
        looks = Looks(tuple(range(2, look)), tuple(range(look + 1, seeds + 1)))
        level = level_of_look(0.95, looks.times(look, of_seeds), looks.time(look, of_seeds))
        crossed |= np.abs(means[:, look - 1]) > bound(level) * np.sqrt(variance)
    assert crossed.mean() == pytest.approx(0.05, abs=0.006)


def test_a_look_that_sees_nothing_new_costs_nothing() -> None:
    """An arm that a race stopped after two seeds has the same scores at each later look."""
    assert Looks((2, 3, 4)).times(2, 0.5) == (1.0,)
    assert len(Looks((1, 2, 3, 4)).times(5, 0.0)) == 1


def test_looks_widen_the_interval_of_rows_and_raise_its_p_value() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(2, 5, 5, 12)) + rng.normal(size=(2, 1, 5, 12)) + np.array([0.0, 0.4]).reshape(2, 1, 1, 1)
    rows, sizes = np.arange(60).reshape(5, 12), np.array([[48, 12]] * 5)
    answers = []
    for facts in ({}, {LOOKS: {"earlier": [1, 2, 3, 4], "planned": []}}, {LOOKS: {"earlier": [], "planned": [20, 80]}}):
        table = read_rows(build(values, rows, sizes, **facts))
        answers.append(compare_rows(table.take([1] * 5), table.take([0] * 5), table))
    widths = [answer.high - answer.low for answer in answers]
    assert widths[0] < widths[1] < 1.1 * widths[0]
    assert widths[2] > widths[1]
    assert answers[0].p_value < min(answers[1].p_value, answers[2].p_value)
    assert {answer.level for answer in answers} == {0.95}


def test_damaged_facts_are_no_looks() -> None:
    values = np.random.default_rng(1).normal(size=(2, 2, 5, 12))
    result = build(values, np.arange(60).reshape(5, 12), np.array([[48, 12]] * 5), **{LOOKS: "x"})
    assert read_looks(result) == Looks()

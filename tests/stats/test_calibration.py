"""Calibration by simulation, with trained networks: intervals cover, and arms that do nothing are not said to help."""

import json

import pytest
from benchmarks.calibration import NUMBERS, SIGNS, coverage, false_claims
from scipy import stats
from tests.faults.conftest import scaled

STUDIES = scaled(60, 200)


@pytest.fixture(scope="module")
def claims() -> dict:
    return false_claims(STUDIES)


def bound(rate: float, studies: int = STUDIES) -> float:
    """Return the rate that one simulation in a thousand exceeds."""
    return float(stats.binom.ppf(0.999, studies, rate)) / studies


@pytest.mark.parametrize("score", SIGNS)
def test_arms_that_do_the_same_are_not_said_to_help(claims: dict, score: str) -> None:
    """At most 5 %, at one strength, at the best of several, and over several arms."""
    for kind in ("one strength", "one arm", "several arms"):
        assert claims[score][kind] <= 0.05
    assert claims[score]["either way"] <= bound(0.05)


def test_intervals_cover_the_difference_on_fresh_rows() -> None:
    """Studies of a penalty that does something: about 95 %, at least 93 up to the error of the simulation."""
    found = coverage(STUDIES)
    for score, numbers in found.items():
        assert abs(numbers["truth"]) > 2 * numbers["truth error"] or score == "accuracy"
        assert 1 - numbers["covers"] <= bound(0.07)


def test_the_documented_figures_keep_the_promise() -> None:
    """Those of the larger simulation that the documentation shows."""
    numbers = json.loads(NUMBERS.read_text())
    assert numbers["studies"] >= 300
    for score in SIGNS:
        claims = numbers["false claims"][score]
        assert max(claims[kind] for kind in ("one strength", "one arm", "several arms")) <= 0.05

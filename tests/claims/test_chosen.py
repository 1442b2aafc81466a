"""Who chooses better: the arithmetic of the measurement, and that it runs."""

import numpy as np
import pytest
from benchmarks.chosen import WAYS, measure, questions, summary
from benchmarks.chosen_page import answer, section


def one(**fresh: float) -> dict:
    """A data set with accuracies on fresh rows; every way but the given ones as the tutorial's."""
    scores = dict.fromkeys(WAYS, fresh["tutorial"]) | fresh
    return {"data": 0, "chosen": dict.fromkeys(WAYS, "none"), "fresh": scores}


def test_ways_are_paired_by_data_set() -> None:
    """Mean, standard error and Student's interval of the differences to the tutorial's way."""
    found = summary([one(tutorial=0.8, honest=0.9), one(tutorial=0.6, honest=0.6), one(tutorial=0.7, honest=0.75)])
    honest = found["honest"]
    assert honest["difference"] == pytest.approx(0.05)
    assert honest["error"] == pytest.approx(0.05 / np.sqrt(3))
    assert honest["high"] - honest["difference"] == pytest.approx(4.3027 * honest["error"], rel=1e-4)
    assert (honest["better"], honest["worse"], honest["took_none"]) == (2, 0, 3)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.02, "chooses better"),
        (-0.02, -0.01, "chooses worse"),
        (-0.01, 0.02, "no worse on average"),
        (-0.02, 0.01, "a little worse on average"),
    ],
)
def test_the_heading_says_what_came_out(low: float, high: float, said: str) -> None:
    """Better or worse only where the interval excludes zero."""
    assert said in answer({"honest": {"difference": (low + high) / 2, "low": low, "high": high}})


def test_a_small_measurement_runs() -> None:
    """Every way chooses a setting whose score on fresh rows is known, and the oracle is not beaten."""
    found = measure(questions()[0], sets=2, seeds=1, epochs=5)
    assert [line["data"] for line in found["sets"]] == [1000, 1001]
    for line in found["sets"]:
        assert set(line["fresh"]) == set(WAYS)
        assert max(line["fresh"].values()) == line["fresh"]["oracle"]
    assert "### Circles, 5 epochs: cross-validation" in section({"circles": found})

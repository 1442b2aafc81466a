"""Who chooses better: the arithmetic of the measurement, and that it runs."""

import numpy as np
import pytest
from benchmarks.chosen import WAYS, gains_of_known_family, measure, questions, summary
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
    text = section({"circles": found})
    assert "### Circles, 5 epochs: cross-validation" in text
    assert f"the best candidate of each data set is +{100 * found['limit']['oracle']['difference']:.2f}" in text


def test_a_rule_that_knows_the_family_gains_what_the_scores_tell() -> None:
    """The oracle's gain where scores tell everything, that of the best candidate where they tell nothing."""
    rng = np.random.default_rng(0)
    gains = np.concatenate([np.zeros((200, 1)), rng.normal([0.0, 0.3], 1.0, (200, 2))], axis=1)
    blind = rng.normal(size=gains.shape)
    assert gains_of_known_family(gains, [gains], ridge=1e-6).mean() == pytest.approx(gains.max(axis=1).mean())
    assert gains_of_known_family(gains, [blind]).mean() == pytest.approx(gains[:, 2].mean(), abs=0.1)
    assert gains_of_known_family(gains, [blind, gains]).mean() > 0.95 * gains.max(axis=1).mean()

"""How much of a lower loss is confidence: note, diagnosis, table; and which network is handed over."""

from dataclasses import replace

import numpy as np
import pytest

from bridle.report import Section, details, find_all, page, to_json, verdict
from bridle.report._confidence import confidence_cells, confidence_note, explain_loss, mostly_confidence
from bridle.results import Calibration, Confidence, SeedMean
from bridle.stats import weigh_evidence


def with_confidence(result, none: tuple[float, float], best: tuple[float, float]):
    """Return the result with log losses of `none` and of the best candidate: as they are, with a temperature."""
    candidates = len(result.setting_arm)
    calibration = Calibration(*(np.full(shape, np.nan) for shape in (candidates, (candidates, 2), (candidates, 2))))
    chosen = weigh_evidence(result).choices[1].best
    for candidate, losses in ((0, none), (chosen, best)):
        calibration.log_loss[candidate], calibration.error[candidate] = losses, (0.1, 0.02)
        calibration.temperature[candidate] = 2.13 if candidate == 0 else 1.02
    return replace(result, confidence=Confidence(calibration, calibration))


def test_a_gain_that_a_temperature_reaches_is_a_diagnosis(study) -> None:
    """With its numbers; the step only where the score is the loss."""
    result = with_confidence(study(), (0.9, 0.42), (0.4, 0.4))
    evidence = weigh_evidence(result)
    sentence = (
        "Most of the lower log loss with L1 activity is lower confidence: it falls from 0.900 to 0.400, and a "
        "temperature of 2.1 without a penalty gives 0.420."
    )
    assert mostly_confidence(result, evidence) == (sentence, "")
    assert [one.sentence for one in find_all(result) if one.code == "BR020"] == [sentence]
    assert sentence in details(result)
    assert len(verdict(result).split()) <= 60
    loss = with_confidence(study(score="loss"), (0.9, 0.42), (0.4, 0.4))
    step = mostly_confidence(loss, weigh_evidence(loss))[1]
    assert step == "try a temperature of 2.1 without a penalty, which lowers the loss as well"


@pytest.mark.parametrize(
    ("none", "best", "share"),
    [
        ((0.9, 0.9), (0.4, 0.4), 0.0),
        ((0.9, 0.7), (0.4, 0.4), 0.4),
        ((0.9, 0.42), (0.8, 0.32), 0.0),
        ((0.9, 0.4), (0.4, 0.4), 1.0),
        ((0.9, 0.3), (0.4, 0.39), 1.0),
    ],
)
def test_the_share_is_the_smaller_of_what_is_reached_and_what_is_gone(study, none, best, share: float) -> None:
    """Where both networks are as much too confident, a temperature helps both, and confidence explains nothing."""
    result = with_confidence(study(), none, best)
    evidence = weigh_evidence(result)
    assert explain_loss(result, evidence).share == pytest.approx(share)
    assert bool(mostly_confidence(result, evidence)[0]) == (share >= 0.7)
    if share < 0.7:
        assert f"with L1 activity; {100 * share:.0f} % of that is lower confidence" in confidence_note(result, evidence)


def test_a_loss_that_is_not_lower_is_not_explained(study) -> None:
    for result in (study(), with_confidence(study(), (0.4, 0.4), (0.39, 0.38))):
        assert confidence_note(result, weigh_evidence(result)) == ""
        assert "BR020" not in {one.code for one in find_all(result)}


def test_the_table_stands_in_the_page_and_in_json(study) -> None:
    result = with_confidence(study(), (0.9, 0.42), (0.4, 0.4))
    cells = confidence_cells(result, weigh_evidence(result))
    assert cells.lines[0] == ("no penalty", "0.900", "0.420", "0.100", "0.020", "2.1")
    assert [line[0] for line in cells.lines][1:] == [
        "no penalty, mean of seeds",
        "L1 activity: hidden/output l1 = 0.001",
        "L1 activity: hidden/output l1 = 0.001, mean of seeds",
    ]
    assert "Confidence on rows that the networks did not see" in page("t", [Section("t", result)])
    rows = to_json(result)["confidence"]
    assert [(row["arm"], row["network"]) for row in rows[:2]] == [("none", "single"), ("L1 activity", "single")]
    assert confidence_cells(study(), weigh_evidence(study())) is None
    assert to_json(study())["confidence"] == []


def test_the_network_handed_over_is_described_for_programs(study) -> None:
    """Its seeds, the scores of one and of the mean, and why it is a single one."""
    result = study()
    shape = len(result.setting_arm), result.folds
    seed_mean = SeedMean(np.full(shape, 0.95), {"test": np.full(shape[0], 0.91)}, is_convex=True)
    facts = to_json(replace(result, seed_mean=seed_mean))["handed_over"]
    assert facts["seeds"] == [0, 1, 2, 3, 4, 5]
    assert (facts["mean"], facts["mean_held_out"]) == (pytest.approx(0.95), {"test": pytest.approx(0.91)})
    assert facts["single"] == pytest.approx(weigh_evidence(result).validation.mean[3])
    one = to_json(replace(result, seed_mean=replace(seed_mean, obstacle="the model is subclassed")))["handed_over"]
    assert (one["seeds"], one["obstacle"]) == ([0], "the model is subclassed")


@pytest.mark.parametrize(("convex", "count"), [(True, 6), (False, 1)])
def test_without_predictions_out_of_fold_a_convex_loss_decides(study, convex: bool, count: int) -> None:
    result = study()
    seed_mean = SeedMean(np.full((len(result.setting_arm), result.folds), np.nan), {}, is_convex=convex)
    assert len(to_json(replace(result, seed_mean=seed_mean))["handed_over"]["seeds"]) == count


@pytest.mark.parametrize(
    ("difference", "convex", "count"), [(-0.004, True, 6), (-0.004, False, 1), (0.004, False, 6), (-0.2, True, 1)]
)
def test_a_mean_that_scores_worse_by_chance_is_handed_over(study, difference: float, convex: bool, count: int) -> None:
    """Where the loss is convex, only one that scores clearly worse is not."""
    result = study()
    noise = np.array([0.02, -0.02, 0.01, -0.01, 0.0])
    scores = result.scores().mean(axis=1) + difference + noise
    seed_mean = SeedMean(scores, {}, is_convex=convex)
    assert len(to_json(replace(result, seed_mean=seed_mean))["handed_over"]["seeds"]) == count

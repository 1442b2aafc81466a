"""The verdict: what to use, what it gains, what to do next."""

from dataclasses import replace

import pytest

from bridle.report import sentences, verdict
from bridle.results import POOLED, Score
from bridle.stats import weigh_evidence

TWO = {"L1": {"hidden/output l1": [1e-4, 1e-3, 1e-2]}, "L2": {"hidden/kernel l2": [1e-4, 1e-3, 1e-2]}}
LONG = "a regularizer whose name goes on and on. It has stops, and far more words than a sentence has room for"


def renamed(result, name, maximize=True):
    """The same numbers as those of another score."""
    return replace(
        result,
        quantities=tuple(part.replace("accuracy", name) for part in result.quantities),
        held_out_names=tuple(part.replace("accuracy", name) for part in result.held_out_names),
        score=Score(name, maximize),
    )


def test_a_clear_gain(study):
    """Arm, strength, gain with interval and unit, both scores, next step."""
    result = study()
    evidence = weigh_evidence(result)
    gain, none = evidence.gains[1], evidence.validation.mean[0]
    assert verdict(result).splitlines() == [
        "Use L1 activity at strength 0.001.",
        f"On unseen rows, accuracy is {100 * gain.difference:.1f} percentage points higher (95 % interval "
        f"{100 * gain.low:.1f} to {100 * gain.high:.1f}): {100 * evidence.quoted[1]:.1f} % instead of "
        f"{100 * none:.1f} %.",
        "Next: use the trained network, since no check found a problem.",
    ]


def test_a_loss_goes_down(study):
    first, second, _ = sentences(study(score="loss"))
    assert first == "Use L1 activity at strength 0.001."
    assert "the loss is 0." in second
    assert " per row lower (95 % interval 0." in second


@pytest.mark.parametrize(
    ("name", "maximize", "words"),
    [
        ("r2", True, "r² is 0.075 higher ("),
        ("auc", True, "AUC is 0.075 higher ("),
        ("mae", False, "mean absolute error is 0.024 units of the target higher ("),
        ("mean_squared_error", False, "mean squared error is 0.024 squared units of the target higher ("),
    ],
)
def test_each_score_has_its_unit(study, name, maximize, words):
    text = verdict(renamed(study(), name, maximize))
    assert words.split(" is ")[0] in text
    assert words.partition(" is 0.0")[2][2:].rstrip("(") in text


def test_prepared_units_are_named(study):
    result = replace(renamed(study(), "mae", False), prepared_units=("mae",))
    assert "units of the prepared target" in verdict(result)


def test_one_validation_set_is_not_a_promise(study):
    first, second, last = sentences(study(folds=1, seeds=30))
    assert first == "Use L1 activity at strength 0.001, if other rows are like these 70."
    assert "interval over runs" in second
    assert last == "Next: use folds=5, since one validation set says little about other rows (BR015)."


def test_a_stopped_study_says_so(study):
    result = study()
    finished = result.members.finished.copy()
    finished[::2] = False
    stopped = replace(result, members=replace(result.members, finished=finished))
    first, _, last = sentences(stopped)
    assert first.startswith("So far, use ")
    assert last == f"Next: run it again, since {(~finished).sum()} of {len(finished)} fits are missing (BR017)."


@pytest.mark.parametrize(
    ("diverged", "words"),
    [
        (range(216), "There is no result: 216 of 216 fits diverged."),
        (range(36), "There is no result, since no fit without a penalty finished."),
        (range(36, 216), "There is nothing to compare, since no fit with a penalty finished."),
    ],
)
def test_a_study_without_a_comparison(study, diverged, words):
    assert sentences(study(diverged=diverged))[0] == words
    assert sentences(study(diverged=diverged))[-1].startswith("Next: ")


def test_long_names_keep_the_verdict_short(study):
    """At most sixty words with the longest of everything; the names are cut, and stops in them are no sentences."""
    slots = {f"layer{i}/output l1": [1e-4, 1e-3] for i in range(2)}
    base = study(arms={LONG: slots, f"{LONG} too": slots}, folds=1, seeds=30, lift=0.2)
    for result in (base, replace(renamed(base, "a_metric_with_a_name_of_many_words", False), prepared_units=("x",))):
        lines = sentences(result)
        assert len(lines) == 3
        assert len(" ".join(lines).split()) <= 60
    assert "a regularizer whose …" in lines[0] or "no penalty" in lines[0]


def test_a_pooled_score_is_named(study):
    result = study()
    names = tuple(name.replace("validation/accuracy", f"validation/{POOLED}accuracy") for name in result.quantities)
    pooled = replace(result, quantities=names, score=Score(f"{POOLED}accuracy", True, pooled=True))
    assert "On unseen rows, accuracy over all rows together is " in verdict(pooled)


def test_bad_characters_are_codes(study):
    assert "\u202e" not in verdict(study(arms={"gain \u202e38.0": {"hidden/output l1": [1e-3]}}))

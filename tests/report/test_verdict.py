"""The verdict: what to use, what it gains, what to do next."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from bridle.plots import drawings
from bridle.report import details, find_all, sentences, to_json, verdict
from bridle.report._amounts import amounts, loss_name
from bridle.results import POOLED, Baseline, Score
from bridle.stats import LEVEL, TENSOR, Comparison, Recommendation, weigh_evidence
from bridle.wording import tried_kinds

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


def along_frontier(study, level, none, arms, **more):
    """A search along the frontier of `hidden/output`: zeros and accuracy without a penalty, and at each strength."""
    slots = {arm: {f"hidden/output l{at}": list(points)} for at, (arm, points) in enumerate(arms.items())}
    result = study(arms=slots, **more)
    zeros, scores = np.transpose([none, *(point for points in arms.values() for point in points.values())])
    fits, noise = result.members, np.random.default_rng(0).normal(0, 1e-3, 64)
    curves, diagnostics = result.curves.copy(), result.diagnostics.copy()
    curves[:, -1, result.quantities.index("validation/accuracy")] = scores[fits.setting] + noise[fits.seed + fits.fold]
    diagnostics[:, result.diagnostic_names.index("zeros/hidden/output")] = zeros[fits.setting]
    facts = {**result.provenance, TENSOR: "hidden/output", LEVEL: level}
    return replace(result, curves=curves, diagnostics=diagnostics, provenance=facts)


def test_no_candidate_of_the_arm_beats_the_answer(study):
    """The zeros of a path need not be monotone: a weaker strength may have more of them and the better score."""
    points = {1e-3: (0.8, 0.9), 1e-2: (0.75, 0.7)}
    result = along_frontier(study, 0.76, (0.3, 0.95), {"L1": points, "L2": {1e-3: (0.4, 0.94), 1e-2: (0.5, 0.93)}})
    assert verdict(result).startswith("Use L1 at strength 0.001: 80 % exact zeros in hidden/output with accuracy 90")


@pytest.mark.parametrize(
    ("arms", "score", "words"),
    [
        (
            ("L1 activations of my own code", "L1 weights of my code"),
            "my_own_score",
            "Without a penalty it is 0.9502, at 30 %.",
        ),
        ((LONG, f"{LONG} too"), "a_metric_with_a_name_of_many_words", "Without a penalty it is 0.9502, at 30 %."),
        (("a b c d e f g h i j k l m n o p q", "L1"), "a_metric_with_a_name_of_many_words", "Use a b c … q at "),
    ],
)
def test_a_verdict_along_a_frontier_is_short(study, arms, score, words):
    """At most sixty words: the next arm is left out first, then long names and the interval."""
    paths = ({1e-3: (0.5, 0.92), 1e-2: (0.75, 0.9)}, {1e-3: (0.5, 0.91), 1e-2: (0.8, 0.88)})
    result = along_frontier(study, 0.76, (0.3, 0.95), dict(zip(arms, paths, strict=True)), folds=1, seeds=4)
    lines = sentences(renamed(result, score))
    assert "(BR015)" in lines[2]
    assert len(" ".join(lines).split()) <= 60
    assert any(line.startswith(words) for line in lines)


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
        "Next: use the network trained with it, result.model().",
    ]


@pytest.mark.parametrize(("share", "words"), [(0.3, ", mostly from experience with other data,"), (0.7, "")])
def test_a_guess_says_where_most_of_it_comes_from(study, share, words):
    """In the sentence on what to use, and as a share in the details; so does the advice to use no penalty."""
    result = study(lift=0.004, arms=TWO)
    evidence = weigh_evidence(result)
    offer = Recommendation(2, 1, 0.01, 0.02, 0.03, share, True)
    gain = replace(evidence.gains[1], difference=0.01, low=-0.02, high=0.03)
    guess = replace(evidence, winner=1, primary=gain, gains={**evidence.gains, 1: gain}, recommendation=offer)
    first = sentences(result, guess)[0]
    assert first == f"None of the 2 penalties clearly helps; the best guess{words} is L1 at strength 0.001."
    assert f"; {100 * share:.0f} % of the precision comes from your data" in details(result, guess)
    none = replace(guess, winner=0, recommendation=replace(offer, candidate=0, arm=0))
    tried = "none of the 2 penalties tried is likely to help"
    assert sentences(result, none)[0] == f"Use no penalty: {tried}{words.rstrip(',')}."


def test_a_loss_goes_down(study):
    first, second, _ = sentences(study(score="loss"))
    assert first == "Use L1 activity at strength 0.001."
    assert "the loss is 0." in second
    assert " per row lower (95 % interval 0." in second


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        ("sparse_categorical_crossentropy", "log loss"),
        ({"class_name": "BinaryCrossentropy", "config": {}}, "log loss"),
        ("mse", "mean squared error"),
        ("MeanAbsoluteError", "mean absolute error"),
        ({"hidden": "mse", "output": "mse"}, "the loss"),
        ("my_loss", "the loss"),
        (None, "the loss"),
    ],
)
def test_a_loss_has_its_name(study, loss, name):
    """That of the compiled model, as it is stored."""
    result = replace(study(score="loss"), model_json=json.dumps({"compile_config": {"loss": loss}}))
    assert loss_name(result) == name
    assert f"On unseen rows, {name} is 0." in sentences(result)[1]
    assert loss_name(replace(result, model_json="not JSON")) == "the loss"


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
    assert first.startswith("So far, ")
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


@pytest.mark.parametrize(
    ("difference", "low", "high", "words"),
    [
        (0.2694, 0.0733, 0.5814, "0.27 higher (0.07 to 0.58): 0.62 instead of 0.35"),
        (0.02694, 0.00733, 0.05814, "0.027 higher (0.007 to 0.058): 0.374 instead of 0.347"),
        (-0.002, -0.31, 0.3, "less than 0.01 lower (0.31 lower to 0.30 higher): about 0.35 in both"),
        (0.0251, -0.31, 0.3, "about 0.03 higher (0.31 lower to 0.30 higher): 0.37 instead of 0.35"),
        (-0.0006, -0.0131, 0.01, "about 0.001 lower (0.013 lower to 0.010 higher): about 0.347 in both"),
        (-0.2694, -0.5814, -0.0733, "0.27 lower (0.07 to 0.58): 0.08 instead of 0.35"),
    ],
)
def test_a_gain_has_as_many_decimals_as_its_interval_allows(study, difference, low, high, words):
    """Two digits of half the interval; the scores beside it have as many, and agree with the difference."""
    result = renamed(study(), "r2")
    evidence, gain = weigh_evidence(result), Comparison(difference, low, high, 0.5, 0.95, "rows", 100)
    texts = amounts(result, evidence, gain, (0.3471 + difference, 0.3471), lambda evidence, gain, ends: f"({ends})")
    assert f"{texts.difference}: {texts.scores}" == words


def test_an_interval_on_both_sides_of_zero_names_both_directions(study):
    """For a loss, higher is worse."""
    result = study(score="loss")
    gain = Comparison(0.02, -0.1, 0.27, 0.5, 0.95, "rows", 100)
    texts = amounts(result, weigh_evidence(result), gain, (0.98, 1.0), lambda evidence, gain, ends: f"({ends})")
    assert texts.difference == "0.02 per row lower (0.10 higher to 0.27 lower)"


def test_a_clear_gain_over_a_network_that_learns_little_is_not_called_worthless(study):
    """The network without a penalty is no better than a constant; with one it is, so that is no next step."""
    result = study().with_provenance(constant={"accuracy": 0.79})
    assert "BR004" in {one.code for one in find_all(result)}
    assert sentences(result)[-1] == "Next: use the network trained with it, result.model()."


@pytest.mark.parametrize("lift", [0.0, 0.06])
def test_a_network_that_is_worth_nothing_is_the_first_thing(study, lift):
    """Before any penalty, also before a clear gain: accuracy against that of the constant, then the penalty."""
    result = study(lift=lift).with_provenance(constant={"accuracy": 0.9})
    first, second, last = sentences(result)
    assert re.fullmatch(
        r"The network is no better than predicting the same for every row: accuracy is \d\d\.\d % against 90\.0 %\.",
        first,
    )
    beginning = "With L1 activity at strength 0.001, as the trained network has it," if lift else "Regularization does"
    assert second.startswith(beginning)
    assert re.fullmatch(r"Next: (?!.*since).* \(BR00[34]\)\.", last)


def test_the_constant_of_the_baselines_counts_where_no_other_is_known(study):
    """As for the log loss."""
    result = study(score="loss", lift=0.0)
    none = weigh_evidence(result).validation.mean[0]
    for shift, worthless in ((-0.1, True), (0.1, False)):
        constant = Baseline("constant", "shares", np.full(5, none + shift))
        assert sentences(replace(result, baselines=(constant,)))[0].startswith("The network is no") == worthless


def held_out_of(result, difference):
    """The same result with scores on the test rows that differ by a number between L1 at 0.001 and none."""
    values = np.where(np.arange(len(result.setting_arm)) == 0, 0.75, 0.75 + difference)[result.members.setting]
    held_out = result.held_out["test"].copy()
    held_out[:, result.held_out_names.index(result.score.name)] = values
    return replace(result, held_out={"test": held_out}, held_out_rows={"test": 70})


def test_test_rows_that_contradict_the_folds_are_named(study):
    """A loss after a clear gain, with what chance can do; and where it cannot, a diagnosis and a next step."""
    result = study()
    gain = weigh_evidence(result).claim.difference
    for difference, words in (
        (gain, ""),
        (-0.01, "but 1.0 percentage points lower on the 70 test rows, which chance "),
    ):
        second = sentences(held_out_of(result, difference))[1]
        assert ("test rows" in second) == bool(words)
        assert words in second
    far = held_out_of(result, -0.3)
    end = ", but 30.0 percentage points lower on the 70 test rows, which chance hardly explains."
    assert sentences(far)[1].endswith(end)
    assert sentences(far)[2].endswith("(BR022).")
    facts = to_json(far)["held_out_checks"]["test"]
    assert (facts["difference"], facts["rows"], facts["explained"]) == (pytest.approx(-0.3), 70, False)
    unclear = held_out_of(study(lift=0.0), -0.01)
    assert "test rows" not in sentences(unclear)[1]


def test_nearly_perfect_networks_need_no_more_epochs(study):
    """Their log loss falls for as long as they train."""
    result = study(lift=0.0)
    curves = result.curves.repeat(4, axis=1)
    curves[:, :, result.quantities.index("fit/loss")] = np.geomspace(1, 0.01, curves.shape[1])
    falling = replace(result, curves=curves, epochs=np.arange(1, curves.shape[1] + 1))
    assert "BR011" in {one.code for one in find_all(falling)}
    perfect = curves.copy()
    perfect[:, :, result.quantities.index("validation/accuracy")] = 0.9999
    perfect = replace(falling, curves=perfect)
    assert "BR011" not in {one.code for one in find_all(perfect)}
    assert sentences(perfect)[-1] == "Next: use the network trained without a penalty, result.model()."


def test_no_more_strengths_are_advised_where_none_is_better(study):
    """The best of a penalty that only harms lies on the weak edge."""
    results = [study(lift=-0.1, folds=3, rng=rng, arms={"L1": {"hidden/output l1": [1e-5, 1e-3]}}) for rng in range(9)]
    worse = [one for one in results if not weigh_evidence(one).winner and "BR007" in {f.code for f in find_all(one)}]
    assert worse
    for result in worse:
        assert "strengths" not in sentences(result)[-1]


def test_weaker_strengths_are_advised_only_where_none_was_tried(study):
    """A penalty that is most of the loss: at its weakest strength, or at a stronger one that scores better."""
    for strengths, advised in (([1e-3, 1e-2], True), ([1e-4, 1e-3, 1e-2], False)):
        result = study(arms={"L1": {"hidden/output l1": strengths}})
        share = np.full((*result.curves.shape[:2], 1), 0.9)
        share[result.members.setting == 0] = 0
        curves = np.concatenate([result.curves, share], axis=2)
        curves[:, :, result.quantities.index("fit/loss")] = 1.0
        heavy = replace(result, curves=curves, quantities=(*result.quantities, "penalty/hidden/output l1"))
        assert "BR006" in {one.code for one in find_all(heavy)}
        assert any(one.code == "BR006" and one.step for one in find_all(heavy)) == advised


def test_arms_are_called_penalties_only_where_they_are(study):
    """Where the loss has no part of an arm, or the arm no strength, it is something else: dropout, early stopping."""
    result = study(arms={"L1": {"hidden/output l1": [1e-3]}, "drop": {"hidden/output dropout": [0.2]}})

    def named(*slots):
        parts = tuple(f"penalty/{slot}" for slot in slots)
        curves = np.concatenate([result.curves, np.zeros((*result.curves.shape[:2], len(parts)))], axis=2)
        return tried_kinds(replace(result, curves=curves, quantities=(*result.quantities, *parts)))

    assert named("model", *result.slots) == "penalties"
    assert named("model", result.slots[0]) == "regularizers"
    assert named() == "penalties"  # a study without parts of the loss says nothing about kinds


def test_reports_of_other_kinds_do_not_speak_of_penalties(study):
    """Verdict, details and captions say regularizer where an arm does not only add to the loss."""
    result = study(arms={"drop": {"hidden/output dropout": [0.2]}, "L1": {"hidden/output l1": [1e-3]}})
    curves = np.concatenate([result.curves, np.zeros((*result.curves.shape[:2], 1))], axis=2)
    other = replace(result, curves=curves, quantities=(*result.quantities, "penalty/model"))
    for one, kind in ((result, "penalty"), (other, "regularizer")):
        captions = " ".join(drawing.caption + drawing.alt for drawing in drawings(one))
        text = " ".join([verdict(one), details(one), captions]).lower()
        other_kind = {"penalty": "regularizer", "regularizer": "penalty"}[kind]
        assert f"without a {kind}" in text
        assert f"no {kind}" in text
        assert f"without a {other_kind}" not in text
        assert f"no {other_kind}" not in text

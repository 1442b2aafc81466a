"""Each diagnosis is made where its numbers are there, and only there."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bridle.report import detail_lines, find_all
from bridle.report._cause import cause, constant, find_cause, too_weak
from bridle.report._diagnoses import dead, dominates, overfits, penalty_share, too_few, unconverged
from bridle.stats import DATA_LOSS, weigh_evidence

SLOT = "hidden/output l1"


def with_curves(result, points=40, **quantities):
    """The result with curves of so many points: {quantity: values of shape (member, point) or (point,)}."""
    base = np.repeat(result.curves[:, -1:, :], points, axis=1)
    names = [*result.quantities, *(name for name in quantities if name not in result.quantities)]
    base = np.concatenate([base, np.zeros((*base.shape[:2], len(names) - base.shape[2]))], axis=2)
    for name, values in quantities.items():
        base[:, :, names.index(name)] = values
    return replace(result, curves=base, quantities=tuple(names), epochs=np.arange(1, points + 1) * 10)


def with_facts(result, **facts):
    """The result with further diagnostics: {name: one value for each setting}."""
    columns = [np.asarray(values, float)[result.members.setting] for values in facts.values()]
    names = [name.replace("_", "/", 1) for name in facts]
    return replace(
        result,
        diagnostic_names=(*result.diagnostic_names, *names),
        diagnostics=np.concatenate([result.diagnostics, np.stack(columns, axis=1)], axis=1),
    )


def test_a_penalty_that_dominates_the_loss_is_named(study):
    """At the best strength, or from a stronger one on."""
    result = study()
    share = np.array([0, 0.01, 0.1, 0.2, 0.6, 0.9])[result.members.setting]
    made = with_curves(result, **{f"penalty/{SLOT}": share[:, None], "fit/loss": np.ones((len(share), 1))})
    np.testing.assert_allclose(penalty_share(made), [0, 0.01, 0.1, 0.2, 0.6, 0.9])
    assert dominates(made, weigh_evidence(made)) == f"From {SLOT} = 0.01 on, L1 activity is more than half of the loss."
    found = made.with_provenance(ranges={"L1 activity: hidden/output l1": "1e-5 to 0.1"})
    assert dominates(found, weigh_evidence(found)) == ""
    heavy = with_curves(result, **{f"penalty/{SLOT}": 3 * share[:, None], "fit/loss": np.ones((len(share), 1))})
    assert "accounts for 60 % of the loss: the penalty dominates" in dominates(heavy, weigh_evidence(heavy))
    assert dominates(result, weigh_evidence(result)) == ""


@pytest.mark.parametrize(
    ("train_loss", "weights", "code"),
    [(0.01, 30, "BR021"), (0.2, 30, "BR004"), (0.01, 3, "BR004"), (0.01, 200, "BR004")],
)
def test_an_interpolation_peak_is_named(study, train_loss, weights, code):
    """Almost no loss on 24 training rows, about as many weights, and worse than a constant on other rows."""
    made = study(score="loss", lift=0.0, rows=30)
    made = with_curves(made, **{"train/loss": [train_loss], "validation/loss": [2.0]})
    made = made.with_provenance(constant={"loss": 1.0}, target={"mean": 0.0, "standard deviation": 1.0})
    made = replace(made, weights={0: (np.zeros((weights, 1)),)})
    cause_of_study = find_cause(made, weigh_evidence(made))
    assert cause_of_study.code == code
    assert ("almost exactly with 30 weights" in cause_of_study.sentence) == (code == "BR021")


def test_constant_predictions_are_named(study):
    """From a strength on, at every strength, or without any penalty."""
    made = with_facts(study(), spread_prediction=[0.4, 0.4, 0.4, 0.3, 0.1, 0.001])
    assert cause(made, weigh_evidence(made)).endswith(f"for every row: L1 activity from {SLOT} = 0.1 on.")
    flat = with_facts(study(), spread_prediction=[0.4, *[0.0] * 5])
    assert cause(flat, weigh_evidence(flat)).endswith("L1 activity at every strength tried.")
    found = made.with_provenance(ranges={"L1 activity: hidden/output l1": "1e-5 to 0.1"})
    assert constant(found, weigh_evidence(found)) is None  # a range of "auto" ends there by design
    fine = with_facts(study(), spread_prediction=[0.4] * 6)
    assert constant(fine, weigh_evidence(fine)) is None
    none = with_facts(study(), spread_prediction=[0.0] * 6)
    assert "has learned nothing" in cause(none, weigh_evidence(none))


def test_strengths_that_change_nothing_are_too_weak(study):
    result = study()
    last = result.curves.copy()
    last[:, -1, result.quantities.index("validation/accuracy")] = 0.8
    moved = replace(result, curves=last.copy())
    assert "too few rows to show it. Choose a finer score" in too_weak(moved, weigh_evidence(moved)).sentence
    last[:, -1, result.quantities.index("validation/loss")] = 0.4
    same = replace(result, curves=last)
    assert too_weak(same, weigh_evidence(same)).sentence == (
        "L1 activity does not change the score at any strength tried: they are too weak to matter."
    )
    assert too_weak(result, weigh_evidence(result)) is None


@pytest.mark.parametrize(("fall", "said"), [(0.5, True), (0.01, False)])
def test_a_loss_that_still_falls_has_not_converged(study, fall, said):
    course = np.linspace(1.0, 1.0 - fall, 40)
    made = with_curves(study(), **{"fit/loss": course})
    text = unconverged(made, weigh_evidence(made))
    assert bool(text) == said
    if said:
        early, late = course[-8:-4].mean(), course[-4:].mean()
        assert f"without a penalty by {100 * (early - late) / early:.0f} %" in text


def test_longer_training_is_advised_only_for_what_is_used(study):
    """With a clear gain, a loss without a penalty that still falls is a finding and no next step."""
    base, flat, course = study(), np.ones(40), np.linspace(1.0, 0.2, 40)
    winner = weigh_evidence(base).choices[1].best
    for falling, step in ((base.setting_arm == 0, False), (np.arange(len(base.setting_arm)) == winner, True)):
        made = with_curves(base, **{"fit/loss": np.where(falling[base.members.setting, None], course, flat)})
        (found,) = (one for one in find_all(made) if one.code == "BR011")
        assert bool(found.step) == step


def test_longer_training_is_not_advised_where_no_row_is_wrong(study):
    base = study(lift=0.0)
    made = with_curves(base, **{"fit/loss": np.linspace(1.0, 0.2, 40), "validation/accuracy": np.ones(40)})
    assert "BR011" not in {one.code for one in find_all(made)}
    assert "the loss still falls" not in "\n".join(detail_lines(made)).lower()
    assert not any(one.step for one in find_all(made) if one.code == "BR009")


def test_overfitting_is_said_with_its_epoch(study):
    course = np.concatenate([np.linspace(1.0, 0.4, 10), np.linspace(0.41, 0.9, 30)])
    made = with_curves(study(), **{"validation/loss": course})
    assert overfits(made, weigh_evidence(made)) == (
        "Without a penalty the network overfits from epoch 100: its validation loss rises from 0.400 to 0.900."
    )
    falls = with_curves(study(), **{"validation/loss": np.linspace(1.0, 0.4, 40)})
    assert overfits(falls, weigh_evidence(falls)) == ""


def test_dead_units_are_counted(study):
    made = with_facts(study(), **{"dead_hidden/output": [0.02, 0.02, 0.1, 0.37, 0.8, 1.0]})
    assert "37 % of the units of hidden/output (2 % without a penalty)" in dead(made, weigh_evidence(made))
    alive = with_facts(study(), **{"dead_hidden/output": [0.3, 0.3, 0.3, 0.3, 0.3, 0.3]})
    assert dead(alive, weigh_evidence(alive)) == ""


@pytest.mark.parametrize(("facts", "network"), [({}, "without a penalty"), ({DATA_LOSS: "other"}, "with it")])
def test_the_rows_that_would_be_needed(study, facts, network):
    """The interval shrinks with the root of their number; until then, the network to use is the one handed over."""
    result = next(
        made
        for made in (replace(study(lift=0.01, rng=rng), provenance=facts) for rng in range(40))
        if not weigh_evidence(made).gains[1].clear and weigh_evidence(made).gains[1].difference > 0.003
    )
    gain = weigh_evidence(result).gains[1]
    wanted = 30 * ((gain.high - gain.low) / 2 / gain.difference) ** 2
    named = int(re.search(r"about ([\d,]+) rows", too_few(result, weigh_evidence(result)))[1].replace(",", ""))
    assert wanted <= named <= 1.1 * wanted + 1
    (step,) = (one.step for one in find_all(result) if one.code == "BR012")
    assert (
        step == f"use the network {network} (result.model()); about {named:,} rows instead of 30 rows would settle it"
    )
    assert too_few(study(), weigh_evidence(study())) == ""
    many = replace(result, fold_rows=result.fold_rows * 40_000)  # 1.2 million rows, with the same interval
    assert "Even ten times as many rows would be too few." in too_few(many, weigh_evidence(result))


def test_diagnoses_stand_in_the_verdict(study):
    """Each at most once, and none for a study that is well."""
    made = with_facts(study(), spread_prediction=[0.4, 0.4, 0.4, 0.3, 0.1, 0.001])
    assert sum("predicts the same for every row" in line for line in detail_lines(made)) == 1
    assert not any("predicts the same" in line for line in detail_lines(study()))

"""Baselines in a report: the table, the sentence where the network is clearly worse, the file of numbers, the store."""

import math
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from bridle import store
from bridle.report import (
    Section,
    baseline_line,
    baseline_rows,
    baseline_table,
    detail_lines,
    find_all,
    page,
    sentences,
    to_json,
)
from bridle.report._baselines import worse_than_baseline
from bridle.results import Baseline
from bridle.stats import compare, compare_baselines, cross_select, weigh_evidence

NOISE = np.array([0.002, -0.001, 0.0, 0.001, -0.002])


def with_baselines(result, **shifts: float):
    """The same result with baselines that differ from its network by a number in every fold."""
    evidence = weigh_evidence(result)
    network = cross_select(result.path(evidence.winner), result.scores(), maximize=result.score.maximize).mean(axis=0)
    baselines = tuple(
        Baseline(name.replace("_", " "), "in words", network + shift + NOISE[: len(network)], {"test": 0.5})
        for name, shift in shifts.items()
    )
    return replace(result, baselines=baselines)


def test_the_network_is_compared_by_fold(study) -> None:
    """The interval is that of `compare` at Holm's level: network minus baseline, the network averaged over seeds."""
    result = with_baselines(study(), linear_model=0.05)
    evidence = weigh_evidence(result)
    compared = compare_baselines(result, evidence)
    network = cross_select(result.path(evidence.winner), result.scores(), maximize=True)
    expected = compare(network, result.baselines[0].scores[None], result.fold_rows, widest=1.0)
    (gain,) = compared.gains
    assert (gain.difference, gain.low, gain.high) == pytest.approx((expected.difference, expected.low, expected.high))
    assert gain.difference == pytest.approx(-0.05)
    assert compared.network.mean[0] == pytest.approx(network.mean())
    assert compared.baselines.mean[0] == pytest.approx(network.mean() + 0.05)


@pytest.mark.parametrize("score", ["accuracy", "loss"])
def test_a_clearly_better_baseline_is_the_next_step(study, score) -> None:
    """The verdict names the best one with both scores; details have all of them and the interval above zero."""
    better = 0.05 if score == "accuracy" else -0.05
    result = with_baselines(study(score=score), constant=-better, linear_model=better, gradient_boosting=2 * better)
    said = sentences(result)[-1]
    assert said.startswith("Next: use gradient boosting, which is clearly better on the same folds: ")
    assert said.endswith(" (BR019).")
    assert " %" in said or score == "loss"
    assert len(" ".join(sentences(result)).split()) <= 60
    detail = detail_lines(result)[1]
    assert detail.startswith("On the same folds gradient boosting (")
    assert "a linear model (" in detail
    assert "a constant" not in detail
    assert "are clearly better than the selected network" in detail
    assert "difference to the first 0.1" in detail
    assert "BR019" in [one.code for one in find_all(result)]


def test_a_baseline_that_is_not_clearly_better_is_no_sentence(study) -> None:
    """Neither a worse one, nor one within the noise, nor any over a single validation set."""
    for result in (
        with_baselines(study(), linear_model=-0.1),
        with_baselines(study(), linear_model=0.0),
        with_baselines(study(folds=1), linear_model=0.2),
        study(),
    ):
        assert worse_than_baseline(result, weigh_evidence(result)) == ("", "")
        assert "BR019" not in [one.code for one in find_all(result)]


def test_the_table_has_the_network_first(study) -> None:
    """One row for it and one for each baseline, in a terminal, a page and the file of numbers."""
    result = with_baselines(study(), constant=-0.2, linear_model=0.05)
    network, constant, linear = baseline_rows(result, weigh_evidence(result))
    assert [row["model"] for row in (network, constant, linear)] == ["network", "constant", "linear model"]
    assert math.isnan(network["difference"])
    assert constant["difference"] == pytest.approx(0.2)
    assert linear["low"] < linear["difference"] < linear["high"] < 0
    assert constant["test"] == 0.5
    console = Console(width=80, file=StringIO())
    console.print(baseline_table(result, weigh_evidence(result)))
    assert "linear model" in console.file.getvalue()
    assert "network minus it" in page("A", [Section("A", result)])
    rows = to_json(result)["baselines"]
    assert rows[0]["difference"] is None
    assert rows[2]["folds"] == result.baselines[1].scores.tolist()
    assert baseline_line(result.baselines, "accuracy").startswith(
        "Without a network, accuracy on the same folds: const"
    )


def test_a_result_without_baselines_shows_none(study) -> None:
    """As those of older folders."""
    result = study()
    assert compare_baselines(result, weigh_evidence(result)) is None
    assert baseline_rows(result, weigh_evidence(result)) == []
    assert baseline_table(result, weigh_evidence(result)) is None
    assert baseline_line((), "accuracy") == ""
    late = Baseline("gradient boosting", "", np.full(3, np.nan))
    assert baseline_line((late,), "accuracy").endswith("folds: gradient boosting not trained within its time limit.")
    assert to_json(result)["baselines"] == []
    assert "network minus it" not in page("A", [Section("A", result)])


def test_baselines_come_back_from_a_folder(study, tmp_path) -> None:
    """Also those with a fold or a held-out score that is unknown."""
    result = with_baselines(study().with_provenance(bad=0.0), constant=-0.2, linear_model=0.05)
    cut = replace(result.baselines[1], scores=np.array([0.5, np.nan, 0.5, 0.5, 0.5]), held_out={"test": math.nan})
    result = replace(result, baselines=(result.baselines[0], cut))
    store.save(result, tmp_path)
    first, second = store.load(tmp_path).baselines
    assert first.scores.tolist() == result.baselines[0].scores.tolist()
    assert (first.name, first.text, first.held_out) == ("constant", "in words", {"test": 0.5})
    np.testing.assert_array_equal(second.scores, cut.scores)
    assert math.isnan(second.held_out["test"])
    store.save(replace(result, baselines=()), tmp_path)
    assert store.load(tmp_path).baselines == ()

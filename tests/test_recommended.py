"""The rule `recommended` from a study to the model: refitted, handed over, said, stored."""

import sqlite3

import numpy as np
import pytest

import bridle
from bridle import L2, Study
from bridle.plots import path_data, sweep_data
from bridle.report import Section, to_json
from bridle.results import ALL_ROWS
from bridle.stats import Recommendation, choose_candidates
from bridle.stats._recommend import Recommender
from tests.conftest import network

STRENGTHS = [1e-6, 1e-5, 1e-4, 1e-3]


@pytest.fixture(scope="module")
def result(moons) -> bridle.Result:
    """A study in which the rule selects the candidate that neither `best` nor `1se` selects."""
    patch = pytest.MonkeyPatch()

    def recommend(self: Recommender, recorded: int | None = None) -> Recommendation:
        choice = choose_candidates(self.result)[1]
        candidate = next(c for c in (1, 2, 3) if c not in (choice.best, choice.one_se))
        return Recommendation(candidate, 1, 0.01, 0.02, 0.03, 0.3, True)

    patch.setattr(Recommender, "recommend", recommend)
    x, y = moons
    study = Study(network(), {"L2": {"*/kernel": L2(STRENGTHS)}}, seeds=1, folds=3, epochs=3)
    yield study.run(x[:30], y[:30], progress=False)
    patch.undo()


def test_the_recommended_candidate_is_refitted_and_handed_over(result: bridle.Result) -> None:
    """Its weights are those of its refit, and best, code and regularizers speak of its strength."""
    offer, data = result.evidence.recommendation, result.data
    assert offer is not None
    refit = np.flatnonzero((data.members.setting == offer.candidate) & (data.members.fold == ALL_ROWS))
    assert len(refit) == 1
    weights = result.model().get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(weights, data.weights[int(refit[0])], strict=True))
    best = result.best()
    assert (best.arm, best.rule) == ("L2", "recommended")
    assert best.strengths == data.strengths(offer.candidate)
    assert f"{best.strengths['*/kernel l2']:g}" in result.code()
    assert list(result.regularizers()) == ["*/kernel"]
    assert result.predict(np.zeros((1, 2))).shape == (1, 1)
    assert best.strengths == result.best("L2").strengths != result.best("L2", "best").strengths


def test_the_pictures_mark_it(result: bridle.Result) -> None:
    """A star at its strength in the sweep, in the chart of the report and over the paths; the caption explains it."""
    offer, evidence = result.evidence.recommendation, result.evidence
    assert offer is not None
    strength = result.data.setting_strengths[offer.candidate].sum()
    (arm,) = sweep_data(result.data, evidence=evidence).arms
    assert arm.strengths[arm.marks["recommended"]] == strength
    assert path_data(result.data, 1, evidence=evidence).marks["recommended"] == strength
    section = Section("Study", result.data)
    (trace,) = [trace for trace in section.charts["sweep"]["traces"] if trace["meta"][1:] == ["recommended"]]
    assert trace["x"] == [pytest.approx(strength)]
    assert "; star: the recommended one." in next(d for d in section.drawings if d.name == "sweep").caption


def test_the_details_the_table_and_the_record_name_it(result: bridle.Result) -> None:
    """With the expected gain, and where it comes from."""
    offer = result.evidence.recommendation
    assert offer is not None
    assert "; 30 % of the precision comes from your data, the rest from experience with other data." in result.details()
    marked = [index for index, rules in enumerate(result.table()["rule"]) if "recommended" in rules]
    assert len(marked) == 1
    record = to_json(result.data, result.evidence)["recommended"]
    assert (record["arm"], record["setting"], record["gain"]) == ("L2", offer.candidate, 0.01)


def test_a_complete_folder_keeps_its_refits_where_curves_have_changed(moons, monkeypatch, tmp_path) -> None:
    """Another version may recommend another candidate; resuming trains nothing, and reads the one that was refit."""
    x, y = moons
    study = Study(network(), {"L2": {"*/kernel": L2(STRENGTHS)}}, seeds=1, folds=3, epochs=3)

    def refits(candidate: int) -> set[int]:
        def recommend(self: Recommender, recorded: int | None = None) -> Recommendation:
            return Recommendation(candidate if recorded is None else recorded, 1, 0.01, 0.02, 0.03, 0.7, True)

        monkeypatch.setattr(Recommender, "recommend", recommend)
        result = study.run(x[:30], y[:30], progress=False, store=tmp_path / "s")
        members = result.data.members
        return {int(setting) for setting in members.setting[members.fold == ALL_ROWS]}

    first = refits(1)
    others = [candidate for candidate in (2, 3, 4) if candidate not in first]
    assert 1 in first
    assert refits(others[0]) == first
    with sqlite3.connect(next((tmp_path / "s").glob("*.sqlite"))) as index:  # of a version without the rule
        index.execute("DELETE FROM facts WHERE name LIKE 'recommended/%'")
    assert refits(others[0]) <= first

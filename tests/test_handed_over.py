"""The selected model is the one that the quoted numbers recommend."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, mean_absolute_error, mean_squared_error, r2_score

import bridle
from bridle import L2, Study
from bridle._api import Result
from bridle._errors import InputError
from bridle.results import ALL_ROWS
from bridle.study._provenance import constant_scores
from bridle.study.data._arrays import Data
from tests.conftest import network

NONE, WEAK, STRONG = [0.5] * 4, [0.8, 0.3, 0.8, 0.3], [0.3, 0.8, 0.3, 0.8]
"""Both strengths have the better mean, 0.55; on each fold the one that the other folds choose has 0.3."""


@pytest.fixture(scope="module")
def result(moons) -> Result:
    """A small study whose validation scores are those above."""
    study = Study(network(), {"L2": {"*/kernel": L2([1e-3, 1e-2])}}, seeds=1, folds=4, epochs=2)
    measured = study.run(*moons, progress=False)
    data, curves = measured.data, measured.data.curves.copy()
    inside = data.members.fold != ALL_ROWS
    column = data.quantities.index("validation/accuracy")
    table = np.array([NONE, WEAK, STRONG])
    curves[inside, -1, column] = table[data.members.setting[inside], data.members.fold[inside]]
    return Result(replace(data, curves=curves), measured._template, measured._terms)


def test_an_arm_whose_quoted_number_is_worse_than_none_is_not_handed_over(result: Result) -> None:
    """Though its raw mean is better; and the verdict says so."""
    evidence = result.evidence
    assert evidence.validation.mean[evidence.choices[1].best] > evidence.validation.mean[0]
    assert evidence.quoted[1] == pytest.approx(0.3)
    assert result.best().arm == "none"
    assert result.regularizers() == {}
    assert result.code() == "# No penalty: the model is unchanged.\n"
    text = result.details()
    assert result.verdict().startswith("Use no penalty: L2 was not better.\n")
    assert text.startswith("L2 does not beat no penalty: validation accuracy is 0.500 without one; at its best")
    assert "it is 0.300" in text.splitlines()[0]
    assert "The selected model is the one without a penalty. L2 (*/kernel l2 = 0.001) has the better" in text
    assert result.best("L2").mean == pytest.approx(0.55)


def test_the_model_that_is_handed_over_has_the_weights_of_the_refit_without_a_penalty(result: Result) -> None:
    """By the stored weights of that refit."""
    members = result.data.members
    refit = int(np.flatnonzero((members.setting == 0) & (members.fold == ALL_ROWS))[0])
    model = result.model()
    for variable, value in zip(model.trainable_variables, result.data.weights[refit], strict=False):
        np.testing.assert_array_equal(np.asarray(variable), value)


def test_a_study_of_arrays_has_no_baselines(result: Result) -> None:
    """The error says who trains them."""
    with pytest.raises(InputError, match=r"got one that has none\. bridle\.tune trains them"):
        result.baselines()


def test_a_long_result_prints_what_the_rules_take(moons) -> None:
    """A hundred strengths are not a hundred lines."""
    arms = {"L2": {"*/kernel": bridle.grid(1e-5, 1, 40)}}
    arms = {"L2": {"*/kernel": L2(bridle.grid(1e-5, 1, 40))}}
    result = Study(network(2), arms, seeds=1, folds=2, epochs=1).run(*moons, progress=False)
    assert len(str(result).splitlines()) < 30
    assert "of 41 candidates are shown; table() has all of them" in str(result)
    assert len(result.table()) == 41


def test_the_score_of_a_constant_is_that_of_scikit_learns_dummies() -> None:
    """The largest class for an accuracy; the mean, the median and zero for errors and R2."""
    rng = np.random.default_rng(0)
    labels, weight = (rng.random(200) < 0.1).astype(int), rng.random(200).astype("float32")
    rows, numbers = np.zeros((200, 1)), (5e3 + 3e3 * rng.standard_normal(200)).astype("float32")
    dummy = DummyClassifier(strategy="most_frequent").fit(rows, labels).predict(rows)
    for own in (None, weight):
        found = constant_scores(Data(rows, labels, own, labels), "binary_crossentropy", ("loss", "accuracy"))
        assert found == {"accuracy": pytest.approx(accuracy_score(labels, dummy, sample_weight=own))}
    mean, median = (DummyRegressor(strategy=name).fit(rows, numbers).predict(rows) for name in ("mean", "median"))
    found = constant_scores(Data(rows, numbers, None, None), "mse", ("loss", "mae", "r2", "own"))
    assert found == {
        "loss": pytest.approx(mean_squared_error(numbers, mean)),
        "mae": pytest.approx(mean_absolute_error(numbers, median)),
        "r2": pytest.approx(r2_score(numbers, mean), abs=1e-9),
    }
    assert constant_scores(Data(rows, {"a": numbers}, None, None), "mse", ("loss",)) == {}


def test_a_study_records_what_a_network_has_to_beat(result: Result, moons, tmp_path) -> None:
    """And a stored one still has it."""
    share = float(np.bincount(moons[1]).max() / len(moons[1]))
    assert result.data.provenance["constant"] == {"accuracy": pytest.approx(share)}
    assert bridle.load(result.save(tmp_path / "kept")).data.provenance["constant"] == {"accuracy": pytest.approx(share)}

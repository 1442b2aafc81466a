"""The selected model is the one that the quoted numbers recommend."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.datasets import make_moons
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, mean_absolute_error, mean_squared_error, r2_score

import bridle
from bridle import L2, Study
from bridle._api import Result
from bridle._errors import InputError
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import DATA_LOSS
from bridle.study._provenance import constant_scores
from bridle.study.data._arrays import Data
from bridle.tuning._model_file import load_model, save_model
from tests.conftest import network

NONE, WEAK, STRONG = [0.5] * 4, [0.8, 0.3, 0.8, 0.3], [0.3, 0.8, 0.3, 0.8]
"""Both strengths have the better mean, 0.55; on each fold the one that the other folds choose has 0.3."""


def by_its_own(data: StudyResult) -> StudyResult:
    """A study whose loss no experience with other data covers."""
    return replace(data, provenance={**data.provenance, DATA_LOSS: "other"})


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
    data = replace(by_its_own(data), curves=curves, row_scores=None)
    return Result(data, measured._template, measured._terms)


def test_an_arm_whose_quoted_number_is_worse_than_none_is_not_handed_over(result: Result) -> None:
    """Though its raw mean is better; and the verdict says so."""
    evidence = result.evidence
    assert evidence.validation.mean[evidence.choices[1].best] > evidence.validation.mean[0]
    assert evidence.quoted[1] == pytest.approx(0.3)
    assert result.best().arm == "none"
    assert result.regularizers() == {}
    assert result.code() == "# No penalty: the model is unchanged.\n"
    text = result.details()
    first, second, _ = result.verdict().splitlines()
    assert first == "The network is no better than predicting the same for every row: accuracy is 50.0 % for both."
    assert second.startswith("Regularization does not change that: with L2, accuracy is 20.0 percentage points lower ")
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


@pytest.fixture(scope="module")
def averaged() -> Result:
    """Three seeds of a network that becomes too confident, with held-out rows."""
    x, y = make_moons(80, noise=0.4, random_state=0)
    study = Study(
        network(16, optimizer=keras.optimizers.Adam(0.03)),
        {"L2": {"*/kernel": L2([1e-3, 1e-2])}},
        seeds=3,
        folds=3,
        epochs=60,
        score="loss",
    )
    return study.run(x[:60], y[:60], test=(x[60:], y[60:]), progress=False)


def hand_over(result: Result, *, better: bool) -> Result:
    """Return a result in which the mean over seeds has a better, or worse, loss out of fold than single seeds."""
    seed_mean = result.data.seed_mean
    scores = seed_mean.scores * 0 + ([0.0, 0.01, 0.02] if better else [9.0, 9.1, 9.2])
    data = replace(result.data, seed_mean=replace(seed_mean, scores=scores))
    return Result(data, result._template, result._terms)


@pytest.mark.parametrize("arm", ["none", "L2"])
def test_the_mean_of_the_refits_is_handed_over(averaged: Result, arm: str, tmp_path) -> None:
    """It predicts the mean of the single refits, saves and loads with Keras, and has the held-out score quoted."""
    x, y = make_moons(80, noise=0.4, random_state=0)
    result = hand_over(averaged, better=True)
    singles = [result.model(arm, seed=seed).predict(x, verbose=0) for seed in range(3)]
    model = result.model(arm)
    model.save(tmp_path / "mean.keras")
    for one in (model, keras.models.load_model(tmp_path / "mean.keras")):
        np.testing.assert_allclose(one.predict(x, verbose=0), np.mean(singles, axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(result.predict(x, arm), model.predict(x, verbose=0))
    held_out = result.data.seed_mean.held_out["test"][result.evidence.choices[["none", "L2"].index(arm)].best]
    assert model.evaluate(x[60:], y[60:], verbose=0, return_dict=True)["loss"] == pytest.approx(held_out, rel=1e-4)
    assert result.code(arm).endswith("# result.model() is the mean of 3 such networks, one a seed.\n")


@pytest.mark.parametrize(("gain", "arm"), [(0.1, "L2"), (0.0, "none"), (-0.1, "none")])
def test_the_mean_is_that_of_the_arm_whose_quoted_number_is_better(
    averaged: Result, moons, gain: float, arm: str
) -> None:
    """Not better is not enough: a gain of zero hands over the network without a penalty."""
    data, curves = averaged.data, averaged.data.curves.copy()
    penalized = data.setting_arm[data.members.setting] == 1
    refitted = data.members.setting[(data.members.fold == ALL_ROWS) & penalized][0]
    loss = 0.5 + 0.01 * data.members.fold - penalized * (gain - 0.001 * (data.members.setting != refitted))
    curves[:, -1, data.quantities.index("validation/loss")] = loss
    data = replace(by_its_own(data), curves=curves, row_scores=None)
    result = hand_over(Result(data, averaged._template, averaged._terms), better=True)
    assert result.best().arm == arm
    expected = np.mean([result.model(arm, seed=seed).predict(moons[0], verbose=0) for seed in range(3)], axis=0)
    np.testing.assert_allclose(result.model().predict(moons[0], verbose=0), expected, atol=1e-5)


def test_the_folder_of_a_table_loads_a_mean_also_with_a_function(averaged: Result, moons, tmp_path) -> None:
    """`bridle predict --model` gives one for models with custom code; a mean does not need it."""
    model = hand_over(averaged, better=True).model("L2")
    save_model(model, tmp_path)
    for build in (None, network):
        opened = load_model(tmp_path, build)
        np.testing.assert_allclose(opened.predict(moons[0], verbose=0), model.predict(moons[0], verbose=0), atol=1e-6)


def test_a_single_refit_is_there_on_request(averaged: Result) -> None:
    """By `single` that of the first seed, by `seed` another one, with its penalties by `penalized`."""
    result = hand_over(averaged, better=True)
    first, again = result.model("L2", single=True), result.model("L2", seed=0)
    assert [layer.name for layer in first.layers] == ["hidden", "out"]
    for one, two in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    penalized = result.model("L2", penalized=True)
    assert list(penalized.terms) == ["*/kernel"]
    np.testing.assert_array_equal(penalized.get_layer("hidden").kernel, first.get_layer("hidden").kernel)


def test_a_mean_that_scores_worse_is_not_handed_over(averaged: Result) -> None:
    """The details say which network it is, and both scores."""
    worse, better = (hand_over(averaged, better=flag) for flag in (False, True))
    assert [layer.name for layer in worse.model("L2").layers] == ["hidden", "out"]
    assert "# result.model()" not in worse.code("L2")
    assert (
        "is a single refit, not the mean over seeds: it scores worse (validation loss 9.100 against " in worse.details()
    )
    text = better.details()
    assert "The model handed over is the mean of the refits of 3 seeds: validation loss 0.010" in text
    assert "On the 20 test rows it is" in text


@pytest.mark.parametrize(
    ("without", "expected"), [(0.5, "0.5000, which is better: `result.model"), (0.7, "0.7000. On")]
)
def test_the_details_compare_means_with_and_without_a_penalty(averaged: Result, without: float, expected: str) -> None:
    """A mean over seeds gains less by a penalty than a single network: the person can take the other mean."""
    data, curves = averaged.data, averaged.data.curves.copy()
    penalized = data.setting_arm[data.members.setting] == 1
    refitted = data.members.setting == data.members.setting[(data.members.fold == ALL_ROWS) & penalized][0]
    loss = 0.8 - 0.1 * penalized - 0.01 * refitted + 0.001 * data.members.fold
    curves[:, -1, data.quantities.index("validation/loss")] = loss
    scores = np.full_like(data.seed_mean.scores, 0.6)
    scores[data.setting_arm == 0] = without
    seed_mean = replace(data.seed_mean, scores=scores)
    data = replace(by_its_own(data), curves=curves, row_scores=None, seed_mean=seed_mean)
    result = Result(data, averaged._template)
    assert result.best().arm == "L2"
    assert f"Without a penalty, the mean of as many scores {expected}" in result.details()
    members = replace(data.members, finished=data.members.finished & ~((data.members.seed == 2) & ~penalized))
    assert "the mean of as many" not in Result(replace(result.data, members=members), averaged._template).details()


def test_a_model_that_cannot_be_averaged_is_handed_over_as_one(averaged: Result) -> None:
    data = replace(averaged.data, seed_mean=replace(averaged.data.seed_mean, obstacle="the model is subclassed"))
    result = Result(data, averaged._template, averaged._terms)
    assert [layer.name for layer in result.model().layers] == ["hidden", "out"]
    assert "single refit, not the mean over seeds: the model is subclassed." in result.details()


def test_results_of_older_versions_hand_over_one(averaged: Result, tmp_path) -> None:
    """A folder without the new entries loads, and has no temperature."""
    folder = averaged.save(tmp_path / "kept")
    opened = bridle.load(folder)
    np.testing.assert_array_equal(opened.data.seed_mean.scores, averaged.data.seed_mean.scores)
    np.testing.assert_array_equal(opened.data.confidence.mean.error, averaged.data.confidence.mean.error)
    assert opened.details() == averaged.details()
    old = Result(replace(averaged.data, seed_mean=None, confidence=None), averaged._template, averaged._terms)
    old = bridle.load(old.save(tmp_path / "old"))
    assert old.data.seed_mean is None
    assert [layer.name for layer in old.model().layers] == ["hidden", "out"]
    assert "handed over" not in old.details()
    with pytest.raises(InputError, match="Expected a study that measured the temperature"):
        old.model(temperature=True)


def with_losses(result: Result, before: float, after: float) -> Result:
    """Return the result with other log losses out of fold: as they are, and with a temperature."""
    confidence, losses = result.data.confidence, np.tile([before, after], (3, 1))
    kinds = (replace(calibration, log_loss=losses) for calibration in (confidence.single, confidence.mean))
    return Result(replace(result.data, confidence=type(confidence)(*kinds)), result._template, result._terms)


def test_a_temperature_divides_the_logits_of_what_is_handed_over(averaged: Result, moons) -> None:
    """Of a single refit, and of every copy in the mean, each by its own temperature."""
    x, _ = moons
    result = with_losses(hand_over(averaged, better=True), 0.9, 0.4)
    confidence = result.data.confidence
    assert confidence.single.temperature[0] > confidence.mean.temperature[0] > 1
    plain, cooled = (
        result.model("none", seed=1, temperature=flag).predict(x, verbose=0).astype(float) for flag in (False, True)
    )
    np.testing.assert_allclose(logit(cooled), logit(plain) / confidence.single.temperature[0], rtol=1e-2, atol=1e-3)
    temperature = confidence.mean.temperature[0]
    parts = [logit(result.model("none", seed=seed).predict(x, verbose=0).astype(float)) for seed in range(3)]
    expected = np.mean([expit(part / temperature) for part in parts], axis=0)
    np.testing.assert_allclose(result.model("none", temperature=True).predict(x, verbose=0), expected, atol=1e-4)


def test_a_temperature_that_does_not_lower_the_loss_is_left_out(averaged: Result, moons) -> None:
    """And a candidate without one is refused."""
    result = with_losses(hand_over(averaged, better=True), 0.4, 0.9)
    plain, cooled = (result.model("none", temperature=flag).predict(moons[0], verbose=0) for flag in (False, True))
    np.testing.assert_array_equal(plain, cooled)
    data = replace(result.data, confidence=None)
    with pytest.raises(InputError, match="Expected a study that measured the temperature of this candidate"):
        Result(data, result._template, result._terms).model(temperature=True)

"""Ensembles: the mean of trained models against NumPy and Keras, and the interval of what it gains."""

import keras
import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

import bridle
from bridle import L2
from bridle._api._preparation import Preparation
from bridle._errors import BridleError
from bridle.stats import compare_predictors
from tests.conftest import network

NEW = make_moons(80, noise=0.2, random_state=5)


def classifier(seed: int, units: int = 4) -> keras.Model:
    """Return an untrained classifier with weights of its own."""
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(units, "tanh"), keras.layers.Dense(1, "sigmoid", name="out")]
    model = keras.Sequential([keras.Input((2,)), *layers])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def result(moons) -> bridle.Result:
    """A study of two arms with three seeds and a preprocessor."""
    study = bridle.Study(network(4), {"L2, all": {"*/kernel": L2([1.0])}}, seeds=3, folds=3, epochs=3, score="loss")
    return study.run(*moons, preprocessor=StandardScaler(), progress=False)


def probabilities(models: list[keras.Model], x: np.ndarray) -> np.ndarray:
    """The predictions of Keras, one row a model."""
    return np.stack([model.predict(x, verbose=0)[:, 0] for model in models]).astype(float)


def row_losses(y: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The log loss of each row."""
    return -np.where(y == 1, np.log(shares), np.log(1 - shares))


def test_the_gain_is_that_of_numpy_and_scikit_learn() -> None:
    """Scores of the mean and of each member, their difference, and the interval of a paired t test over rows."""
    models, (x, y) = [classifier(seed) for seed in range(4)], NEW
    gain, shares = bridle.Ensemble(models).gain(x, y, measure="loss"), probabilities([*models], x)
    assert gain.score == pytest.approx(log_loss(y, shares.mean(axis=0)), rel=1e-4)
    np.testing.assert_allclose(gain.members, [log_loss(y, row) for row in shares], rtol=1e-4)
    assert gain.other == pytest.approx(np.mean(gain.members))
    assert gain.difference == pytest.approx(gain.other - gain.score, rel=1e-4)
    paired = np.mean([row_losses(y, row) for row in shares], axis=0) - row_losses(y, shares.mean(axis=0))
    low, high = stats.ttest_1samp(paired, 0).confidence_interval(0.95)
    assert (gain.low, gain.high) == (pytest.approx(low, rel=0.25), pytest.approx(high, rel=0.25))
    assert (gain.over, gain.count, gain.measure) == ("rows", 80, "loss")
    accuracy = bridle.Ensemble(models).gain(x, y)
    assert accuracy.score == pytest.approx(((shares.mean(axis=0) > 0.5) == y).mean())
    assert str(gain).startswith(f"The ensemble has loss {gain.score:.3f}"[:27])


def test_weights_and_groups_count() -> None:
    """Rows of weight 0 are left out; groups are the units of the interval."""
    models, (x, y) = [classifier(seed) for seed in range(3)], NEW
    ensemble, part = bridle.Ensemble(models), np.arange(80) < 50
    weighted = ensemble.gain(x, y, sample_weight=part / part.mean(), measure="loss")
    alone = ensemble.gain(x[part], y[part], measure="loss")
    assert weighted.difference == pytest.approx(alone.difference, rel=1e-4)
    grouped = ensemble.gain(x, y, groups=np.arange(80) // 8, measure="loss")
    assert (grouped.over, grouped.count) == ("groups", 10)
    assert grouped.difference == pytest.approx(ensemble.gain(x, y, measure="loss").difference, rel=1e-4)


def test_grouped_rows_have_the_interval_of_their_means() -> None:
    """Of equal groups, the interval is that of a t test on the means of the groups."""
    values = np.random.default_rng(0).normal(0.3, 1, 60)
    groups = np.arange(60) % 12
    found = compare_predictors(values, np.zeros(60), np.ones(60), groups)
    means = np.array([values[groups == group].mean() for group in range(12)])
    low, high = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert found.difference == pytest.approx(values.mean())
    assert (found.low, found.high) == (pytest.approx(low, abs=0.1), pytest.approx(high, abs=0.1))


def test_two_ensembles_are_compared_on_the_same_rows() -> None:
    """The difference has the sign of the better one, and members of two architectures average."""
    first, second = (bridle.Ensemble([classifier(seed), classifier(seed + 1, 6)]) for seed in (0, 7))
    there, back = first.compare(second, *NEW, measure="loss"), second.compare(first, *NEW, measure="loss")
    assert there.difference == pytest.approx(-back.difference)
    assert there.other == pytest.approx(back.score)
    assert there.difference == pytest.approx(back.score - there.score, rel=1e-3)


def test_an_ensemble_is_a_keras_model_that_saves(tmp_path, result: bridle.Result, moons) -> None:
    """All refits of both arms: its predictions are the mean of those of the refits, also from the file."""
    ensemble = result.ensemble(["none", "L2, all"])
    assert list(ensemble.members) == [f"{arm}_seed{seed}" for arm in ("none", "L2_all") for seed in range(3)]
    x = StandardScaler().fit(moons[0]).transform(NEW[0])
    refits = [result.model(arm, "best", seed) for arm in ("none", "L2, all") for seed in range(3)]
    expected = probabilities(refits, x).mean(axis=0)
    np.testing.assert_allclose(ensemble.model.predict(x, verbose=0)[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(ensemble.predict(NEW[0])[:, 0], expected, rtol=1e-5)
    loaded = keras.saving.load_model(ensemble.save(tmp_path / "mean.keras"))
    np.testing.assert_allclose(loaded.predict(x, verbose=0)[:, 0], expected, rtol=1e-5)
    gain = ensemble.gain(*NEW, measure="loss")
    assert gain.score == pytest.approx(log_loss(NEW[1], expected), rel=1e-4)
    assert ensemble.validation is None
    with pytest.raises(BridleError, match='Run it again with keep="folds"'):
        result.ensemble(over="folds")


def test_the_gain_over_the_folds_is_that_of_the_study(result: bridle.Result) -> None:
    """Out of fold, for one arm: the mean prediction of the seeds of each fold."""
    gain, data = result.ensemble("L2, all").validation, result.data
    members = data.scores()[1]
    assert not np.allclose(members, data.scores()[0])
    assert gain is not None
    assert gain.score == pytest.approx(data.seed_mean.scores[1].mean())
    assert gain.other == pytest.approx(members.mean())
    assert gain.difference == pytest.approx(gain.other - gain.score, rel=1e-4)
    np.testing.assert_allclose(gain.members, members.mean(axis=1))
    assert (gain.over, gain.measure) == ("folds", "loss")


@pytest.fixture(scope="module")
def folded(tmp_path_factory) -> bridle.Result:
    """A regression with preprocessors of rows and target, two seeds and two folds, from its folder."""
    x = np.random.default_rng(0).normal(3, 2, size=(40, 3))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    study = bridle.Study(model, {"L2": {"*/kernel": L2([0.1])}}, seeds=2, folds=2, epochs=3)
    folder = tmp_path_factory.mktemp("folds")
    scaled = {"preprocessor": StandardScaler(), "target_preprocessor": StandardScaler()}
    study.run(x, 100 * x[:, :1] ** 2, **scaled, keep="folds", refit="all", store=folder, progress=False)
    return bridle.load(folder)


def test_networks_of_folds_take_rows_of_their_own_preprocessors(folded: bridle.Result, monkeypatch) -> None:
    """The mean of their predictions in the units of y, and its gain on new rows, are those of Keras and NumPy."""
    ensemble, data = folded.ensemble("L2", over="folds"), folded.data
    assert list(ensemble.members) == [f"L2_fold{fold}_seed{seed}" for fold in range(2) for seed in range(2)]
    assert ensemble.validation is None
    x = np.random.default_rng(0).normal(3, 2, size=(40, 3))
    y, new = 100 * x[:, :1] ** 2, np.random.default_rng(1).normal(3, 2, size=(20, 3))
    predictions = []
    for name, model in ensemble.members.items():
        train = np.delete(np.arange(40), data.fold_networks.validation[int(name[7])])
        scaler, target = StandardScaler().fit(x[train]), StandardScaler().fit(y[train])
        predictions.append(target.inverse_transform(model.predict(scaler.transform(new), verbose=0)))
    np.testing.assert_allclose(ensemble.predict(new), np.mean(predictions, axis=0), rtol=1e-4)
    truth, scaled = 100 * new[:, :1] ** 2, []
    with monkeypatch.context() as patch:
        real = Preparation.prepare_rows
        patch.setattr(Preparation, "prepare_rows", lambda self, x: scaled.append(id(self)) or real(self, x))
        gain = ensemble.gain(new, truth)
    assert len(scaled) == len(set(scaled)) == 2  # members of one fold read the same rows
    assert gain.score == pytest.approx(np.mean((truth - np.mean(predictions, axis=0)) ** 2), rel=1e-3)
    np.testing.assert_allclose(gain.members, [np.mean((truth - one) ** 2) for one in predictions], rtol=1e-3)
    assert (gain.over, gain.count) == ("rows", 20)
    for call, sentence in (
        (lambda: ensemble.gain(x[:9], y[:9]), "Expected rows that no member was trained on, got 9 rows"),
        (lambda: ensemble.model, "each with a preprocessor of its own. Use Ensemble.predict"),
        (lambda: ensemble.compare(folded.ensemble("L2"), new, truth), "Expected two ensembles that score in the same"),
    ):
        with pytest.raises(BridleError, match=sentence):
            call()


def test_networks_of_folds_are_those_of_keras_and_save(tmp_path, moons) -> None:
    """Without a preprocessor their mean is one Keras model; a study that did not keep them says so."""
    (x, y), study = moons, bridle.Study(network(4), {}, seeds=1, folds=3, epochs=2, shuffle=False)
    result = study.run(x, y, keep="folds", refit="none", progress=False)
    trained = []
    for validation in result.data.fold_networks.validation:
        trained.append(network(4))
        rows = np.delete(np.arange(len(x)), validation)
        trained[-1].fit(x[rows], y[rows], epochs=2, shuffle=False, verbose=0)
    expected = probabilities(trained, NEW[0]).mean(axis=0)
    loaded = keras.saving.load_model(result.ensemble(over="folds").save(tmp_path / "folds.keras"))
    np.testing.assert_allclose(loaded.predict(NEW[0], verbose=0)[:, 0], expected, rtol=1e-4)
    with pytest.raises(BridleError, match="Expected over='seeds' or 'folds', got 'fold'"):
        result.ensemble(over="fold")
    with pytest.raises(BridleError, match=r'to its end with refit="selected" or "all", or read .*over="folds"\)\.'):
        result.measure(lambda model: 0.0)


@keras.saving.register_keras_serializable("ensemble")
def bent(x: keras.KerasTensor) -> keras.KerasTensor:
    """An activation of one's own."""
    return keras.ops.tanh(x) + 0.1 * x


def test_a_fold_that_diverged_has_no_network() -> None:
    """The others are kept, also of a model with code of its own, whose predictions are stored to check copies."""
    x = np.random.default_rng(0).normal(size=(20, 2))
    x[0] = 1e18
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, bent), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    study = bridle.Study(model, {}, seeds=1, folds=2, epochs=2)
    data = study.run(x, x[:, 1:], keep="folds", refit="all", progress=False).data
    folds = data.members.fold >= 0
    assert (data.members.diverged_at[folds] >= 0).sum() == 1
    assert list(data.fold_networks.weights) == np.flatnonzero(folds & data.members.finished).tolist()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: bridle.Ensemble([classifier(0)]), "Expected at least two models to average, got 1"),
        (lambda: bridle.Ensemble([classifier(0), object()]), "Expected 'member1' as a built and compiled keras.Model"),
        (
            lambda: bridle.Ensemble([classifier(0), keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])]),
            "Expected 'member1' as a built and compiled",
        ),
        (lambda: bridle.Ensemble([classifier(0), classifier(1)]).gain(NEW[0][:, :1], NEW[1]), "Expected rows that fit"),
        (
            lambda: bridle.Ensemble([classifier(0), classifier(1)]).gain(*NEW, measure="los"),
            "Expected measure as 'loss' or a compiled metric",
        ),
        (
            lambda: bridle.Ensemble([classifier(0), classifier(1)]).gain(*NEW, groups=[1, 2]),
            r"Expected groups of shape \(80,\)",
        ),
        (lambda: bridle.Ensemble([classifier(0), classifier(1)]).compare([], *NEW), "Expected another Ensemble"),
    ],
    ids=["one", "no model", "not compiled", "narrow", "measure", "groups", "other"],
)
def test_what_does_not_fit_is_refused(make, sentence: str) -> None:
    """In a sentence."""
    with pytest.raises(BridleError, match=sentence):
        make()


def test_members_with_other_outputs_are_refused() -> None:
    """The shapes of both are named."""
    wide = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    wide.compile("adam", "mse")
    with pytest.raises(
        BridleError, match=r"got \(None, 2\) -> \(None, 1\) for 'member0' and \(None, 2\) -> \(None, 3\)"
    ):
        bridle.Ensemble([classifier(0), wide])

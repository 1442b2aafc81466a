"""Estimators in the pipelines of scikit-learn: data frames, weights, groups, several labels, copies, searches."""

import pickle
import warnings
from typing import Any

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_moons, make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import bridle
from bridle.estimators._rows import choose_folds, order_rows
from bridle.study import _stages

ARMS = {"L2": {"*/kernel": bridle.L2([1e-3])}}
X, Y = make_moons(64, noise=0.2, random_state=1)
TABLE = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": np.where(X[:, 0] > 0.5, "yes", "no")})


def classifier(**options) -> bridle.RegularizedClassifier:
    """One arm, one seed, two folds."""
    return bridle.RegularizedClassifier(**{"arms": ARMS, "seeds": 1, "folds": 2, "epochs": 40} | options)


@pytest.fixture(scope="module")
def fitted() -> bridle.RegularizedClassifier:
    """Labels in text, two columns of a data frame."""
    return classifier(batch_size=16).fit(TABLE[["a", "b"]], np.array(["left", "right"])[Y])


def test_a_fit_says_what_it_chose(fitted) -> None:
    """Classes, names of features, probabilities, and the study behind it."""
    table = TABLE[["a", "b"]]
    assert fitted.classes_.tolist() == ["left", "right"]
    assert fitted.feature_names_in_.tolist() == ["a", "b"]
    shares = fitted.predict_proba(table)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (fitted.predict(table) == fitted.classes_[shares.argmax(axis=1)]).all()
    assert fitted.score(table, np.array(["left", "right"])[Y]) > 0.75
    assert fitted.verdict() == fitted.result_.verdict()
    assert "StandardScaler" in fitted.code()
    assert fitted.strengths_ == ({} if fitted.arm_ == "none" else {"*/kernel l2": 1e-3})
    np.testing.assert_allclose(shares[:, 1:], fitted.result_.predict(table.to_numpy()), atol=1e-6)


def test_tables_of_arrow_and_sparse_matrices_are_their_arrays(fitted) -> None:
    """To train on and to predict."""
    table = TABLE[["a", "b"]]
    np.testing.assert_array_equal(fitted.predict_proba(pa.Table.from_pandas(table)), fitted.predict_proba(table))
    one, other = (classifier(epochs=2).fit(rows, Y) for rows in (X, csr_array(X)))
    np.testing.assert_array_equal(other.predict_proba(csr_array(X)), one.predict_proba(X))


def test_a_pickled_copy_predicts_the_same(fitted) -> None:
    """With its study; the copy of a data frame is the same rows. Nothing warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loaded = pickle.loads(pickle.dumps(fitted))
    table = TABLE[["a", "b"]]
    np.testing.assert_array_equal(loaded.predict_proba(table), fitted.predict_proba(table))
    assert loaded.verdict() == fitted.verdict()
    assert loaded.result_.model().count_params() == fitted.model_.count_params()


def test_a_notebook_shows_parameters_and_answer(fitted) -> None:
    """Before `fit` the diagram of scikit-learn, after it the card of the study too."""
    assert "bridle-card" not in clone(fitted)._repr_html_()
    page = fitted._repr_html_()
    assert page.index("sk-estimator") < page.index("bridle-card")
    assert fitted.verdict().splitlines()[0][:20] in page


def test_a_pipeline_encodes_columns_inside_a_search() -> None:
    """`ColumnTransformer`, `Pipeline` and `GridSearchCV` in one."""
    encode = ColumnTransformer([("c", OneHotEncoder(), ["c"])], remainder="passthrough")
    pipeline = make_pipeline(encode, classifier())
    name = "regularizedclassifier__epochs"
    search = GridSearchCV(pipeline, {name: [1, 40]}, cv=2).fit(TABLE, Y)
    assert search.best_params_ == {name: 40}
    assert search.predict(TABLE).shape == (64,)


def test_scores_calibration_and_importance_are_those_of_scikit_learn(fitted) -> None:
    """`cross_val_score`, `CalibratedClassifierCV` and `permutation_importance` take it as any other."""
    assert cross_val_score(classifier(), X, Y, cv=2).min() > 0.6
    calibrated = CalibratedClassifierCV(classifier(epochs=5), cv=2).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    labels = np.array(["left", "right"])[Y]
    importance = permutation_importance(fitted, TABLE[["a", "b"]], labels, n_repeats=3, random_state=0)
    assert importance.importances_mean[1] > 0.1


def test_groups_are_routed_and_kept_together() -> None:
    """Rows of one group share a fold of the estimator; `cross_val_score` hands groups on."""
    groups = np.repeat(np.arange(16), 4)
    with config_context(enable_metadata_routing=True):
        estimator = classifier(epochs=2).set_fit_request(groups=True)
        scores = cross_val_score(make_pipeline(estimator), X, Y, params={"groups": groups}, cv=2, error_score="raise")
    assert len(scores) == 2
    rows = order_rows(X, Y, None, groups)
    for train, validation in choose_folds(rows.y, rows.groups, 4):
        assert not set(rows.groups[train]) & set(rows.groups[validation])


def test_several_targets_of_classes() -> None:
    """As of scikit-learn's own: a class for each, a list of probabilities; `score` is the share of rows all right."""
    x = np.random.default_rng(0).normal(size=(90, 3))
    y = pd.DataFrame({"size": np.array(["l", "m", "s"])[np.digitize(x[:, 0], [-0.5, 0.5])], "sign": x[:, 1] > 0})
    y["sign"] = y["sign"].map({True: "up", False: "down"})
    options = {"arms": {"L2": {"*/kernel": bridle.L2(1e-4)}}, "seeds": 1, "folds": 2}
    fitted = bridle.RegularizedClassifier(**options, epochs=60).fit(x, y)
    forest = RandomForestClassifier(5, random_state=0).fit(x, y)
    assert [part.shape for part in fitted.predict_proba(x)] == [part.shape for part in forest.predict_proba(x)]
    assert [list(classes) for classes in fitted.classes_] == [list(classes) for classes in forest.classes_]
    predicted = fitted.predict(x)
    assert predicted.shape == (90, 2)
    assert (predicted == y.to_numpy()).mean() > 0.85
    assert fitted.score(x, y) == (predicted == y.to_numpy()).all(axis=1).mean()
    assert np.concatenate([part.sum(axis=1) for part in fitted.predict_proba(x)]) == pytest.approx(1)
    assert pickle.loads(pickle.dumps(fitted)).predict(x).tolist() == predicted.tolist()
    with pytest.raises(ValueError, match="Expected one target for class_weight, got 2"):
        bridle.RegularizedClassifier(**options, class_weight="balanced").fit(x, y)
    with pytest.raises(ValueError, match="two classes in each column of y, got only 'a' in column 1"):
        fitted.fit(x, y.assign(sign="a"))


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (pd.DataFrame({"a": ["x", "y", "z"] * 10, "b": [0, 1] * 15}), [["x", "y", "z"], [0, 1]]),
        ([[1, 2], [2, 1], [2, 2]] * 10, [[1, 2], [1, 2]]),
    ],
)
def test_targets_of_any_labels(y: Any, classes: list) -> None:
    """Text beside numbers, and two classes that are not 0 and 1: a class for each, of its own type."""
    x = np.random.default_rng(0).normal(size=(30, 2))
    fitted = classifier(epochs=1).fit(x, y)
    assert [part.tolist() for part in fitted.classes_] == classes
    assert [part.shape for part in fitted.predict_proba(x)] == [(30, len(part)) for part in classes]
    predicted = fitted.predict(x)
    assert all(set(column) <= set(labels) for column, labels in zip(predicted.T.tolist(), classes, strict=True))
    assert 0 <= fitted.score(x, y) <= 1
    with pytest.raises(ValueError, match="Expected folds as a whole number of at least 2, got '5'"):
        fitted.set_params(folds="5").fit(x, y)
    with pytest.raises(ValueError, match="got only one class, 7"):
        fitted.fit(x, np.full(30, 7))


def test_several_labels_and_several_outputs() -> None:
    """One probability for each label; one number for each output, in its own unit."""
    x, y = make_multilabel_classification(60, 4, n_classes=3, random_state=0)
    several = classifier(epochs=30).fit(x, y)
    assert several.predict_proba(x).shape == (60, 3)
    assert set(np.unique(several.predict(x))) <= {0, 1}
    assert (several.predict(x) == y).mean() > (y == y.mean(axis=0).round()).mean() - 0.05
    both = np.stack([X[:, 0] * 100 + 1000, X[:, 1]], axis=1)
    regressor = bridle.RegularizedRegressor(arms=ARMS, seeds=1, folds=2, epochs=60, batch_size=8).fit(X, both)
    assert regressor.predict(X).shape == (64, 2)
    assert regressor.score(X, both) > 0.9


def test_a_model_of_ones_own_is_a_function_or_a_keras_model() -> None:
    """With logits; the given model is not trained."""

    def build(inputs: int, outputs: int) -> keras.Model:
        model = keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs, name="out")])
        model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
        return model

    model = build(2, 1)
    before = model.get_weights()
    first = classifier(model=model, random_state=3).fit(X, Y).predict_proba(X)
    second = classifier(model=build, random_state=3).fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert first.min() >= 0
    assert first.max() <= 1
    for value, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(value, now)


def test_whole_weights_count_rows_up_to_a_limit() -> None:
    """Three rows of weight 2 are six rows; survey weights in the thousands stay weights."""
    x, y = X[:3].astype("float32"), Y[:3]
    assert len(order_rows(x, y, np.full(3, 2.0), None).x) == 6
    rows = order_rows(x, y, np.array([5000.0, 0, 7000]), None)
    assert sorted(rows.weight.tolist()) == [5000, 7000]


def test_a_class_of_one_row_is_always_trained_on() -> None:
    """Fewer folds where a class has fewer rows; no validation row of a class that training lacks."""
    labels = np.array([0] * 6 + [1] * 3 + [2])
    pairs = choose_folds(labels, np.arange(10), 5)
    assert len(pairs) == 5
    assert all(9 in train for train, _ in pairs)
    assert sorted(np.concatenate([validation for _, validation in pairs]).tolist()) == list(range(9))
    with pytest.raises(bridle.BridleError, match="at least 2 folds"):
        choose_folds(np.array([0, 1]), np.arange(2), 2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"arms": "some"}, "'all' or None, got 'some'"),
        ({"folds": 1}, "folds as a whole number of at least 2"),
        ({"seeds": 0}, "seeds as a whole number of at least 1"),
        ({"model": 3}, "a compiled keras.Model or a function"),
        ({"class_weight": {7: 2.0}}, "weights of classes in y, got one of 7"),
        ({"rule": "worst"}, "the rule 'recommended', 'best' or '1se'"),
        ({"scoring": "auc"}, "auc"),
    ],
)
def test_wrong_arguments_are_sentences(options, sentence) -> None:
    """In `fit`, as scikit-learn has it."""
    with pytest.raises(bridle.BridleError, match=sentence):
        classifier(**{"epochs": 1} | options).fit(X, Y)


class Told:
    """Callback of scikit-learn that keeps the names of tasks as they begin and end."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []
        self.scores: list[float] = []

    def setup(self, estimator, context) -> None:
        self.events.append(("setup", context.task_name, ""))

    def teardown(self, estimator, context) -> None:
        self.events.append(("teardown", context.task_name, ""))

    def on_fit_task_begin(self, estimator, context) -> None:
        self.events.append(("begin", context.task_name, context.parent.task_name if context.parent else ""))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None) -> None:  # noqa: N803
        self.events.append(("end", context.task_name, context.parent.task_name if context.parent else ""))
        if fitted_estimator is not None:
            self.scores.append(fitted_estimator.score(X, y))


def test_callbacks_of_scikit_learn_are_told_of_every_fit() -> None:
    """Stages are tasks of `fit` and fits tasks of stages, each with its end; the last one has the fitted estimator."""
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
    x, y = make_moons(60, noise=0.2, random_state=1)
    arms = {"L2": {"*/kernel": bridle.L2([1e-3, 1e-2])}}
    told = Told()
    classifier = bridle.RegularizedClassifier(arms=arms, seeds=2, folds=2, epochs=2).set_callbacks(told)
    assert classifier.fit(x, y) is classifier
    begun, ended = ([event[1:] for event in told.events if event[0] == kind] for kind in ("begin", "end"))
    assert sorted(begun) == sorted(ended)
    assert told.events[0] == ("setup", "fit", "")
    assert told.events[-1] == ("teardown", "fit", "")
    trained = len(classifier.result_.data.members)
    assert [name for name, _ in begun].count("one fit") == trained
    assert {stage for name, stage in begun if name == "one fit"} == {name for name, stage in begun if stage == "fit"}
    assert told.scores == [classifier.score(x, y)]
    assert clone(classifier).set_callbacks().fit(x, y).score(x, y) == told.scores[0]
    assert len(told.events) == 2 * (2 + len(begun)) - 2
    classifier.set_callbacks(callback.ProgressBar()).fit(x, y)


@pytest.mark.parametrize("options", [{"race": False, "seeds": 1}, {"seeds": 2}], ids=["stages", "race"])
def test_callbacks_are_told_of_the_fits_of_open_grids(options, monkeypatch) -> None:
    """Of each run of a stage that runs several times, as of those of pilots; a race counts through."""
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
    trained, run_requests = [], _stages.run_requests

    def counted(prepared, chains, *args, **kwargs) -> bool:
        trained.append(sum(map(len, chains)))
        return run_requests(prepared, chains, *args, **kwargs)

    monkeypatch.setattr(_stages, "run_requests", counted)
    monkeypatch.setattr(_stages, "expected_fits", lambda *_: 20)  # too few for the race, which then has a second task
    told = Told()
    arms = {"L2": {"*/kernel": bridle.L2("auto")}}
    estimator = classifier(arms=arms, epochs=2, **options).set_callbacks(told).fit(X, Y)
    stages = [event[2] for event in told.events if event[:2] == ("begin", "one fit")]
    assert len(stages) == sum(trained)
    assert len(stages) - stages.count("finding ranges") == len(estimator.result_.data.members)
    begun, ended = (sorted(event[1:] for event in told.events if event[0] == kind) for kind in ("begin", "end"))
    assert begun == ended
    tasks = [name for name, parent in begun if parent == "fit"]
    assert len(tasks) == len(trained) if options["seeds"] == 1 else tasks.count("fits") > 1, (tasks, trained)

"""Baselines: the scores of scikit-learn on the folds of a study, with its weights and groups, in its units."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import (
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

import bridle
from bridle.study import fit_baselines
from bridle.study._baselines import MIN_STOPPING_ROWS, RIDGE_STRENGTHS, SEVERAL_CLASSES
from bridle.tables import Preparation, Structure
from bridle.tuning import TableStudy, prepare_table

OPTIONS = {"seeds": 1, "folds": 4, "epochs": 1}
CLASSIFIERS = (
    DummyClassifier(strategy="prior"),
    LogisticRegression(max_iter=500),
    HistGradientBoostingClassifier(random_state=0, early_stopping=True),
)
REGRESSORS = (
    DummyRegressor(),
    RidgeCV(RIDGE_STRENGTHS),
    HistGradientBoostingRegressor(random_state=0, early_stopping=True),
)


@pytest.fixture(autouse=True)
def one_thread():
    """Small models wait less for one thread."""
    with threadpool_limits(1):
        yield


class SinglePrecision(StandardScaler):
    """The scaled target in single precision, as a fold has it: medians of residuals meet ties."""

    def transform(self, x, copy=None):
        """Return scaled values, rounded."""
        return super().transform(x, copy=copy).astype(np.float32).astype(float)


def accuracy(model, x, y) -> float:
    """The accuracy of a fitted model."""
    return accuracy_score(y, model.predict(x))


def clipped_loss(model, x, y, weight=None) -> float:
    """The log loss as Keras computes it: in single precision, with probabilities cut at 1e-7."""
    shares = model.predict_proba(x).astype(np.float32)
    if shares.shape[1] == 2:
        second = np.clip(shares[:, 1], np.float32(1e-7), np.float32(1 - 1e-7))
        shares = np.stack([1 - second, second], axis=1)
    likelihoods = np.clip(shares[np.arange(len(y)), y], np.float32(1e-7), np.float32(1 - 1e-7))
    return float(-np.average(np.log(likelihoods.astype(float)), weights=weight))


def job_of(frame: pd.DataFrame, target: str = "target", score: str | None = None, **structure: object):
    """A prepared study of a table."""
    return prepare_table(frame, TableStudy(target, score=score, structure=Structure(**structure), **OPTIONS))


def models_of(job, models):
    """The models after the preparation of the table, boosting without early stopping where the rows are few."""
    models = [clone(model) for model in models]
    if job.prepared.fold_rows[:, 0].min() < MIN_STOPPING_ROWS:
        models[-1].set_params(early_stopping=False)
    if len(job.problem.classes or ()) > 2:
        models[-1].set_params(**SEVERAL_CLASSES)
    layout = job.preparation.layout
    return [make_pipeline(Preparation(layout), FunctionTransformer(np.float64), model) for model in models]


@pytest.mark.parametrize("score", ["accuracy", "loss"])
@pytest.mark.parametrize("load", [load_breast_cancer, load_iris])
def test_classes_score_as_in_scikit_learn(load, score) -> None:
    """Two and three classes: `cross_val_score` on the same folds, and the held-out rows."""
    job = job_of(load(as_frame=True).frame, score=score)
    y = np.asarray(job.prepared.rows.y)
    x, y_test = job.prepared.rows.held_out["test"]
    scorer = accuracy if score == "accuracy" else clipped_loss
    folds = StratifiedKFold(OPTIONS["folds"], shuffle=True, random_state=0)
    for baseline, model in zip(job.baselines, models_of(job, CLASSIFIERS), strict=True):
        expected = cross_val_score(model, job.rows, y, cv=folds, scoring=scorer)
        np.testing.assert_allclose(baseline.scores, expected, rtol=1e-6)
        assert baseline.held_out["test"] == pytest.approx(scorer(model.fit(job.rows, y), x, y_test), rel=1e-6)


@pytest.mark.parametrize("score", ["r2", "mse", "mae"])
def test_numbers_score_as_in_scikit_learn(score) -> None:
    """In the units of the target; where absolute errors count, the constant is the median."""
    job = job_of(load_diabetes(as_frame=True).frame, score=score)
    y, (x, y_test) = np.asarray(job.prepared.rows.y), job.prepared.rows.held_out["test"]
    scoring = {"r2": "r2", "mse": "neg_mean_squared_error", "mae": "neg_mean_absolute_error"}[score]
    measure = {"r2": r2_score, "mse": mean_squared_error, "mae": mean_absolute_error}[score]
    models = models_of(job, REGRESSORS)
    if score == "mae":
        models[0].set_params(dummyregressor__strategy="median")
        models[2].set_params(histgradientboostingregressor__loss="absolute_error")
        models = [TransformedTargetRegressor(model, transformer=SinglePrecision()) for model in models]
    folds, sign = KFold(OPTIONS["folds"], shuffle=True, random_state=0), 1 if score == "r2" else -1
    for baseline, model in zip(job.baselines, models, strict=True):
        expected = sign * cross_val_score(model, job.rows, y, cv=folds, scoring=scoring)
        np.testing.assert_allclose(baseline.scores, expected, rtol=1e-6, atol=1e-6)
        held_out = measure(y_test, model.fit(job.rows, y).predict(x))
        assert baseline.held_out["test"] == pytest.approx(held_out, rel=1e-6, abs=1e-6)


def grouped(rows: int = 240) -> pd.DataFrame:
    """A table of two classes with subjects, times and weights."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=list("abc"))
    frame["kind"] = rng.choice(["cat", "dog"], rows)
    frame["subject"], frame["day"] = np.arange(rows) // 8, np.arange(rows)
    frame["w"] = rng.integers(1, 5, rows)
    return frame.assign(ill=(frame.a + rng.normal(size=rows) > 0).map({True: "yes", False: "no"}))


def test_groups_and_time_order_cut_the_folds() -> None:
    """Folds are those of whole groups, or in the order of time."""
    frame = grouped()
    job = job_of(frame.drop(columns=["day", "w"]), "ill", group="subject")
    y, groups = np.asarray(job.prepared.rows.y), np.asarray(job.prepared.rows.groups)
    folds = StratifiedGroupKFold(4, shuffle=True, random_state=0)
    for baseline, model in zip(job.baselines, models_of(job, CLASSIFIERS), strict=True):
        np.testing.assert_allclose(baseline.scores, cross_val_score(model, job.rows, y, groups=groups, cv=folds), 1e-6)
    job = job_of(frame.drop(columns=["subject", "w"]), "ill", time="day")
    y = np.asarray(job.prepared.rows.y)
    for baseline, model in zip(job.baselines, models_of(job, CLASSIFIERS), strict=True):
        np.testing.assert_allclose(baseline.scores, cross_val_score(model, job.rows, y, cv=TimeSeriesSplit(4)), 1e-6)


def test_weights_train_and_score() -> None:
    """Row weights count in training and in the loss; class weights in training only."""
    frame = grouped().drop(columns=["subject", "day"])
    job = job_of(frame, "ill", score="loss", weight="w", class_weight={"yes": 3, "no": 1})
    y, weight = np.asarray(job.prepared.rows.y), np.asarray(job.prepared.rows.sample_weight, float)
    train_weight = weight * np.where(y == 1, 3.0, 1.0)
    folds = list(StratifiedKFold(4, shuffle=True, random_state=0).split(y, y))
    for baseline, model in zip(job.baselines, models_of(job, CLASSIFIERS), strict=True):
        step, expected = model.steps[-1][0], []
        for train, validation in folds:
            model.fit(job.rows.iloc[train], y[train], **{f"{step}__sample_weight": train_weight[train]})
            loss = clipped_loss(model, job.rows.iloc[validation], y[validation], weight[validation])
            expected.append(loss * weight[validation].mean())  # Keras divides by the number of rows
        np.testing.assert_allclose(baseline.scores, expected, rtol=1e-6)


def test_a_time_limit_leaves_folds_out() -> None:
    """The constant is whole; what the others leave out is NaN, and their text says so."""
    job = job_of(grouped().drop(columns=["subject", "day", "w"]), "ill")
    constant, *others = fit_baselines(job.prepared, max_seconds=0.0)
    assert np.isfinite(constant.scores).all()
    for baseline in others:
        assert np.isnan(baseline.scores).all()
        assert np.isnan(baseline.held_out["test"])
        assert "the time limit left out 4 of 4 folds" in baseline.text


def test_a_time_limit_leaves_held_out_rows_out(monkeypatch) -> None:
    """If it is reached after the folds: their scores are whole, and the refit does not begin."""
    job = job_of(grouped().drop(columns=["subject", "day", "w"]), "ill")
    seconds = iter(range(100))
    monkeypatch.setattr("bridle.study._baselines.perf_counter", lambda: float(next(seconds)))
    constant, linear, boosting = fit_baselines(job.prepared, max_seconds=18.0)
    assert np.isfinite([constant.scores, linear.scores]).all()
    assert np.isfinite(constant.held_out["test"])
    assert np.isnan(linear.held_out["test"])
    assert linear.text.endswith("; the time limit left out the held-out rows")
    assert "4 of 4 folds" in boosting.text


def test_a_pooled_score_is_pooled() -> None:
    """The pseudo-values of AUC over all folds together average to about that of all rows."""
    job = job_of(grouped().drop(columns=["subject", "day", "w"]), "ill", score="pooled:auc")
    constant, linear, _ = job.baselines
    assert constant.scores == pytest.approx(0.5, abs=0.05)
    assert 0.6 < linear.scores.mean() < 1


def test_the_study_does_not_change() -> None:
    """Preprocessors of refits are still to be fitted after the baselines."""
    job = job_of(grouped().drop(columns=["subject", "day", "w"]), "ill")
    assert job.baselines
    assert not job.prepared.preparer.final


def prepared_arrays(x, y, last: keras.Layer, loss, metrics=(), **options):
    """A prepared study of arrays without any preparation."""
    model = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Flatten(), last])
    model.compile(loss=loss, metrics=list(metrics))
    arms = {"L2": {"*/kernel": bridle.L2(0.1)}}
    return bridle.Study(model, arms, seeds=1, folds=3, epochs=1, **options).prepare(x, y)


@pytest.mark.parametrize("classes", [2, 3])
def test_arrays_and_logits_and_one_hot_labels(classes) -> None:
    """The form of labels and of the network's output does not change a log loss; raw columns are scaled."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 4)).astype("float32") * [1, 10, 100, 1000]
    y = np.clip(x[:, 0] + rng.normal(size=90) + classes / 2, 0, classes - 0.01).astype(int)
    dense, losses = keras.layers.Dense, keras.losses
    studies = {
        "sparse": (y, dense(classes, activation="softmax"), losses.SparseCategoricalCrossentropy()),
        "one-hot": (np.eye(classes)[y], dense(classes, activation="softmax"), losses.CategoricalCrossentropy()),
        "logits": (y, dense(classes), losses.SparseCategoricalCrossentropy(from_logits=True)),
    }
    if classes == 2:
        studies["binary"] = (y, dense(1, activation="sigmoid"), losses.BinaryCrossentropy())
        studies["binary logits"] = (y, dense(1), losses.BinaryCrossentropy(from_logits=True))
    expected = -cross_val_score(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        x.astype(float),
        y,
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
        scoring="neg_log_loss",
    )
    for labels, last, loss in studies.values():
        linear = fit_baselines(prepared_arrays(x, labels, last, loss, score="loss"))[1]
        np.testing.assert_allclose(linear.scores, expected, rtol=1e-5)


def test_no_baselines_where_they_make_no_sense() -> None:
    """Rows that are no table, several outputs, and losses of another kind."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)).astype("float32"), rng.normal(size=30).astype("float32")
    dense = keras.layers.Dense
    assert fit_baselines(prepared_arrays(x, y, dense(1), "mse"))
    assert fit_baselines(prepared_arrays(x.reshape(30, 2, 2), y, dense(1), "mse")) == ()
    assert fit_baselines(prepared_arrays(x, np.stack([y, y], axis=1), dense(2), "mse")) == ()
    assert fit_baselines(prepared_arrays(x, np.where(y > 0, 1, -1), dense(1), "hinge")) == ()

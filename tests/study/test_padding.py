"""Padded steps are left out of every measure: those of validation, watched, held-out and outer rows."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import KFold

from bridle import L1, EarlyStopping
from bridle.engine import _evaluate as evaluation
from bridle.results import ALL_ROWS, StudyResult
from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.design._objective import diagnostic_names
from bridle.study.execution._facts import study_facts

L = keras.layers
STEPS, LENGTHS = 6, np.random.default_rng(0).integers(1, 6, 36)
REAL = np.arange(STEPS) < LENGTHS[:, None]
TOKENS = np.where(REAL, np.random.default_rng(1).integers(1, 6, REAL.shape), 0)
LABELS = TOKENS % 3
"""One class a step; padded steps have class 0, which a network may tell or not."""


def tagger(seed: int = 3) -> keras.Model:
    """A class for each step, trained by steps of size zero: every fit ends with the weights given."""
    keras.utils.set_random_seed(seed)
    layers = [L.Embedding(6, 4, mask_zero=True), L.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((STEPS,), dtype="int32"), *layers])
    measures = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", **measures)
    return model


def by_keras(model: keras.Model, rows: np.ndarray) -> list[float]:
    """Loss and metrics of some rows by `evaluate`, in one batch."""
    options = {"batch_size": 1000, "verbose": 0, "return_dict": True}
    found = model.evaluate(TOKENS[rows], LABELS[rows], **options)
    return [found[name] for name in ("loss", "accuracy", "weighted_accuracy")]


def by_numpy(model: keras.Model, rows: np.ndarray) -> list[float]:
    """The same over real steps, without Keras's losses and metrics."""
    shares, real, labels = model.predict(TOKENS[rows], verbose=0), REAL[rows], LABELS[rows]
    loss = -np.log(np.take_along_axis(shares, labels[..., None], axis=2)[..., 0])[real].mean()
    accuracy = (shares.argmax(axis=2) == labels)[real].mean()
    return [loss, accuracy, accuracy]


def measured(result: StudyResult, side: str, fold: int) -> np.ndarray:
    """The measures at the end of a member on a fold, those of `none`."""
    number = int(np.flatnonzero((result.members.fold == fold) & (result.members.setting == 0))[0])
    return np.array([result.quantity(f"{side}/{name}")[number, -1] for name in result.held_out_names])


@pytest.mark.parametrize("way", ["in one call", "short turns", "turns in a loop", "side by side"])
def test_scores_of_padded_sequences_are_those_over_real_steps(way: str, monkeypatch) -> None:
    """Whatever the way: validation, training, watched, held-out and outer rows, as Keras and NumPy give them."""
    if "turns" in way:
        monkeypatch.setattr(evaluation, "MIN_CHUNK_ROWS", 2)
        monkeypatch.setattr(evaluation, "MAX_CHUNK_ROWS", 5)
        monkeypatch.setattr(evaluation, "LONG_PASS_EQUATIONS", 0 if "loop" in way else 1000)
    model = tagger()
    folds, train = KFold(2), np.arange(26)
    question = Question(
        model, {}, seeds=2 if way == "side by side" else 1, folds=folds, epochs=1, batch_size=16,
        initial_weights="model", early_stopping=EarlyStopping(validation_fraction=0.25),
    )  # fmt: skip
    test = np.arange(26, 36)
    rows = Rows(TOKENS[train], LABELS[train], held_out={"test": (TOKENS[test], LABELS[test])})
    nested = folds if way == "in one call" else None
    prepared = prepare(question, rows)
    result, _ = run_study(prepared, RunOptions(width=2 if way == "side by side" else None, nested=nested))
    for number, (_, judged) in enumerate(folds.split(train)):
        watched = rows_of(prepared.folds[number], "watch")
        for side, chosen in {"validation": judged, "watch": watched}.items():
            found = measured(result, side, number)
            np.testing.assert_allclose(found, by_keras(model, chosen), rtol=1e-5)
            np.testing.assert_allclose(found, by_numpy(model, chosen), rtol=1e-5)
    held = result.held_out["test"][np.flatnonzero(result.members.fold == ALL_ROWS)[0]]
    np.testing.assert_allclose(held, by_keras(model, test), rtol=1e-5)
    if nested is not None:
        wanted = [by_keras(model, judged)[1] for _, judged in folds.split(train)]
        np.testing.assert_allclose(result.nested.none[0], wanted, rtol=1e-5)


def rows_of(fold: object, side: str) -> np.ndarray:
    """The numbers of the rows of one side of a fold."""
    first, end = (fold.train, fold.train + fold.watch) if side == "watch" else (0, fold.train)
    return np.array([np.flatnonzero((row == TOKENS).all(axis=1))[0] for row in np.asarray(fold.rows.x)[first:end]])


def test_training_rows_are_measured_over_real_steps_too() -> None:
    """The training loss, that of the curve and that of the steps."""
    model, train = tagger(), np.arange(18, 36)
    question = Question(model, {}, 1, KFold(2), epochs=1, batch_size=100, initial_weights="model")
    result, _ = run_study(prepare(question, Rows(TOKENS, LABELS)), RunOptions(refit=False))
    np.testing.assert_allclose(measured(result, "train", 0), by_keras(model, train), rtol=1e-5)
    number = int(np.flatnonzero(result.members.fold == 0)[0])
    assert result.quantity("fit/loss")[number, -1] == pytest.approx(by_keras(model, train)[0], rel=1e-5)


def test_diagnostics_leave_padded_steps_out() -> None:
    """Zeros, size and dead units of a masked output, and the spread of predictions, over real steps only."""
    keras.utils.set_random_seed(0)
    layers = [L.Embedding(6, 4, mask_zero=True), L.Dense(8, "relu", name="hidden"), L.Dense(1, name="out")]
    model = keras.Sequential([keras.Input((STEPS,), dtype="int32"), *layers])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    y = LABELS.astype("float32")[..., None]
    question = Question(model, {"L1": {"hidden/output": L1(1e-3)}}, 1, KFold(2), 1, 100, initial_weights="model")
    prepared = prepare(question, Rows(TOKENS, y))
    result, _ = run_study(prepared, RunOptions(refit=False))
    number = int(np.flatnonzero(result.members.fold == 0)[0])
    train = np.arange(18, 36)
    hidden = keras.Sequential(model.layers[:2])(TOKENS[train])
    units = np.asarray(hidden)[REAL[train]]
    expected = {
        "zeros/hidden/output": (units == 0).mean(),
        "size/hidden/output": np.abs(units).mean(),
        "dead/hidden/output": (units == 0).all(axis=0).mean(),
        "unit50/hidden/output": np.median(np.abs(units).mean(axis=0)),
    }
    predictions = np.ma.array(model.predict(TOKENS[train], verbose=0)[..., 0], mask=~REAL[train])
    expected["spread/prediction"] = float(np.sqrt(np.ma.mean(predictions.var(axis=0))))
    assert set(expected) <= set(diagnostic_names(prepared.bound_terms))
    for name, value in expected.items():
        assert result.diagnostic(name)[number] == pytest.approx(value, rel=1e-4), name


def test_a_folder_with_scores_over_padded_steps_is_another_study() -> None:
    """Scores of earlier versions are not mixed with these; studies without masks resume as before."""
    masked = prepare(Question(tagger(), {}, 1, 2, 1), Rows(TOKENS, LABELS))
    assert study_facts(masked, False, None)["padded steps"] == "left out of losses and metrics"
    plain = keras.Sequential([keras.Input((STEPS,), dtype="int32"), L.Embedding(6, 4), L.Dense(3, "softmax")])
    plain.compile("adam", "sparse_categorical_crossentropy")
    assert "padded steps" not in study_facts(prepare(Question(plain, {}, 1, 2, 1), Rows(TOKENS, LABELS)), False, None)

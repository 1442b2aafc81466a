"""Measures that are not defined over some rows are NaN and are said before training; folds hold every class."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import LeaveOneGroupOut

import bridle
from bridle import EarlyStopping
from bridle._errors import InputError
from bridle.stats import summarize, survivors
from bridle.study import RunOptions, run_study
from bridle.study._nested import check_nested
from bridle.study.data import Rows
from bridle.study.design import Question, prepare
from bridle.study.execution._facts import study_facts

L, M = keras.layers, keras.metrics
X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
SUBJECTS = np.repeat(np.arange(4), 10)
MIXED = np.r_[np.zeros(10, int), np.arange(10) % 2, np.ones(10, int), np.arange(10) % 2]
"""Subjects 0 and 2 have rows of one class."""


def network(metrics: list[object], outputs: int = 1) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), L.Dense(4, "tanh"), L.Dense(outputs, "sigmoid")])
    model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy", metrics=metrics)
    return model


def question(model: keras.Model, **options: object) -> Question:
    return Question(model, {}, 1, epochs=1, initial_weights="model", **({"folds": LeaveOneGroupOut()} | options))


def test_auc_over_subjects_of_one_class_is_not_a_number() -> None:
    """Leave one subject out: NaN where sklearn knows none, Keras's value elsewhere, and a note before training."""
    model = network([M.AUC(name="auc"), M.Recall(name="recall"), M.Precision(name="precision"), "accuracy"])
    prepared = prepare(question(model), Rows(X, MIXED, groups=SUBJECTS))
    (note,) = prepared.notes
    assert "it is not defined in folds 0, 2 of 4, which count as missing (NaN)" in note
    assert "groups=" in note
    result, _ = run_study(prepared, RunOptions(refit=False))
    assert note in result.protocol
    for fold in range(4):
        rows = fold == SUBJECTS
        wanted = model.evaluate(X[rows], MIXED[rows], verbose=0, return_dict=True)
        if fold in (0, 2):
            wanted["auc"] = np.nan
        if fold == 0:
            wanted["recall"] = wanted["precision"] = np.nan
        number = int(np.flatnonzero(result.members.fold == fold)[0])
        for name, value in wanted.items():
            found = result.quantity(f"validation/{name}")[number, -1]
            assert found == pytest.approx(value, rel=1e-5, nan_ok=True), (fold, name)
    assert summarize(result.scores()).mean[0] == pytest.approx(np.nanmean(result.scores()))


def test_a_score_that_is_defined_nowhere_is_refused() -> None:
    """Each subject has one class; a number of folds keeps subjects whole and mixes classes."""
    y = np.isin(SUBJECTS, (1, 2)).astype(int)
    model = network([M.AUC(name="auc")])
    with pytest.raises(InputError, match=r"'auc' over rows of one kind in all 4 folds\. Give a number of folds"):
        prepare(question(model), Rows(X, y, groups=SUBJECTS))
    assert prepare(question(model, folds=2), Rows(X, y, groups=SUBJECTS)).notes == ()
    assert prepare(question(model, score="loss"), Rows(X, y, groups=SUBJECTS)).notes == ()
    validation = (X[:5], np.ones(5, int))
    with pytest.raises(InputError, match="of one kind in the validation rows"):
        prepare(question(model), Rows(X, y, validation=validation))
    held = prepare(question(model, folds=2), Rows(X, y, groups=SUBJECTS, held_out={"new": validation}))
    assert "over the held-out rows 'new'" in held.notes[0]


def test_early_stopping_needs_a_monitor_that_is_defined() -> None:
    """The watched rows of some fold have one class."""
    y = np.isin(SUBJECTS, (1, 2)).astype(int)
    stopping = EarlyStopping(monitor="auc", validation_fraction=0.5)
    asked = question(network([M.AUC(name="auc")]), early_stopping=stopping, folds=2, score="loss")
    with pytest.raises(InputError, match="'auc' over rows of one kind in fold 0"):
        prepare(asked, Rows(X, y, groups=SUBJECTS))


def test_a_person_is_told_before_training() -> None:
    """As a warning of `Study.run`."""
    study = bridle.Study(network([M.AUC(name="auc")]), {}, seeds=1, folds=LeaveOneGroupOut(), epochs=1)
    with pytest.warns(UserWarning, match="not defined in folds 0, 2 of 4"):
        study.run(X, MIXED, groups=SUBJECTS, progress=False)


def test_folds_without_a_score_hide_no_diverged_fit() -> None:
    """A fold in which no score is defined makes no setting incomplete, and stops no strength of a race."""
    scores = np.random.default_rng(0).normal(size=(3, 2, 4))
    scores[:, :, 1] = np.nan
    assert summarize(scores).complete.all()
    scores[2, 1, 0] = np.nan
    assert summarize(scores).complete.tolist() == [True, True, False]
    noise = np.array([0.01, -0.02, 0.0, 0.02, -0.01, 0.0, np.nan])
    race = np.stack([0.8 + noise, 0.79 - noise, 0.5 + 2 * noise])
    assert survivors(race, maximize=True).tolist() == [True, True, False]


def test_several_labels_and_outputs_are_stratified() -> None:
    """Each combination of labels, and of classes of outputs, in proportion; otherwise that is said."""
    labels = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (10, 1))[np.random.default_rng(2).permutation(40)]
    prepared = prepare(question(network(["accuracy"], 2), folds=5), Rows(X, labels))
    for fold in prepared.folds:
        judged = np.asarray(fold.rows.y)[fold.train :]
        assert np.unique(judged, axis=0, return_counts=True)[1].tolist() == [2, 2, 2, 2]
    assert prepared.notes == ()
    inputs = keras.Input((3,))
    model = keras.Model(inputs, {n: L.Dense(1, "sigmoid", name=n)(inputs) for n in ("a", "b")})
    model.compile("sgd", "binary_crossentropy")
    two = {"a": labels[:, 0], "b": labels[:, 1]}
    for fold in prepare(question(model, folds=5), Rows(X, two)).folds:
        judged = np.stack([np.asarray(leaf)[fold.train :] for leaf in fold.rows.y.values()], axis=1)
        assert np.unique(judged, axis=0, return_counts=True)[1].tolist() == [2, 2, 2, 2]
    targets = keras.Sequential([inputs, L.Dense(6), L.Reshape((2, 3)), L.Softmax()])
    targets.compile("sgd", "sparse_categorical_crossentropy")
    for x, counts in ((X, [2, 2, 2, 2]), (np.arange(120).reshape(40, 3), [3, 2, 3])):  # numbers of tokens
        prepared = prepare(question(targets, folds=5), Rows(x, labels))
        judged = np.asarray(prepared.folds[0].rows.y)[prepared.folds[0].train :]
        assert np.unique(judged, axis=0, return_counts=True)[1].tolist() == counts
        assert prepared.notes == ()
        assert ("folds share out" in study_facts(prepared, False, None)) == (x is X)
    check_nested(prepare(question(targets, folds=4), Rows(X, labels)), 2)
    (note,) = prepare(question(targets, folds=5), Rows(X, np.concatenate([labels[:-1], [[2, 2]]]))).notes
    assert "some combinations in fewer than 5 rows" in note
    rare = labels.copy()
    rare[np.flatnonzero((labels == 1).all(axis=1))[2:]] = 0
    (note,) = prepare(question(network(["accuracy"], 2), folds=5), Rows(X, rare)).notes
    assert "Folds are not stratified: y has several outputs or labels, some combinations in fewer than 5 rows" in note

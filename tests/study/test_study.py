"""The study: pairing, folds, extension, refits, plans, and what it refuses."""

import itertools

import keras
import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit
from sklearn.preprocessing import StandardScaler
from tests.conftest import network

import bridle
from bridle import L1, L2, BridleError, Study
from bridle.engine import Recipe
from bridle.results import ALL_ROWS
from bridle.stats import weigh_evidence
from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.data._rows import take_rows
from bridle.study.design import Question, make_plan, prepare


def run(model, arms, x, y, *, seeds=2, folds=2, epochs=4, rows=None, threads=None, refit=False, **options):
    """Run a study, without refits where nothing looks at them: they are another program to compile."""
    question = Question(model, arms, seeds=seeds, folds=folds, epochs=epochs, **options)
    return run_study(prepare(question, Rows(x, y, **(rows or {}))), RunOptions(threads=threads, refit=refit))[0]


def member(result, setting: int, seed: int = 0, fold: int = 0) -> int:
    m = result.members
    return int(np.flatnonzero((m.setting == setting) & (m.seed == seed) & (m.fold == fold))[0])


ZERO = {
    "weights": {"*/kernel": L2([0.0, 0.1]), "out/bias": L1([0.0, 0.1])},
    "output": {"hidden/output": L1([0.0, 0.1])},
    "preactivation": {"hidden/preactivation": L2([0.0, 0.1], per="batch")},
    "both": {"hidden/kernel": bridle.L1L2([0.0, 0.1], [0.0, 0.1])},
}


@pytest.mark.parametrize(
    "layers",
    [None, [keras.layers.Dense(6, "relu", name="hidden"), keras.layers.Dropout(0.3)]],
    ids=["plain", "dropout"],
)
def test_strength_zero_is_none_bit_for_bit(layers, moons) -> None:
    """Every quantity of every member, at every kind of place."""
    result = run(network(layers=layers), ZERO, *moons, batch_size=16)
    zeros = [s for s in range(1, len(result.setting_arm)) if not result.setting_strengths[s].any()]
    assert len(zeros) == 4
    for setting, seed, fold in itertools.product(zeros, (0, 1), (0, 1)):
        none, other = member(result, 0, seed, fold), member(result, setting, seed, fold)
        assert np.array_equal(result.curves[none], result.curves[other], equal_nan=True)
        assert np.array_equal(result.diagnostics[none], result.diagnostics[other])
    strong = [s for s in range(len(result.setting_arm)) if result.setting_strengths[s].any()]
    assert all(
        not np.array_equal(result.curves[member(result, 0)], result.curves[member(result, s)], equal_nan=True)
        for s in strong
    )


def test_numbers_do_not_depend_on_threads_order_or_company(model, moons) -> None:
    """The same bits with one thread, with two, and with other arms and seeds beside."""
    arms = {"L2": {"*/kernel": L2([0.01])}}
    alone = run(model, arms, *moons, seeds=(1,), threads=1, batch_size=16)
    again = run(model, arms, *moons, seeds=(1,), threads=2, batch_size=16)
    assert np.array_equal(alone.curves, again.curves, equal_nan=True)
    more = run(model, arms, *moons, seeds=(3, 1), threads=2, batch_size=16)
    assert np.array_equal(alone.curves[member(alone, 1, 1)], more.curves[member(more, 1, 1)], equal_nan=True)


def test_shuffling_depends_on_the_seed_and_not_on_the_strength(model, moons) -> None:
    """Shuffled members differ from unshuffled ones; a strength too small to count shows that arms share their order."""
    arms = {"L2": {"*/kernel": L2([1e-30])}}
    still = run(model, arms, *moons, batch_size=8, shuffle=False)
    mixed = run(model, arms, *moons, batch_size=8)
    assert not np.array_equal(still.curves[0], mixed.curves[0], equal_nan=True)
    losses = mixed.quantity("validation/loss")
    assert np.array_equal(losses[member(mixed, 0)], losses[member(mixed, 1)])
    assert not np.array_equal(losses[member(mixed, 0)], losses[member(mixed, 0, seed=1)])


def test_parts_of_the_loss_are_kept_apart(model, moons) -> None:
    """fit/loss = data loss + penalties; a full batch at learning rate zero shows it exactly."""
    model.optimizer.learning_rate = 0.0
    arms = {"both": {"*/kernel": L2([0.1]), "hidden/output": L1([0.2])}}
    result = run(model, arms, *moons, batch_size=64, epochs=1)
    row = dict(zip(result.quantities, result.curves[member(result, 1), -1], strict=True))
    total = row["train/loss"] + row["penalty/*/kernel l2"] + row["penalty/hidden/output l1"] + row["penalty/model"]
    assert row["fit/loss"] == pytest.approx(total, rel=1e-6)
    assert min(row["penalty/*/kernel l2"], row["penalty/hidden/output l1"]) > 0


def test_a_diverging_member_is_recorded_and_touches_no_other(moons) -> None:
    """Its epoch is named, its neighbours keep their bits, and it is not selected."""
    model = network()
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy"])
    calm = run(model, {"L2": {"*/kernel": L2([0.01])}}, *moons, epochs=30)
    wild = run(model, {"L2": {"*/kernel": L2([0.01, 1e30])}}, *moons, epochs=30, refit=True)
    lost = [i for i in range(len(wild.members)) if wild.setting_strengths[wild.members.setting[i]].max() > 1]
    assert all(wild.members.diverged_at[i] > 0 and not wild.members.finished[i] for i in lost)
    assert wild.members.status(lost[0]).startswith("diverged at epoch ")
    assert np.array_equal(calm.curves[member(calm, 1)], wild.curves[member(wild, 1)], equal_nan=True)
    assert not any(wild.members.fold[i] == ALL_ROWS for i in lost)
    assert np.isnan(wild.scores()[2]).all()


def test_an_open_grid_reaches_where_the_best_lies(moons) -> None:
    """Noise as labels: the stronger, the better the loss, until the network says the same of every row."""
    x, _ = moons
    y = np.random.default_rng(0).integers(0, 2, len(x))
    result = run(network(64), {"L2": {"*/kernel": L2("auto")}}, x, y, epochs=150, score="loss", seeds=1)
    strengths = result.setting_strengths[result.path(1)].max(axis=1)
    best = weigh_evidence(result).choices[1].best
    assert result.setting_strengths[best].max() > 0.1
    assert len(strengths) == len(set(strengths))
    closed = run(
        network(64), {"L2": {"*/kernel": L2(list(10.0 ** np.arange(-6, 0)))}}, x, y, epochs=150, score="loss", seeds=1
    )
    assert closed.setting_strengths.max() == 0.1


def test_refits_train_on_all_rows_and_look_at_held_out_rows_once(model, moons) -> None:
    """`none` and the selected settings from every seed; the test score is that of the selected model."""
    x, y = moons
    result = Study(model, {"L2": {"*/kernel": L2([0.01])}}, seeds=2, folds=2, epochs=20).run(
        x[:40], y[:40], test=(x[40:], y[40:]), progress=False
    )
    refits = result.data.members.fold == ALL_ROWS
    assert refits.sum() == 4
    assert np.isnan(result.data.held_out["test"][~refits]).all()
    trained = result.model(arm="L2", single=True)
    accuracy = float(np.mean((trained.predict(x[40:], verbose=0)[:, 0] > 0.5) == y[40:]))
    assert result.data.held_out_scores("test")[1, 0] == pytest.approx(accuracy)
    assert result.model(arm="L2", penalized=True).terms["*/kernel"].fixed() == (0.01,)


@pytest.mark.parametrize("splitter", [KFold(3), GroupKFold(3), TimeSeriesSplit(3)], ids=lambda s: type(s).__name__)
def test_scikit_learn_splitters(splitter, model, moons) -> None:
    """Any of them, unequal folds included; each shape of rows is compiled once."""
    x, y = moons
    groups = np.arange(60) // 7 if isinstance(splitter, GroupKFold) else None
    result = run(model, {"L2": {"*/kernel": L2([0.01])}}, x, y, folds=splitter, rows={"groups": groups}, seeds=1)
    expected = [(len(a), len(b)) for a, b in splitter.split(x, y, groups)]
    assert result.fold_rows.tolist() == [list(pair) for pair in expected]
    assert np.isfinite(result.scores()).all()


def test_preparation_is_fitted_inside_each_fold(model, moons) -> None:
    """Wild values in one fold's validation rows do not reach what that fold trains on."""
    x, y = moons
    question = Question(model, {}, seeds=1, folds=KFold(3), epochs=2)
    calm = prepare(question, Rows(x, y, preprocessor=StandardScaler()))
    wild_x = x.copy()
    wild_x[:20] *= 1000
    wild = prepare(question, Rows(wild_x, y, preprocessor=StandardScaler()))
    train = calm.folds[0].train
    assert np.array_equal(calm.folds[0].rows.x[:train], wild.folds[0].rows.x[:train])
    assert not np.array_equal(calm.folds[1].rows.x[:train], wild.folds[1].rows.x[:train])
    assert abs(float(calm.folds[0].rows.x[:train].mean())) < 1e-5


def test_sample_weights_count(model, moons) -> None:
    """Rows of weight zero change nothing."""
    x, y = moons
    weight = np.ones(60, "float32")
    weight[::3] = 0
    junk = x.copy()
    junk[::3] = 99
    arms = {"L1": {"hidden/output": L1([0.1])}}
    a, b = (
        run(model, arms, rows_x, y, rows={"sample_weight": weight}, folds=KFold(2), seeds=1) for rows_x in (x, junk)
    )
    np.testing.assert_allclose(a.quantity("validation/loss"), b.quantity("validation/loss"), rtol=1e-5)
    np.testing.assert_allclose(
        a.quantity("penalty/hidden/output l1"), b.quantity("penalty/hidden/output l1"), rtol=1e-5
    )


def test_two_inputs_two_outputs(moons) -> None:
    """A functional model with dictionaries of rows."""
    x, y = moons
    a, b = keras.Input((1,), name="a"), keras.Input((1,), name="b")
    hidden = keras.layers.Dense(4, "relu", name="hidden")(keras.layers.Concatenate()([a, b]))
    outputs = [keras.layers.Dense(1, "sigmoid", name="p")(hidden), keras.layers.Dense(1, name="q")(hidden)]
    model = keras.Model([a, b], outputs)
    model.compile("adam", ["binary_crossentropy", "mse"], metrics=[["accuracy"], ["mae"]])
    result = run(model, {"L2": {"hidden/kernel": L2([0.1])}}, {"a": x[:, :1], "b": x[:, 1:]}, (y, x[:, 0]), seeds=1)
    assert np.isfinite(result.scores()).all()


def test_plan_is_the_table_of_members(model, moons) -> None:
    """Known before anything runs, and what then runs."""
    question = Question(model, {"L2": {"*/kernel": L2([0.1, 0.2])}}, seeds=3, folds=2, epochs=2)
    prepared = prepare(question, Rows(*moons))
    plan = make_plan(prepared)
    assert len(plan) == 3 * 3 * 2
    assert str(plan).startswith("18 fits: 3 candidates × 3 seeds × 2 folds, 2 epochs each")
    assert prepared.engine.compilations == 0
    result, whole = run_study(prepared)
    assert whole
    assert (result.members.fold != ALL_ROWS).sum() == len(plan)
    timed = Study(model, {"L2": {"*/kernel": L2([0.1])}}, seeds=1, folds=2, epochs=2).plan(*moons)
    assert timed.seconds > 0
    assert "about" in str(timed)


def test_one_executable_for_all_members(model, moons) -> None:
    """Arms, strengths, seeds and equal folds share it: to train, to read and to score rows; refits the first two."""
    many = {f"arm {n}": {"*/kernel": L2([10.0**-n, 2 * 10.0**-n])} for n in range(5)}
    assert run(model, many, *moons, refit=True).provenance["compilations"] == 5


def test_curves_are_measured_at_the_asked_points() -> None:
    """Evenly spread, the last epoch included, never more than there are epochs."""
    assert Recipe(10, 1, True, 4).stops.tolist() == [2, 5, 8, 10]
    assert Recipe(7, 1, True, 7).stops.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert len(Recipe(4001, 1, True, 200).stops) == 200


def test_nothing_global_is_changed(model, moons) -> None:
    """Neither the person's model nor any generator."""
    import random

    before = model.get_weights()
    random.seed(5), np.random.seed(5)
    expected = random.random(), np.random.random()
    random.seed(5), np.random.seed(5)
    run(model, {"L2": {"*/kernel": L2([0.1])}}, *moons, refit=True)
    assert (random.random(), np.random.random()) == expected
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


X, Y = np.zeros((12, 2), "float32"), np.tile([0, 1], 6)
BAD_ROWS = {
    "lengths differ": ((X, Y[:-1]), {}, "12 rows in x and 11 in y"),
    "nan": ((np.where(np.arange(24).reshape(12, 2) == 5, np.nan, X), Y), {}, "got nan at (2, 1)"),
    "text": ((np.full((12, 2), "a"), Y), {}, "Expected numbers in x"),
    "text labels": ((X, np.tile(["a", "b"], 6)), {}, "LabelEncoder"),
    "labels beyond the loss": ((X, Y + 1), {}, "Expected labels in [0, 1]"),
    "label shape": ((X, np.zeros((12, 3))), {}, "fit the loss"),
    "one class": ((X, Y * 0), {}, "at least two classes"),
    "no rows": ((X[:0], Y[:0]), {}, "at least one row"),
    "columns": ((np.zeros((12, 5), "float32"), Y), {}, "fit the model's input"),
    "groups": ((X, Y), {"groups": [1, 2]}, "one group for each of 12 rows"),
    "weights": ((X, Y), {"sample_weight": [1, -1]}, "one finite weight"),
    "held out": ((X, Y), {"test": X}, "Expected test=(x, y)"),
    "held-out rows": ((X, Y), {"test": (X, Y[:3])}, "in test y"),
    "held-out columns": ((X, Y), {"test": (np.zeros((3, 4)), Y[:3])}, "Expected test rows that fit"),
    "validation shape": ((X, Y), {"validation": (np.zeros((3, 4)), Y[:3])}, "same shape"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_get_a_sentence(case: str, model) -> None:
    """Expected, got, where, what next."""
    pair, rows, said = BAD_ROWS[case]
    with pytest.raises(BridleError, match="Expected") as refused:
        Study(model, {}, folds=2, epochs=1).prepare(*pair, **rows)
    assert said in str(refused.value)


def test_held_out_sequences_may_be_of_another_length() -> None:
    """The input shape of the model counts, not that of earlier training."""
    layers = [keras.Input((None, 2)), keras.layers.GRU(2), keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential(layers)
    model.compile("adam", "binary_crossentropy")
    study = Study(model, {"L2": {"*/kernel": L2(0.1)}}, seeds=1, folds=2, epochs=1)
    study.prepare(np.zeros((12, 5, 2), "float32"), Y, test=(np.zeros((4, 9, 2), "float32"), Y[:4]))


ONE = network()
BAD_QUESTIONS = {
    "not compiled": (
        lambda: keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]),
        {},
        {},
        "Expected a compiled model",
    ),
    "not built": (lambda: _unbuilt(), {}, {}, "Expected a built model"),
    "no model": (lambda: 3, {}, {}, "Expected a compiled keras.Model or a function"),
    "a function of nothing": (lambda: lambda: 3, {}, {}, "to return a keras.Model"),
    "target": (network, {"a": {"hiden/kernel": "l2"}}, {}, "In the arm 'a': Expected a target"),
    "empty arm": (network, {"a": {}}, {}, "at least one penalty in the arm 'a'"),
    "named none": (network, {"none": {"*/kernel": "l2"}}, {}, "another name than 'none'"),
    "arms": (network, [1], {}, "arms as a dictionary"),
    "one fold": (network, {}, {"folds": 1}, "at least 2 folds"),
    "too many folds": (network, {}, {"folds": 7}, "at least 2 rows in each fold"),
    "too few of a class": (
        network,
        {},
        {"folds": 6, "y": np.array([0] * 10 + [1] * 2)},
        "at least 6 rows of each class",
    ),
    "class missing": (
        network,
        {},
        {"folds": KFold(2), "y": np.repeat([0, 1], 6)},
        "Expected every class among the training rows of fold 0",
    ),
    "no splitter": (network, {}, {"folds": "five"}, "scikit-learn splitter"),
    "epochs": (network, {}, {"epochs": 0}, "epochs as a whole number ≥ 1"),
    "seeds": (network, {}, {"seeds": [1, 1]}, "distinct seeds"),
    "no seeds": (network, {}, {"seeds": []}, "at least one seed"),
    "half a seed": (network, {}, {"seeds": 2.5}, "seeds as a whole number"),
    "huge seed": (network, {}, {"seeds": (2**31,)}, "seeds up to"),
    "one model for all seeds": (lambda: lambda: ONE, {}, {}, "builds a new model each time"),
    "adapted layer": (lambda: network(layers=[keras.layers.Normalization()]), {}, {}, "preprocessor=StandardScaler()"),
    "score": (network, {}, {"score": "acuracy"}, "Nearest: 'accuracy'"),
}


def _compiled(optimizer: object, metrics: list | None = None) -> keras.Model:
    model = network()
    model.compile(optimizer, "binary_crossentropy", metrics=metrics or ["accuracy"])
    return model


def _unbuilt() -> keras.Model:
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("case", BAD_QUESTIONS)
def test_bad_questions_get_a_sentence(case: str) -> None:
    """Models, arms, folds, seeds, scores."""
    model, arms, options, said = BAD_QUESTIONS[case]
    options = {"folds": 2, "epochs": 1, **options}
    y = options.pop("y", Y)
    with pytest.raises(BridleError) as refused:
        Study(model(), arms, **options).run(X, y, progress=False)
    assert said in str(refused.value)


def test_take_follows_the_structure() -> None:
    """Rows of arrays, tables and structures of arrays."""
    import pandas as pd

    rows = np.array([2, 0])
    assert take_rows(np.arange(3), rows).tolist() == [2, 0]
    assert take_rows(pd.DataFrame({"a": [1, 2, 3]}), rows)["a"].tolist() == [3, 1]
    assert take_rows({"a": np.arange(3)}, rows)["a"].tolist() == [2, 0]
    assert take_rows((np.arange(3),), rows)[0].tolist() == [2, 0]


def test_threads_are_counted_from_one(model, moons) -> None:
    """Nothing would run otherwise."""
    with pytest.raises(BridleError, match="threads as a whole number"):
        run(model, {}, *moons, threads=0)


def test_exclusions_from_weight_decay_are_kept(moons) -> None:
    """A configuration does not hold them; Keras loses them on save."""
    optimizer = keras.optimizers.SGD(0.01, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["kernel", "bias"])
    free, plain = (run(_compiled(o), {}, *moons, seeds=1) for o in (optimizer, keras.optimizers.SGD(0.01)))
    np.testing.assert_allclose(free.quantity("train/loss"), plain.quantity("train/loss"), rtol=1e-5)


def test_padded_steps_are_not_charged_before_the_nonlinearity_either() -> None:
    """Masked steps change nothing in what an activation or a pre-activation is charged."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4, 1)),
            layers.Masking(),
            layers.Dense(3, "relu", name="hidden"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.SGD(0.0), "mse")
    for layer in model.layers[1:2]:
        layer.supports_masking = True
    x = np.zeros((8, 4, 1), "float32")
    x[:, 0] = 1.0
    result = run(model, {"L1": {"hidden/preactivation": L1([1.0])}}, x, np.arange(8.0), seeds=(0,), epochs=1)
    from bridle._keras import InitialValues, read_blueprint

    kernel, bias = InitialValues(read_blueprint(model).build).variables(0)[0][:2]
    charged = result.quantity("penalty/hidden/preactivation l1")[member(result, 1), -1]
    assert charged == pytest.approx(np.abs(kernel + bias).sum(), rel=1e-5)


def test_an_interrupt_between_stages_keeps_what_finished(model, moons, monkeypatch) -> None:
    """Ctrl-C after the search and before the refits: every searched fit is in the result."""
    from bridle.study import _stages as runner

    def stopped(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "refit_rows", stopped)
    result, whole = run_study(prepare(Question(model, {}, seeds=2, folds=2, epochs=2), Rows(*moons)))
    assert not whole
    assert result.members.finished.sum() == 4


def test_a_loss_that_is_lost_in_the_last_update_is_a_divergence(moons) -> None:
    """The cost before the step was finite; what the step left is not."""
    result = run(_compiled(keras.optimizers.SGD(1e38)), {}, *moons, seeds=1, epochs=1, batch_size=64)
    assert (result.members.diverged_at == 1).all()
    assert not result.members.finished.any()


@pytest.mark.parametrize(("metric", "grows"), [("AUC", True), ("FalsePositives", False), ("MeanAbsoluteError", False)])
def test_the_score_knows_its_direction(metric: str, grows: bool, moons) -> None:
    """Also where its name does not say it."""
    model = _compiled("sgd", [getattr(keras.metrics, metric)(name="m")])
    assert prepare(Question(model, {}, folds=2), Rows(*moons)).score.maximize is grows

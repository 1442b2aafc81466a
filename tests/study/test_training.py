"""How fits are trained beside the plain way: early stopping, warm paths, given weights, rates, class weights."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import TimeSeriesSplit
from tests.conftest import network

import bridle
from bridle import L1, L2, BridleError, EarlyStopping, Study
from bridle.report import table
from bridle.results import ALL_ROWS
from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.data._splits import Split, set_aside
from bridle.study.design import Question, prepare

NONE_AND_L2 = {"L2": {"*/kernel": L2([0.001, 0.1])}}


def run(model, arms, rows: Rows, *, refit: bool = False, **options):
    """Run a study, without refits where nothing looks at them: they are another program to compile."""
    question = Question(model, arms, **{"seeds": 2, "folds": 2, "epochs": 4, **options})
    return run_study(prepare(question, rows), RunOptions(refit=refit))[0]


def refitted(result, setting: int = 0, seed: int = 0) -> tuple[np.ndarray, ...]:
    """The weights of a refit."""
    m = result.members
    return result.weights[int(np.flatnonzero((m.setting == setting) & (m.seed == seed) & (m.fold == ALL_ROWS))[0])]


def by_candidate(result) -> np.ndarray:
    """The members that judge, in the order of settings, seeds and folds."""
    m = result.members
    order = np.lexsort((m.fold, m.seed, m.setting))
    return order[m.fold[order] != ALL_ROWS]


@pytest.mark.parametrize("keep_best", [True, False], ids=["best epoch", "last epoch"])
@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_early_stopping_is_that_of_keras(monitor: str, keep_best: bool, moons) -> None:
    """The same epochs, the same best one, the same weights as `fit` with Keras's callback on the same rows."""
    stopping = EarlyStopping(3, 0.4, monitor, min_delta=0.002, restore_best_weights=keep_best)
    question = Question(
        network(optimizer=keras.optimizers.Adam(0.3)), {}, seeds=(5,), epochs=60, batch_size=16, shuffle=False,
        early_stopping=stopping, curve_points=60,
    )  # fmt: skip
    prepared = prepare(question, Rows(moons[0][:50], moons[1][:50], validation=(moons[0][50:], moons[1][50:])))
    result, _ = run_study(prepared, RunOptions(refit=False))
    fold = prepared.folds[0]
    x, y = (np.asarray(leaf) for leaf in (fold.rows.x, fold.rows.y))
    model = network(seed=5, optimizer=keras.optimizers.Adam(0.3))
    callback = keras.callbacks.EarlyStopping(
        f"val_{monitor}", patience=3, min_delta=0.002, restore_best_weights=keep_best,
        mode="max" if monitor == "accuracy" else "min",
    )  # fmt: skip
    train, watch = fold.cuts
    history = model.fit(
        x[:train], y[:train], validation_data=(x[train:watch], y[train:watch]), epochs=60, batch_size=16,
        shuffle=False, verbose=0, callbacks=[callback],
    ).history  # fmt: skip
    epochs = len(history["loss"])
    assert 3 < epochs < 60
    assert result.members.epochs[0] == epochs
    assert result.members.kept[0] == (callback.best_epoch + 1 if keep_best else epochs)
    np.testing.assert_allclose(result.quantity("watch/loss")[0, : epochs - 1], history["val_loss"][:-1], rtol=1e-3)
    loss, accuracy = model.evaluate(moons[0][50:], moons[1][50:], verbose=0)
    assert result.quantity("validation/loss")[0, -1] == pytest.approx(loss, rel=1e-3)
    assert result.quantity("validation/accuracy")[0, -1] == pytest.approx(accuracy, abs=1e-6)
    kept = table(result)["epoch kept"].tolist()
    assert kept == [result.members.kept[0]]
    assert result.quantity("validation/loss")[0, epochs] == result.quantity("validation/loss")[0, -1]


def test_early_stopping_does_not_depend_on_where_curves_are_measured(moons) -> None:
    """With few points: the same epochs, best epochs and weights."""
    options = {
        "early_stopping": EarlyStopping(patience=2, validation_fraction=0.3),
        "epochs": 40,
        "batch_size": 16,
        "refit": True,
    }
    every, few = (
        run(network(optimizer=keras.optimizers.Adam(0.3)), NONE_AND_L2, Rows(*moons), curve_points=points, **options)
        for points in (40, 3)
    )
    assert np.array_equal(every.members.epochs, few.members.epochs)
    assert np.array_equal(every.members.kept, few.members.kept)
    assert len(set(every.members.epochs)) > 1
    for own, other in zip(refitted(every), refitted(few), strict=True):
        assert np.array_equal(own, other)


def test_training_rows_are_measured_at_every_fifth_point_and_the_last(moons) -> None:
    """What is measured on the way is what a shorter training ends with; validation rows are measured everywhere."""
    long, short = (run(network(), {}, Rows(*moons), epochs=epochs, curve_points=epochs) for epochs in (12, 7))
    for name in ("loss", "accuracy"):
        train = long.quantity(f"train/{name}")
        assert (long.epochs[np.isfinite(train).all(axis=0)]).tolist() == [2, 7, 12]
        assert np.isnan(train).all(axis=0).sum() == 9
        np.testing.assert_array_equal(train[:, 6], short.quantity(f"train/{name}")[:, -1])
        assert np.isfinite(long.quantity(f"validation/{name}")).all(where=(long.members.fold != ALL_ROWS)[:, None])


def test_watched_rows_are_neither_trained_on_nor_judged() -> None:
    """Every class in proportion; the last rows where time goes on; whole groups."""
    x, y = np.stack([np.arange(40.0)] * 2, axis=1), np.arange(40) % 2
    question = Question(network(1), {}, folds=4, early_stopping=EarlyStopping(validation_fraction=0.2))
    prepared = prepare(question, Rows(x, y))
    for fold in prepared.folds:
        rows, labels = np.asarray(fold.rows.x)[:, 0], np.asarray(fold.rows.y)
        assert sorted(rows) == list(range(40))
        assert (fold.train, fold.watch) == (24, 6)
        assert labels[fold.train : fold.train + fold.watch].mean() == 0.5
    assert prepared.fold_rows.tolist() == [[24, 10]] * 4
    half = EarlyStopping(validation_fraction=0.5)
    late = prepare(Question(network(1), {}, folds=TimeSeriesSplit(3), early_stopping=half), Rows(x, y))
    assert np.asarray(late.folds[0].rows.x)[:, 0].tolist() == list(range(20))
    groups = np.repeat(np.arange(8), 5)
    split = set_aside(Split(np.arange(40), np.arange(0)), 0.25, prepared.preparer.check(x, y), groups)
    assert not set(groups[split.train]) & set(groups[split.watch])
    assert len(split.watch) == 10


@pytest.mark.parametrize("path", ["decreasing", "increasing"])
def test_a_warm_path_starts_each_fit_where_its_neighbour_ended(path: str, moons) -> None:
    """The first strength of a path is the cold fit, bit for bit; each next one is a fit from the weights before."""
    strengths = [0.001, 0.01, 0.1]
    arms, options = {"L2": {"*/kernel": L2(strengths)}}, {"batch_size": 16, "seeds": (3,), "shuffle": False}
    rows = Rows(*moons, validation=moons)
    cold = run(network(), arms, rows, **options)
    warm = run(network(), arms, rows, warm_start=path, **options)
    order = [3, 2, 1] if path == "decreasing" else [1, 2, 3]
    curves = {name: result.curves[by_candidate(result)] for name, result in (("cold", cold), ("warm", warm))}
    score = {name: found[:, -1, cold.quantities.index("validation/loss")] for name, found in curves.items()}
    assert np.array_equal(curves["cold"][0], curves["warm"][0], equal_nan=True)
    assert np.array_equal(curves["cold"][order[0]], curves["warm"][order[0]], equal_nan=True)
    assert all(abs(score["cold"][n] - score["warm"][n]) > 1e-4 for n in order[1:])
    model = network(seed=3)
    for number in order:
        again = bridle.regularize(model, {"*/kernel": L2(strengths[number - 1])})
        again.fit(*moons, batch_size=16, epochs=4, shuffle=False, verbose=0)
        model = bridle.strip(again)
        assert score["warm"][number] == pytest.approx(model.evaluate(*moons, verbose=0)[0], rel=1e-4)


def test_warm_and_cold_agree_where_there_is_one_minimum(moons) -> None:
    """A single layer is convex: trained to its end, every strength has the same weights from either start."""
    layers = [keras.layers.Dense(1, "sigmoid", name="out")]
    model = keras.Sequential([keras.Input((2,)), *layers])
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
    arms = {"L2": {"*/kernel": L2([0.01, 0.1, 1.0])}}
    results = [
        run(model, arms, Rows(*moons), epochs=1000, curve_points=1, warm_start=path) for path in (None, "decreasing")
    ]
    finals = (result.curves[by_candidate(result), -1] for result in results)
    np.testing.assert_allclose(*finals, rtol=1e-3, atol=1e-5)


def test_an_extended_warm_path_is_that_of_the_whole_grid(moons) -> None:
    """An arm that grows is trained anew, so that its numbers are those of a study asked for all its strengths."""
    grown = run(network(), {"L2": {"*/kernel": L2("auto")}}, Rows(*moons), warm_start="decreasing", epochs=2, seeds=1)
    values = sorted(set(grown.setting_strengths[:, 0]) - {0.0})
    whole = run(network(), {"L2": {"*/kernel": L2(values)}}, Rows(*moons), warm_start="decreasing", epochs=2, seeds=1)
    assert np.array_equal(grown.scores()[grown.path(1)], whole.scores()[whole.path(1)])


def test_a_study_can_start_from_the_weights_given(moons) -> None:
    """Every seed begins with the trained weights, those of normalisation included; the seed decides the rest."""
    layers = [
        keras.layers.Dense(6, "relu", name="hidden"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.4),
    ]
    model = network(layers=layers)
    model.fit(*moons, epochs=3, verbose=0)
    before = [np.asarray(weight.value) for weight in model.weights]
    rows = Rows(*moons, validation=moons)
    result = run(model, {}, rows, initial_weights="model", seeds=(4, 5), batch_size=16, shuffle=False, refit=True)
    finals = []
    for seed in (4, 5):
        keras.utils.set_random_seed(seed)
        again = keras.Sequential(
            [keras.Input((2,)), *[type(each).from_config(each.get_config()) for each in model.layers]]
        )
        again.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        for weight, value in zip(again.weights, before, strict=True):
            weight.assign(value)
        again.fit(*moons, epochs=4, batch_size=16, shuffle=False, verbose=0)
        finals.append(again)
        for own, expected in zip(
            refitted(result, seed=seed), [*again.trainable_variables, *again.non_trainable_variables], strict=True
        ):
            np.testing.assert_allclose(own, np.asarray(expected.value), rtol=2e-3, atol=2e-5)
    assert not np.allclose(refitted(result, seed=4)[0], refitted(result, seed=5)[0])
    assert all(np.array_equal(a, b) for a, b in zip(before, [np.asarray(w.value) for w in model.weights], strict=True))


def test_an_arm_may_have_its_own_learning_rate(moons) -> None:
    """One program for all; the fit is that of a model compiled with that rate, and the result keeps it."""
    arms = {"slow": {"learning_rate": 1e-4}, "slow L2": {"*/kernel": L2(0.01), "learning_rate": 1e-4}}
    study = Study(network(), arms, seeds=(1,), epochs=4, batch_size=16, shuffle=False)
    result = study.run(*moons, validation=moons, progress=False)
    model = network(seed=1, optimizer=keras.optimizers.Adam(1e-4))
    model.fit(*moons, epochs=4, batch_size=16, shuffle=False, verbose=0)
    for own, expected in zip(refitted(result.data, 1, 1), model.trainable_variables, strict=True):
        np.testing.assert_allclose(own, np.asarray(expected.value), rtol=1e-4, atol=1e-6)
    assert result.data.provenance["compilations"] == 5
    assert float(result.model("slow L2").optimizer.learning_rate) == pytest.approx(1e-4)
    assert float(result.model("none").optimizer.learning_rate) == pytest.approx(1e-3)
    assert "model.optimizer.learning_rate = 0.0001" in result.code("slow")


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 5.0}, "balanced"], ids=["given", "balanced"])
def test_class_weights_weigh_training_rows_as_fit_does(weights, moons) -> None:
    """The trained weights of `fit(class_weight=…)`; rows that judge are not weighed."""
    keep = np.r_[np.flatnonzero(moons[1] == 0), np.flatnonzero(moons[1] == 1)[:9]]
    x, y = moons[0][keep], moons[1][keep]
    own = {0: len(y) / (2 * np.sum(y == 0)), 1: len(y) / (2 * 9)} if weights == "balanced" else weights
    rows = Rows(x, y, validation=moons, class_weight=weights)
    result = run(network(), {}, rows, seeds=(2,), batch_size=16, shuffle=False, refit=True)
    model = network(seed=2)
    model.fit(x, y, class_weight=own, epochs=4, batch_size=16, shuffle=False, verbose=0)
    for got, expected in zip(refitted(result, 0, 2), model.trainable_variables, strict=True):
        np.testing.assert_allclose(got, np.asarray(expected.value), rtol=1e-4, atol=1e-6)
    assert result.quantity("validation/loss")[0, -1] == pytest.approx(model.evaluate(*moons, verbose=0)[0], rel=1e-4)


def threefry(key: tuple[int, int], high: int, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Threefry-2x32 with 20 rounds, for many counters at once, by its paper."""
    keys = np.array([*key, key[0] ^ key[1] ^ 0x1BD11BDA], "uint32")
    x, y = np.full_like(low, high) + keys[0], low + keys[1]
    for number in range(20):
        turn = (13, 15, 26, 6, 17, 29, 16, 24)[number % 8]
        x = x + y
        y = ((y << turn) | (y >> (32 - turn))) ^ x
        if number % 4 == 3:
            group = number // 4 + 1
            x, y = x + keys[group % 3], y + keys[(group + 1) % 3] + np.uint32(group)
    return x, y


def documented_order(seed: int, fold: int, epoch: int, rows: int) -> np.ndarray:
    """The order of an epoch as `docs/engine.md` gives it, in NumPy."""
    b, order, places = len(bin(rows - 1)) - 2, np.arange(rows), np.arange(rows, dtype="uint32")
    count = -(-(2 * b + 12) // (32 - b))
    for number in range(count):
        one, other = threefry((seed, fold + 1), count * epoch + number, places)
        order = order[np.argsort(((one ^ other) << b) | places)]
    return order


def test_shuffling_is_in_the_documented_order(moons) -> None:
    """Epoch by epoch: `fit` without shuffling, on rows put in the order that the documentation gives."""
    x, y = moons
    result = run(network(), {}, Rows(x, y, validation=moons), seeds=(6,), batch_size=16, refit=True)
    model = network(seed=6)
    orders = [documented_order(6, -1, epoch, len(x)) for epoch in range(4)]
    for order in orders:
        model.fit(x[order], y[order], batch_size=16, shuffle=False, verbose=0)
    for got, expected in zip(refitted(result, 0, 6), model.trainable_variables, strict=True):
        np.testing.assert_allclose(got, np.asarray(expected.value), rtol=1e-4, atol=1e-6)


class Branch(keras.layers.Layer):
    """A layer that looks at a value in Python, which cannot be traced."""

    def call(self, x):
        return x * 2.0 if keras.ops.mean(x) > 0.3 else x


class Deaf(keras.layers.Layer):
    """A layer that takes values out of JAX."""

    def call(self, x):
        return keras.ops.convert_to_tensor(np.asarray(x)) * 1.0


class Own(keras.Model):
    """A model around a layer of a person's own, which Keras never calls without values."""

    def __init__(self, inner: type) -> None:
        super().__init__()
        self.hidden, self.inner = keras.layers.Dense(4, "relu", name="hidden"), inner(name="own")
        self.out = keras.layers.Dense(1, "sigmoid", name="out")

    def call(self, x):
        return self.out(self.inner(self.hidden(x)))


def own(inner: type) -> keras.Model:
    model = Own(inner)
    model(np.ones((2, 2), "float32"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model


def test_a_layer_that_cannot_be_traced_is_named_and_run_operation_by_operation(moons) -> None:
    """The numbers of `fit(run_eagerly=True)`, with the layer and the reason in the protocol."""
    few = moons[0][:12], moons[1][:12]
    rows, arms = Rows(*few, validation=few), {"L1": {"hidden/output": L1(0.01)}}
    result = run(lambda: own(Branch), arms, rows, seeds=(1,), epochs=2, batch_size=8, shuffle=False)
    keras.utils.set_random_seed(1)
    model = own(Branch)
    model.compute_loss(*few, model(few[0]))  # Keras builds what is not built by tracing
    model.compute_metrics(*few, model(few[0]))
    history = model.fit(*few, epochs=2, batch_size=8, shuffle=False, verbose=0).history
    np.testing.assert_allclose(result.quantity("fit/loss")[0], history["loss"], rtol=2e-4)
    assert "the layer 'own' (Branch)" in result.protocol
    assert result.provenance["compilations"] == 0


BAD = {
    "patience": (lambda: EarlyStopping(patience=-1), "patience as a whole number ≥ 0"),
    "watch": (lambda: EarlyStopping(validation_fraction=1.0), "share of the training rows"),
    "min_delta": (lambda: EarlyStopping(min_delta=-1), "min_delta as a number ≥ 0"),
    "nothing": (lambda: EarlyStopping(patience=None, restore_best_weights=False), "it would do nothing"),
    "stopping": (lambda: Study(network(), {}, early_stopping=5), "stopping=bridle.EarlyStopping"),
    "path": (lambda: Study(network(), {}, warm_start="warm"), "'decreasing', 'increasing', got 'warm'"),
    "start": (lambda: Study(network(), {}, initial_weights="cold"), "'random', 'model', got 'cold'"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_training_gets_a_sentence(what: str) -> None:
    """The message has expected and got."""
    make, words = BAD[what]
    with pytest.raises(BridleError, match=words):
        make()


def test_bad_rows_and_rates_get_a_sentence(moons) -> None:
    """Classes without a weight, numbers instead of classes, a rate that a schedule owns, a layer outside of JAX."""
    with pytest.raises(BridleError, match="none for class 1"):
        run(network(), {}, Rows(*moons, class_weight={0: 1.0}))
    with pytest.raises(BridleError, match="or 'balanced'"):
        run(network(), {}, Rows(*moons, class_weight="even"))
    with pytest.raises(BridleError, match="learning rate above 0, got 0"):
        run(network(), {"a": {"learning_rate": 0}}, Rows(*moons))
    scheduled = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5))
    with pytest.raises(BridleError, match="learning rate that is a number, got Adam with ExponentialDecay"):
        run(network(optimizer=scheduled), {"a": {"learning_rate": 0.1}}, Rows(*moons))
    with pytest.raises(BridleError, match="the layer 'own'"):
        run(lambda: own(Deaf), {}, Rows(*moons))

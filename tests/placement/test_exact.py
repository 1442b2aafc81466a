"""Exact zeros: a proximal step after each update, with the fixed point of the penalty."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import Lasso

import bridle
from bridle import BridleError
from bridle.study import run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare

L, optimizers = keras.layers, keras.optimizers
STRENGTH = 0.4
OPTIMIZERS = {
    "sgd": (lambda: optimizers.SGD(0.05), 300),
    "momentum": (lambda: optimizers.SGD(0.02, momentum=0.9), 300),
    "nesterov": (lambda: optimizers.SGD(0.02, momentum=0.9, nesterov=True), 300),
    "adam": (lambda: optimizers.Adam(0.03), 700),
    "adam amsgrad": (lambda: optimizers.Adam(0.03, amsgrad=True), 700),
    "adamw without decay": (lambda: optimizers.AdamW(0.03, weight_decay=0.0), 700),
    "nadam": (lambda: optimizers.Nadam(0.03), 700),
    "adamax": (lambda: optimizers.Adamax(0.05), 700),
    "rmsprop centered": (lambda: optimizers.RMSprop(0.002, centered=True), 700),
    "adagrad": (lambda: optimizers.Adagrad(0.3), 500),
}


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 6)).astype("float32")
    return x, (x @ [2.0, -1.0, 0.0, 0.0, 0.5, 0.0] + 0.1 * rng.normal(size=64)).astype("float32")


def line(optimizer: keras.optimizers.Optimizer | str = "sgd") -> keras.Model:
    """A linear model without intercept."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), L.Dense(1, use_bias=False, name="line")])
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_ends_at_the_lasso(name: str, rows) -> None:
    """The same weights as scikit-learn, and zeros that are 0.0 in the same places."""
    make, epochs = OPTIMIZERS[name]
    x, y = rows
    lasso = Lasso(alpha=STRENGTH / 2, fit_intercept=False, tol=1e-10).fit(x.astype("float64"), y).coef_
    model = bridle.regularize(line(make()), {"line/kernel": bridle.L1(STRENGTH, exact=True)})
    model.fit(x, y, batch_size=64, epochs=epochs, shuffle=False, verbose=0)
    kernel = np.asarray(model.get_layer("line").kernel)[:, 0]
    assert np.array_equal(kernel == 0, lasso == 0)
    assert (lasso == 0).sum() == 3
    np.testing.assert_allclose(kernel, lasso, atol=3e-3)


def test_the_gradient_alone_leaves_no_zeros(rows) -> None:
    """The proximal step makes exact zeros."""
    x, y = rows
    model = bridle.regularize(line(), {"line/kernel": bridle.L1(STRENGTH)})
    model.fit(x, y, batch_size=64, epochs=300, shuffle=False, verbose=0)
    assert not np.any(np.asarray(model.get_layer("line").kernel) == 0)


def test_whole_groups_fall_silent(rows) -> None:
    """Group lasso on the inputs of a hidden layer."""
    x, y = rows
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((6,)), L.Dense(4, name="hidden"), L.Dense(1, name="out")])
    model.compile(optimizers.Adam(0.02), "mse")
    penalized = bridle.regularize(
        model, {"hidden/kernel": bridle.GroupLasso(0.3, exact=True), "out/kernel": "l2(0.01)"}
    )
    penalized.fit(x, y, batch_size=64, epochs=400, shuffle=False, verbose=0)
    silent = np.all(np.asarray(penalized.get_layer("hidden").kernel) == 0, axis=1)
    assert silent.tolist() == [False, False, True, True, False, True]


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_a_study_takes_the_same_steps_as_fit(name: str, rows) -> None:
    """Member and penalized model end with the same weights, on a schedule too."""
    x, y = rows
    make = OPTIMIZERS[name][0]
    terms = {"line/kernel": bridle.L1(bridle.schedule.linear(0.1, STRENGTH, 10), exact=True)}
    reference = bridle.regularize(line(make()), terms)
    history = reference.fit(x[:40], y[:40], batch_size=16, epochs=30, shuffle=False, verbose=0).history
    question = Question(line(make()), {"exact": terms}, seeds=(1,), epochs=30, batch_size=16, shuffle=False)
    result = run_study(prepare(question, Rows(x[:40], y[:40], validation=(x[40:], y[40:]))))[0]
    row = int(np.flatnonzero((result.members.setting == 1) & (result.members.fold == -1))[0])
    np.testing.assert_allclose(
        result.weights[row][0], np.asarray(reference.get_layer("line").kernel), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(result.quantity("fit/loss")[1], history["loss"], rtol=1e-4)


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (lambda: optimizers.Lion(), "got Lion"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=2), "gradient_accumulation_steps"),
        (lambda: optimizers.Adam(use_ema=True), "use_ema=True"),
    ],
    ids=["Lion", "accumulation", "averaging"],
)
def test_optimizers_without_a_step_size_are_refused(optimizer, said: str, rows) -> None:
    """By penalize, by compile, and by a study."""
    terms = {"line/kernel": bridle.L1(0.1, exact=True)}
    with pytest.raises(BridleError, match="exact=True") as refused:
        bridle.regularize(line(optimizer()), terms)
    assert said in str(refused.value)
    with pytest.raises(BridleError, match="exact=True"):
        bridle.regularize(line(), terms).compile(optimizer(), "mse")
    with pytest.raises(BridleError, match="exact=True"):
        prepare(Question(line(optimizer()), {"arm": terms}), Rows(*rows))


def test_exact_has_no_meaning_on_activations_and_frozen_weights() -> None:
    """No update step moves them."""
    model = line()
    with pytest.raises(BridleError, match="no update"):
        bridle.regularize(model, {"line/output": bridle.L1(0.1, exact=True)})
    model.get_layer("line").trainable = False
    with pytest.raises(BridleError, match="frozen"):
        bridle.regularize(model, {"line/kernel": bridle.L1(0.1, exact=True)})


def test_a_constraint_of_the_weight_stays(rows) -> None:
    """Weights that may not be negative are not, and zeros are made beside that."""
    x, y = rows
    model = keras.Sequential([keras.Input((6,)), L.Dense(1, use_bias=False, name="line", kernel_constraint="non_neg")])
    model.compile(optimizers.SGD(0.05), "mse")
    penalized = bridle.regularize(model, {"line/kernel": bridle.L1(STRENGTH, exact=True)})
    penalized.fit(x, y, batch_size=64, epochs=200, shuffle=False, verbose=0)
    kernel = np.asarray(penalized.get_layer("line").kernel)[:, 0]
    assert np.all(kernel >= 0)
    assert kernel[0] > 1
    assert kernel[1] == 0


def test_exact_models_are_saved_with_their_steps(rows, tmp_path) -> None:
    """A loaded model goes on as the saved one does."""
    x, y = rows
    model = bridle.regularize(line(optimizers.Adam(0.03)), {"line/kernel": bridle.L1(STRENGTH, exact=True)})
    model.fit(x, y, batch_size=64, epochs=20, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for each in (model, again):
        each.fit(x, y, batch_size=64, epochs=100, shuffle=False, verbose=0)
    assert np.array_equal(np.asarray(again.get_weights()[0]), np.asarray(model.get_weights()[0]))
    assert np.any(np.asarray(again.get_weights()[0]) == 0)

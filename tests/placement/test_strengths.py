"""Strengths are configuration: files, other loops and other models do not change them, or it is refused."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import Lasso

import bridle
from bridle import BridleError
from bridle.callbacks import StrengthSchedule

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 6)).astype("float32")
Y = (X @ [2.0, -1.0, 0.0, 0.0, 0.5, 0.0] + 0.1 * RNG.normal(size=32)).astype("float32")
WARMUP = {"line/kernel": bridle.L2(bridle.schedule.linear(0, 1, 10))}
EXACT = {"line/kernel": bridle.L1(0.4, exact=True)}


def line(optimizer="sgd") -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), L.Dense(1, use_bias=False, name="line")], name="lines")
    model.compile(optimizer, "mse")
    return model


def squares(model: keras.Model) -> float:
    return float((np.asarray(model.get_layer("line").kernel, float) ** 2).sum())


def charged(model: keras.Model) -> float:
    return float(model.penalties(X)["penalty/line/kernel"])


def nested(terms: dict, optimizer="sgd") -> tuple[keras.Model, keras.Model]:
    """A model, and the penalized one inside it."""
    inner = bridle.regularize(line(), terms)
    outer = keras.Sequential([keras.Input((6,)), inner, L.Reshape((1,))])
    outer.compile(optimizer, "mse")
    return outer, inner


def test_weights_of_another_model_do_not_bring_their_strength(tmp_path) -> None:
    """By load_weights, set_weights and set_state_tree: what is written is charged."""
    strong, weak = (bridle.regularize(line(), {"line/kernel": bridle.L2(amount)}) for amount in (5.0, 0.1))
    weak.save_weights(tmp_path / "weak.weights.h5")
    strong.load_weights(tmp_path / "weak.weights.h5")
    assert charged(strong) == pytest.approx(5 * squares(strong), rel=1e-5)
    strong.set_weights(weak.get_weights())
    assert charged(strong) == pytest.approx(5 * squares(strong), rel=1e-5)
    strong.set_state_tree(weak.get_state_tree())
    assert charged(strong) == pytest.approx(5 * squares(strong), rel=1e-5)
    assert len(weak.get_weights()) == 1


def test_a_callback_of_one_fit_does_not_change_the_next() -> None:
    """A strength on a schedule of a callback is that of its fit."""
    model = bridle.regularize(line(), {"line/kernel": bridle.L2(0.5)})
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[StrengthSchedule({"line/kernel": bridle.schedule.linear(9, 0, 9)})])
    assert list(model.strengths.values()) == [8]
    model.fit(X, Y, verbose=0)
    assert list(model.strengths.values()) == [0.5]


def test_a_schedule_runs_in_a_model_around_the_penalized_one() -> None:
    """With the callback; without it the fit is refused with what to write, also after one that had it."""
    outer, inner = nested(WARMUP)
    with pytest.raises(BridleError, match="StrengthSchedule"):
        outer.fit(X, Y, verbose=0)
    outer.fit(X, Y, epochs=4, verbose=0, callbacks=[StrengthSchedule()])
    assert list(inner.strengths.values()) == pytest.approx([0.3])
    data = float(np.mean((outer.predict(X, verbose=0)[:, 0] - Y) ** 2))
    assert outer.evaluate(X, Y, verbose=0) == pytest.approx(data + 0.3 * squares(inner), rel=1e-5)
    with pytest.raises(BridleError, match="StrengthSchedule"):
        outer.fit(X, Y, verbose=0)


def test_a_schedule_runs_in_a_loop_of_ones_own() -> None:
    """With at_epoch; without it the first step is refused."""
    model = bridle.regularize(line(), WARMUP)
    for step in (lambda: model.train_on_batch(X, Y), lambda: model(X, training=True)):
        with pytest.raises(BridleError, match=r"at_epoch\(epoch\)"):
            step()
    for epoch in range(3):
        model.at_epoch(epoch)
        data, squared = float(np.mean((model.predict(X, verbose=0)[:, 0] - Y) ** 2)), squares(model)
        model.reset_metrics()
        loss = float(np.ravel(model.train_on_batch(X, Y))[0])
        assert loss == pytest.approx(data + 0.1 * epoch * squared, rel=1e-5)
    model.fit(X, Y, verbose=0)
    with pytest.raises(BridleError, match="at_epoch"):  # the fit has ended
        model.train_on_batch(X, Y)


def test_exact_zeros_are_refused_under_another_optimizer() -> None:
    """Of a model around, of a loop, and one that was put in place of the compiled one."""
    outer, inner = nested(EXACT)
    with pytest.raises(BridleError, match="regularize the outer model"):
        outer.fit(X, Y, verbose=0)
    plain = keras.Sequential([keras.Input((6,)), L.Dense(1, use_bias=False, name="line")])
    uncompiled = bridle.regularize(plain, EXACT)
    for model, said in ((uncompiled, "without compile"), (inner, r"compiled with \(SGD\)")):
        other = keras.optimizers.Adam()
        other.build(model.trainable_variables)
        with pytest.raises(BridleError, match=said):
            other.apply([keras.ops.zeros((6, 1))], model.trainable_variables)
    inner.optimizer = keras.optimizers.Adam()
    before = inner.get_weights()[0]
    with pytest.raises(BridleError, match="another optimizer"):
        inner.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(inner.get_weights()[0], before)


def test_exact_zeros_follow_the_optimizer_that_is_compiled_now() -> None:
    """A step of SGD, then one of Adam, then a loop of one's own: each with its own step size."""
    model = bridle.regularize(line(keras.optimizers.SGD(0.1)), EXACT)
    for optimizer, step in ((keras.optimizers.SGD(0.05), 0.05), (keras.optimizers.SGD(0.01), 0.01)):
        model.compile(optimizer, "mse")
        before = np.asarray(model.get_weights()[0], float)[:, 0]
        gradient = 2 * X.T @ (X @ before - Y) / 32
        moved = before - step * gradient
        model.fit(X, Y, batch_size=32, verbose=0)
        expected = np.sign(moved) * np.maximum(np.abs(moved) - step * 0.4, 0)
        np.testing.assert_allclose(model.get_weights()[0][:, 0], expected, atol=1e-6)
    before = np.asarray(model.get_weights()[0], float)[:, 0]
    model.optimizer.apply([keras.ops.zeros((6, 1))], model.trainable_variables)
    expected = np.sign(before) * np.maximum(np.abs(before) - 0.01 * 0.4, 0)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("scaled", [False, True])
def test_exact_zeros_with_loss_scaling(scaled: bool) -> None:
    """The same weights and zeros as without, and a saved model goes on alike."""
    optimizer = keras.optimizers.Adam(0.03)
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model = bridle.regularize(line(optimizer), {"line/kernel": bridle.L1(bridle.schedule.warmup(0.4, 5), exact=True)})
    model.fit(X, Y, batch_size=32, epochs=400, shuffle=False, verbose=0)
    kernel = np.asarray(model.get_weights()[0])[:, 0]
    assert (kernel == 0).tolist() == [False, False, True, True, False, True]
    lasso = Lasso(alpha=0.2, fit_intercept=False, tol=1e-10).fit(X.astype("float64"), Y).coef_
    np.testing.assert_allclose(kernel, lasso, atol=3e-3)


def test_an_optimizer_without_a_step_is_named_under_loss_scaling() -> None:
    """Lion, not the optimizer that scales its loss."""
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Lion())
    with pytest.raises(BridleError, match="got Lion"):
        bridle.regularize(line(optimizer), EXACT)


def test_a_study_refuses_what_only_fit_can_do() -> None:
    """A model with penalties already, whose schedule it would not move; and exact zeros with loss scaling."""
    for model in (bridle.regularize(line(), WARMUP), nested({"line/kernel": "l2(0.1)"})[0]):
        with pytest.raises(BridleError, match=r"bridle\.strip"):
            bridle.Study(model, {"L2": {"*/kernel": "l2(0.1)"}}, folds=2).run(X, Y, progress=False)
    scaled = line(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()))
    with pytest.raises(BridleError, match="without loss scaling"):
        bridle.Study(scaled, {"exact": EXACT}, folds=2).run(X, Y, progress=False)

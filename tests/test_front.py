"""The Python interface: `Study` and `Result`."""

import keras
import numpy as np
import pytest
from matplotlib.axes import Axes

import bridle
from bridle import L1, L1L2, L2, BridleError, Study
from tests.conftest import network


@pytest.fixture(scope="module")
def result(moons) -> bridle.Result:
    """Two arms, one with two strengths, and held-out rows."""
    x, y = moons
    arms = {"L2": {"*/kernel": L2([0.01, 0.1])}, "both": {"hidden/kernel": L1L2([0, 0.01], 0.02), "out/bias": L1(0.5)}}
    study = Study(network(), arms, seeds=2, folds=2, epochs=40)
    return study.run(x[:40], y[:40], test=(x[40:], y[40:]), progress=False)


def test_result_prints_verdict_and_table(result) -> None:
    """`print(result)` is the answer."""
    text = str(result)
    assert text.startswith(result.verdict())
    assert "*/kernel l2" in text


def test_table_has_a_row_for_each_setting(result) -> None:
    """A pandas table with the strengths in columns."""
    table = result.table()
    assert len(table) == 5
    assert set(table["arm"]) == {"none", "L2", "both"}
    assert (table["finished"] == "4/4").all()


def test_best_of_an_arm_and_of_all(result) -> None:
    """By name and by rule; wrong names list near ones."""
    best = result.best("both")
    assert set(best.strengths) == {"hidden/kernel l1l2.l1", "hidden/kernel l1l2.l2", "out/bias l1"}
    assert best.strengths["out/bias l1"] == 0.5
    overall = result.best(rule="best")
    assert overall.mean == max(result.best(arm).mean for arm in ("none", "L2", "both"))
    with pytest.raises(BridleError, match="Nearest: 'both'"):
        result.best("bth")
    with pytest.raises(BridleError, match="'recommended', 'best' or '1se'"):
        result.best(rule="2se")


def test_model_is_penalized_as_chosen_and_trained(result, moons) -> None:
    """Its weights are those of the refit, its penalties, on request, those of the setting; it goes on training."""
    x, y = moons
    bare = result.model("both", seed=1)
    assert type(bare) is keras.Sequential
    assert bare.compiled
    model = result.model("both", seed=1, penalized=True)
    assert all(np.array_equal(a, b) for a, b in zip(bare.get_weights(), model.get_weights(), strict=True))
    hidden, out = model.get_layer("hidden"), model.get_layer("out")
    assert isinstance(model.terms["hidden/kernel"], L1L2)
    assert model.terms["out/bias"].fixed() == (0.5,)
    loss = model.evaluate(x, y, batch_size=60, verbose=0)[0]
    plain = network()
    plain.set_weights(model.get_weights())
    kernel, bias = np.asarray(hidden.kernel, float), np.asarray(out.bias, float)
    l1, l2 = model.terms["hidden/kernel"].fixed()
    expected = l1 * np.abs(kernel).sum() + l2 * (kernel**2).sum() + 0.5 * np.abs(bias).sum()
    assert loss - plain.evaluate(x, y, batch_size=60, verbose=0)[0] == pytest.approx(expected, rel=1e-4)
    model.fit(x, y, epochs=1, verbose=0)
    with pytest.raises(BridleError, match="Seeds:"):
        result.model(seed=77)


def test_code_is_keras(result) -> None:
    """The lines to paste run."""
    layers = eval("[" + result.code("both").replace("import keras", "") + "]", {"keras": keras})
    assert [layer.name for layer in layers] == ["hidden", "out"]


def test_every_picture(result) -> None:
    """Each returns axes; a decision surface needs two inputs."""
    for draw in (result.plot.curves, result.plot.sweep, result.plot.path, result.plot.surface, result.plot.gains):
        assert isinstance(draw(), Axes)
    assert isinstance(result.plot.path("L2", kind="norm"), Axes)
    for draw in (result.plot.sweep, result.plot.units, result.plot.weights):
        assert isinstance(draw(arm="L2"), Axes)
    assert isinstance(result.plot.frontier(), Axes)
    with pytest.raises(BridleError, match="an arm of this study"):
        result.plot.path("L3")
    with pytest.raises(BridleError, match="two strengths that vary"):
        result.plot.heatmap()
    with pytest.raises(BridleError, match="penalizes an activation"):
        result.plot.activations()
    with pytest.raises(BridleError, match="'map' or 'histogram'"):
        result.plot.activations(kind="pie")


def test_report_is_one_file(result, tmp_path) -> None:
    """With the code in it, and without a network."""
    page = result.report(tmp_path / "deep" / "moons.html").read_text()
    assert "keras.layers.Dense(" in page or "the model is unchanged" in page
    assert "Content-Security-Policy" in page


def test_functional_model_with_names_of_its_own(moons) -> None:
    """A model made by a function gets the same study."""
    x, y = moons

    def build() -> keras.Model:
        inputs = keras.Input((2,))
        hidden = keras.layers.Dense(6, "tanh", name="hidden")(inputs)
        outputs = keras.layers.Dense(2, "softmax")(keras.layers.Concatenate()([inputs, hidden]))
        model = keras.Model(inputs, outputs)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    result = Study(build, {"L1": {"hidden/*put": "l1(0.01)"}}, seeds=2, folds=2, epochs=3).run(x, y, progress=False)
    assert result.model("L1", penalized=True).terms["hidden/*put"].fixed() == (0.01,)
    assert np.isfinite(result.data.scores()).all()


def test_interrupt_carries_the_result(moons, monkeypatch) -> None:
    """`Interrupted` is a KeyboardInterrupt with what finished."""
    from bridle.engine import _scheduler as engine

    def stopped(*args, **kwargs) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine.threading.Thread, "join", stopped)
    monkeypatch.setattr(engine, "_join_within_grace", lambda workers: None)
    with pytest.raises(bridle.Interrupted, match=r"\d+ of 4 fits had finished") as stop:
        Study(network(), {"L2": {"*/kernel": L2([0.1])}}, seeds=1, folds=2, epochs=2000).run(*moons, progress=False)
    assert isinstance(stop.value, KeyboardInterrupt)
    assert stop.value.result.verdict()

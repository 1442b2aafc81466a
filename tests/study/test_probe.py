"""A model that a result hands over predicts what the fit predicted."""

import keras
import numpy as np
import pytest
from keras import ops

import bridle
from bridle._errors import KindError

L = keras.layers
X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")


def network(function) -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), L.Dense(4, activation=function), L.Dense(1)])
    model.compile("sgd", "mse")
    return model


def bent(x):
    return ops.relu(x)


def test_a_stored_study_opened_with_other_code_of_the_same_name_hands_no_model_over(tmp_path) -> None:
    """With the code of the run the model predicts as the fit did; with another function it is refused."""
    study = bridle.Study(lambda: network(bent), {"L2": {"*/kernel": bridle.L2(0.01)}}, seeds=2, folds=2, epochs=2)
    with pytest.warns(UserWarning, match="'bent'"):
        result = study.run(X, X[:, :1], store=tmp_path / "study", progress=False)
    stored = bridle.load(tmp_path / "study", custom_objects={"bent": bent})
    probe = stored.data.probe
    assert np.array_equal(probe.rows[0], X[:2])
    for loaded in (result, stored):
        best = loaded.model("none")
        plain = network(bent)
        plain.set_weights(best.get_weights())
        np.testing.assert_allclose(best.predict(X, verbose=0), plain.predict(X, verbose=0), rtol=1e-5)
        two = best.predict(X[:2], verbose=0)
        assert any(np.allclose(two, each, rtol=1e-4) for (each,) in probe.predictions.values())
    for other in (
        bridle.load(tmp_path / "study", custom_objects={"bent": lambda x: 5 * ops.tanh(x)}),
        bridle.load(tmp_path / "study", model=lambda: network("tanh")),
    ):
        with pytest.raises(KindError, match="with the predictions of the fit of the study"):
            other.model("none")


def test_a_study_of_keras_alone_keeps_no_rows(tmp_path) -> None:
    """Its configuration makes the same function again."""
    study = bridle.Study(network("relu"), {"L2": {"*/kernel": bridle.L2(0.01)}}, seeds=1, folds=2, epochs=1)
    assert study.run(X, X[:, :1], progress=False).data.probe is None


class Forgetful(L.Layer):
    """A layer whose configuration leaves out its factor."""

    def __init__(self, factor: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self) -> dict:
        return super().get_config()


def test_a_model_whose_configuration_forgets_something_is_refused_before_training() -> None:
    """The copies that a study trains would be other functions; the function that builds it is taken."""

    def build() -> keras.Model:
        model = keras.Sequential([keras.Input((3,)), L.Dense(4), Forgetful(5.0), L.Dense(1)])
        model.compile("sgd", "mse")
        return model

    arms = {"L2": {"*/kernel": bridle.L2(0.01)}}
    with pytest.raises(KindError, match="other predictions for the same values of all variables"):
        bridle.Study(build(), arms, seeds=1, folds=2, epochs=1).plan(X, X[:, :1])
    bridle.Study(build, arms, seeds=1, folds=2, epochs=1).plan(X, X[:, :1])

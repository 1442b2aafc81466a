"""Numbers that are drawn while a model is put together, beside its variables."""

import random
from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import ops

import bridle
from bridle._errors import KindError

L = keras.layers
X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")


def compiled(graph: Callable) -> keras.Model:
    x = keras.Input((4,))
    model = keras.Model(x, L.Dense(1)(graph(x)))
    model.compile("sgd", "mse")
    return model


class Projection(L.Layer):
    """Random features that are drawn in the constructor."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.matrix = keras.random.normal((4, 6))

    def call(self, x):
        return ops.cos(x @ self.matrix)


class Weighted(L.Layer):
    """Random features that are a variable."""

    def build(self, shape) -> None:
        self.matrix = self.add_weight((4, 6), "random_normal", trainable=False)

    def call(self, x):
        return ops.cos(x @ self.matrix)


def projected(x):
    return ops.cos(x @ keras.random.normal((4, 6)))


def closed_over(x):
    matrix = keras.random.normal((4, 6))
    return L.Lambda(lambda x: ops.cos(x @ matrix))(x)


DRAWN = {
    "in the graph": projected,
    "a table that is looked up": lambda x: x + L.Embedding(3, 4)(ops.arange(3))[:1],
    "inside a function": closed_over,
    "inside a layer": lambda x: Projection()(x),
    "a number": lambda x: x * random.random(),
    "a rate": lambda x: L.Dropout(random.random())(x),
    "NumPy": lambda x: x * np.random.normal(size=(1, 4)).astype("float32"),
    "a nested model": lambda x: compiled(projected)(x),
}
SAME = {
    "a variable": lambda x: Weighted()(x),
    "a seed of its own": lambda x: x * np.random.default_rng(0).normal(size=(1, 4)).astype("float32"),
    "its own seed in Keras": lambda x: ops.cos(x @ keras.random.normal((4, 6), seed=3)),
    "random layers": lambda x: L.GaussianNoise(0.1)(L.Dropout(0.3)(L.Dense(3, "relu")(x))),
    "a seed that is drawn": lambda x: L.Dropout(0.3, seed=random.randint(1, 9))(x),
}


def study(model: object) -> bridle.Study:
    arms = {"L2": {"*/kernel": bridle.L2(0.01)}}
    return bridle.Study(model, arms, seeds=[3, 5, 8], folds=2, epochs=2, batch_size=4, shuffle=False)


@pytest.mark.parametrize("graph", DRAWN.values(), ids=DRAWN)
def test_a_function_that_draws_numbers_beside_its_variables_is_refused_before_training(graph: Callable) -> None:
    """Every seed would train with the numbers of the first build; Keras draws others."""
    with pytest.raises(KindError, match="builds differ only in the values of variables"):
        study(lambda: compiled(graph)).plan(X, X[:, :1])


@pytest.mark.parametrize("graph", SAME.values(), ids=SAME)
def test_what_seeds_decide_is_that_of_keras(graph: Callable) -> None:
    """Refits without a penalty equal `model.fit` under their seed."""
    result = study(lambda: compiled(graph)).run(X, X[:, :1], progress=False)
    for seed in (3, 5, 8):
        keras.utils.set_random_seed(seed)
        model = compiled(graph)
        model.fit(X, X[:, :1], epochs=2, batch_size=4, shuffle=False, verbose=0)
        got = result.model("none", seed=seed)
        np.testing.assert_allclose(got.predict(X, verbose=0), model.predict(X, verbose=0), rtol=2e-4, atol=1e-5)


def test_numbers_in_a_model_that_is_given_are_its_own_and_the_protocol_says_so() -> None:
    """A built model keeps them for every seed, as its configuration; the fit handed over has them too."""
    keras.utils.set_random_seed(0)
    model = compiled(projected)
    result = study(model).run(X, X[:, :1], progress=False)
    assert "Constants in the graph of the given model, the same for every seed: (4, 6) in" in result.data.protocol
    copy = keras.models.clone_model(model)
    for seed in (3, 8):
        best = result.model("none", seed=seed)
        copy.set_weights(best.get_weights())
        np.testing.assert_allclose(best.predict(X, verbose=0), copy.predict(X, verbose=0), rtol=1e-5)

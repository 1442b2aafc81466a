"""Random layers under `regularize`: the seeds of the model that was given, so that it trains as that does."""

import random

import keras
import numpy as np
import pytest

import bridle

L = keras.layers
X = np.random.default_rng(0).normal(size=(16, 4, 4, 1)).astype("float32")
Y = X[:, 0, 0]


@keras.saving.register_keras_serializable("tests")
class Shaken(L.Layer):
    """A random layer of one's own, with its generator."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator()

    def call(self, x, training=False):
        return x + keras.random.normal(keras.ops.shape(x), 0, 0.1, seed=self.generator) if training else x


def build() -> keras.Model:
    """Augmentation, drawn and explicit seeds, a layer of one's own, a nested model."""
    layers = [L.RandomFlip(), L.GaussianNoise(0.3, seed=7), L.Flatten(), Shaken(), L.Dense(5, "relu"), L.Dropout(0.4)]
    layers += [keras.Sequential([keras.Input((5,)), L.Dense(5, "relu"), L.GaussianDropout(0.2)])]
    model = keras.Sequential([keras.Input((4, 4, 1)), *layers, L.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def states(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(each.value) for each in model.variables if each.name == "seed_generator_state"]


def trained(model: keras.Model) -> list[np.ndarray]:
    model.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    return model.get_weights()


def test_a_model_penalized_by_almost_nothing_trains_as_the_model() -> None:
    """Penalized, and penalized and freed again, also after some training; the process draws what it would have."""
    keras.utils.set_random_seed(1)
    model = build()
    trained(model)
    before = random.getstate()
    penalized = bridle.regularize(model, {"*/kernel": bridle.L2(1e-12)})
    freed = bridle.strip(penalized)
    assert random.getstate() == before
    for each in (penalized, freed):
        assert len(states(each)) == 5
        assert all(map(np.array_equal, states(each), states(model)))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    expected = trained(model)
    for each in (penalized, freed):
        for got, value in zip(trained(each), expected, strict=True):
            np.testing.assert_allclose(got, value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("given", ["function", "model"])
def test_a_fit_of_a_study_is_repeated_by_penalize_and_fit(given: str) -> None:
    """The refit under a seed has the weights of `regularize` and `fit` after `set_random_seed` and building."""
    study = bridle.Study(
        build if given == "function" else build(), {"L2": {"*/kernel": bridle.L2(0.01)}}, seeds=[3, 5], folds=2,
        epochs=3, batch_size=8, shuffle=False,
    )  # fmt: skip
    result = study.run(X, Y, progress=False)
    for seed in (3, 5):
        keras.utils.set_random_seed(seed)
        expected = trained(bridle.regularize(build(), {"*/kernel": bridle.L2(0.01)}))
        for got, value in zip(result.model("L2", seed=seed).get_weights(), expected, strict=True):
            np.testing.assert_allclose(got, value, rtol=2e-3, atol=2e-5)

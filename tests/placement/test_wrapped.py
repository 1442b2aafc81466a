"""A penalized model behaves as the model inside wherever Keras looks: tensors, weight files, exports, attributes."""

import json
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import bridle
from bridle import BridleError
from bridle.placement import Regularized, unwrapped

L = keras.layers
X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = X[:, :1] - X[:, 1:2]


@keras.saving.register_keras_serializable("tests")
class Coder(keras.Model):
    """A subclassed model with a private layer, a weight of its own, a method, and a layer called `inner`."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self._first = L.Dense(4, "relu", name="hidden")
        self.inner = L.Dense(4, name="middle")
        self.last = L.Dense(1, name="out")

    def build(self, shape) -> None:
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        for layer in (self._first, self.inner, self.last):
            layer.build((*shape[:-1], shape[-1] if layer is self._first else 4))

    def encode(self, x):
        return self.scale * self._first(x)

    def call(self, x):
        return self.last(self.inner(self.encode(x)))


def sequential() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), L.Dense(4, "relu", name="hidden"), L.Dense(1, name="out")])


def functional() -> keras.Model:
    x = keras.Input((3,), name="x")
    return keras.Model(x, L.Dense(1, name="out")(L.Dense(4, "relu", name="hidden")(x)))


def subclassed() -> keras.Model:
    model = Coder()
    model.build((None, 3))
    return model


BUILDS = [sequential, functional, subclassed]
TERMS = {"hidden/kernel": bridle.L2(0.3), "hidden/output": bridle.L1(0.1)}


def compiled(build, optimizer="adam") -> keras.Model:
    model = build()
    model.compile(optimizer, "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def names_in(path) -> list[str]:
    found: list[str] = []
    with h5py.File(path) as file:
        file.visit(found.append)
    return sorted(found)


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("exact", [False, True])
def test_weight_files_pass_between_plain_and_penalized_models(build, exact: bool, tmp_path) -> None:
    """Both ways, with one layout, with the optimizer's state; strengths stay as they are written."""
    terms = {"hidden/kernel": bridle.L1(0.3, exact=True)} if exact else TERMS
    plain, penalized = compiled(build), bridle.regularize(compiled(build), terms)
    for model, name in ((plain, "plain"), (penalized, "penalized")):
        model.fit(X, Y, epochs=2, verbose=0)
        model.save_weights(tmp_path / f"{name}.weights.h5")
    assert names_in(tmp_path / "plain.weights.h5") == names_in(tmp_path / "penalized.weights.h5")
    fresh, other = compiled(build), bridle.regularize(compiled(build), terms)
    fresh.load_weights(tmp_path / "penalized.weights.h5")
    other.load_weights(tmp_path / "plain.weights.h5")
    for one, two in ((fresh, penalized), (other, plain)):
        for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert int(one.optimizer.iterations) == int(two.optimizer.iterations) == 2
    assert other.strengths == bridle.regularize(compiled(build), terms).strengths
    other.fit(X, Y, verbose=0)


def test_the_tensors_are_those_of_the_model() -> None:
    """`input`, `output`, and a model of activations, as for the functional model."""
    penalized = bridle.regularize(compiled(functional), TERMS)
    hidden = keras.Model(penalized.input, penalized.get_layer("hidden").output)
    kernel, bias = (np.asarray(weight) for weight in penalized.get_layer("hidden").weights)
    np.testing.assert_allclose(hidden(X), np.maximum(X @ kernel + bias, 0), rtol=1e-5)
    np.testing.assert_allclose(keras.Model(penalized.input, penalized.output)(X), penalized(X), rtol=1e-6)
    with pytest.raises(AttributeError, match="never been called"):  # as a plain Sequential model says
        _ = bridle.regularize(compiled(sequential), TERMS).output


def test_methods_and_layers_of_a_subclass_are_there() -> None:
    """Under the names that the person gave them, also where bridle has one of the same name."""
    penalized = bridle.regularize(compiled(subclassed), TERMS)
    np.testing.assert_array_equal(penalized.encode(X), unwrapped(penalized).encode(X))
    assert penalized.inner.name == "middle"
    with pytest.raises(AttributeError, match="no attribute 'decode'"):
        penalized.decode(X)


def test_a_layer_that_a_penalized_model_would_hide_is_refused() -> None:
    """A file of weights would lack it."""

    class Strong(Coder):
        def __init__(self, **kwargs) -> None:
            super().__init__(**kwargs)
            self.strengths = L.Dense(2)

    model = Strong()
    model.build((None, 3))
    with pytest.raises(BridleError, match="Rename the attribute"):
        Regularized(model, TERMS)


@pytest.mark.parametrize("build", [sequential, functional])
def test_old_h5_files_hold_the_penalties(build, tmp_path) -> None:
    """The plain model must be one that Keras saves in this format."""
    penalized = bridle.regularize(compiled(build), TERMS)
    penalized.fit(X, Y, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras calls the format legacy
        penalized.save(tmp_path / "model.h5")
        again = keras.models.load_model(tmp_path / "model.h5", compile=False)  # which forgets what "mse" is
    assert again.strengths == penalized.strengths
    again.compile("adam", "mse")
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(penalized.evaluate(X, Y, verbose=0), rel=1e-6)
    plain = compiled(build)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain.load_weights(tmp_path / "model.h5")
    np.testing.assert_array_equal(plain.predict(X, verbose=0), penalized.predict(X, verbose=0))
    anchored = bridle.regularize(compiled(build), {"hidden/kernel": bridle.L2SP(1.0)})
    with pytest.raises(BridleError, match=r"Save it as \.keras"):
        anchored.save(tmp_path / "anchored.h5")


def test_an_export_predicts_as_the_model(tmp_path) -> None:
    """As a TensorFlow SavedModel."""
    tf = pytest.importorskip("tensorflow")
    penalized = bridle.regularize(compiled(functional), TERMS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # between Keras and JAX
        penalized.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(X), penalized.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_losses_and_metrics_go_by_the_names_of_outputs() -> None:
    """As with the plain model, whose losses are the same."""
    losses = []
    for terms in (None, {"a/kernel": bridle.L2(1e-9)}):
        keras.utils.set_random_seed(1)
        x = keras.Input((3,))
        model = keras.Model(x, [L.Dense(1, name="a")(x), L.Dense(1, name="b")(x)])
        model = model if terms is None else bridle.regularize(model, terms)
        model.compile("sgd", {"a": "mse", "b": "mae"}, loss_weights={"a": 1.0, "b": 3.0}, metrics={"b": ["mse"]})
        losses.append(model.fit(X, {"a": Y, "b": Y}, verbose=0).history)
    assert losses[0].keys() == losses[1].keys()
    for name, values in losses[0].items():
        assert losses[1][name] == pytest.approx(values, rel=1e-5), name


OLD = Path(__file__).parent / "released"


@pytest.mark.parametrize("name", ["sequential", "exact", "nested"])
def test_files_of_version_0_1_load(name: str) -> None:
    """With the losses that they had there: a schedule after four epochs and an anchor, exact zeros, a model inside."""
    expected = json.loads((OLD / "losses.json").read_text())[name]
    x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    model = keras.models.load_model(OLD / f"old_{name}.keras")
    assert model.evaluate(x, np.zeros((16, 1)), verbose=0) == pytest.approx(expected, rel=1e-5)
    model.fit(x, np.zeros((16, 1)), verbose=0, callbacks=[bridle.callbacks.StrengthSchedule()])


@pytest.mark.parametrize("build", BUILDS)
def test_a_saved_model_goes_on_at_its_epoch(build, tmp_path) -> None:
    """Strengths on schedule and anchors are in the file, beside weights in the layout of the plain model."""
    terms = {"hidden/kernel": bridle.L2(bridle.schedule.linear(0, 1, 10)), "out/kernel": bridle.L2SP(0.5)}
    penalized = bridle.regularize(compiled(build), terms)
    penalized.fit(X, Y, epochs=4, verbose=0)
    penalized.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert [name for name in archive.namelist() if "anchor" in name] == ["assets/anchor_0.npy"]
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.epoch == 3
    assert again.strengths == penalized.strengths
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(penalized.evaluate(X, Y, verbose=0), rel=1e-6)
    assert again.optimizer.iterations == 4

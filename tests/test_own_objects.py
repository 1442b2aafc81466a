"""Functions and classes of one's own in a model: used as they are in memory, named where a store needs them."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import bridle
from bridle._errors import StoreError


def leaky(x):
    return ops.maximum(x, 0.1 * x)


def narrow(shape, dtype=None):
    return keras.random.normal(shape, stddev=0.3, dtype=dtype)


def ridge(kernel):
    return 1e-3 * ops.sum(ops.square(kernel))


class Scaled(keras.layers.Layer):
    """A layer whose class is not registered."""

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain


class Whole(keras.Model):
    """A model without a configuration."""

    def __init__(self, activation):
        super().__init__()
        self.hidden = layers.Dense(4, activation=activation, name="hidden")
        self.out = layers.Dense(1, activation="sigmoid", name="out")

    def call(self, x):
        return self.out(self.hidden(x))


def _sequential(*inner):
    return keras.Sequential([keras.Input((2,)), *inner, layers.Dense(1, activation="sigmoid", name="out")])


def _dense(**options):
    return lambda: _sequential(layers.Dense(4, name="hidden", **options))


def _whole():
    model = Whole(leaky)
    model(np.zeros((1, 2), "float32"))
    return model


NAMED = {
    "activation": (_dense(activation=leaky), {"leaky": leaky}),
    "initializer": (_dense(kernel_initializer=narrow), {"narrow": narrow}),
    "regularizer": (_dense(kernel_regularizer=ridge), {"ridge": ridge}),
    "class": (lambda: _sequential(Scaled(name="hidden")), {"Scaled": Scaled}),
    "layer of a function": (lambda: _sequential(layers.Lambda(leaky, name="hidden")), {"leaky": leaky}),
}
UNNAMED = {
    "lambda": _dense(activation=lambda x: ops.sin(x)),
    "layer of a lambda": lambda: _sequential(layers.Lambda(lambda x: ops.sin(x), name="hidden")),
    "subclassed model": _whole,
}
BUILDS = {**{name: build for name, (build, _) in NAMED.items()}, **UNNAMED}


def _compiled(name):
    model = BUILDS[name]()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module", params=BUILDS)
def studied(request, tmp_path_factory):
    """The name of a model, the result of a study of it, and the folder that the study wrote."""
    x = np.random.RandomState(0).normal(size=(24, 2)).astype("float32")
    folder = tmp_path_factory.mktemp("study")
    study = bridle.Study(
        lambda: _compiled(request.param), {"L2": {"out/kernel": "l2(0.01)"}}, seeds=1, folds=2, epochs=2
    )
    with pytest.warns(UserWarning, match="can be read in any process"):
        result = study.run(x, x.sum(axis=1) > 0, store=folder, progress=False)
    return request.param, result, folder, x


def _expected(name, result, x):
    """Predictions of the function's model with the stored weights, by Keras."""
    model = _compiled(name)
    member = next(m for m in result.data.weights if result.data.arms[_arm(result, m)].name == "L2")
    for variable, value in zip(
        [*model.trainable_variables, *model.non_trainable_variables], result.data.weights[member], strict=True
    ):
        variable.assign(value)
    return model.predict(x, verbose=0)


def _arm(result, member):
    return int(result.data.setting_arm[result.data.members.setting[member]])


def test_the_model_in_memory_is_used_as_it_is(studied, tmp_path):
    name, result, _, x = studied
    np.testing.assert_allclose(result.model("L2").predict(x, verbose=0), _expected(name, result, x), rtol=1e-5)
    assert "out" in result.code("L2")
    assert result.report(tmp_path / "report.html").is_file()


def test_the_numbers_of_a_store_are_readable_where_its_model_cannot_be_built(studied, tmp_path):
    name, result, folder, _ = studied
    opened = bridle.load(folder)
    assert opened.table().equals(result.table())
    assert opened.members().equals(result.members())
    assert opened.verdict() == result.verdict()
    assert opened.report(tmp_path / "report.html").is_file()
    names = NAMED.get(name, (None, {}))[1]
    with pytest.raises(StoreError, match="model=function") as refused:
        opened.model()
    assert all(repr(each) in str(refused.value) for each in names)


def test_the_model_of_a_store_comes_back_with_the_function_that_builds_it(studied):
    name, result, folder, x = studied
    model = bridle.load(folder, model=lambda: _compiled(name)).model("L2")
    np.testing.assert_allclose(model.predict(x, verbose=0), _expected(name, result, x), rtol=1e-5)


def test_the_model_of_a_store_comes_back_with_custom_objects(studied):
    name, result, folder, x = studied
    if name not in NAMED:
        with pytest.raises(StoreError):
            bridle.load(folder, custom_objects={"leaky": leaky}).model()
        return
    model = bridle.load(folder, custom_objects=NAMED[name][1]).model("L2")
    np.testing.assert_allclose(model.predict(x, verbose=0), _expected(name, result, x), rtol=1e-5)


def test_a_registered_function_needs_no_word(tmp_path):
    own = keras.saving.register_keras_serializable("test_own_objects")(lambda x: leaky(x) + 0.0)
    own.__name__ = "registered_leaky"
    own = keras.saving.register_keras_serializable("test_own_objects")(own)
    model = _sequential(layers.Dense(4, activation=own, name="hidden"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    x = np.random.RandomState(0).normal(size=(24, 2)).astype("float32")
    study = bridle.Study(model, {"L2": {"out/kernel": "l2(0.01)"}}, seeds=1, folds=2, epochs=2)
    result = study.run(x, x.sum(axis=1) > 0, store=tmp_path, progress=False)
    opened = bridle.load(tmp_path).model()
    np.testing.assert_allclose(opened.predict(x, verbose=0), result.model().predict(x, verbose=0), rtol=1e-5)


def test_a_model_with_other_weights_is_refused(studied):
    _, _, folder, _ = studied
    other = keras.Sequential([keras.Input((2,)), layers.Dense(3), layers.Dense(1)])
    with pytest.raises(bridle.BridleError, match="Expected a model with the"):
        bridle.load(folder, model=other)


def _loss(y, prediction):
    return 2 * keras.losses.binary_crossentropy(y, prediction)


LOSSES = {"function": _loss, "lambda": lambda y, prediction: ops.mean(ops.square(y - prediction), axis=-1)}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_store_gives_the_model_of_a_loss_of_my_own_without_it(loss, tmp_path):
    model = _dense()()
    model.compile("adam", LOSSES[loss])
    x = np.random.RandomState(0).normal(size=(24, 2)).astype("float32")
    arms = {"own": {"out/kernel": bridle.Custom(ridge, 0.01)}}
    study = bridle.Study(model, arms, seeds=1, folds=2, epochs=2)
    result = study.run(x, x.sum(axis=1) > 0, store=tmp_path, progress=False)
    opened = bridle.load(tmp_path)
    assert not opened.model("own").compiled
    np.testing.assert_allclose(
        opened.model("own").predict(x, verbose=0), result.model("own").predict(x, verbose=0), rtol=1e-5
    )
    assert opened.report(tmp_path / "report.html").is_file()
    with pytest.raises(StoreError, match="'custom:ridge', whose code a study does not"):
        opened.code("own")


def test_a_class_of_a_script_is_named_too(tmp_path):
    kind = type("OfScript", (Scaled,), {"__module__": "__main__"})
    model = _sequential(kind(name="hidden"))
    model.compile("adam", "binary_crossentropy")
    x = np.random.RandomState(0).normal(size=(24, 2)).astype("float32")
    study = bridle.Study(model, {"L2": {"out/kernel": "l2(0.01)"}}, seeds=1, folds=2, epochs=2)
    with pytest.warns(UserWarning, match="needs that of 'OfScript'"):
        study.run(x, x.sum(axis=1) > 0, store=tmp_path, progress=False)
    with pytest.raises(StoreError, match="needs the code of 'OfScript'"):
        bridle.load(tmp_path).model()

"""A penalized model is the model that it was made of: the same classes, functions, constants, seeds and predictions."""

import functools
from collections.abc import Callable

import jax
import keras
import numpy as np
import pytest
from keras import ops

import bridle
from bridle._errors import KindError

L = keras.layers
ROWS = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def block(function: Callable) -> type:
    """A layer class that always goes by the name of Block."""

    class Block(L.Layer):
        def __init__(self, units: int, **kwargs) -> None:
            super().__init__(**kwargs)
            self.units, self.dense = units, L.Dense(units)

        def call(self, x):
            return function(self.dense(x))

    return Block


def two_blocks(x):
    one, other = block(ops.relu), block(lambda x: 5 * ops.tanh(x))
    return other(3)(one(3)(x))


def layers_and_signs(x):
    """Keras's layers and operations of one name in one model, as in residual networks."""
    hidden = L.Dense(4)(x)
    total = L.Add()([hidden, x]) + hidden
    total = L.Subtract()([total, hidden]) - x
    total = L.Multiply()([total, hidden]) * x
    return ops.maximum(L.Maximum()([total, x]), hidden)


def relu(x):
    """Not Keras's function of this name."""
    return ops.tanh(x) * 5


def tenths(shape, dtype=None):
    return ops.ones(shape, dtype) / 10


class Filled(keras.initializers.Initializer):
    """An initializer that never tells its argument."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, shape, dtype=None, **kwargs):
        return ops.full(shape, self.value, dtype)


def functions_of_ones_own(x):
    x = L.Dense(3, activation=relu, kernel_initializer=tenths, bias_initializer=Filled(3.0))(x)
    x = L.Dense(3, activation=lambda x: 2 * x)(x)
    x = L.Dense(3, activation=functools.partial(ops.leaky_relu, negative_slope=0.3))(x)
    x = L.Dense(3, activation=jax.nn.silu)(x)
    return L.Activation(relu)(L.Lambda(ops.sin)(L.Lambda(lambda x: 3 * x)(x)))


def functions_inside_wrappers(x):
    x = L.TimeDistributed(L.Lambda(lambda x: 2 * x))(ops.reshape(L.Dense(6)(x), (-1, 3, 2)))
    return L.RNN(L.SimpleRNNCell(3, activation=relu))(L.TimeDistributed(L.Dense(2, activation=relu))(x))


def constants_in_the_graph(x):
    """A table looked up while the model is put together, as in tabular transformers."""
    table = L.Embedding(3, 4)(ops.arange(3))
    return L.Dense(2)(x + table[:1] + ops.convert_to_tensor(ROWS[:1]))


CASES = (
    two_blocks,
    layers_and_signs,
    functions_of_ones_own,
    functions_inside_wrappers,
    constants_in_the_graph,
)


@pytest.mark.parametrize("graph", CASES, ids=lambda graph: graph.__name__)
def test_a_penalized_model_predicts_what_the_model_predicts(graph: Callable) -> None:
    """There and back, to the bit, inside another model too; nothing stays in Keras's registry."""
    x = keras.Input((4,))
    model = keras.Model(x, graph(x))
    nested = keras.Sequential([keras.Input((4,)), model])
    for given in (model, nested):
        expected = np.asarray(given(ROWS))
        penalized = bridle.regularize(given, {"*/kernel": bridle.L2(0.1)})
        assert np.array_equal(penalized(ROWS), expected)
        assert np.array_equal(bridle.strip(penalized)(ROWS), expected)
    assert not [name for name in keras.saving.get_custom_objects() if "Block" in name or "relu" in name]


def test_a_study_hands_over_the_fit_of_a_model_with_classes_of_one_name() -> None:
    """From a model and from a function: `model()` predicts what Keras does with the weights of the refit."""

    def build() -> keras.Model:
        x = keras.Input((4,))
        model = keras.Model(x, L.Dense(1)(layers_and_signs(two_blocks(L.Dense(4)(x))[:, :1] + x)))
        model.compile("sgd", "mse")
        return model

    for given in (build, build()):
        study = bridle.Study(given, {"L2": {"*/kernel": bridle.L2(0.001)}}, seeds=1, folds=2, epochs=1)
        result = study.run(ROWS, ROWS[:, :1], progress=False)
        plain = build()
        plain.set_weights(result.model("none").get_weights())
        assert np.allclose(result.model("none").predict(ROWS, verbose=0), plain.predict(ROWS, verbose=0), rtol=1e-5)


class Forgetful(L.Layer):
    """A layer whose configuration leaves out its factor."""

    def __init__(self, factor: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self) -> dict:
        return super().get_config()


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_copy_that_would_predict_otherwise_is_refused(wrapped: bool) -> None:
    """A factor that no configuration tells is not lost in silence."""
    factor = Forgetful(5.0)
    layers = [L.Reshape((4, 1)), L.TimeDistributed(factor), L.Flatten()] if wrapped else [factor]
    model = keras.Sequential([keras.Input((4,)), L.Dense(4), *layers])
    with pytest.raises(KindError, match="other predictions for the same weights"):
        bridle.regularize(model, {"*/kernel": bridle.L2(0.1)})

"""Graphs with constants and operations that Keras cannot write: studied and handed over, or refused before training."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import bridle
from bridle._errors import BridleError


def _positions(x):
    return x + layers.Embedding(3, 4, name="position")(ops.arange(3))


def _added(x):
    return layers.Add()([x, layers.Embedding(3, 4, name="position")(ops.arange(3))[None]]) + x


def _mapped(x):
    return ops.vectorized_map(lambda row: row * 2.0, x)


def _picked(x):
    return ops.take(x, ops.array([2, 0]), axis=1)


GRAPHS = {"position": _positions, "layer and operation": _added, "mapped": _mapped, "picked": _picked}


def _model(graph):
    inputs = keras.Input((3,), dtype="int32")
    inner = GRAPHS[graph](layers.Embedding(5, 4, name="table")(inputs))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="out")(layers.Flatten()(inner)))
    model.compile("adam", "binary_crossentropy")
    return model


@pytest.fixture
def tokens():
    x = np.random.RandomState(0).randint(0, 5, (24, 3)).astype("int32")
    return x, (x.sum(axis=1) > 6).astype("float32")


def _study(model):
    return bridle.Study(model, {"L2": {"out/kernel": "l2(0.01)"}}, seeds=1, folds=2, epochs=2)


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_with_a_constant_is_handed_over_as_it_was_trained(graph, tokens):
    model = _model(graph)
    result = _study(model).run(*tokens, progress=False)
    found = result.model("L2").predict(tokens[0], verbose=0)
    member = max(result.data.weights)
    for variable, value in zip(
        [*model.trainable_variables, *model.non_trainable_variables], result.data.weights[member], strict=True
    ):
        variable.assign(value)
    np.testing.assert_allclose(found, model.predict(tokens[0], verbose=0), rtol=1e-5)
    penalized = bridle.regularize(model, {"out/kernel": "l2(0.01)"})
    np.testing.assert_allclose(penalized.predict(tokens[0], verbose=0), found, rtol=1e-5)


def test_a_constant_that_is_drawn_while_a_function_builds_is_refused_before_training(tokens):
    with pytest.raises(BridleError):
        _study(lambda: _model("position")).prepare(*tokens)

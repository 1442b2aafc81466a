"""Models that mix the rows of a batch: their measures depend on the blocks in which rows are predicted."""

import keras
import numpy as np
import pytest
from keras import ops

from bridle.study import RunOptions, run_study
from bridle.study.data import Rows
from bridle.study.design import Question, prepare

L = keras.layers
X = np.random.default_rng(0).normal(size=(30, 3)).astype("float32")
Y = (X[:, 0] > 0).astype(int)


@keras.saving.register_keras_serializable("mixing")
class Centred(L.Layer):
    """Takes the mean of the batch away, also when it predicts."""

    def call(self, x: object) -> object:
        return x - ops.mean(x, axis=0, keepdims=True)


@keras.saving.register_keras_serializable("mixing")
class Doubled(L.Layer):
    """Code of a person's own that treats rows alone."""

    def call(self, x: object) -> object:
        return 2.0 * x


def notes(layers: list[L.Layer], functional: bool = False) -> tuple[str, ...]:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = inputs
    for layer in layers:
        hidden = layer(hidden)
    hidden = hidden - ops.mean(hidden, axis=0, keepdims=True) if functional else hidden
    model = keras.Model(inputs, L.Dense(1, "sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy")
    prepared = prepare(Question(model, {}, 1, 2, 1), Rows(X, Y))
    if prepared.notes:
        whole, halves = model.predict(X[:4], verbose=0), model.predict(X[:4], batch_size=2, verbose=0)
        assert np.abs(whole - halves).max() > 1e-4
        assert prepared.notes[0] in run_study(prepared, RunOptions(refit=False))[0].protocol
    return prepared.notes


@pytest.mark.parametrize("functional", [False, True], ids=["layer", "operation"])
def test_a_model_that_mixes_rows_is_told(functional: bool) -> None:
    """In a note before training and in the protocol, with the batch size that `evaluate` would need."""
    (note,) = notes([L.Dense(4, "tanh"), *([] if functional else [Centred()])], functional)
    assert "depends on the other rows of its batch" in note
    assert "model.evaluate(batch_size=32)" in note


def test_a_model_that_treats_rows_alone_is_not() -> None:
    """Layers of Keras, batch normalization among them, and own layers that treat rows alone."""
    assert notes([L.Dense(4, "tanh"), L.BatchNormalization(), L.Dropout(0.5)]) == ()
    assert notes([L.Dense(4, "tanh"), Doubled()]) == ()

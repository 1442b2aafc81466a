"""Models that no study can run are refused in every function, before training."""

import keras
import numpy as np
import pytest
from keras import layers

import bridle
from bridle._errors import BridleError


@pytest.fixture
def sequences():
    x = np.random.RandomState(0).normal(size=(16, 5, 2)).astype("float32")
    return x, x.sum(axis=(1, 2))[:, None]


def _stateful(wrapped):
    layer = layers.LSTM(3, stateful=True, name="memory")
    inputs = keras.Input(batch_shape=(4, 5, 2))
    model = keras.Model(
        inputs, layers.Dense(1, name="out")((layers.Bidirectional(layer) if wrapped else layer)(inputs))
    )
    model.compile("adam", "mse")
    return model


ARMS = {"L2": {"out/kernel": "l2(0.1)"}}


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_layer_that_keeps_its_state_between_batches_is_refused(wrapped, sequences):
    doors = [
        lambda: bridle.Study(_stateful(wrapped), ARMS).prepare(*sequences),
        lambda: bridle.Study(lambda: _stateful(wrapped), ARMS).plan(*sequences),
        lambda: bridle.search(_stateful(wrapped), *sequences),
    ]
    for door in doors:
        with pytest.raises(BridleError, match="with stateful=True: a study shuffles"):
            door()


def test_a_penalized_model_keeps_its_state_as_keras_does(sequences):
    x, y = sequences
    keras.utils.set_random_seed(0)
    model = _stateful(False)
    penalized = bridle.regularize(model, {"out/kernel": "l2(0)"})
    histories = [
        each.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"] for each in (model, penalized)
    ]
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-5)


def test_callbacks_are_answered_with_what_there_is_instead(moons):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, "sigmoid", name="out")])
    model.compile("adam", "binary_crossentropy")
    given = {"callbacks": [keras.callbacks.EarlyStopping()]}
    doors = [
        lambda: bridle.Study(model, ARMS, **given),
        lambda: bridle.Study(model, ARMS).run(*moons, **given),
        lambda: bridle.Study(model, ARMS).plan(*moons, **given),
        lambda: bridle.search(model, *moons, **given),
    ]
    for door in doors:
        with pytest.raises(BridleError, match=r"early_stopping=bridle\.EarlyStopping"):
            door()

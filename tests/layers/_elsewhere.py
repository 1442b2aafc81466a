"""The layers on one backend: what they give for fixed inputs, also after a file."""

import tempfile
from pathlib import Path

import keras
import numpy as np

from bridle import layers

Z = np.array([[0.5, -1.0, 2.0, 2.0, 0.1], [1.5, 0.2, -0.3, 0.0, 0.9], [2.0, 2.0, 2.0, 2.0, 2.0]], "float32")
ACTIVATIONS = {
    "TopK": lambda: layers.TopK(2),
    "BatchTopK": lambda: layers.BatchTopK(2),
    "JumpReLU": lambda: layers.JumpReLU(threshold=0.4, bandwidth=0.5, l0=0.1),
}


def autoencoder() -> keras.Model:
    """5 – 8 – 5 with the mean of all activations as code, a tied and a unit-norm decoder, compiled."""
    keras.utils.set_random_seed(3)
    x, tied = keras.Input((5,)), layers.TiedDense(8, unit_norm=True, name="tied")
    z = tied(x)
    code = keras.layers.Average()([make()(z) for make in ACTIVATIONS.values()])
    outputs = [tied(code, decode=True), layers.UnitNormDense(5, name="decoder")(code)]
    model = keras.Model(x, keras.layers.Average()(outputs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def checked() -> dict[str, list]:
    """Return activations in training and in prediction, counters, and norms of the atoms of a model from a file."""
    numbers = {}
    for name, make in ACTIVATIONS.items():
        layer = make()
        numbers[name] = [as_list(layer(Z, training=True)), as_list(layer(Z)), as_list(layer.silent)]
    numbers["RowCodes"] = as_list(layers.RowCodes(4, 2, initializer="ones")(np.array([[3.0], [0.0]])))
    model = autoencoder()
    model.fit(Z, Z, epochs=2, batch_size=3, shuffle=False, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        loaded = keras.models.load_model(Path(folder) / "model.keras")
    np.testing.assert_array_equal(loaded.predict(Z, verbose=0), model.predict(Z, verbose=0))
    tied, decoder = (
        keras.ops.norm(loaded.get_layer(name).kernel, axis=n) for n, name in enumerate(("tied", "decoder"))
    )
    return {**numbers, "norms": [as_list(tied), as_list(decoder)]}


def as_list(tensor: object) -> list:
    """Return a tensor as nested lists of rounded numbers."""
    return np.round(keras.ops.convert_to_numpy(tensor).astype("float64"), 5).tolist()

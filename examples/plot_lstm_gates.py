"""
An LSTM: the weights of one gate
================================

A target can name a part of a weight: ``lstm/recurrent_kernel[forget]`` are the recurrent weights of the forget
gate.
"""

import keras
import numpy as np

import bridle

rng = np.random.default_rng(0)
x = rng.normal(size=(200, 12, 2)).astype("float32")
y = (x[:, :6, 0].sum(axis=1) > 0).astype("int32")

layers = [keras.layers.LSTM(16, name="lstm"), keras.layers.Dense(1, "sigmoid", name="out")]
model = keras.Sequential([keras.Input((12, 2)), *layers])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])

arms = {
    "forget gate": {"lstm/recurrent_kernel[forget]": bridle.L2([1e-3, 1e-1])},
    "all gates": {"lstm/recurrent_kernel": bridle.L2([1e-3, 1e-1])},
    "steady states": {"lstm/hidden_state": bridle.TAR([0.1, 1.0])},
}
result = bridle.Study(model, arms, seeds=2, folds=3, epochs=25).run(x, y, progress=False)
print(result.verdict())

# %%

result.plot.gains()

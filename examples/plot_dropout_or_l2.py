"""
Dropout, noise, decay or a penalty?
===================================

One study compares regularizers of different kinds on the same folds and seeds. The network is not rewritten:
dropout acts at the output of a layer that has none.
"""

import keras
from sklearn.datasets import load_digits

import bridle

x, y = load_digits(return_X_y=True)
x, y = x[:500] / 16, y[:500]
layers = [keras.layers.Dense(64, "relu", name="hidden"), keras.layers.Dense(10, "softmax", name="out")]
model = keras.Sequential([keras.Input((64,)), *layers])
model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])

arms = {
    "L2": {"*/kernel": bridle.L2([1e-4, 1e-3])},
    "dropout": {"hidden/output": bridle.Dropout([0.2, 0.5])},
    "noise": {"inputs": bridle.GaussianNoise([0.1, 0.3])},
    "weight decay": {"*/kernel": bridle.WeightDecay([0.1, 1.0])},
}
result = bridle.Study(model, arms, seeds=2, folds=4, epochs=40).run(x, y, progress=False)
print(result.verdict())

# %%
# The gain of each arm over no regularizer, with intervals that allow for all arms.

result.plot.gains()

"""
Stop early, average weights, or penalize?
=========================================

Early stopping costs rows: a share of the training rows only decides when to stop. As an arm of a study it pays for
them, and competes with the others.
"""

import keras
from sklearn.datasets import make_moons

import bridle

x, y = make_moons(120, noise=0.3, random_state=0)
layers = [keras.layers.Dense(100, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential([keras.Input((2,)), *layers])
model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")

arms = {
    "stop early": {"training": bridle.EarlyStopping(patience=10)},
    "average weights": {"training": bridle.WeightAveraging([0.9, 0.99])},
    "L2": {"*/kernel": bridle.L2([1e-3, 1e-2])},
}
result = bridle.Study(model, arms, seeds=2, folds=4, epochs=200, score="loss").run(x, y, progress=False)
print(result.verdict())

# %%

result.plot.gains()

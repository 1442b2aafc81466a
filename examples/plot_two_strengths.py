"""
Two strengths at once
=====================

An arm may hold several regularizers, each with strengths of its own. The heat map shows the score over both.
"""

import keras
from sklearn.datasets import make_moons

import bridle

x, y = make_moons(150, noise=0.3, random_state=0)
layers = [keras.layers.Dense(64, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid", name="out")]
model = keras.Sequential([keras.Input((2,)), *layers])
model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")

both = {"*/kernel": bridle.L2([1e-4, 1e-3, 1e-2]), "hidden/output": bridle.Dropout([0.1, 0.3, 0.5])}
result = bridle.Study(model, {"L2 and dropout": both}, seeds=2, folds=3, epochs=100, score="loss").run(
    x, y, progress=False
)
print(result.verdict())

# %%

result.plot.heatmap()

"""
Two moons: does L2 help, and how much?
======================================

A wide network learns fifty points of two moons by heart. The study compares strengths of L2 on the weights with no
penalty, over folds and seeds.
"""

import keras
from sklearn.datasets import make_moons

import bridle

x, y = make_moons(100, noise=0.2, random_state=1)
layers = [keras.layers.Dense(200, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential([keras.Input((2,)), *layers])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])

study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([1e-4, 1e-3, 1e-2])}}, seeds=3, folds=5, epochs=300)
result = study.run(x[:50], y[:50], test=(x[50:], y[50:]), progress=False)
print(result.verdict())

# %%
# The score against the strength. The bars are standard errors over folds.

result.plot.sweep()

# %%
# The decision surface without a penalty, and with the strongest one that was selected.

result.plot.surface(panel=0)

# %%

result.plot.surface(panel=-1)

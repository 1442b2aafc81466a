"""
Time: validate on later rows
============================

With ``TimeSeriesSplit``, each fold trains on the rows before those that it validates on. So does every selection
inside.
"""

import keras
import numpy as np
from sklearn.model_selection import TimeSeriesSplit

import bridle

steps = np.arange(600)
series = np.sin(steps / 12) + 0.002 * steps + 0.2 * np.random.default_rng(0).normal(size=600)
x = np.stack([series[lag : lag - 12] for lag in range(12)], axis=1).astype("float32")
y = series[12:]

layers = [keras.layers.Dense(64, "relu", name="hidden"), keras.layers.Dense(1)]
model = keras.Sequential([keras.Input((12,)), *layers])
model.compile(keras.optimizers.Adam(0.003), "mse")

arms = {"L2": {"*/kernel": bridle.L2([1e-3, 1e-2, 1e-1])}, "L1": {"*/kernel": bridle.L1([1e-3, 1e-2])}}
result = bridle.Study(model, arms, seeds=2, folds=TimeSeriesSplit(4), epochs=60).run(x, y, progress=False)
print(result.verdict())

# %%

result.plot.sweep()

"""
The units of a recurrent layer along time
=========================================

A GRU reads sequences of tokens and says at each step whether it has seen an odd number of threes. Under L1 on its
outputs a few units remember that; the others stay silent.
"""

import keras
import numpy as np

import bridle

rng = np.random.default_rng(0)
steps = np.arange(14)
x = np.where(steps < rng.integers(5, 15, (240, 1)), rng.integers(1, 9, (240, 14)), 0)  # 0 is padding
y = (x == 3).cumsum(axis=1)[..., None] % 2

layers = [
    keras.layers.Embedding(9, 8, mask_zero=True),
    keras.layers.GRU(24, "relu", return_sequences=True, name="gru"),
    keras.layers.Dense(1, "sigmoid", name="out"),
]
model = keras.Sequential([keras.Input((14,), dtype="int32"), *layers])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
study = bridle.Study(model, {"L1": {"gru/output": bridle.L1(0.003)}}, seeds=2, folds=2, epochs=60)
result = study.run(x[:200], y[:200], progress=False)
codes = result.representation("gru", x[200:])
print(codes.table()[["candidate", "seed", "l0", "live"]])

# %%

codes.plot.along_time("none")

# %%

codes.plot.along_time("L1: 0.003")

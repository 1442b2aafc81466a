"""
A sparse code: error against sparsity
=====================================

An autoencoder needs no labels. Each strength gives a code with another number of active units; the frontier shows
what sparsity costs, and whether L1 or L2 pays less for it.
"""

import keras
import numpy as np
from sklearn.datasets import load_digits

import bridle

x = (load_digits().data / 16).astype(np.float32)
layers = [keras.layers.Dense(64, "relu", name="code"), keras.layers.Dense(64, name="decoder")]
model = keras.Sequential([keras.Input((64,)), *layers])
model.compile(keras.optimizers.Adam(0.005), "mse", metrics=[bridle.metrics.FVU()])

arms = {"L1": {"code/output": bridle.L1([3e-4, 1e-3, 3e-3])}, "L2": {"code/output": bridle.L2([1e-3, 1e-2])}}
result = bridle.Study(model, arms, seeds=2, folds=2, epochs=20, score="fvu").run(x[:900], refit="all", progress=False)
codes = result.representation("code", x[900:])
print(codes.frontier()[["candidate", "l0", "fvu"]].to_string(index=False))

# %%

codes.plot.frontier()

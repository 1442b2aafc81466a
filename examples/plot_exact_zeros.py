"""
L1 and exact zeros: how much of the network is needed?
======================================================

With ``exact=True``, L1 sets weights to exactly zero by a proximal step after each update. The path shows the share
of zeros along the strengths, and what it costs.
"""

import keras
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

import bridle

x, y = load_breast_cancer(return_X_y=True)
layers = [keras.layers.Dense(32, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid", name="out")]
model = keras.Sequential([keras.Input((30,)), *layers])
model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", metrics=["accuracy"])

arms = {"L1": {"*/kernel": bridle.L1([1e-5, 1e-4, 1e-3, 1e-2], exact=True)}}
study = bridle.Study(model, arms, seeds=2, folds=3, epochs=60, batch_size=64)
result = study.run(x, y, preprocessor=StandardScaler(), progress=False)
print(result)

# %%

result.plot.path("L1", "zeros")

# %%
# The score of every strength against its share of zeros.

result.plot.frontier()

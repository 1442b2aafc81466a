"""
Nested cross-validation: the score of the whole procedure
=========================================================

``nested=3`` repeats the selection inside three outer folds, and scores what it selects on rows that had no part in
it.
"""

import keras
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

import bridle

x, y = load_wine(return_X_y=True)
layers = [keras.layers.Dense(16, "relu", name="hidden"), keras.layers.Dense(3, "softmax")]
model = keras.Sequential([keras.Input((13,)), *layers])
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])

study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([1e-3, 1e-2, 1e-1])}}, seeds=2, folds=3, epochs=40)
result = study.run(x, y, preprocessor=StandardScaler(), nested=3, progress=False)
print(result.details())

# %%

result.plot.sweep()

"""
Smoothed and mixed labels
=========================

A tenth of the labels is wrong. Label smoothing and mix-up change the labels of training batches; validation labels
stay as they are.
"""

import keras
import numpy as np
from sklearn.datasets import load_digits

import bridle

x, y = load_digits(return_X_y=True)
x, y = x[:600] / 16, y[:600].copy()
wrong = np.random.default_rng(0).random(600) < 0.1
y[wrong] = np.random.default_rng(1).integers(0, 10, wrong.sum())

layers = [keras.layers.Dense(64, "relu", name="hidden"), keras.layers.Dense(10, "softmax")]
model = keras.Sequential([keras.Input((64,)), *layers])
model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])

arms = {"smoothing": {"labels": bridle.LabelSmoothing([0.1, 0.3])}, "mix-up": {"labels": bridle.Mixup([0.2, 1.0])}}
result = bridle.Study(model, arms, seeds=2, folds=3, epochs=40, score="loss").run(x, y, progress=False)
print(result.verdict())

# %%

result.plot.sweep()

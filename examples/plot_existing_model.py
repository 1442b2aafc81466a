"""
Penalties on a model that exists
================================

``regularize`` returns a Keras model with the same weights and the penalties, on every backend. ``PenaltyLog`` shows
what each costs, epoch by epoch.
"""

import keras
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

import bridle

x, y = load_digits(return_X_y=True)
x = x / 16
keras.utils.set_random_seed(0)
layers = [keras.layers.Dense(64, "relu", name="hidden"), keras.layers.Dense(10, "softmax", name="out")]
model = keras.Sequential([keras.Input((64,)), *layers])
model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")

terms = {"hidden/kernel": bridle.L2(1e-3), "hidden/output": bridle.L1(1e-3)}
penalized = bridle.regularize(model, terms)
history = penalized.fit(x, y, epochs=15, verbose=0, callbacks=[bridle.callbacks.PenaltyLog()]).history

# %%

figure, ax = plt.subplots(figsize=(6.4, 3.4))
for name in ("data_loss", *(name for name in history if name.startswith("penalty/"))):
    ax.plot(history[name], label=name)
ax.set(xlabel="epoch", ylabel="share of the loss", yscale="log")
ax.legend()

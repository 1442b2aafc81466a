"""
Fine-tuning: stay near the pretrained weights
=============================================

A network learned digits 0 to 4. Fine-tuned on forty rows of 5 to 9, it may forget what it knew. ``L2SP`` penalizes
the distance from the pretrained weights, L2 the distance from zero.
"""

import keras
from sklearn.datasets import load_digits

import bridle

x, y = load_digits(return_X_y=True)
x, first = x / 16, y < 5
keras.utils.set_random_seed(0)
layers = [keras.layers.Dense(64, "relu", name="hidden"), keras.layers.Dense(5, "softmax", name="out")]
model = keras.Sequential([keras.Input((64,)), *layers])
model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[first], y[first], epochs=20, verbose=0)

new_x, new_y = x[~first], y[~first] - 5
arms = {
    "L2SP": {"hidden/kernel": bridle.L2SP([1e-2, 1e-1, 1])},
    "L2": {"hidden/kernel": bridle.L2([1e-2, 1e-1, 1])},
}
study = bridle.Study(model, arms, seeds=3, folds=4, epochs=40, initial_weights="model")
result = study.run(new_x[:40], new_y[:40], test=(new_x[40:], new_y[40:]), progress=False)
print(result.verdict())

# %%

result.plot.sweep()

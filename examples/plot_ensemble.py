"""
What does the mean of several networks gain?
============================================

``result.ensemble`` averages the networks of all seeds. Its gain over the mean member has an interval over rows.
"""

import keras
from sklearn.datasets import load_digits

import bridle

x, y = load_digits(return_X_y=True)
x = x / 16
layers = [keras.layers.Dense(32, "relu", name="hidden"), keras.layers.Dense(10, "softmax")]
model = keras.Sequential([keras.Input((64,)), *layers])
model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])

study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2(1e-3)}}, seeds=5, folds=2, epochs=25)
result = study.run(x[:600], y[:600], progress=False)
plain, penalized = result.ensemble("none"), result.ensemble("L2")
print(plain.gain(x[600:], y[600:], measure="loss"))
print(penalized.compare(plain, x[600:], y[600:], measure="loss"))

# %%

result.plot.curves()

"""
A strength that changes over the epochs
=======================================

A penalty on activations can silence units before they learn anything. ``bridle.schedule.warmup`` raises it from
zero.
"""

import keras
from sklearn.datasets import load_digits

import bridle

x, y = load_digits(return_X_y=True)
x, y = x[:500] / 16, y[:500]
layers = [keras.layers.Dense(64, "relu", name="hidden"), keras.layers.Dense(10, "softmax")]
model = keras.Sequential([keras.Input((64,)), *layers])
model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])

rising = bridle.schedule.warmup(1e-2, 20)
arms = {
    "constant": {"hidden/output": bridle.L1(1e-2)},
    "rising": {"hidden/output": bridle.L1(rising)},
}
result = bridle.Study(model, arms, seeds=3, folds=3, epochs=40).run(x, y, progress=False)
print(result)

# %%

result.plot.curves()

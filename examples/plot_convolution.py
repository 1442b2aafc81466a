"""
A convolutional network: dropout of whole channels
==================================================

``shared="space"`` drops a channel at all positions together. L2 acts on filters as on any kernel.
"""

import keras
from sklearn.datasets import load_digits

import bridle

x, y = load_digits(return_X_y=True)
x, y = x[:400].reshape(-1, 8, 8, 1) / 16, y[:400]
layers = [
    keras.layers.Conv2D(16, 3, activation="relu", name="conv"),
    keras.layers.MaxPooling2D(),
    keras.layers.Flatten(),
    keras.layers.Dense(10, "softmax", name="out"),
]
model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])

arms = {
    "L2": {"*/kernel": bridle.L2([1e-3, 1e-2])},
    "channels": {"conv/output": bridle.Dropout([0.1, 0.3], shared="space")},
}
result = bridle.Study(model, arms, seeds=2, folds=3, epochs=25).run(x, y, progress=False)
print(result.verdict())

# %%

result.plot.gains()

# %%
# The filters without a penalty and with the best L2.

result.plot.weights(arm="L2", tensor="conv/kernel")

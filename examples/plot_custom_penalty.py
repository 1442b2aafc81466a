"""
A penalty of one's own
======================

``Custom`` takes a function of Keras operations. ``bridle.testing.check_penalty`` runs the laws that every penalty
has to pass.
"""

import keras
from sklearn.datasets import make_circles

import bridle


def cauchy(w):
    """Charge large weights less than L2 does: the logarithm of 1 + w²."""
    return keras.ops.log1p(keras.ops.square(w))


x, y = make_circles(80, noise=0.15, factor=0.5, random_state=0)
layers = [keras.layers.Dense(50, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential([keras.Input((2,)), *layers])
model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])

arms = {
    "Cauchy": {"*/kernel": bridle.Custom(cauchy, [1e-3, 1e-2])},
    "L2": {"*/kernel": bridle.L2([1e-3, 1e-2])},
}
result = bridle.Study(model, arms, seeds=2, folds=4, epochs=150, score="loss").run(x, y, progress=False)
print(result.verdict())

# %%

result.plot.sweep()

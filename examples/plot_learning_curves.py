"""
Learning curves: where overfitting begins
=========================================

The loss of the training rows falls to zero while that of the validation rows turns and rises. A penalty keeps both
together.
"""

import keras
from sklearn.datasets import make_circles

import bridle

x, y = make_circles(80, noise=0.15, factor=0.5, random_state=0)
layers = [keras.layers.Dense(100, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential([keras.Input((2,)), *layers])
model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")

study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([3e-3])}}, seeds=3, folds=4, epochs=300, score="loss")
result = study.run(x, y, progress=False)
print(result.verdict())

# %%

result.plot.curves()

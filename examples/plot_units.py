"""
What a penalty on activations does to units
===========================================

Along the strengths of L1 on the hidden layer, units become quiet, then silent. The map shows rows against units
before and after.
"""

import keras
from sklearn.datasets import load_digits

import bridle

x, y = load_digits(return_X_y=True)
x, y = x[:500] / 16, y[:500]
layers = [keras.layers.Dense(48, "relu", name="hidden"), keras.layers.Dense(10, "softmax")]
model = keras.Sequential([keras.Input((64,)), *layers])
model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])

arms = {"L1 activity": {"hidden/output": bridle.L1([1e-4, 1e-3, 1e-2, 3e-2])}}
result = bridle.Study(model, arms, seeds=2, folds=3, epochs=30).run(x, y, progress=False)
print(result.verdict())

# %%

result.plot.units()

# %%

result.plot.activations()

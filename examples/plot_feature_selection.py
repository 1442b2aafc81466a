"""
Group lasso: which columns does the network need?
=================================================

Only three of twenty columns matter. A group lasso over the rows of the first kernel removes all weights of a column
together, so whole inputs become zero.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import bridle

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 20)).astype("float32")
y = x[:, 0] + np.abs(x[:, 1]) - x[:, 2] ** 2 + 0.3 * rng.normal(size=300)

layers = [keras.layers.Dense(32, "relu", name="hidden"), keras.layers.Dense(1, name="out")]
model = keras.Sequential([keras.Input((20,)), *layers])
model.compile(keras.optimizers.Adam(0.01), "mse")

arms = {"group lasso": {"hidden/kernel": bridle.GroupLasso([1e-3, 1e-2, 1e-1], exact=True)}}
study = bridle.Study(model, arms, seeds=2, folds=3, epochs=60)
result = study.run(x, y, progress=False)
print(result.verdict())

# %%
# The norms of the weights of each column, in the selected network.

kernel = result.model("group lasso", single=True).get_layer("hidden").get_weights()[0]
figure, ax = plt.subplots(figsize=(6.4, 3))
ax.bar(range(20), np.linalg.norm(kernel, axis=1))
ax.set(xlabel="column", ylabel="norm of its weights", xticks=range(0, 20, 2))

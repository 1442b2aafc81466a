"""
A rare class: weights of classes, and a score that sees it
==========================================================

One row in ten is of the second class. ``class_weight="balanced"`` weighs training rows; the area under the curve
does not depend on a threshold.
"""

import keras
from sklearn.datasets import make_classification

import bridle

x, y = make_classification(400, 10, n_informative=4, weights=[0.9], class_sep=0.8, random_state=0)
layers = [keras.layers.Dense(32, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential([keras.Input((10,)), *layers])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])

study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([1e-3, 1e-2, 3e-2])}}, seeds=2, folds=4, epochs=60)
result = study.run(x, y, class_weight="balanced", progress=False)
print(result.verdict())

# %%

result.plot.sweep()

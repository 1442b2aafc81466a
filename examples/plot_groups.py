"""
Groups: rows of one subject belong together
===========================================

Each of twenty subjects gives ten rows with an offset of its own. If rows of a subject are on both sides of a fold,
the network recognizes subjects, and the score is too good.
"""

import keras
import numpy as np

import bridle

rng = np.random.default_rng(0)
subject = np.repeat(np.arange(20), 10)
label = (np.arange(20) % 2)[subject]
x = (rng.normal(size=(20, 12))[subject] + 0.3 * rng.normal(size=(200, 12))).astype("float32")
x[:, 0] += label

layers = [keras.layers.Dense(64, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential([keras.Input((12,)), *layers])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([1e-2, 1e-1])}}, seeds=2, folds=5, epochs=60)

# %%
# Without groups, the subjects of the validation rows are known from training.

print(study.run(x, label, progress=False).table()[["arm", "validation"]])

# %%
# With groups, whole subjects are left out.

result = study.run(x, label, groups=subject, progress=False)
print(result.table()[["arm", "validation"]])
result.plot.sweep()

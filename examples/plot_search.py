"""
Search: which layer, which kind?
================================

``bridle.search`` builds arms from the model, screens one of each kind, and tests the best ones, alone and joined.
"""

import keras
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

import bridle

x, y = load_wine(return_X_y=True)
layers = [keras.layers.Dense(32, "relu", name="first"), keras.layers.Dense(16, "relu", name="second")]
model = keras.Sequential([keras.Input((13,)), *layers, keras.layers.Dense(3, "softmax", name="out")])
model.compile("adam", "sparse_categorical_crossentropy")

found = bridle.search(model, x, y, seconds=15, folds=3, epochs=30, preprocessor=StandardScaler(), progress=False)
print(found.ranking().to_string(index=False))

# %%

found.plot.gains()

"""
Audit: what really regularizes a model?
=======================================

Keras drops some arguments without a word. The audit lists everything that acts in training, and what it charges.
"""

import keras

import bridle

layers = [
    keras.layers.Dense(32, "relu", kernel_regularizer="l2", name="hidden"),
    keras.layers.Dropout(0.3, name="drop"),
    keras.layers.Dense(1, "sigmoid", name="out"),
]
model = keras.Sequential([keras.Input((8,)), *layers])
model.compile(keras.optimizers.AdamW(1e-3, weight_decay=0.1), "binary_crossentropy")
audit = bridle.audit(model)
print(audit)

# %%
# The same as a data frame.

print(audit.table()[["where", "written", "charged", "effect"]].to_string())

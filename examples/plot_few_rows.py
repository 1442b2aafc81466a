"""
Few rows: what cross-validation cannot choose
=============================================

From thirty rows, the best of many scores is mostly luck. The rule ``recommended`` joins the scores with experience
from other data; ``best`` goes by the scores alone.
"""

import keras
from sklearn.datasets import make_moons

import bridle

x, y = make_moons(1030, noise=0.25, random_state=3)
layers = [keras.layers.Dense(100, "relu", name="hidden"), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential([keras.Input((2,)), *layers])
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])

study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([1e-4, 1e-3, 1e-2, 1e-1])}}, seeds=3, folds=5, epochs=150)
result = study.run(x[:30], y[:30], progress=False)
for rule in ("recommended", "best", "1se"):
    network = result.model(rule=rule)
    accuracy = ((network.predict(x[30:], verbose=0)[:, 0] > 0.5) == y[30:]).mean()
    print(f"{rule:12}", result.best(rule=rule).strengths, f"accuracy on 1,000 fresh rows {accuracy:.3f}")

# %%
# Circle: best; square: 1se; star: recommended.

result.plot.sweep()

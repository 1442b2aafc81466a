"""
A pipeline with text columns
============================

``ColumnTransformer`` encodes the columns, the estimator chooses the regularization, and ``cross_val_score`` judges
the whole.
"""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import bridle

rng = np.random.default_rng(0)
table = pd.DataFrame({"size": rng.normal(size=200), "colour": rng.choice(["red", "green", "blue"], 200)})
label = np.where(table["size"] + (table["colour"] == "red") + 0.5 * rng.normal(size=200) > 0.5, "yes", "no")

encode = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
arms = {"L2": {"*/kernel": bridle.L2([1e-3, 1e-2, 1e-1])}}
classifier = bridle.RegularizedClassifier(arms=arms, seeds=1, folds=3, epochs=40)
pipeline = make_pipeline(encode, classifier)
print("accuracy over three outer folds:", cross_val_score(pipeline, table, label, cv=3).round(3))

# %%

pipeline.fit(table, label)[-1].result_.plot.sweep()

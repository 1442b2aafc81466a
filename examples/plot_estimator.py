"""
An estimator for scikit-learn
=============================

``RegularizedRegressor`` chooses the regularization of its network in ``fit``. It works wherever an estimator does.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

import bridle

x, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
train_x, test_x, train_y, test_y = train_test_split(x, y, random_state=0)
arms = {"L2": {"*/kernel": bridle.L2([1e-2, 1e-1, 1])}, "dropout": {"hidden*/output": bridle.Dropout([0.2, 0.5])}}
regressor = bridle.RegularizedRegressor(arms=arms, seeds=2, folds=4, epochs=60).fit(train_x, train_y)
print(regressor.verdict())
print(f"r² on fresh rows: {regressor.score(test_x, test_y):.2f}")

# %%

regressor.result_.plot.sweep()

# %%
# Which columns matter to it.

importance = permutation_importance(regressor, test_x, test_y, n_repeats=10, random_state=0).importances_mean
figure, ax = plt.subplots(figsize=(6.4, 3))
ax.barh(x.columns, importance)
ax.set(xlabel="r² that is lost where a column is shuffled")

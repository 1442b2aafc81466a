"""
Does another seed find the same features?
=========================================

The features of each two seeds are matched one to one by the cosine of their atoms.
"""

from sklearn.datasets import load_digits

import bridle

x = load_digits().data / 16
model = bridle.SparseAutoencoder(32).model(64)
arms = {"L1": {"code/output": bridle.L1([1e-3, 3e-3])}}
result = bridle.Study(model, arms, seeds=3, folds=2, epochs=30).run(x[:900], refit="all", progress=False)
codes = result.representation("code", x[900:])
for name in ("none", "L1: 0.003"):
    print(name, codes.stability(name))

# %%

codes.plot.matched("L1: 0.003")

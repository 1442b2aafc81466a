"""
Features of a sparse autoencoder
================================

``SparseAutoencoder`` is a transformer of scikit-learn. With ``topk(6)``, six of its units are active in each row.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

import bridle

x = load_digits().data / 16
sparse = bridle.SparseAutoencoder(48, activation="topk(6)", epochs=60, random_state=0).fit(x)
print(
    f"explained share of the variance: {sparse.score(x):.3f}, active units: {(sparse.transform(x) != 0).sum(1).mean()}"
)

# %%
# The atoms as images.

figure, axes = plt.subplots(4, 12, figsize=(9, 3.2))
for ax, atom in zip(axes.flat, sparse.components_, strict=True):
    ax.imshow(atom.reshape(8, 8), cmap="gray")
    ax.axis("off")

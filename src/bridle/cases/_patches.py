"""Whitened patches of photographs, and filters that are no sparse code of them."""

from typing import Any

import numpy as np
from sklearn.datasets import load_sample_images

SIDE = 12
"""Pixels of a side of a patch."""
CUTOFF = 0.4
"""Cycles per pixel at which the filter that whitens falls off."""


def patches(count: int, drawn: int, seed: int = 0) -> np.ndarray:
    """Return whitened patches of the photographs of scikit-learn, those with the largest variance of the drawn ones."""
    rng, rows = np.random.default_rng(seed), list[np.ndarray]()
    images: Any = load_sample_images().images
    for image in images:
        grey = image.astype(float).mean(axis=-1)
        grey = (grey - grey.mean()) / grey.std()
        frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(size) for size in grey.shape), indexing="ij"))
        white = np.fft.ifft2(np.fft.fft2(grey) * frequency * np.exp(-((frequency / CUTOFF) ** 4))).real
        white /= white.std()
        tops = rng.integers(0, white.shape[0] - SIDE, drawn // len(images))
        lefts = rng.integers(0, white.shape[1] - SIDE, drawn // len(images))
        rows += [white[i : i + SIDE, j : j + SIDE].ravel() for i, j in zip(tops, lefts, strict=True)]
    table = np.array(rows)
    table -= table.mean(axis=1, keepdims=True)
    table = table[np.argsort(-table.var(axis=1), kind="stable")[:count]]
    return (table / np.sqrt(np.mean(table**2))).astype(np.float32)


def controls(x: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Return filters that are no sparse code: principal components, turned at random, and patches themselves."""
    rng = np.random.default_rng(0)
    components = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:count]
    turn = np.linalg.qr(rng.normal(size=(count, count)))[0]
    return {"PCA": components, "rotated PCA": turn @ components, "patches": x[rng.permutation(len(x))[:count]]}

"""The meaning of penalties, in NumPy and from their configuration alone, without the code that charges them."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from bridle.regularizers import KINDS, Penalty, Regularizer, Schedule

Array = np.ndarray
Parts = tuple[float, ...]
"""A value for each strength, at strength one."""


def strengths_at(regularizer: Regularizer, epoch: int, course: Schedule | None = None) -> Parts:
    """Return the strengths of a regularizer at an epoch; a `course` replaces the schedule of each."""
    return tuple(_strength(value if course is None else course, epoch) for value in regularizer.strengths)


def _strength(value: Any, epoch: int) -> float:
    if not isinstance(value, Schedule):
        return float(value)
    peak: Any = value.peak
    if value.shape == "steps":
        reached = [factor for start, factor in zip(value.epochs, value.factors, strict=True) if epoch >= start]
        return peak * (reached[-1] if reached else 0.0)
    if value.shape == "exponential":
        return peak * math.exp(np.interp(epoch, value.epochs, np.log(value.factors)))
    return peak * float(np.interp(epoch, value.epochs, value.factors))


def is_known(regularizer: Any) -> bool:
    """Return True for a regularizer of bridle or Keras, whose formula is here; False for any other function."""
    if isinstance(regularizer, Penalty):
        has_formula = regularizer.kind in ("l2sp", *ENTRIES, *WEIGHTS, *ACTIVATIONS)
        return has_formula and KINDS.get(regularizer.kind) is type(regularizer)
    return type(regularizer) in KERAS


def is_known_on_activation(regularizer: Any) -> bool:
    """Return True if `on_activation` has a formula: all but Keras's orthogonality."""
    return is_known(regularizer) and type(regularizer) is not keras.regularizers.OrthogonalRegularizer


def on_weight(regularizer: Any, weight: Array, anchor: Any = None) -> Parts:
    """Return the values of a known regularizer on a weight.

    Args:
        regularizer: a penalty, at strength one; or one of Keras's, with its strength.
        weight: any shape.
        anchor: the weights that `l2sp(anchor="pretrained")` pulls toward.

    """
    x = np.asarray(weight, "float64")
    if not isinstance(regularizer, Penalty):
        return (float(KERAS[type(regularizer)](regularizer, x)),)
    if regularizer.kind in ENTRIES:
        return tuple(float(value.sum()) for value in ENTRIES[regularizer.kind](regularizer, x))
    if regularizer.kind == "l2sp":
        return (_distance(regularizer, x, anchor),)
    return tuple(float(value) for value in WEIGHTS[regularizer.kind](regularizer, x))


def on_activation(regularizer: Any, value: Array, counted: Any = None) -> Parts:
    """Return the values of a known regularizer on an activation of shape (batch, …), averaged as it declares.

    Args:
        regularizer: a penalty, at strength one; or one of Keras's that is a sum over entries, with its strength.
        value: the activation.
        counted: which entries of its first axes count, of shape (batch,) or (batch, time); None for all.

    """
    x = np.asarray(value, "float64")
    counted = np.ones(x.shape[:1], bool) if counted is None else np.asarray(counted).astype(bool)
    samples = max(1, int(counted.reshape(len(x), -1).any(axis=1).sum()))
    if not isinstance(regularizer, Penalty):
        return (float(KERAS[type(regularizer)](regularizer, x[counted])) / samples,)
    if regularizer.kind in ENTRIES:
        divisor = {"sample": samples, "batch": 1, "unit": max(1, x[counted].size)}[regularizer.per]
        return tuple(float(part.sum()) / divisor for part in ENTRIES[regularizer.kind](regularizer, x[counted]))
    return (float(ACTIVATIONS[regularizer.kind](regularizer, x, counted)),)


def _distance(penalty: Any, x: Array, anchor: Any) -> float:
    center = anchor if penalty.needs_anchor else penalty.anchor
    return float(np.square(x - np.asarray(center, "float64")).sum())


def _hoyer(x: Array) -> float:
    return float(np.abs(x).sum() ** 2 / np.square(x).sum()) if np.any(x) else 0.0


def _units(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])


def _groups(penalty: Any, x: Array) -> float:
    """Return `sum_g sqrt(|g|) ||w_g||`."""
    by_unit = penalty.groups in ("units", "filters")
    axis = -1 if by_unit or x.ndim == 1 else -2
    slices = np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1)
    labels: Any = penalty.groups
    if isinstance(labels, str):
        labels = range(len(slices))
    elif isinstance(labels, int):
        labels = np.repeat(np.arange(labels), len(slices) // labels)
    blocks = [slices[np.asarray(labels) == label] for label in set(np.asarray(labels).tolist())]
    return sum(math.sqrt(block.size) * float(np.linalg.norm(block)) for block in blocks)


def _gram(penalty: Any, x: Array) -> float:
    w = _units(x) if penalty.by == "columns" else _units(x).T
    return float(np.square(w.T @ w - np.eye(w.shape[1])).sum())


def _beyond(penalty: Any, x: Array) -> float:
    lengths = np.linalg.norm(_units(x), axis=0)
    return float(np.square(np.maximum(lengths - penalty.limit, 0)).sum())


def _rows(x: Array, counted: Array) -> Array:
    """Return the entries that count, shape (row, unit)."""
    return _units((x[..., None] if x.ndim == counted.ndim else x)[counted])


def _divergence(penalty: Any, x: Array, counted: Array) -> float:
    rows, target = _rows(x, counted), penalty.target
    if not len(rows):
        return 0.0
    mean = np.clip(rows.mean(axis=0), 1e-6, 1 - 1e-6)
    apart = target * np.log(target / mean) + (1 - target) * np.log((1 - target) / (1 - mean))
    return float(np.maximum(apart, 0).sum())


def _mean_apart(penalty: Any, x: Array, counted: Array) -> float:
    rows = _rows(x, counted)
    return float(np.square(rows.mean(axis=0) - penalty.target).sum()) if len(rows) else 0.0


def _covariances(penalty: Any, x: Array, counted: Array) -> float:
    rows = _rows(x, counted)
    if not len(rows):
        return 0.0
    covariance = np.atleast_2d(np.cov(rows.T, bias=True))
    return float(np.square(covariance).sum() - np.square(np.diag(covariance)).sum()) / 2


def _mean(x: Array) -> float:
    return float(x.mean()) if x.size else 0.0


def _jumps(penalty: Any, x: Array, counted: Array) -> float:
    pairs = counted if counted.ndim < 2 else counted[:, 1:] & counted[:, :-1]
    return _mean(np.square(np.diff(x, axis=1))[pairs])


def _certainty(penalty: Any, x: Array, counted: Array) -> float:
    p = (x[..., None] if x.ndim == counted.ndim else x)[counted]
    if penalty.from_logits:
        p = np.concatenate([p, np.zeros_like(p)], -1) if p.shape[-1] == 1 else p
        p = np.exp(p - p.max(axis=-1, keepdims=True))
        p = p / p.sum(axis=-1, keepdims=True)
    elif p.shape[-1] == 1:
        p = np.concatenate([p, 1 - p], axis=-1)
    entropy = -(np.clip(p, 0, 1) * np.log(np.maximum(p, 1e-7))).sum(axis=-1)
    most = math.log(max(x.shape[-1] if x.ndim > counted.ndim else 1, 2))
    return _mean(np.maximum((most if penalty.threshold is None else penalty.threshold) - entropy, 0))


def _sample_hoyer(penalty: Any, x: Array, counted: Array) -> float:
    mask = counted.reshape(*counted.shape, *(1,) * (x.ndim - counted.ndim))
    samples = max(1, int(counted.reshape(len(x), -1).any(axis=1).sum()))
    return sum(_hoyer(sample) for sample in x * mask) / samples


def _orthogonal(regularizer: Any, x: Array) -> float:
    """Return Keras's orthogonality: half the mean magnitude of the products of normalized rows or columns."""
    w = x if regularizer.mode == "rows" else x.T
    w = w / np.maximum(np.linalg.norm(w, axis=1, keepdims=True), 1e-12)
    others = np.abs(w @ w.T) * (1 - np.eye(len(w)))
    return float(regularizer.factor) * others.sum() / 2 / (len(w) * (len(w) - 1) / 2)


R = keras.regularizers
KERAS: dict[type, Callable[[Any, Array], float]] = {
    R.L1: lambda r, x: float(r.l1) * np.abs(x).sum(),
    R.L2: lambda r, x: float(r.l2) * np.square(x).sum(),
    R.L1L2: lambda r, x: float(r.l1) * np.abs(x).sum() + float(r.l2) * np.square(x).sum(),
    R.OrthogonalRegularizer: _orthogonal,
}
"""Keras's regularizers."""
ENTRIES: dict[str, Callable[[Any, Array], tuple[Array, ...]]] = {
    "l1": lambda p, x: (np.abs(x),),
    "l2": lambda p, x: (np.square(x),),
    "l1l2": lambda p, x: (np.abs(x), np.square(x)),
    "log": lambda p, x: (np.log1p(np.square(x)),),
    "smoothl1": lambda p, x: (np.sqrt(np.square(x) + p.epsilon) - math.sqrt(p.epsilon),),
    "binarizing": lambda p, x: (np.clip(x, 0, 1) * (1 - np.clip(x, 0, 1)),),
}
"""Sums over entries."""
WEIGHTS: dict[str, Callable[[Any, Array], tuple[float, ...]]] = {
    "hoyer": lambda p, x: (sum(map(_hoyer, _units(x).T)) if p.over == "unit" else _hoyer(x),),
    "grouplasso": lambda p, x: (_groups(p, x),),
    "sparsegrouplasso": lambda p, x: (np.abs(x).sum(), _groups(p, x)),
    "orthogonality": lambda p, x: (_gram(p, x),),
    "spectral": lambda p, x: (float(np.linalg.norm(_units(x), 2)),),
    "nuclear": lambda p, x: (float(np.linalg.norm(_units(x), "nuc")),),
    "softmaxnorm": lambda p, x: (_beyond(p, x),),
}
"""Weights as a whole."""
ACTIVATIONS: dict[str, Callable[[Any, Array, Array], float]] = {
    "hoyer": _sample_hoyer,
    "kl": _divergence,
    "meanactivation": _mean_apart,
    "decorrelation": _covariances,
    "ar": lambda p, x, counted: _mean(np.square(x[counted])),
    "tar": _jumps,
    "confidence": _certainty,
}
"""Statistics of a batch."""

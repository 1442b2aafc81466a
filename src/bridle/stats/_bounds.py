"""The range of a measure, so that no interval goes beyond it."""

import numpy as np

UNIT_INTERVAL_MEASURES = (
    "acc",
    "auc",
    "precision",
    "recall",
    "f1",
    "fbeta",
    "iou",
    "dice",
    "sensitivity",
    "specificity",
)
"""Parts of the names of measures that lie between 0 and 1."""


def widest_difference(name: str, scores: np.ndarray) -> float:
    """Return the largest possible difference of two scores: 1 for measures between 0 and 1, else infinity.

    >>> widest_difference("binary_accuracy", np.array([0.8])), widest_difference("loss", np.array([0.8]))
    (1.0, inf)
    """
    values = scores[np.isfinite(scores)]
    plain = name.lower().replace("_", "")
    inside = any(part in plain for part in UNIT_INTERVAL_MEASURES) and bool(((values >= 0) & (values <= 1)).all())
    return 1.0 if inside else float("inf")

"""A linear probe: how well a linear model predicts labels from a code."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from bridle._errors import InputError
from bridle.stats import mean_interval


@dataclass(frozen=True)
class Probed:
    """Accuracy of a linear probe over folds, with its 95 % interval."""

    mean: float
    low: float
    high: float
    folds: Float[np.ndarray, "fold"]


def probe(
    code: ArrayLike, labels: ArrayLike, *, folds: int = 5, per_class: int | None = None, seed: int = 0, c: float = 1.0
) -> Probed:
    """Return the accuracy of a logistic regression from a code to labels, on rows that it did not see.

    The code is standardized on the training rows of each fold. The interval is over folds, whose training rows overlap
    (Nadeau and Bengio).

    Args:
        code: of shape (row, unit); further axes are flattened.
        labels: one class for each row.
        folds: the number of stratified folds.
        per_class: the number of training rows of each class in each fold, drawn at random, for few labels. Default:
            all training rows.
        seed: the seed of folds and draws. Codes that are compared get the same rows under the same seed.
        c: the inverse strength of the L2 penalty of the regression.

    Errors: `InputError` for labels of one class, of another length, and for fewer rows of a class than folds or than
        `per_class` in the training rows.

    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(60) % 2
    >>> probe(labels[:, None] + 0.1 * rng.normal(size=(60, 1)), labels).mean
    1.0

    """
    rows = np.asarray(code, float)
    classes = np.asarray(labels).reshape(-1)
    if rows.ndim < 2 or len(rows) != len(classes):
        raise InputError(
            f"Expected one label for each row of the code, got {len(classes)} labels for a code of shape {rows.shape}."
        )
    rows = rows.reshape(len(rows), -1)
    names, counts = np.unique(classes, return_counts=True)
    if len(names) < 2:
        raise InputError(f"Expected labels of at least two classes for a probe, got only {names.tolist()}.")
    if counts.min() < folds:
        raise InputError(
            f"Expected at least {folds} rows of each class for {folds} folds, got {counts.min()} of class "
            f"{names[counts.argmin()]}. Use fewer folds."
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    rng = np.random.default_rng(seed)
    scores = []
    with threadpool_limits(1):  # several threads of BLAS take a hundred times as long for products this small
        for train, test in splitter.split(rows, classes):
            few = train if per_class is None else _draw(train, classes, per_class, rng)
            model: Any = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000))
            scores.append(model.fit(rows[few], classes[few]).score(rows[test], classes[test]))
    values = np.array(scores)
    train_rows = len(rows) * (folds - 1) / folds if per_class is None else per_class * len(names)
    return Probed(*mean_interval(values, test_share=min(1.0, len(rows) / folds / train_rows)), values)


def _draw(train: np.ndarray, classes: np.ndarray, per_class: int, rng: np.random.Generator) -> np.ndarray:
    """Return some training rows of each class."""
    drawn = []
    for name in np.unique(classes):
        of_class = train[classes[train] == name]
        if not 1 <= per_class <= len(of_class):
            raise InputError(
                f"Expected per_class from 1 to {len(of_class)}, the training rows of class {name} in a fold, "
                f"got {per_class}."
            )
        drawn.append(rng.choice(of_class, per_class, replace=False))
    return np.concatenate(drawn)

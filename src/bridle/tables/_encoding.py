"""Categories of a column with many of them as numbers: the mean of the target, and how frequent each is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder

from bridle._errors import InputError
from bridle.tables._checks import DAMAGED, is_count, is_finite_list, is_names, saved

FOLDS = 5
"""Parts of the training rows; the rows of each are encoded by the others."""
RULES = {
    "categories": ("distinct texts", is_names),
    "counts": ("counts", lambda value: isinstance(value, list) and all(map(is_count, value))),
    "means": ("lists of numbers", lambda value: isinstance(value, list) and all(map(is_finite_list, value))),
    "overall": ("finite numbers", is_finite_list),
}


@dataclass(frozen=True)
class Encoding:
    """Means of the target and counts by category, learned from training rows.

    `means[i]` has one number for each output: the mean of a number, the share of the second of two classes, or the
    share of each of several classes. It is shrunk towards `overall`, that of all training rows, as scikit-learn's
    `TargetEncoder(smooth="auto")` does.
    """

    categories: tuple[str, ...]
    counts: tuple[int, ...]
    means: tuple[tuple[float, ...], ...]
    overall: tuple[float, ...]

    def features(self, labels: Shaped[np.ndarray, "row"]) -> Float[np.ndarray, "row feature"]:
        """Return the means and log(1 + count) of new rows; an unknown category has the means of all and count 0."""
        index = pd.Index(self.categories).get_indexer(pd.Index(labels))
        means = np.array([*self.means, self.overall], float).reshape(len(self.categories) + 1, len(self.overall))
        counts = np.array([*self.counts, 0], float)
        return np.column_stack([means[index], np.log1p(counts[index])])

    def to_json(self) -> dict[str, object]:
        """Return the encoding as strict JSON."""
        return {
            "categories": list(self.categories),
            "counts": list(self.counts),
            "means": [list(row) for row in self.means],
            "overall": list(self.overall),
        }

    @staticmethod
    def from_json(content: object, size: int) -> "Encoding":
        """Restore an encoding of `size` outputs; `InputError` names an invalid entry."""
        fields: Mapping = saved(content, "encoding", RULES)
        count = len(fields["categories"])
        shapes = [len(fields["counts"]), len(fields["means"])]
        if shapes != [count, count] or any(len(row) != size for row in (*fields["means"], fields["overall"])):
            raise InputError(f"Expected {count} counts and means of {size} outputs, got {shapes}. {DAMAGED}")
        means = tuple(tuple(row) for row in fields["means"])
        return Encoding(tuple(fields["categories"]), tuple(fields["counts"]), means, tuple(fields["overall"]))


def learn_encoding(labels: Shaped[np.ndarray, "row"], y: object, size: int) -> Encoding:
    """Learn the means and counts of the categories of these training rows.

    Args:
        labels: the category of each row, text.
        y: the target of each row: numbers, or class indices.
        size: the number of outputs.

    Errors: `InputError` without a target.

    """
    targets = target_columns(y, size, len(labels))
    codes, categories = pd.factorize(labels, sort=True)
    encoders = [_encoder(len(categories)).fit(codes[:, None], target) for target in targets.T]
    means = np.column_stack([encoder.encodings_[0] for encoder in encoders])
    counts = np.bincount(codes, minlength=len(categories))
    overall = tuple(float(encoder.target_mean_) for encoder in encoders)
    rows = tuple(tuple(row) for row in means.tolist())
    return Encoding(tuple(map(str, categories)), tuple(counts.tolist()), rows, overall)


def cross_fitted(labels: Shaped[np.ndarray, "row"], y: object, size: int) -> Float[np.ndarray, "row feature"]:
    """Return the features of training rows, each as if its own target were unknown.

    The means of a fifth of the rows come from the other rows, and the count leaves the row itself out. Without this,
    a category of one row would give its target away.
    """
    targets = target_columns(y, size, len(labels))
    codes, categories = pd.factorize(labels, sort=True)
    counts = np.bincount(codes, minlength=len(categories))[codes] - 1.0
    if len(labels) < 2:
        return np.column_stack([targets, np.log1p(counts)])
    means = np.empty_like(targets)
    encoder = _encoder(len(categories))
    for others, rows in KFold(min(FOLDS, len(labels)), shuffle=True, random_state=0).split(codes):
        for output, target in enumerate(targets.T):
            means[rows, output] = encoder.fit(codes[others, None], target[others]).encodings_[0][codes[rows]]
    return np.column_stack([means, np.log1p(counts)])


def target_columns(y: object, size: int, rows: int) -> Float[np.ndarray, "row output"]:
    """Return targets as numbers, one column for each output; classes become 0 or 1 for each of `size` > 1 classes.

    Several columns of classes become so many of 0 or 1 each, `size` in all.
    """
    if y is None:
        raise InputError(
            "Expected the target of each row to encode columns of many categories, got none. Give y to fit."
        )
    target = np.asarray(y)
    if len(target) != rows:
        raise InputError(f"Expected one target for each of {rows} rows, got {len(target)}.")
    if target.ndim == 2 and target.shape[1] == size:
        return target.astype(np.float64)
    target = target.reshape(rows, -1)
    if size == 1:
        return target.astype(np.float64)
    classes = np.arange(size // target.shape[1])
    return (target.astype(np.int64)[:, :, None] == classes).astype(np.float64).reshape(rows, size)


def _encoder(count: int) -> TargetEncoder:
    return TargetEncoder(categories=[np.arange(count)], target_type="continuous")

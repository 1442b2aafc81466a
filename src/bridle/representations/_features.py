"""Comparison of dictionaries: are the features of one in the other, and does another seed find them again?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from bridle._errors import InputError
from bridle.stats import mean_interval


@dataclass(frozen=True)
class Matching:
    """One-to-one assignment between the features of two dictionaries that has the largest sum of cosines."""

    first: Int[np.ndarray, "pair"]
    """The index of each matched feature in the first dictionary, from the best pair to the worst."""
    second: Int[np.ndarray, "pair"]
    cosines: Float[np.ndarray, "pair"]

    @property
    def mean(self) -> float:
        """The mean cosine of the pairs."""
        return float(self.cosines.mean())


@dataclass(frozen=True)
class Stability:
    """Agreement of dictionaries from several seeds or folds: the mean over pairs, with its 95 % interval.

    The interval is that of the jackknife over seeds or folds, since pairs share them; NaN for two.
    """

    mean: float
    low: float
    high: float
    pairs: Float[np.ndarray, "network network"]
    """The agreement of each pair; 1 on the diagonal, NaN for pairs that were not compared."""
    over: str = "seeds"
    """The unit of the interval: `"seeds"` or `"folds"`."""


def max_cosines(features: ArrayLike, others: ArrayLike, *, signed: bool = True) -> Float[np.ndarray, "feature"]:
    """Return the largest cosine of each feature with any feature of another dictionary.

    A feature of norm 0 has 0. The dictionaries may have different numbers of features.

    Args:
        features, others: dictionaries of shape (feature, input).
        signed: False where a feature and its negative are the same, as in a code of both signs.

    Errors: `InputError` for dictionaries of different width.

    >>> max_cosines([[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0]]).tolist()
    [1.0, 0.0]

    """
    return _cosines(features, others, signed).max(axis=1)


def mean_max_cosine(truth: ArrayLike, features: ArrayLike, *, signed: bool = True) -> float:
    """Return the mean over the features of `truth` of their largest cosine with `features` (MMCS).

    It is 1 where every true feature is in the dictionary, and does not charge what the dictionary has besides.

    Args:
        truth, features: dictionaries of shape (feature, input).
        signed: as in `max_cosines`.

    Errors: `InputError` for dictionaries of different width.

    >>> mean_max_cosine([[1.0, 0.0]], [[0.0, 1.0], [5.0, 0.0]])
    1.0

    Source: Sharkey, Braun and Millidge, "Taking features out of superposition with sparse autoencoders", 2022.

    """
    return float(max_cosines(truth, features, signed=signed).mean())


def match_features(first: ArrayLike, second: ArrayLike, *, signed: bool = True) -> Matching:
    """Return the one-to-one assignment of the features of two dictionaries with the largest sum of cosines.

    It has as many pairs as the smaller dictionary has features (Hungarian algorithm).

    Args:
        first, second: dictionaries of shape (feature, input).
        signed: as in `max_cosines`.

    Errors: `InputError` for dictionaries of different width.

    >>> match = match_features([[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [3.0, 0.0]])
    >>> match.second[match.first.argsort()].tolist(), match.mean
    ([1, 0], 1.0)

    """
    cosines = _cosines(first, second, signed)
    rows, columns = linear_sum_assignment(cosines, maximize=True)
    values = cosines[rows, columns]
    order = np.argsort(-values, kind="stable")
    return Matching(rows[order], columns[order], values[order])


def stability(dictionaries: Sequence[ArrayLike], *, signed: bool = True, one_to_one: bool = True) -> Stability:
    """Return how well dictionaries of several seeds agree: the mean cosine of matched features over all pairs.

    Args:
        dictionaries: at least two, each of shape (feature, input).
        signed: as in `max_cosines`.
        one_to_one: True for matched pairs (`match_features`); False for the mean of the largest cosines, in both
            directions, where dictionaries differ in size.

    Errors: `InputError` for fewer than two dictionaries or for different widths.

    >>> stability([[[1.0, 0.0]], [[0.0, 1.0]], [[2.0, 0.0]]]).pairs.round(2).tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]

    """
    count = len(dictionaries)
    if count < 2:
        raise InputError(f"Expected the dictionaries of at least two seeds, got {count}. Train more seeds.")
    pairs = np.eye(count)
    for i, j in combinations(range(count), 2):
        if one_to_one:
            value = match_features(dictionaries[i], dictionaries[j], signed=signed).mean
        else:
            cosines = _cosines(dictionaries[i], dictionaries[j], signed)
            value = float((cosines.max(axis=0).mean() + cosines.max(axis=1).mean()) / 2)
        pairs[i, j] = pairs[j, i] = value
    return Stability(*jackknife_interval(pairs, list(range(count))), pairs)


def jackknife_interval(
    pairs: Float[np.ndarray, "network network"], units: Sequence[int], test_share: float = 0.0
) -> tuple[float, float, float]:
    """Return the mean over pairs of networks and its interval by the jackknife: each unit is left out in turn.

    Args:
        pairs: a symmetric table, NaN for pairs that do not count.
        units: the unit of each network, such as its seed.
        test_share: as in `bridle.stats.mean_interval`.

    Returns: mean, low, high; low and high are NaN for fewer than three units.

    """
    above, unit = np.triu(np.ones(pairs.shape, bool), 1) & np.isfinite(pairs), np.asarray(units)
    mean, several = float(pairs[above].mean()), np.unique(unit)
    kept = [above & (unit != one)[:, None] & (unit != one)[None] for one in several]
    if len(several) < 3 or not all(part.any() for part in kept):
        return mean, float("nan"), float("nan")
    left_out = np.array([pairs[part].mean() for part in kept])
    _, low, high = mean_interval(len(several) * mean - (len(several) - 1) * left_out, test_share=test_share)
    return mean, low, high


def _cosines(first: ArrayLike, second: ArrayLike, signed: bool) -> Float[np.ndarray, "feature feature"]:
    a, b = (np.asarray(values, float) for values in (first, second))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not a.size or not b.size:
        raise InputError(
            f"Expected two dictionaries of shape (feature, input) with the same number of inputs, got {a.shape} and "
            f"{b.shape}. Give one feature per row; a kernel of Keras from code to output has this shape."
        )
    a, b = (
        np.divide(values, sizes, out=np.zeros_like(values), where=sizes > 0)
        for values, sizes in ((v, np.linalg.norm(v, axis=1, keepdims=True)) for v in (a, b))
    )
    return a @ b.T if signed else np.abs(a @ b.T)

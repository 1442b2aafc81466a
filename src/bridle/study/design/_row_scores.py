"""Scores of single rows: the infinitesimal jackknife of a measure over rows."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from bridle._keras import Masked, Program, attach_masks
from bridle.engine import Fold
from bridle.results import Score
from bridle.study.design._arms import BoundArm

MAX_ROW_SCORE_BYTES = 2**28
"""Most bytes of row scores of a study; a study of more has none."""
MAX_PREDICTION_BYTES = 2**26
"""Most bytes of the validation rows' predictions of a study that are stored with the fits."""
MAX_OUTPUTS = 32
"""Most numbers predicted for a row whose predictions are stored with the fits."""
TOLERANCE = 1e-4
"""Relative error of a measure's degree up to which its row scores are used."""
SMALLEST = 0.01
"""The measure that errors are relative to at least: one of 1e-7 is rounding, as the r² of a constant is."""

Measure = Callable[[Any, Any, Any], Any]
"""(labels, predictions, weights) → one measure."""


def score_rows(
    measure: Measure, y: Any, predictions: Any, weight: Any
) -> tuple[Float[Array, "row"], Float[Array, "row"]]:
    """Return the score of each row, and the weight with which it counts.

    With the measure s(w), the sum W of the weights and gᵢ = ∂s/∂wᵢ, the score of row i is s + W gᵢ − Σⱼ wⱼgⱼ. The last
    sum is 0 for a measure that does not change with the scale of the weights, such as a mean, and s for one that is
    proportional to it, such as Keras's losses. The weighted mean of the scores is s. They are NaN where the sum is
    neither, and where a gradient is not finite.

    Where `weight` is not one number for each row, rows count with weight 1, and gᵢ is the derivative with respect to a
    common factor of the row's weights.
    """
    count = jax.tree.leaves(y)[0].shape[0]
    single = weight is None or getattr(weight, "ndim", 0) == 1
    weights = jnp.ones(count, "float32") if weight is None or not single else jnp.asarray(weight, "float32")

    def weighted(weights: Any) -> Any:
        return measure(y, predictions, weights if single else jax.tree.map(_scaled_rows(weights), weight))

    score, slopes = jax.value_and_grad(weighted)(weights)
    products = weights * slopes
    drift, size = products.sum(), jnp.maximum(jnp.maximum(jnp.abs(score), jnp.abs(products).sum()), SMALLEST)
    error = jnp.minimum(jnp.abs(drift), jnp.abs(drift - score))
    scores = score + weights.sum() * slopes - drift
    return jnp.where(error <= TOLERANCE * size, scores, jnp.nan).astype("float32"), weights


def row_measure(program: Program, name: str) -> Measure:
    """Return a measure of a program as a function of labels, predictions with masks, and weights.

    Weights apply to every measure. Pass None instead of a study's sample weights to one that `fit` does not weigh.
    """

    def measure(y: Any, masked: Masked, weight: Any) -> Any:
        prediction = attach_masks(masked)
        if name in program.metric_names:
            return program.weighted_metric(name, y, prediction, weight)
        return program.data_loss(y, prediction, weight)

    return measure


def row_scorer(program: Program, name: str) -> Callable[[Any, Masked, Any], Float[Array, "row"]]:
    """Return the function (labels, predictions, weights) → row scores of a measure; NaN where it has no gradient."""
    measure, weighted = row_measure(program, name), program.is_weighted(name)

    def scores(y: Any, masked: Masked, weight: Any) -> Float[Array, "row"]:
        try:
            return score_rows(measure, y, masked, weight if weighted else None)[0]
        except (TypeError, ValueError, NotImplementedError, AttributeError):  # of a metric without a gradient
            return jnp.full(jax.tree.leaves(y)[0].shape[0], jnp.nan, "float32")

    return scores


def row_weights(program: Program, name: str, fold: Fold) -> Float[np.ndarray, "row"]:
    """Return the weights with which the validation rows of a fold count in a measure."""
    weight, count = fold.rows.weight, len(jax.tree.leaves(fold.rows.y)[0]) - fold.cuts[-1]
    if getattr(weight, "ndim", 0) != 1 or not program.is_weighted(name):
        return np.ones(count, np.float32)
    return np.asarray(weight)[fold.cuts[-1] :]


def missing_reason(program: Program, score: Score, outputs: Masked, folds: Sequence[Fold], fits: int) -> str:
    """Return why a study of about so many fits has no row scores; empty if it has.

    `outputs` are the shapes of predictions.
    """
    if len(jax.tree.leaves(outputs.values)) != 1:
        return "the model has several outputs"
    if score.measure == "loss" and program.has_own_loss:
        return "the model computes its own loss"
    size = 4 * fits * max(_validation_rows(fold) for fold in folds)
    if size > MAX_ROW_SCORE_BYTES:
        return f"{fits:,} fits would take {size / 2**20:,.0f} MB, more than {MAX_ROW_SCORE_BYTES / 2**20:.0f}"
    return ""


def keeps_predictions(outputs: Masked, folds: Sequence[Fold], fits: int) -> bool:
    """Return True if predictions of the validation rows are few enough to be stored with the fits."""
    size = sum(int(np.prod(leaf.shape[1:])) for leaf in jax.tree.leaves(outputs))
    total = 4 * fits * size * max(_validation_rows(fold) for fold in folds)
    return size <= MAX_OUTPUTS and total <= MAX_PREDICTION_BYTES


def count_fits(arms: Sequence[BoundArm], seeds: int, folds: int) -> int:
    """Return the number of cross-validation fits, before grids are extended."""
    return sum(len(arm.candidates) for arm in arms) * seeds * folds


def _validation_rows(fold: Fold) -> int:
    return len(jax.tree.leaves(fold.rows.y)[0]) - fold.cuts[-1]


def _scaled_rows(factors: Any) -> Callable[[Any], Any]:
    return lambda leaf: leaf * factors.reshape(-1, *[1] * (leaf.ndim - 1))

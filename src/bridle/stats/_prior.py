"""Learned prior of the gain along a path of strengths: curves of many data sets, and their update by a study's scores.

The curves are functions of the training loss that a strength leaves, which makes data sets alike that strengths do not.

`make prior` learns the curves of `prior.json` from small studies of many data sets. This module loads neither jax nor
keras.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

PRIOR_FILE = Path(__file__).with_name("prior.json")
"""The learned curves, with their provenance."""
SHARE = "share"
"""The error of an accuracy: the share of wrong rows."""
LOG_LOSS = "log loss"
"""The error of a loss over classes."""
SQUARE = "square"
"""The error of a squared error, and of r², whose relative gain is the same."""
LEAST_GAIN = -1.0
"""Relative gains are cut here: how bad a bad strength is says little about the good ones."""
SHARE_FLOOR = 0.02
"""Added to shares of errors, so that their ratio means something where errors are few."""
EXPECTED_DEGREES = 4.0
"""Degrees of freedom that the noise of the bank counts for, beside those of a study's folds."""
MIN_ERROR = 1e-3
"""The smallest error of none that the curves tell from 0."""
TRAIN_LIMITS = (1e-4, 3.0)
"""Training losses are cut here."""
MIN_SPREAD = 0.005
"""The smallest standard deviation between data sets."""
MIN_NOISE_SHARE = 0.05
"""The smallest share of the variance of the noise, of candidates that train like none."""
FREE_RISE = 0.3
"""Decades of training loss over which the curves come into their own, from 0 for a candidate that trains like none."""
ACROSS_ARMS = 0.5
"""The correlation of candidates of different arms with equal strengths: they share the folds and the scores of none."""
NOISE_SCALES = ((30.0, 2.0), (60.0, 0.8), (100.0, 0.75), (300.0, 0.1))
"""How far the noise of accuracies is widened, by the number of rows. With few, the largest of many scores is no normal
draw; with many, experience with other data loses gains that the scores of the study show."""
SQUARE_NOISE_SCALE = 0.25
"""The same for squared errors, which are less coarse."""
JITTER = 1e-9
"""Added to the diagonal of a matrix to invert, relative to its mean."""
ARRAYS = ("rows", "levels", "positions", "mean", "spread", "noise", "transfers")


@dataclass(frozen=True)
class Curves:
    """Curves of one arm at its candidates, for the rows and the error of none of one study."""

    mean: Float[np.ndarray, "candidate"]
    spread: Float[np.ndarray, "candidate"]
    noise: Float[np.ndarray, "candidate"]


@dataclass(frozen=True)
class Prior:
    """Mean and spread over data sets of the relative gain, by measure, rows, error of none, arm and training loss.

    The relative gain of a candidate is 1 − E / E₀, with E its error on new rows and E₀ that of none. A node is one
    number of rows and one level of E₀; its curves weight the data sets of the bank by their distance from it.
    """

    measures: tuple[str, ...]
    """The errors: `SHARE`, `LOG_LOSS`, `SQUARE`."""
    arms: tuple[str, ...]
    """Kind and site, such as "L2 weights"."""
    rows: Float[np.ndarray, "size"]
    """The numbers of rows of the nodes, ascending."""
    levels: Float[np.ndarray, "measure level"]
    """The errors of none of the nodes, ascending."""
    positions: Float[np.ndarray, "position"]
    """Decimal logarithms of training losses, ascending: the log loss, or the share of the variance not explained."""
    mean: Float[np.ndarray, "measure size level arm position"]
    spread: Float[np.ndarray, "measure size level arm position"]
    """The standard deviation between data sets."""
    noise: Float[np.ndarray, "measure size level arm position"]
    """The root mean square of a cross-validated gain, of one seed in five folds, minus the gain on new rows."""
    transfers: Float[np.ndarray, "measure arm"]
    """1 if the curves alone choose better than none for data that they were not learned from; else their means are cut
    at 0, and only the scores of a study speak for the arm."""
    length: float
    """Decades over which gains are alike: their correlation is exp(−distance / length)."""
    about: Mapping[str, object]
    """The provenance of the curves."""

    def curves(
        self,
        measure: int,
        arm: int | None,
        rows: float,
        error: float,
        positions: Float[np.ndarray, "candidate"],
        start: float,
    ) -> Curves:
        """Return the curves for a study, linear between nodes and constant beyond the ends.

        Mean and spread are multiplied by 1 − exp(−d / `FREE_RISE`), with d the decades from `start` to the training
        loss of a candidate: one that trains like none gains nothing.

        For another kind of arm than those of the bank, the mean is that over arms, cut at 0: it can only warn. Spread
        and noise are root mean squares over arms, also for a candidate that trains like none, since it is not known
        that it gains nothing.

        Args:
            measure, arm: indices; None for an arm without curves.
            rows: the number of rows that the networks are trained on.
            error: the cross-validated error of none; NaN for the mean over levels.
            positions: decimal logarithms of the training losses.
            start: that of none.

        """
        size = _weights(np.log(rows), np.log(self.rows))
        levels = np.array([level_of(self.measures[measure], level) for level in self.levels[measure]])
        count = len(levels)
        level = (
            _weights(level_of(self.measures[measure], error), levels)
            if np.isfinite(error)
            else np.full(count, 1 / count)
        )

        def at(
            table: Float[np.ndarray, "measure size level arm position"], power: int = 1
        ) -> Float[np.ndarray, "candidate"]:
            table = table[measure]
            table = np.mean(table**power, axis=2) ** (1 / power) if arm is None else table[:, :, arm]
            blend = np.tensordot(level, np.tensordot(size, table, axes=1), axes=1)
            return np.interp(positions, self.positions, np.asarray(blend, float))

        mean, rise = at(self.mean), 1 - np.exp(-np.maximum(positions - start, 0.0) / FREE_RISE)
        transfers = arm is not None and self.transfers[measure, arm]
        mean = rise * (mean if transfers else np.minimum(mean, 0.0))
        rise = np.ones_like(rise) if arm is None else rise
        noise = at(self.noise, 2) * np.sqrt(np.maximum(rise, MIN_NOISE_SHARE))
        return Curves(mean, np.maximum(rise * at(self.spread, 2), MIN_SPREAD), noise)


def level_of(measure: str, error: float) -> float:
    """Return the coordinate of an error of none: the log of its odds for a share, else its log."""
    if measure == SHARE:
        return float(np.log((error + SHARE_FLOOR) / (1 + SHARE_FLOOR - error)))
    return float(np.log(max(error, MIN_ERROR)))


def _weights(position: float, nodes: Float[np.ndarray, "node"]) -> Float[np.ndarray, "node"]:
    """Return the weights of linear interpolation at a position, of the nearest end beyond the nodes."""
    return np.array([np.interp(position, nodes, unit) for unit in np.eye(len(nodes))])


@dataclass(frozen=True)
class Expectation:
    """Expected relative gains of candidates, before and after the scores of a study."""

    gain: Float[np.ndarray, "candidate"]
    """The posterior mean."""
    error: Float[np.ndarray, "candidate"]
    """The posterior standard deviation."""
    prior_gain: Float[np.ndarray, "candidate"]
    prior_error: Float[np.ndarray, "candidate"]

    @property
    def data_share(self) -> Float[np.ndarray, "candidate"]:
        """The share of the precision that comes from the study: 1 − posterior variance / prior variance."""
        return 1 - (self.error / self.prior_error) ** 2

    def part(self, inside: Int[np.ndarray, "point"]) -> "Expectation":
        """Return the expectations of some candidates."""
        return Expectation(self.gain[inside], self.error[inside], self.prior_gain[inside], self.prior_error[inside])


def train_position(loss: Float[np.ndarray, "candidate"]) -> Float[np.ndarray, "candidate"]:
    """Return the coordinate of training losses: their decimal logarithm, within `TRAIN_LIMITS`."""
    lowest, highest = TRAIN_LIMITS
    return np.log10(np.clip(loss, lowest, highest))


def correlate(
    decades: Float[np.ndarray, "candidate *slot"], arms: Int[np.ndarray, "candidate"], length: float
) -> Float[np.ndarray, "candidate candidate"]:
    """Return the correlation of candidates: exp(−distance / length), times `ACROSS_ARMS` between different arms.

    The distance is the mean over the strengths of a candidate.

    Args:
        decades: decimal logarithms of the strengths.
        arms: the arm of each.
        length: decades over which gains are alike.

    """
    distance = np.abs(decades[:, None] - decades[None, :]).reshape(len(decades), len(decades), -1).mean(axis=2)
    along = np.exp(-distance / length)
    return along * np.where(arms[:, None] == arms[None, :], 1.0, ACROSS_ARMS)


def noise_scale(rows: float, measure: str = SHARE) -> float:
    """Return how far the noise of cross-validation is widened, linear in the logarithm of the rows."""
    if measure == SQUARE:
        return SQUARE_NOISE_SCALE
    sizes, scales = [size for size, _ in NOISE_SCALES], [scale for _, scale in NOISE_SCALES]
    return float(np.asarray(np.interp(np.log(rows), np.log(sizes), scales), float))


def expect_gains(
    curves: Curves,
    correlation: Float[np.ndarray, "candidate candidate"],
    gains: Float[np.ndarray, "candidate"],
    variance: Float[np.ndarray, "candidate"],
    *,
    degrees: float,
    scale: float = 1.0,
) -> Expectation:
    """Return the expected relative gains of candidates, given those of cross-validation.

    The gains are normal, with mean and spread of the learned curves. Cross-validation adds normal noise of the same
    correlation, with the shape that the bank lets expect along the path. Its scale c joins both: with q the median of
    `variance / noise²`, ν₀ degrees of freedom of the bank and ν of the folds,
    `c² = scale² (ν₀ + ν q) / (ν₀ + ν)`. A study that is unlike those of the bank is believed more: the variance between
    data sets is multiplied by `max(1, d)`, with d the mean over candidates of
    `(gain − mean)² / (spread² + noise²)`.

    Args:
        curves: the learned curves at the candidates.
        correlation: that of the candidates, from `correlate`.
        gains: cross-validated relative gains; NaN if unknown.
        variance: the variance of each over folds; NaN if unknown.
        degrees: the degrees of freedom of `variance`.
        scale: a factor of the noise, from `noise_scale`.

    """
    ratio = variance / curves.noise**2
    known = ratio[np.isfinite(ratio)]
    joined = (EXPECTED_DEGREES + degrees * float(np.median(known))) / (EXPECTED_DEGREES + degrees) if len(known) else 1
    noise = scale * np.sqrt(joined) * curves.noise
    seen = np.flatnonzero(np.isfinite(gains))
    values = np.clip(gains[seen], LEAST_GAIN, 1.0)
    surprise = (values - curves.mean[seen]) ** 2 / (curves.spread[seen] ** 2 + noise[seen] ** 2)
    spread = curves.spread * np.sqrt(max(1.0, float(surprise.mean()))) if len(seen) else curves.spread
    posterior, covariance = condition(
        curves.mean,
        spread[:, None] * correlation * spread[None, :],
        seen,
        values,
        (noise[:, None] * correlation * noise[None, :])[np.ix_(seen, seen)],
    )
    return Expectation(posterior, np.sqrt(np.maximum(np.diag(covariance), 0.0)), curves.mean, spread)


def condition(
    mean: Float[np.ndarray, "all"],
    covariance: Float[np.ndarray, "all all"],
    seen: Int[np.ndarray, "observed"],
    values: Float[np.ndarray, "observed"],
    noise: Float[np.ndarray, "observed observed"],
) -> tuple[Float[np.ndarray, "all"], Float[np.ndarray, "all all"]]:
    """Return mean and covariance of a normal vector θ, given `values = θ[seen] + ε` with ε of covariance `noise`.

    With S the covariance, H the rows `seen` and G = S Hᵀ (H S Hᵀ + noise)⁻¹: `mean + G (values - H mean)` and
    `S - G H S`.

    >>> import numpy as np
    >>> mean, covariance = condition(np.zeros(1), np.eye(1), np.array([0]), np.array([1.0]), np.eye(1))
    >>> mean.round(3).tolist(), covariance.round(3).tolist()
    ([0.5], [[0.5]])

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, section 2.2; Efron and Morris,
    "Data analysis using Stein's estimator and its generalizations", JASA 70, 1975, for the shrinkage.
    """
    if not len(seen):
        return mean, covariance
    inner = covariance[np.ix_(seen, seen)] + noise
    inner = inner + JITTER * np.trace(inner) / len(inner) * np.eye(len(inner))
    gain = np.asarray(np.linalg.solve(inner, covariance[seen]), float).T
    return mean + gain @ (values - mean[seen]), covariance - gain @ covariance[seen]


@cache
def load_prior(path: Path = PRIOR_FILE) -> Prior | None:
    """Return the learned prior; None if the file is missing."""
    return prior_from_json(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def prior_from_json(words: Mapping[str, Any]) -> Prior:
    """Return the prior that `prior_to_json` wrote."""
    arrays = {name: np.array(words[name], float) for name in ARRAYS}
    return Prior(
        measures=tuple(words["measures"]),
        arms=tuple(words["arms"]),
        length=float(words["length"]),
        about=dict(words["about"]),
        **arrays,
    )


def prior_to_json(prior: Prior) -> dict[str, object]:
    """Return a prior as JSON, with three digits after the point."""
    arrays: dict[str, object] = {name: np.round(getattr(prior, name), 3).tolist() for name in ARRAYS}
    texts = {"measures": list(prior.measures), "arms": list(prior.arms)}
    return {"about": dict(prior.about), **texts, "length": prior.length, **arrays}

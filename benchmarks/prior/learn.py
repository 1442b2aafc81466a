"""Learning of the curves from the bank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from benchmarks.prior.bank import ARMS, FOLDER, FOLDS, KINDS, NETWORKS
from benchmarks.prior.families import GENERATORS, sources

from bridle.stats._prior import (
    LEAST_GAIN,
    LOG_LOSS,
    MIN_SPREAD,
    SHARE,
    SQUARE,
    Curves,
    Expectation,
    Prior,
    correlate,
    expect_gains,
    level_of,
    noise_scale,
    train_position,
)
from bridle.stats._recommend import floor_of, relative_gains

MEASURES = (SHARE, LOG_LOSS, SQUARE)
TEMPERED = "log loss after a temperature"
PENALTIES = tuple(f"{kind} {site}" for kind, site in ARMS)
NAMES = (*PENALTIES, *(f"{kind} {site}" for kind, site in KINDS))
EPSILON = 1e-7


@dataclass(frozen=True)
class Sample:
    """One study of the bank as arrays by candidate; candidate 0 is none."""

    name: str
    family: str
    classes: int
    rows: int
    network: str
    draw: int
    numbers: dict[str, np.ndarray]

    @property
    def arm(self) -> np.ndarray:
        """The index of the arm in `NAMES`; -1 for none."""
        return self.numbers["arm"].astype(int)

    @property
    def strength(self) -> np.ndarray:
        return self.numbers["strength"]

    @cached_property
    def place(self) -> np.ndarray:
        """The training loss of each candidate as the curves count it: the log loss, or the share not explained."""
        column = 2 + len(self.numbers["initial_penalty"]) if self.of_penalties else int(self.numbers["train_column"])
        loss = self.numbers["train"].mean(1)[:, column].astype(float)
        return train_position(loss if self.classes else loss / np.var(self.numbers["y"]))

    @property
    def of_penalties(self) -> bool:
        """True for a study of penalties, False for one of the other kinds."""
        return "train_column" not in self.numbers

    @property
    def measures(self) -> tuple[str, ...]:
        """The kinds of error that are defined for its target."""
        return (SHARE, LOG_LOSS) if self.classes else (SQUARE,)

    def gains(self, measure: str) -> np.ndarray:
        """Return relative gains on fresh rows by candidate."""
        fresh = self.numbers["fresh"].mean(1)
        errors = 1 - fresh[:, 1] if measure == SHARE else fresh[:, 0]
        floor = floor_of(measure)
        values = 1 - (errors + floor) / (errors[0] + floor)
        return np.clip(np.where(np.isfinite(values), values, LEAST_GAIN), LEAST_GAIN, 1.0)

    @cached_property
    def score(self) -> np.ndarray:
        """The gain in the score that a person sees: accuracy or r², by candidate."""
        if self.classes:
            return self.numbers["fresh"].mean(1)[:, 1] - self.numbers["fresh"].mean(1)[0, 1]
        loss = np.nan_to_num(self.numbers["fresh"].mean(1)[:, 0], nan=1e3)
        r2 = 1 - loss / float(self.numbers["variance"])
        return np.maximum(r2, -1) - max(r2[0], -1)

    @cached_property
    def row_losses(self) -> dict[str, np.ndarray]:
        """Out-of-fold errors of every row, by validated candidate: misses, log or squared losses, tempered ones.

        They are means over seeds.
        """
        predictions = self.numbers["predictions"].astype(float)
        seeds = [predictions] if predictions.ndim == 3 else list(predictions.swapaxes(0, 1))
        parts = [self._losses_of(one) for one in seeds]
        return {measure: np.mean([part[measure] for part in parts], axis=0) for measure in parts[0]}

    def _losses_of(self, p: np.ndarray) -> dict[str, np.ndarray]:
        y = self.numbers["y"]
        if not self.classes:
            return {SQUARE: (p[:, :, 0] - y) ** 2}
        if self.classes == 2:
            p = np.concatenate([1 - p, p], axis=2)
        p = np.clip(p, EPSILON, 1)
        rows = np.arange(len(y))
        return {
            SHARE: (p.argmax(2) != y).astype(float),
            LOG_LOSS: -np.log(p[:, rows, y]),
            TEMPERED: tempered(np.log(p), y, self.numbers["fold"]),
        }

    def fold_errors(self, measure: str) -> np.ndarray:
        """Return the error of each fold, by validated candidate."""
        fold, losses = self.numbers["fold"], self.row_losses[measure]
        return np.stack([losses[:, fold == f].mean(1) for f in range(FOLDS)], 1)

    def validated_gains(self, measure: str) -> tuple[np.ndarray, np.ndarray]:
        """Return relative gains on validation rows and their variance, by validated candidate."""
        errors = self.fold_errors(measure)
        return relative_gains(errors[0], errors, floor=floor_of(measure), overlap=1 / (FOLDS - 1))

    def error_of_none(self, measure: str) -> float:
        """Return the error of none as the study sees it: cross-validated, where it is."""
        if self.has_validation:
            return float(self.row_losses[measure].mean(1)[0])
        fresh = self.numbers["fresh"].mean(1)[0]
        return float(1 - fresh[1] if measure == SHARE else fresh[0])

    def slot(self, arm: int) -> int:
        """Return the place of an arm among those of the study."""
        return int(np.flatnonzero(np.unique(self.arm[self.arm >= 0]) == arm)[0])

    @property
    def tests_only(self) -> bool:
        """True for networks that are trained for long, which test the curves and are not learned from."""
        return self.network == "long"

    @property
    def fresh_rows(self) -> int:
        """The number of rows that judge the candidates."""
        return next(source for source in sources() if source.name == self.name).fresh_rows(self.rows)

    @property
    def generated(self) -> bool:
        """True for data of a generator."""
        return self.name in {source.name for source in GENERATORS}

    @property
    def has_validation(self) -> bool:
        return "validated" in self.numbers


TEMPERATURES = np.exp(np.linspace(-1.5, 3, 46))


def tempered(logs: np.ndarray, y: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the losses of rows after one temperature per candidate and fold, fitted on the rows of the other folds."""
    rows = np.arange(len(y))
    losses = []
    for temperature in TEMPERATURES:
        scaled = logs / temperature
        scaled = scaled - scaled.max(2, keepdims=True)
        losses.append(np.log(np.exp(scaled).sum(2)) - scaled[:, rows, y])
    table = np.array(losses)  # (temperature, candidate, row)
    result = np.empty(table.shape[1:])
    for f in range(FOLDS):
        best = np.nanargmin(np.nan_to_num(table[:, :, fold != f].mean(2), nan=1e9), axis=0)
        result[:, fold == f] = table[best, np.arange(table.shape[1])][:, fold == f]
    return result


def load(folder: Path = FOLDER) -> list[Sample]:
    """Return all studies of the bank."""
    known = {source.name.replace(", ", "-").replace(" ", "-"): source for source in sources()}
    samples = []
    for path in sorted(folder.glob("*.npz")):
        parts = path.stem.rsplit(".", 3)
        if len(parts) < 4 or parts[0] not in known or parts[2] not in NETWORKS:
            continue
        source = known[parts[0]]
        numbers = dict(np.load(path))
        samples.append(
            Sample(source.name, source.family, source.classes, int(parts[1]), parts[2], int(parts[3]), numbers)
        )
    return samples


POSITIONS = np.arange(-4, 0.51, 0.25)
"""Decimal logarithms of the training losses of the learned curves."""
FADE = 1e-3
"""Decades of training loss below none, or a path, at which the gain is taken as 0."""
STEP = 1e-6
"""Decades between candidates that train alike, so that a curve is a function."""
SIZES = (30, 100, 300, 1000)
LEVELS = np.array([[0.02, 0.08, 0.2, 0.35, 0.6], [0.05, 0.2, 0.5, 1.0, 2.5], [0.05, 0.2, 0.5, 1.0, 2.0]])
"""The errors of none at the nodes, by measure."""
ROWS_WIDTH, LEVEL_WIDTH = 0.8, 0.8
"""Widths of the kernel that weights studies by their distance from a node, in log rows and in levels."""
LENGTH = 1.0
GENERAL_FAMILIES = 3.0
MIN_NOISE = 0.01
FAR = 1e-4
"""The weight of a study at any distance, so that no node is empty."""


def curve(sample: Sample, arm: int, values: np.ndarray, candidates: np.ndarray | None = None) -> np.ndarray:
    """Return values by candidate at `POSITIONS`; NaN if the study lacks the arm."""
    candidates = np.arange(len(sample.arm)) if candidates is None else candidates
    path = np.flatnonzero(sample.arm[candidates] == arm)
    if not len(path):
        return np.full(len(POSITIONS), np.nan)
    place = sample.place[candidates[path]]
    order = np.argsort(place, kind="stable")
    ascending = place[order] + STEP * np.arange(len(path))
    start = min(sample.place[0], ascending[0]) - FADE
    return np.interp(POSITIONS, np.r_[start, ascending], np.r_[0.0, values[path][order]])


@dataclass(frozen=True)
class Line:
    """What one study says about one measure."""

    family: str
    place: np.ndarray
    """log rows and level."""
    gains: np.ndarray
    """(arm, position): relative gains on fresh rows; NaN for arms that it lacks."""
    squares: np.ndarray
    """(arm, position): squared error of the cross-validated gains; NaN where there are none."""


def line_of(sample: Sample, measure: str) -> Line:
    """Return the curves of one study."""
    gains = sample.gains(measure)
    table = np.array([curve(sample, arm, gains) for arm in range(len(NAMES))])
    squares = np.full_like(table, np.nan)
    if sample.has_validation:
        candidates = sample.numbers["validated"].astype(int)
        observed = np.clip(np.nan_to_num(sample.validated_gains(measure)[0], nan=LEAST_GAIN), LEAST_GAIN, 1)
        missed = (observed - gains[candidates]) ** 2
        squares = np.array([curve(sample, arm, missed, candidates) for arm in range(len(NAMES))])
    place = np.array([np.log(sample.rows), level_of(measure, sample.error_of_none(measure))])
    return Line(sample.family, place, table, squares)


def weights(families: Sequence[str]) -> np.ndarray:
    """Return weights of studies by which every family counts the same."""
    names, counts = np.unique(families, return_counts=True)
    weight = 1 / counts[np.searchsorted(names, families)]
    return weight / weight.sum()


def smoothed(values: np.ndarray) -> np.ndarray:
    """Return curves smoothed over a decade."""
    padded = np.concatenate([values[..., :1], values, values[..., -1:]], axis=-1)
    return 0.2 * padded[..., :-2] + 0.6 * padded[..., 1:-1] + 0.2 * padded[..., 2:]


def weighted_mean(weight: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the mean over studies where they have numbers; NaN where none has."""
    part = weight[:, None, None] * np.isfinite(table)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (part * np.nan_to_num(table)).sum(0) / part.sum(0)


def at_node(
    lines: Sequence[Line], rows: float, level: float, general: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, spread and noise at one node, each (arm, position).

    The variance of few families joins the `general` one over all studies, which counts as `GENERAL_FAMILIES`. The
    uncertainty of the mean is added.
    """
    distance = (np.array([line.place for line in lines]) - [np.log(rows), level]) / [ROWS_WIDTH, LEVEL_WIDTH]
    families = [line.family for line in lines]
    weight = weights(families) * (np.exp(-0.5 * (distance**2).sum(1)) + FAR)
    gains, squares = np.array([line.gains for line in lines]), np.array([line.squares for line in lines])
    mean = weighted_mean(weight, gains)
    by_family = np.array([weight[np.array(families) == family].sum() for family in set(families)])
    count = by_family.sum() ** 2 / (by_family**2).sum()
    variance = (count * weighted_mean(weight, (gains - mean) ** 2) + GENERAL_FAMILIES * general) / (
        count + GENERAL_FAMILIES
    )
    spread = np.maximum(np.sqrt(smoothed(variance * (1 + 1 / count))), MIN_SPREAD)
    noise = np.sqrt(smoothed(weighted_mean(weight, squares)))
    with np.errstate(invalid="ignore"):
        share = np.nanmedian(noise / spread) if np.isfinite(noise).any() else 1.0
    return smoothed(mean), spread, np.maximum(np.where(np.isfinite(noise), noise, share * spread), MIN_NOISE)


def general_variance(lines: Sequence[Line]) -> np.ndarray:
    """Return the variance of gains over all studies, whatever their rows and levels, (arm, position)."""
    weight, gains = weights([line.family for line in lines]), np.array([line.gains for line in lines])
    return weighted_mean(weight, (gains - weighted_mean(weight, gains)) ** 2)


def learn(lines: Mapping[str, Sequence[Line]], about: dict[str, object] | None = None) -> Prior:
    """Return the prior of the lines of each measure."""
    shape = len(MEASURES), len(SIZES), LEVELS.shape[1], len(NAMES), len(POSITIONS)
    tables = np.zeros((3, *shape))
    for m, measure in enumerate(MEASURES):
        general = general_variance(lines[measure])
        for n, rows in enumerate(SIZES):
            for k, level in enumerate(LEVELS[m]):
                tables[:, m, n, k] = at_node(lines[measure], rows, level_of(measure, level), general)
    transfers = np.ones((len(MEASURES), len(NAMES)))
    mean, spread, noise = tables
    nodes = np.array(SIZES, float), LEVELS, POSITIONS
    return Prior(MEASURES, NAMES, *nodes, mean, spread, noise, transfers, LENGTH, about or {})


def lines_of(samples: Sequence[Sample]) -> dict[str, list[Line]]:
    """Return the lines of all studies, by measure."""
    return {measure: [line_of(s, measure) for s in samples if measure in s.measures] for measure in MEASURES}


def without(lines: dict[str, list[Line]], family: str) -> dict[str, Sequence[Line]]:
    """Return the lines of other families."""
    return {measure: [line for line in each if line.family != family] for measure, each in lines.items()}


def expectations(sample: Sample, prior: Prior, measure: str, observed: str | None) -> tuple[np.ndarray, Expectation]:
    """Return the validated candidates of all arms and their expected gains; before any score for None."""
    validated = sample.numbers["validated"].astype(int)
    inside = np.flatnonzero(sample.arm[validated] >= 0)
    candidates = validated[inside]
    gains, variance = np.full(len(inside), np.nan), np.full(len(inside), np.nan)
    if observed is not None:
        gains, variance = (values[inside] for values in sample.validated_gains(observed))
        gains, variance = np.nan_to_num(gains, nan=LEAST_GAIN), np.nan_to_num(variance, nan=1.0)
    curves = curves_at(sample, prior, measure, candidates)
    correlation = correlate(np.log10(sample.strength[candidates]), sample.arm[candidates], prior.length)
    scale = noise_scale(sample.rows, measure)
    return candidates, expect_gains(curves, correlation, gains, variance, degrees=FOLDS - 1.0, scale=scale)


def curves_at(sample: Sample, prior: Prior, measure: str, candidates: np.ndarray, known: bool = True) -> Curves:
    """Return the learned curves at candidates of a study; those of arms without curves if the arms are not known."""
    parts = [
        prior.curves(
            MEASURES.index(measure),
            int(sample.arm[candidate]) if known else None,
            sample.rows,
            sample.error_of_none(measure),
            sample.place[[candidate]],
            float(sample.place[0]),
        )
        for candidate in candidates
    ]
    return Curves(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("mean", "spread", "noise")))


def chosen(sample: Sample, prior: Prior, terms: Sequence[tuple[float, str, str | None]]) -> int:
    """Return the candidate with the largest weighted sum of expected gains, 0 for none.

    Each term is a weight, the measure whose gain is expected, and the measure of the scores.
    """
    value: np.ndarray | float = 0.0
    candidates = np.zeros(0, int)
    for weight, measure, observed in terms:
        candidates, expected = expectations(sample, prior, measure, observed)
        value = value + weight * expected.gain
    best = int(np.argmax(value))
    return int(candidates[best]) if np.asarray(value)[best] > 0 else 0


def best_expected(sample: Sample, candidates: np.ndarray, curves: Curves) -> int:
    """Return the candidate with the largest gain in accuracy that the curves and the scores let expect, 0 for none."""
    inside = np.isin(sample.numbers["validated"], candidates)
    gains, variance = (values[inside] for values in sample.validated_gains(SHARE))
    gains, variance = np.nan_to_num(gains, nan=LEAST_GAIN), np.nan_to_num(variance, nan=1.0)
    correlation = correlate(np.log10(sample.strength[candidates]), sample.arm[candidates], LENGTH)
    scale = noise_scale(sample.rows)
    expected = expect_gains(curves, correlation, gains, variance, degrees=FOLDS - 1.0, scale=scale)
    best = int(np.argmax(expected.gain))
    return int(candidates[best]) if expected.gain[best] > 0 else 0


def recommended(sample: Sample, prior: Prior) -> int:
    """Return the candidate of the rule `recommended` as the package applies it, 0 for none."""
    if not sample.classes:
        return chosen(sample, prior, [(1.0, SQUARE, SQUARE)])
    return chosen(sample, prior, [(1.0, SHARE, SHARE)])

"""The rule `recommended`: the candidate with the largest expected gain, by learned curves and a study's own scores."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import re
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from bridle.results import Arm, StudyResult
from bridle.stats._fold_errors import MIN_LOSS, Errors, FoldErrors, read_fold_errors
from bridle.stats._prior import (
    LOG_LOSS,
    SHARE,
    SHARE_FLOOR,
    Curves,
    Expectation,
    Prior,
    correlate,
    expect_gains,
    noise_scale,
    train_position,
)
from bridle.stats._summary import nan_mean, summarize

SITES = {"kernel": "weights", "output": "activations", "preactivation": "pre-activations"}
"""The sites of the learned curves, by the quantity of a target."""
WEAKEST = 1e-30
MAX_CANDIDATES = 1000
"""The most candidates whose expected gains are computed: the time grows with the third power."""
NO_FILE, ONE_SET, OVERLAP, MANY, OTHER_SCORE, LOSS_SCORE, NO_TRAINING = (
    "the file of learned curves is missing",
    "it needs folds",
    "it needs folds without common rows",
    f"it is for at most {MAX_CANDIDATES:,} candidates",
    "it does not cover this score and loss",
    "by the log loss, they choose as well without it",
    "the losses on training rows were not measured",
)
"""Reasons why a study has no use of experience with other data."""
OLDER = "this folder has no refit of the candidate that it would select"


@dataclass(frozen=True)
class Recommendation:
    """The candidate that the rule `recommended` selects over all arms."""

    candidate: int
    """Its index; that of none where no gain is expected."""
    arm: int
    gain: float
    """The expected gain in the score, positive is better; 0 for none."""
    error: float
    """The standard deviation of the expected gain; NaN where the study's scores alone select."""
    prior_gain: float
    """The gain that other data let expect before the scores of this study; NaN without learned curves."""
    data_share: float
    """The share of the precision that comes from this study, between 0 and 1."""
    learned: bool
    """True if learned curves were used."""
    reason: str = ""
    """The reason why they were not."""
    known: bool = True
    """True if there are curves for the arm; else its gain is expected to be none before the scores of this study."""


@dataclass(frozen=True)
class ArmPath:
    """Candidates of an arm."""

    arm: int
    """The index in the study."""
    curves: int | None
    """The index in the prior; None for an arm without curves."""
    candidates: Int[np.ndarray, "point"]


@dataclass(frozen=True)
class Expected:
    """Expected gains of all usable candidates."""

    candidates: Int[np.ndarray, "point"]
    paths: tuple[ArmPath, ...]
    relative: Expectation
    """Gains as shares of the error of none."""
    unit: float
    """The gain in the score that a relative gain of 1 amounts to."""


@dataclass(frozen=True)
class Recommender:
    """The rule `recommended` for one study, over all folds or some."""

    result: StudyResult
    prior: Prior
    none: int
    """The candidate without a penalty."""
    measured: FoldErrors
    paths: tuple[ArmPath, ...]
    disjoint: Bool[np.ndarray, "fold fold"]
    """True for folds that validate no common rows."""

    def by_fold(self) -> list[int | None]:
        """Return the candidate for each fold, selected by the folds that validate none of its rows."""
        return [self.select(self.expect(used)) for used in self.disjoint]

    def select(self, expected: Expected | None) -> int:
        """Return the candidate with the largest expected gain, the weakest on a tie; none if that is not above 0."""
        if expected is None:
            return self.none
        first = int(np.argmax(expected.relative.gain))
        return int(expected.candidates[first]) if expected.relative.gain[first] > 0 else self.none

    def recommend(self, recorded: int | None = None) -> Recommendation:
        """Return the selected candidate with its expected gain.

        Args:
            recorded: the candidate that was selected when the study ran, to be described in place of the selected one.

        """
        expected = self.expect(np.ones(self.result.folds, bool))
        candidate = self.select(expected) if recorded is None else recorded
        arm = int(self.result.setting_arm[candidate])
        if expected is None or (arm and candidate not in expected.candidates):
            return Recommendation(candidate, arm, np.nan, np.nan, np.nan, np.nan, True)
        place = expected.candidates == candidate
        at = int(np.argmax(place if arm else expected.relative.gain))
        of_arm = next(path for path in expected.paths if expected.candidates[at] in path.candidates)
        relative, unit = expected.relative, expected.unit
        return Recommendation(
            candidate,
            arm,
            float(relative.gain[at]) * unit if arm else 0.0,
            float(relative.error[at]) * unit,
            float(relative.prior_gain[at]) * unit,
            float(relative.data_share[at]),
            True,
            known=of_arm.curves is not None,
        )

    def expect(self, used: Bool[np.ndarray, "fold"]) -> Expected | None:
        """Return the expected gains by the scores of some folds; None if no candidate can be compared."""
        rows = self.result.fold_rows
        train, validation = rows.mean(axis=0)
        count, overlap, none = float(rows.sum(axis=1).max()), float(validation / train), self.none
        errors = self.measured.over(used)
        mean, variance = relative_gains(errors.none, errors.folds, floor=floor_of(errors.measure), overlap=overlap)
        usable = np.isfinite(mean) & np.isfinite(errors.training)
        paths = tuple(replace(path, candidates=path.candidates[usable[path.candidates]]) for path in self.paths)
        paths = tuple(path for path in paths if len(path.candidates))
        if not paths or not usable[none]:
            return None
        candidates = np.concatenate([path.candidates for path in paths])
        arms = np.concatenate([np.full(len(path.candidates), path.arm) for path in paths])
        relative = expect_gains(
            _curves_of_paths(self.prior, errors, paths, count, none),
            correlate(_decades(self.result, candidates, arms), arms, self.prior.length),
            mean[candidates],
            variance[candidates],
            degrees=used.sum() - 1.0,
            scale=noise_scale(count, errors.measure),
        )
        return Expected(candidates, paths, relative, errors.unit)


def make_recommender(
    result: StudyResult, prior: Prior | None, constant: Bool[np.ndarray, "candidate"]
) -> Recommender | str:
    """Return the rule for a study, or the reason why it has no use of learned curves.

    It needs a score that the curves know (an accuracy, r², a squared error), at least two folds without common rows,
    and training losses. Candidates that predict the same for every row take no part, nor do those that lack a fit where
    others have all.
    """
    none = np.flatnonzero(result.setting_arm == 0)
    if prior is None:
        return NO_FILE
    if result.folds < 2:
        return ONE_SET
    if len(result.setting_arm) > MAX_CANDIDATES:
        return MANY
    measured = read_fold_errors(result, int(none[0])) if len(none) == 1 and not result.score.pooled else None
    if measured is None or measured.measure not in prior.measures:
        return OTHER_SCORE
    if measured.measure == LOG_LOSS:
        return LOSS_SCORE
    if not np.isfinite(measured.training[none[0]]).any():
        return NO_TRAINING
    disjoint = disjoint_folds(result)
    if not disjoint.any(axis=1).all():
        return OVERLAP
    complete = summarize(result.scores()).complete
    usable = ~constant & (complete if complete[result.setting_arm > 0].any() else True)
    paths = [
        ArmPath(index, curves_of(result.arms[index], prior), result.path(index)[usable[result.path(index)]])
        for index in range(1, len(result.arms))
    ]
    return Recommender(result, prior, int(none[0]), measured, tuple(paths), disjoint)


def disjoint_folds(result: StudyResult) -> Bool[np.ndarray, "fold fold"]:
    """Return True for folds that validate no common rows; without row scores, for different folds."""
    if result.row_scores is None:
        return ~np.eye(result.folds, dtype=bool)
    rows = result.row_scores.rows
    validates = np.zeros((len(rows), int(rows.max()) + 2), np.float32)
    np.put_along_axis(validates, rows + 1, 1.0, axis=1)
    common = validates[:, 1:] @ validates[:, 1:].T
    return common == 0


def _decades(
    result: StudyResult, candidates: Int[np.ndarray, "point"], arms: Int[np.ndarray, "point"]
) -> Float[np.ndarray, "point slot"]:
    """Return the decimal logarithms of strengths; an arm with fewer than the most has the last one repeated."""
    most = max((len(arm.slots) for arm in result.arms), default=0)
    table = np.zeros((len(candidates), max(most, 1)))
    for row, (candidate, arm) in enumerate(zip(candidates, arms, strict=True)):
        slots: list[int] = list(result.arms[int(arm)].slots)
        if slots:
            table[row] = result.setting_strengths[candidate, slots + slots[-1:] * (most - len(slots))]
        else:
            table[row] = 1.0
    return np.log10(np.maximum(table, WEAKEST))


def _curves_of_paths(prior: Prior, errors: Errors, paths: tuple[ArmPath, ...], rows: float, none: int) -> Curves:
    """Return the learned curves at the candidates of several arms, one after the other."""
    measure, position = prior.measures.index(errors.measure), train_position(errors.training)
    parts = [
        prior.curves(measure, path.curves, rows, errors.level, position[path.candidates], float(position[none]))
        for path in paths
    ]
    return Curves(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("mean", "spread", "noise")))


def floor_of(measure: str) -> float:
    """Return what is added to both errors of a ratio."""
    return SHARE_FLOOR if measure == SHARE else 0.0


def relative_gains(
    none: Float[np.ndarray, "*candidate fold"],
    errors: Float[np.ndarray, "candidate fold"],
    *,
    floor: float,
    overlap: float,
) -> tuple[Float[np.ndarray, "candidate"], Float[np.ndarray, "candidate"]]:
    """Return the mean of d_f = (E₀_f − E_f) / (E₀ + floor) over K folds, and `(1/K + overlap) * var(d)`.

    E₀ is the mean error of none, for each candidate or for all, and `overlap` the ratio of validation to training rows
    (Nadeau and Bengio, 2003). The variance is NaN with fewer than three folds.

    >>> import numpy as np
    >>> gains, variance = relative_gains(np.array([0.2, 0.3, 0.4]), np.array([[0.1, 0.2, 0.3]]), floor=0.0, overlap=0.5)
    >>> gains.round(3).tolist(), variance.round(3).tolist()
    ([0.333], [0.0])
    """
    scale = np.maximum(nan_mean(none, -1) + floor, MIN_LOSS)
    paired = (none - errors) / np.asarray(scale)[..., None]
    count, mean = np.isfinite(paired).sum(axis=1), nan_mean(paired, axis=1)
    squares = np.where(np.isfinite(paired), (paired - mean[:, None]) ** 2, 0.0).sum(axis=1)
    variance = squares / np.maximum(count - 1, 1) * (1 / np.maximum(count, 1) + overlap)
    return mean, np.where(count > 2, variance, np.nan)


def curves_of(arm: Arm, prior: Prior) -> int | None:
    """Return the index of an arm's curves in `prior.arms`; None if there are none.

    There are curves for arms with one strength of L1 or L2, on weights, activations or pre-activations.
    """
    if len(arm.terms) != 1 or len(arm.slots) != 1 or arm.learning_rate is not None:
        return None
    target, text = arm.terms[0]
    kind = re.fullmatch(r"(l1|l2)\(strength=\{[^{}]*\}\)", text)
    sites = {SITES.get(part.strip().rpartition("/")[2], "") for part in target.split(",")}
    if kind is None or len(sites) != 1:
        return None
    name = f"{kind[1].upper()} {sites.pop()}"
    return prior.arms.index(name) if name in prior.arms else None

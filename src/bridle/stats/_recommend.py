"""The rule `recommended`: the candidate with the largest expected gain, by learned curves and a study's own scores."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import re
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from bridle.results import Arm, StudyResult
from bridle.stats._compare import Comparison
from bridle.stats._prior import (
    LOG_LOSS,
    SHARE,
    SHARE_FLOOR,
    SQUARE,
    Curves,
    Expectation,
    Prior,
    correlate,
    expect_gains,
    noise_scale,
    train_position,
)
from bridle.stats._select import Choice
from bridle.stats._summary import nan_mean

SITES = {"kernel": "weights", "output": "activations", "preactivation": "pre-activations"}
"""The sites of the learned curves, by the quantity of a target."""
ACCURACIES = ("acc", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")
EXPLAINED = ("r2", "r2_score")
SQUARES = ("mse", "mean_squared_error")
ROOTS = ("rmse", "root_mean_squared_error")
MIN_LOSS = 1e-12
WEAKEST = 1e-30


LOSS_WEIGHTS = ((30.0, 0.0), (100.0, 1.0), (300.0, 3.0))
"""Weight of the expected gain in log loss beside that in accuracy, by the number of rows."""


@dataclass(frozen=True)
class Errors:
    """Cross-validated errors of one measure."""

    measure: str
    folds: Float[np.ndarray, "candidate fold"]
    """The errors of folds, averaged over seeds."""
    level: float
    """The error of none as the learned curves count it; NaN if its unit is unknown."""
    training: Float[np.ndarray, "candidate"]
    """Training losses as the learned curves count them; NaN if unknown."""


@dataclass(frozen=True)
class ArmExpectation:
    """Expected gains of one arm with learned curves."""

    candidates: Int[np.ndarray, "point"]
    relative: Expectation
    """Gains as shares of the error of none, in the measure of the score."""
    value: Float[np.ndarray, "point"]
    """What the rule compares: the expected gain, with that in log loss beside that in accuracy."""
    unit: float
    """The gain in the score that a relative gain of 1 amounts to."""

    @property
    def first(self) -> int:
        """The position of the largest value, the weakest on a tie."""
        return int(np.argmax(self.value))


@dataclass(frozen=True)
class Recommendation:
    """The candidate that the rule `recommended` selects over all arms."""

    candidate: int
    """Its index; that of none where no gain is expected."""
    arm: int
    gain: float
    """The expected gain in the score, positive is better; 0 for none."""
    error: float
    """The standard deviation of the expected gain; NaN where only the study's interval speaks for the candidate."""
    prior_gain: float
    """The gain that other data let expect before the scores of this study; NaN without learned curves."""
    data_share: float
    """The share of the precision that comes from this study, between 0 and 1."""
    learned: bool
    """True if learned curves were used for any arm."""


def expect_arms(
    result: StudyResult, prior: Prior | None, constant: Bool[np.ndarray, "candidate"]
) -> dict[int, ArmExpectation]:
    """Return the expected gains of all arms with learned curves, by the index of the arm.

    It needs a score that the curves know (an accuracy, the loss, r², a squared error), at least two folds, and finished
    fits of none. Candidates that predict the same for every row are left out.
    """
    none = np.flatnonzero(result.setting_arm == 0)
    if prior is None or len(none) != 1 or result.folds < 2 or result.score.pooled:
        return {}
    measured = _errors(result, int(none[0]))
    if measured is None:
        return {}
    every, unit = measured
    if any(errors.measure not in prior.measures for errors in every):
        return {}
    train, validation = result.fold_rows.mean(axis=0)
    rows, overlap = float(result.fold_rows.sum(axis=1).max()), float(validation / train)
    weights = (1.0, loss_weight(rows))
    observed = [
        relative_gains(errors.folds[int(none[0])], errors.folds, floor=floor_of(errors.measure), overlap=overlap)
        for errors in every
    ]
    usable = np.isfinite(observed[0][0]) & np.isfinite(every[0].training) & ~constant
    curves = {index: curves_of(arm, prior) for index, arm in enumerate(result.arms)}
    paths = [ArmPath(arm, index, result.path(arm)) for arm, index in curves.items() if index is not None]
    paths = [replace(path, candidates=path.candidates[usable[path.candidates]]) for path in paths]
    paths = [path for path in paths if len(path.candidates)]
    if not paths or not np.isfinite(every[0].training[none[0]]):
        return {}
    candidates = np.concatenate([path.candidates for path in paths])
    arms = np.concatenate([np.full(len(path.candidates), path.arm) for path in paths])
    correlation = correlate(_decades(result, candidates, arms), arms, prior.length)
    gains = [
        expect_gains(
            _curves_of_paths(prior, errors, paths, rows, int(none[0])),
            correlation,
            mean[candidates],
            variance[candidates],
            degrees=result.folds - 1.0,
            scale=noise_scale(rows),
        )
        for errors, (mean, variance) in zip(every, observed, strict=True)
    ]
    value = np.sum([weight * gain.gain for weight, gain in zip(weights, gains, strict=False)], axis=0)
    inside = {path.arm: np.flatnonzero(arms == path.arm) for path in paths}
    return {
        arm: ArmExpectation(candidates[part], gains[0].part(part), value[part], unit) for arm, part in inside.items()
    }


@dataclass(frozen=True)
class ArmPath:
    """Usable candidates of an arm with learned curves."""

    arm: int
    """The index in the study."""
    curves: int
    """The index in the prior."""
    candidates: Int[np.ndarray, "point"]


def _decades(
    result: StudyResult, candidates: Int[np.ndarray, "point"], arms: Int[np.ndarray, "point"]
) -> Float[np.ndarray, "point"]:
    """Return the decimal logarithms of the strengths of candidates of arms with one strength."""
    strengths = [
        result.setting_strengths[candidate, result.arms[arm].slots[0]]
        for candidate, arm in zip(candidates, arms, strict=True)
    ]
    return np.log10(np.maximum(np.array(strengths, float), WEAKEST))


def _curves_of_paths(prior: Prior, errors: Errors, paths: list[ArmPath], rows: float, none: int) -> Curves:
    """Return the learned curves at the candidates of several arms, one after the other."""
    measure, position = prior.measures.index(errors.measure), train_position(errors.training)
    parts = [
        prior.curves(measure, path.curves, rows, errors.level, position[path.candidates], float(position[none]))
        for path in paths
    ]
    return Curves(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("mean", "spread", "noise")))


def recommend(
    expected: dict[int, ArmExpectation], choices: dict[int, Choice], gains: dict[int, Comparison]
) -> Recommendation | None:
    """Apply the rule `recommended`: the largest expected gain, and none where no gain above zero is expected.

    An arm without learned curves takes part with the strength of the rule `best` where its interval lies above zero.
    None if no fit of none finished.
    """
    if 0 not in choices:
        return None
    none = choices[0].best
    clear = [arm for arm, gain in gains.items() if arm not in expected and gain.low > 0]
    first = max(clear, key=lambda arm: gains[arm].difference, default=None)
    learned = max(expected, key=lambda arm: expected[arm].value.max(), default=None)
    if learned is None:
        recommendation = Recommendation(none, 0, 0.0, np.nan, np.nan, 1.0, False)
    else:
        arm = expected[learned]
        helps = arm.value[arm.first] > 0
        recommendation = Recommendation(
            int(arm.candidates[arm.first]) if helps else none,
            learned if helps else 0,
            float(arm.relative.gain[arm.first]) * arm.unit if helps else 0.0,
            float(arm.relative.error[arm.first]) * arm.unit,
            float(arm.relative.prior_gain[arm.first]) * arm.unit,
            float(arm.relative.data_share[arm.first]),
            True,
        )
    if first is not None and gains[first].difference > recommendation.gain:
        return Recommendation(
            choices[first].best, first, gains[first].difference, np.nan, np.nan, 1.0, learned is not None
        )
    return recommendation


def loss_weight(rows: float) -> float:
    """Return the weight of the log loss, linear in the logarithm of the rows."""
    sizes, weights = np.array(LOSS_WEIGHTS).T
    return float(np.interp(np.log(rows), np.log(sizes), weights))


def floor_of(measure: str) -> float:
    """Return what is added to both errors of a ratio."""
    return SHARE_FLOOR if measure == SHARE else 0.0


def relative_gains(
    none: Float[np.ndarray, "fold"], errors: Float[np.ndarray, "candidate fold"], *, floor: float, overlap: float
) -> tuple[Float[np.ndarray, "candidate"], Float[np.ndarray, "candidate"]]:
    """Return the mean of d_f = (E₀_f − E_f) / (E₀ + floor) over K folds, and `(1/K + overlap) * var(d)`.

    E₀ is the mean error of none, and `overlap` the ratio of validation to training rows (Nadeau and Bengio, 2003). The
    variance is NaN with fewer than three folds.

    >>> import numpy as np
    >>> gains, variance = relative_gains(np.array([0.2, 0.3, 0.4]), np.array([[0.1, 0.2, 0.3]]), floor=0.0, overlap=0.5)
    >>> gains.round(3).tolist(), variance.round(3).tolist()
    ([0.333], [0.0])
    """
    paired = (none[None, :] - errors) / max(float(nan_mean(none, 0)) + floor, MIN_LOSS)
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


def _errors(result: StudyResult, none: int) -> tuple[list[Errors], float] | None:
    """Return the errors behind the score, and the score that a relative gain of 1 adds; None for unknown scores.

    Beside the errors of an accuracy stand the log losses. A squared error without r² has no unit: its training losses
    are then relative to twice the error of none.
    """
    score, measured = result.score.measure, {name.removeprefix("validation/") for name in result.quantities}
    unknown = np.full(len(result.setting_arm), np.nan)

    def of(quantity: str) -> Float[np.ndarray, "candidate fold"]:
        return nan_mean(result.scores_of(f"validation/{quantity}"), axis=1)

    def trained(quantity: str) -> Float[np.ndarray, "candidate"]:
        name = f"train/{quantity}"
        return nan_mean(result.scores_of(name), axis=(1, 2)) if name in result.quantities else unknown

    def mean(table: Float[np.ndarray, "candidate fold"]) -> float:
        return float(nan_mean(table[none], 0))

    if score in ACCURACIES and result.score.maximize:
        errors, losses, training = 1 - of(score), of("loss"), trained("loss")
        share, loss = mean(errors), mean(losses)
        every = [Errors(SHARE, errors, share, training), Errors(LOG_LOSS, losses, loss, training)]
        return every, share + SHARE_FLOOR
    if score == "loss" and measured & {*ACCURACIES}:
        losses = of("loss")
        return [Errors(LOG_LOSS, losses, mean(losses), trained("loss"))], mean(losses)
    name = next((name for name in EXPLAINED if name in measured), None)
    losses = of("loss")
    explained = np.nan if name is None else 1 - mean(of(name))
    training = trained("loss") / max(2 * mean(losses), MIN_LOSS) if name is None else 1 - trained(name)
    if score in EXPLAINED and result.score.maximize:
        return [Errors(SQUARE, losses, explained, training)], explained
    if score in SQUARES or (score == "loss" and measured & {*EXPLAINED, *SQUARES, *ROOTS}):
        return [Errors(SQUARE, of(score), explained, training)], mean(of(score))
    if score in ROOTS:
        return [Errors(SQUARE, of(score) ** 2, explained, training)], mean(of(score)) / 2
    return None

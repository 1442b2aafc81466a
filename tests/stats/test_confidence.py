"""Temperature and calibration error against SciPy and scikit-learn."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss as sklearn_log_loss

from bridle.stats import ClassRows, calibration_error, cross_fit_temperature, fit_temperature, log_loss, logits_of


def class_rows(rows: int = 600, classes: int = 3, factor: float = 1.0, seeds: int = 2, rng: int = 0) -> ClassRows:
    """Return rows whose classes follow the logits exactly, before these are multiplied by a factor."""
    generator = np.random.default_rng(rng)
    logits = 1.5 * generator.normal(size=(rows, classes))
    labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)
    noise = 0.3 * generator.normal(size=(seeds, rows, classes))
    return ClassRows(factor * (logits + noise), labels, generator.random(rows) + 0.5)


def test_logits_times_three_have_three_times_the_temperature() -> None:
    """Near 3 for classes that follow the logits; exactly three times that of the logits before."""
    before, after = (fit_temperature(class_rows(4000, factor=factor)) for factor in (1, 3))
    assert after == pytest.approx(3 * before, rel=5e-3)
    assert after == pytest.approx(3, rel=0.1)


def test_the_temperature_is_the_minimum_that_scipy_finds() -> None:
    """Of the weighted log loss over all networks with the prior, as a function of 1/T."""
    rows = class_rows(factor=2.5)
    count = rows.weights.sum() ** 2 / (rows.weights**2).sum()

    def loss(inverse: np.ndarray) -> float:
        logs = log_softmax(rows.logits * inverse, axis=2)
        picked = logs[:, np.arange(len(rows.labels)), rows.labels]
        return -float(np.average(picked.mean(axis=0), weights=rows.weights))

    best = minimize(lambda inverse: loss(inverse) + np.log(inverse[0]) ** 2 / (2 * count), [1.0], tol=1e-10)
    assert fit_temperature(rows) == pytest.approx(1 / best.x[0], rel=1e-3)
    assert log_loss(rows, 1 / best.x[0]) == pytest.approx(loss(best.x))


def test_the_mean_of_networks_has_its_own_temperature() -> None:
    """The minimum over a fine grid of the log loss of the mean probability; below that of single networks.

    The prior moves it by less than a per cent.
    """
    rows = class_rows(factor=2.0, seeds=6)
    mean = ClassRows(rows.logits, rows.labels, rows.weights, averaged=True)
    grid = np.exp(np.linspace(-1, 2, 601))
    losses = [
        sklearn_log_loss(rows.labels, softmax(rows.logits / value, axis=2).mean(axis=0), sample_weight=rows.weights)
        for value in grid
    ]
    assert fit_temperature(mean) == pytest.approx(grid[np.argmin(losses)], rel=0.02)
    assert log_loss(mean) == pytest.approx(losses[200])
    assert fit_temperature(mean) < fit_temperature(rows)


def test_a_weight_of_two_counts_as_two_rows() -> None:
    rows = class_rows(50)
    twice = np.repeat(np.arange(50), 2)
    doubled = ClassRows(rows.logits[:, twice], rows.labels[twice], np.ones(100))
    heavy = ClassRows(rows.logits, rows.labels, np.full(50, 2.0))
    assert log_loss(heavy) == pytest.approx(log_loss(doubled))
    assert fit_temperature(heavy) == pytest.approx(fit_temperature(doubled), rel=0.02)  # the prior counts rows


def test_a_few_rows_predicted_well_do_not_give_a_temperature_near_zero() -> None:
    """The log loss alone has its minimum at 0 there."""
    rows = ClassRows(np.array([[[0.0, 1.0]] * 10]), np.ones(10, int), np.ones(10))
    assert log_loss(rows, 0.05) < 1e-6
    assert 0.2 < fit_temperature(rows) < 0.5


@pytest.mark.parametrize("bins", [5, 15])
def test_the_calibration_error_is_that_of_scikit_learns_curve(bins: int) -> None:
    """Bins of equal numbers of rows: the mean distance of the curve from the diagonal."""
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.5, 1, 300)
    correct = rng.random(300) < confidence**2
    shares, means = calibration_curve(correct, confidence, n_bins=bins, strategy="quantile")
    expected = float(np.mean(np.abs(shares - means)))
    assert calibration_error(confidence, correct, bins=bins) == pytest.approx(expected, abs=1e-9)


def test_few_rows_look_less_miscalibrated_with_rising_bins() -> None:
    """The truth is 0; 15 bins of four rows each say 0.2."""
    rng, errors = np.random.default_rng(0), []
    for _ in range(100):
        confidence = rng.uniform(0.5, 1, 60)
        correct = rng.random(60) < confidence
        errors.append([calibration_error(confidence, correct, bins=15), calibration_error(confidence, correct)])
    fixed, rising = np.mean(errors, axis=0)
    assert rising < 0.5 * fixed


def test_a_fold_is_measured_at_the_temperature_of_the_others() -> None:
    """The log loss of two folds, each at the temperature of the other one; and of all folds together."""
    folds = [class_rows(80, factor=factor, rng=rng) for rng, factor in enumerate((1, 4))]
    measured = cross_fit_temperature(folds)
    crossed = [log_loss(one, fit_temperature(two)) for one, two in (folds, folds[::-1])]
    assert measured.log_loss == (
        pytest.approx(np.mean([log_loss(fold) for fold in folds])),
        pytest.approx(np.mean(crossed)),
    )
    both = [np.concatenate([getattr(fold, name) for fold in folds]) for name in ("labels", "weights")]
    together = ClassRows(np.concatenate([fold.logits for fold in folds], axis=1), *both)
    assert measured.temperature == pytest.approx(fit_temperature(together))


def test_certain_probabilities_have_finite_logits() -> None:
    assert np.isfinite(logits_of(np.array([0.0, 1.0]))).all()

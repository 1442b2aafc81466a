"""The bank of the learned prior: its draws, its folds, its temperatures, its weights."""

import numpy as np
import pytest
from benchmarks.prior.bank import FOLDS, fold_of_rows, schedule
from benchmarks.prior.evaluate import MIN_ROWS, deviations, summarize
from benchmarks.prior.families import FRESH_ROWS, GENERATORS, TABLES
from benchmarks.prior.learn import POSITIONS, TEMPERATURES, Sample, curve, tempered, weights

from bridle.stats._prior import SHARE


@pytest.mark.parametrize("source", [*GENERATORS, *TABLES], ids=lambda source: source.name)
def test_every_fold_trains_on_every_class(source) -> None:
    """Thirty rows, standardized, with fresh rows of the same width; the same seed draws the same rows."""
    (x, y), (fresh, _) = source.draw(30, 3)
    np.testing.assert_array_equal(x, source.draw(30, 3)[0][0])
    assert len(x) == 30
    assert fresh.shape[1] == x.shape[1]
    assert np.abs(x.mean(0)).max() < 1e-5
    folds = fold_of_rows(y, source.classes, 0)
    assert set(np.bincount(folds)) == {6}
    for fold in range(FOLDS):
        assert len(np.unique(y[folds != fold])) >= source.classes


def test_no_study_is_scheduled_twice() -> None:
    """A file of the bank belongs to one study."""
    paths = [entry.path for entry in schedule(12)]
    assert len(set(paths)) == len(paths)


def test_a_temperature_is_chosen_by_the_other_folds() -> None:
    """Predictions that are too sure by a factor lose it again."""
    rng = np.random.default_rng(0)
    logits = 1.5 * rng.standard_normal((2000, 3))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = np.array([rng.choice(3, p=share) for share in shares])
    sure = 4 * logits
    logs = sure - np.log(np.exp(sure).sum(1, keepdims=True))
    losses = tempered(logs[None], y, np.arange(2000) % FOLDS)[0]
    honest = -np.log(shares[np.arange(2000), y])
    assert abs(losses.mean() - honest.mean()) < 0.01
    assert -logs[np.arange(2000), y].mean() > 1.5 * honest.mean()
    assert TEMPERATURES.min() < 1 / 4 < 4 < TEMPERATURES.max()


def test_every_family_counts_the_same() -> None:
    """However many of its studies are in the bank."""
    np.testing.assert_allclose(weights(["a", "b", "a", "a"]), [1 / 6, 1 / 2, 1 / 6, 1 / 6])


def test_a_curve_starts_at_the_training_loss_of_none() -> None:
    """It is 0 up to there, passes through the candidates by their training losses, and stays beyond the last."""
    train = np.zeros((4, 1, 5))
    train[:, 0, 3] = [0.01, 0.1, 1.0, 0.01]  # after the objective, a zero and one penalty
    arms, strengths = np.array([-1, 0, 0, 0]), np.array([0, 1e-3, 1e-2, 1e-4])
    numbers = {"arm": arms, "strength": strengths, "train": train, "initial_penalty": np.ones(1)}
    sample = Sample("any", "any", 2, 30, "default", 0, numbers)
    np.testing.assert_allclose(sample.place, [-2, -1, 0, -2], atol=1e-6)
    values = curve(sample, 0, np.array([0.0, 0.3, -0.5, 0.0]))
    places, expected = [-4, -2, -1, -0.5, 0, 0.5], [0, 0, 0.3, -0.1, -0.5, -0.5]
    np.testing.assert_allclose(np.interp(places, POSITIONS, values), expected, atol=1e-5)
    assert np.isnan(curve(sample, 1, values)).all()


def test_row_losses_are_means_over_seeds() -> None:
    """A row that one of two seeds misses has half a miss."""
    y = np.arange(10) % 2
    right, wrong = np.where(y, 0.9, 0.1), np.where(y, 0.1, 0.9)
    predictions = np.array([[right, wrong], [right, right]])[..., None]  # (candidate, seed, row, 1)
    numbers = {"predictions": predictions, "y": y, "fold": np.arange(10) % FOLDS}
    sample = Sample("any", "any", 2, 30, "default", 0, numbers)
    np.testing.assert_allclose(sample.row_losses[SHARE], [[0.5] * 10, [0] * 10])
    single = Sample("any", "any", 2, 30, "default", 0, {**numbers, "predictions": predictions[:, 1]})
    np.testing.assert_allclose(single.row_losses[SHARE], [[1] * 10, [0] * 10])


def test_a_study_is_worse_by_more_rows_than_chance_explains() -> None:
    """One row of fifty is two points and may be chance; six of two thousand are no point."""
    small, large = (Sample(name, "any", 2, 100, "default", 0, {}) for name in ("wine", "moons"))
    assert (small.fresh_rows, large.fresh_rows) == (50, FRESH_ROWS)
    lost = [(small, 1), (small, MIN_ROWS - 1), (small, MIN_ROWS), (large, MIN_ROWS), (large, 21)]
    rows = [(sample, {"rule": -count / sample.fresh_rows}) for sample, count in lost]
    assert [summarize([row], "rule")["worse"] for row in rows] == [0, 0, 1, 0, 1]


def test_families_differ_by_more_than_their_draws() -> None:
    """The variance within a family is taken off that of the means; both are unknown with one draw of each."""
    rng = np.random.default_rng(0)
    groups = [mean + rng.normal(0, 2, 3) for mean in rng.normal(0, 1.5, 4000)]
    np.testing.assert_allclose(deviations(groups), (1.5, 2.0), rtol=0.05)
    assert np.isnan(deviations([group[:1] for group in groups])).all()

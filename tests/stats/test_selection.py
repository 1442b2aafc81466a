"""Choosing a strength on some folds and judging it on another: by hand, and by simulation under no effect at all."""

import numpy as np
import pytest

from bridle.stats import compare, cross_select, nan_mean, select_strength, summarize

FOLDS, SEEDS, STUDIES = 5, 3, 1500
ROWS = np.array([[80, 20]] * FOLDS)


def drawn(rng: np.random.Generator, settings: int) -> np.ndarray:
    """Scores without any effect: rows are hard or easy for a fold, for a strength on a fold, and by luck for a seed."""
    fold = rng.normal(0, 0.04, (1, 1, FOLDS))
    shared = rng.normal(0, 0.02, (settings, 1, FOLDS))
    return 0.8 + fold + shared + rng.normal(0, 0.02, (settings, SEEDS, FOLDS))


def test_each_fold_is_judged_at_the_strength_of_the_others() -> None:
    """Written out for three folds and two seeds."""
    scores = drawn(np.random.default_rng(0), 4)[:, :2, :3]
    table = cross_select(np.arange(4), scores, maximize=True)
    for fold in range(3):
        others = [each for each in range(3) if each != fold]
        chosen = int(np.argmax(scores[:, :, others].mean(axis=(1, 2))))
        np.testing.assert_array_equal(table[:, fold], scores[chosen, :, fold])


def test_a_single_strength_a_single_fold_and_nothing_finished() -> None:
    """There is nothing to choose, nobody else to ask, or nothing to say."""
    scores = drawn(np.random.default_rng(1), 3)
    np.testing.assert_array_equal(cross_select(np.array([1]), scores, maximize=True), scores[1])
    best = int(np.argmax(scores[:, :, :1].mean(axis=(1, 2))))
    np.testing.assert_array_equal(cross_select(np.arange(3), scores[:, :, :1], maximize=True), scores[best][:, :1])
    assert np.isnan(cross_select(np.arange(3), scores * np.nan, maximize=False)).all()


@pytest.mark.parametrize("settings", [1, 8, 36])
def test_choosing_among_strengths_that_do_nothing_claims_no_gain(settings: int) -> None:
    """At a nominal 2.5 % on each side, and on average no difference; the best of the means shows one."""
    rng = np.random.default_rng(settings)
    claims, differences, naive = 0, [], []
    for _ in range(STUDIES):
        none, *rest = drawn(rng, settings + 1)
        scores = np.stack(rest)
        path = np.arange(settings)
        gain = compare(cross_select(path, scores, maximize=True), none, ROWS)
        claims += gain.low > 0
        differences.append(gain.difference)
        best = select_strength(path, summarize(scores), maximize=True).best
        naive.append(nan_mean(scores[best] - none, (0, 1)))
    assert claims / STUDIES <= 0.025 + 2.6 * np.sqrt(0.025 * 0.975 / STUDIES)
    assert abs(np.mean(differences)) <= 3 * np.std(differences) / np.sqrt(STUDIES)
    if settings > 1:
        assert np.mean(naive) > 5 * abs(np.mean(differences))

"""Racing: what is clearly worse stops, and the winner is next to never lost."""

import numpy as np
import pytest

from bridle.stats import near_best, select_strength, still_racing, summarize, survivors

STUDIES = 400


def drawn(rng: np.random.Generator, settings: int, seeds: int = 5, folds: int = 5) -> np.ndarray:
    """Scores along a path with a hump: folds are shared, strengths differ by their place, seeds by luck."""
    hump = -0.03 * (np.arange(settings) - settings * rng.uniform(0.3, 0.7)) ** 2 / settings
    fold = rng.normal(0, 0.04, (1, 1, folds))
    shared = rng.normal(0, 0.01, (settings, 1, folds))
    return 0.8 + hump[:, None, None] + fold + shared + rng.normal(0, 0.02, (settings, seeds, folds))


def test_only_the_clearly_worse_half_stops() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, (4, 10))
    scores = np.array([0.8, 0.79, 0.6, 0.5])[:, None] + noise
    assert survivors(scores, maximize=True).tolist() == [True, True, False, False]
    assert survivors(-scores, maximize=False).tolist() == [True, True, False, False]
    assert survivors(scores[:, :4], maximize=True).all()
    scores[0, 3] = np.nan
    assert not survivors(scores, maximize=True)[0]
    assert survivors(scores * np.nan, maximize=True).all()


@pytest.mark.parametrize(("settings", "share"), [(6, 0.8), (13, 2 / 3)])
def test_the_winner_is_lost_in_at_most_two_of_a_hundred_races(settings: int, share: float) -> None:
    """Three rungs, as in a study; and a fifth to a third of the fits is saved, more along longer paths."""
    rng, lost, run = np.random.default_rng(settings), 0, 0
    for _ in range(STUDIES):
        scores = drawn(rng, settings)
        best = select_strength(np.arange(settings), summarize(scores), maximize=True).best
        cells, alive, done = scores.reshape(settings, -1), np.arange(settings), 0
        for end in (5, 10, 18, 25):
            run += len(alive) * (end - done)
            done = end
            if done < 25:
                alive = alive[survivors(cells[alive][:, :done], maximize=True)]
        lost += best not in alive
    assert lost / STUDIES <= 0.02
    assert run / (STUDIES * settings * 25) < share


def test_the_better_half_stays_whichever_fold_is_left_out() -> None:
    """Halves of strengths and of arms, by the scores without one fold; a diverged candidate is the worst."""
    scores = np.tile(np.linspace(0.9, 0.4, 8)[:, None, None], (1, 2, 4))
    arms = np.ones(8, int)
    assert still_racing(scores, arms, maximize=True).tolist() == [True] * 4 + [False] * 4
    assert still_racing(-scores, arms, maximize=False).tolist() == [True] * 4 + [False] * 4
    scores[5, :, 2] = 2.0  # the best but for one fold: it stays by that fold, and drives nobody out
    assert still_racing(scores, arms, maximize=True).tolist() == [True] * 4 + [False, True, False, False]
    scores[0, 1, 1] = np.nan
    assert not still_racing(scores, arms, maximize=True)[0]
    four = np.repeat([1, 2, 3, 4], 2)
    assert still_racing(np.tile(np.linspace(0.9, 0.4, 8)[:, None, None], (1, 1, 3)), four, maximize=True).all()
    kept = still_racing(
        np.tile(np.linspace(0.9, 0.4, 8)[:, None, None], (1, 1, 3)), four, maximize=True, stop_arms=True
    )
    assert kept.tolist() == [True] * 6 + [False] * 2


@pytest.mark.parametrize(("settings", "share"), [(6, 0.75), (13, 0.55)])
def test_a_race_by_seeds_loses_little_score(settings: int, share: float) -> None:
    """What it selects is on average at most a tenth of a standard error below the best of all fits."""
    rng, lost, run = np.random.default_rng(settings), [], 0
    for _ in range(STUDIES):
        scores = drawn(rng, settings)
        summary, alive = summarize(scores), np.arange(settings)
        for seeds in range(1, 6):
            run += len(alive)
            if seeds < 5:
                alive = alive[still_racing(scores[alive, :seeds], np.ones(len(alive), int), maximize=True)]
        selected = alive[np.argmax(summary.mean[alive])]
        lost.append((summary.mean.max() - summary.mean[selected]) / np.median(summary.error))
    assert np.mean(lost) < 0.1
    assert run / (STUDIES * settings * 5) < share


def test_the_best_without_a_fold_and_its_neighbours_are_near() -> None:
    """Each fold has a best one of its own, chosen without it; one that diverged is never the best."""
    scores = np.full((9, 1, 3), 0.5)
    scores[2] = 0.6
    scores[7, 0] = [0.9, 0.5, 0.5]  # the best, but for the first fold
    assert np.flatnonzero(near_best(scores, maximize=True)).tolist() == [1, 2, 3, 6, 7, 8]
    assert near_best(-scores, maximize=False).tolist() == near_best(scores, maximize=True).tolist()
    scores[7, 0, 2] = np.nan
    assert np.flatnonzero(near_best(scores, maximize=True)).tolist() == [1, 2, 3]
    assert near_best(np.full((4, 1, 3), np.nan), maximize=True).all()

"""Racing: what is clearly worse stops, and the winner is next to never lost."""

import numpy as np
import pytest

from bridle.stats import select_strength, summarize, survivors

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

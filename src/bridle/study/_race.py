"""Racing: strengths that are clearly worse after some of the fits get no more of them."""

from collections.abc import Callable, Sequence

import numpy as np

from bridle.stats import survivors
from bridle.study._collector import ResultCollector

Cell = tuple[int, int]
"""A seed and a fold."""
RUNGS = (0.2, 0.4, 0.7)
"""Shares of the seeds and folds after which strengths may be stopped."""


def race_cells(
    ledger: ResultCollector,
    settings: Sequence[int],
    cells: Sequence[Cell],
    conduct: Callable[[list[int], Sequence[Cell]], bool],
) -> bool:
    """Run every setting on the first seeds and folds, those that go on on further ones; False where it was stopped.

    `none` and arms of a single setting always go on. What was stopped, and when, is entered in the ledger's facts.
    """
    alive, done = list(settings), 0
    for end in (*sorted({round(share * len(cells)) for share in RUNGS} - {0}), len(cells)):
        if not conduct(alive, cells[done:end]):
            return False
        done = end
        if done < len(cells):
            alive = _going_on(ledger, alive, cells[:done], len(cells))
    return True


def _going_on(ledger: ResultCollector, alive: Sequence[int], cells: Sequence[Cell], total: int) -> list[int]:
    result, kept = ledger.result(), []
    seeds = [int(np.searchsorted(result.seeds, seed)) for seed, _ in cells]
    table = result.scores()[:, seeds, [fold for _, fold in cells]]
    stopped = ledger.facts.setdefault("stopped", {})
    for arm in dict.fromkeys(ledger.setting_arm[setting] for setting in alive):
        own = [setting for setting in alive if ledger.setting_arm[setting] == arm]
        stays = survivors(table[own], maximize=result.score.maximize) if len(own) > 1 else [True]
        kept += [setting for setting, stay in zip(own, stays, strict=True) if stay]
        for setting, stay in zip(own, stays, strict=True):
            if not stay:
                values = ", ".join(f"{value:g}" for value in ledger.setting_values[setting])
                stopped[f"{ledger.arms[arm].name} {values}"] = f"after {len(cells)} of {total} fits"
    return kept

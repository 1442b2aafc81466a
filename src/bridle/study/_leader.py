"""The best mean score so far, for the progress bar."""

import numpy as np

from bridle.engine import FitResult
from bridle.study._collector import Key, ResultCollector
from bridle.study.design import Prepared


class BestSoFar:
    """The best mean score so far, for the progress bar only."""

    def __init__(self, prepared: Prepared, ledger: ResultCollector) -> None:
        self._ledger, self._score = ledger, prepared.score
        names = prepared.engine.objective.measure_names
        self._factors = prepared.units.factors[:, names.index(prepared.score.measure)]
        self._column = names.index(prepared.score.measure) - len(names)
        self._sums: dict[int, tuple[float, int]] = {}

    def hear(self, key: Key, outcome: FitResult) -> None:
        value = float(outcome.curves[-1, self._column]) * self._factors[key[2]]
        if np.isfinite(value) and not self._score.pooled:
            total, count = self._sums.get(key[0], (0.0, 0))
            self._sums[key[0]] = (total + value, count + 1)

    @property
    def best(self) -> tuple[str, float] | None:
        if not self._sums:
            return None
        sign = 1 if self._score.maximize else -1
        means = {setting: total / count for setting, (total, count) in list(self._sums.items())}
        setting = max(means, key=lambda number: sign * means[number])
        values = ", ".join(f"{value:g}" for value in self._ledger.setting_values[setting])
        return f"{self._ledger.arms[self._ledger.setting_arm[setting]].name} {values}".strip(), means[setting]

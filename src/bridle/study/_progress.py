"""Updates of a running study, for the progress bar."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bridle.engine import FitResult, Progress
from bridle.results import StudyResult
from bridle.study.design._prepared import Prepared
from bridle.study.execution._requests import FitKey


@dataclass(frozen=True)
class Update:
    """The state of a run."""

    stage: str
    progress: Progress
    best: tuple[str, float] | None
    """The leading candidate in words and its mean score so far."""
    result: StudyResult | None = None
    """All finished fits, after each seed of a race but the last."""


@dataclass
class Course:
    """Progress of a race through all of its stages."""

    total: int
    """About the number of fits."""
    epochs_each: int
    done: int = 0
    """The fits of finished stages."""
    began: float = 0.0

    def in_stage(self, progress: Progress) -> Progress:
        """Return the progress of the race, from that of the stage that runs."""
        self.began = self.began or progress.began
        total = max(self.total, self.done + progress.total)
        epochs = self.done * self.epochs_each + progress.epochs
        return Progress(total, self.epochs_each, self.done + progress.done, epochs, self.began)


Watch = Callable[[Update], None]


class BestSoFar:
    """The best mean score so far."""

    def __init__(self, prepared: Prepared, candidate_text: Callable[[int], str]) -> None:
        self._candidate_text, self._score = candidate_text, prepared.score
        names = prepared.engine.objective.measure_names
        self._factors = prepared.units.factors[:, names.index(prepared.score.measure)]
        self._column = names.index(prepared.score.measure) - len(names)
        self._sums: dict[int, tuple[float, int]] = {}

    def update(self, key: FitKey, result: FitResult) -> None:
        """Add the score of one fit."""
        value = float(result.curves[-1, self._column]) * self._factors[key[2]]
        if np.isfinite(value) and not self._score.pooled:
            total, count = self._sums.get(key[0], (0.0, 0))
            self._sums[key[0]] = (total + value, count + 1)

    @property
    def best(self) -> tuple[str, float] | None:
        """The leading candidate in words and its mean score."""
        if not self._sums:
            return None
        sign = 1 if self._score.maximize else -1
        means = {candidate: total / count for candidate, (total, count) in list(self._sums.items())}
        candidate = max(means, key=lambda index: sign * means[index])
        return self._candidate_text(candidate), means[candidate]

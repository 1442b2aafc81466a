"""Answers that a study has given, each from a number of seeds: looks at one question."""

from collections.abc import Sequence

from bridle.stats import LOOKS
from bridle.study.execution._stored import StoreSession

ANSWERS = "answers"
"""The fact of a store with the number of seeds behind each answer."""


class Answers:
    """Answers that a study has given so far; they stay in its store, if it has one."""

    def __init__(self, session: StoreSession | None) -> None:
        self._store = None if session is None else session.store
        stored = None if self._store is None else self._store.fact(ANSWERS)
        self._seeds = [int(count) for count in stored] if isinstance(stored, list) else []

    def give(self, seeds: int, planned: Sequence[int] = ()) -> dict[str, object]:
        """Count an answer from so many seeds, and return `facts`; one from as many as before is the same again."""
        if seeds not in self._seeds:
            self._seeds.append(seeds)
            if self._store is not None:
                self._store.record(**{ANSWERS: self._seeds})
        return self.facts(planned)

    def facts(self, planned: Sequence[int] = ()) -> dict[str, object]:
        """Return the facts for a result, with the seeds of planned answers; empty for a study with one answer."""
        if len(self._seeds) < 2 and not planned:
            return {}
        return {LOOKS: {"earlier": sorted(self._seeds), "planned": [int(count) for count in planned]}}

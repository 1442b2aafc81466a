"""What has run so far. The one thing that changes while a study runs; a `StudyResult` is read off it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bridle._keras import model_json
from bridle.engine import FitResult
from bridle.results import ALL_ROWS, Activation, Members, Picture, Probe, StoredTransformer, StudyResult, weak_to_strong
from bridle.study._pooled import Pool
from bridle.study._protocol import describe
from bridle.study.design import DECREASING, BoundArm, Prepared, diagnostic_names, to_result_arm
from bridle.study.execution import FitRequest, order

Key = tuple[int, int, int]
"""A member: (setting, seed, fold)."""


@dataclass
class ResultCollector:
    """Settings and members in the order they were asked for, with the outcomes that have come in."""

    prepared: Prepared
    arms: tuple[BoundArm, ...]
    setting_arm: list[int] = field(default_factory=list)
    setting_values: list[tuple[float, ...]] = field(default_factory=list)
    members: list[Key] = field(default_factory=list)
    outcomes: dict[Key, FitResult] = field(default_factory=dict)
    held_out_rows: dict[str, int] = field(default_factory=dict)
    probe: Probe | None = None
    picture: Picture | None = None
    activations: tuple[Activation, ...] = ()
    weight_names: tuple[str, ...] = ()
    preparation: dict[str, StoredTransformer] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)
    """What was found on the way, for the record."""
    _pool: Pool | None = None
    _pooled: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    """Pooled scores of the folds, by setting and seed."""

    def add_settings(self) -> list[int]:
        """Settings of the arms as they are now that were not there before; their numbers."""
        known = set(zip(self.setting_arm, self.setting_values, strict=True))
        wanted = [(index, values) for index, arm in enumerate(self.arms) for values in arm.candidates]
        fresh = [pair for pair in wanted if pair not in known]
        self.setting_arm += [arm for arm, _ in fresh]
        self.setting_values += [values for _, values in fresh]
        return list(range(len(self.setting_arm) - len(fresh), len(self.setting_arm)))

    def expect(self, keys: Sequence[Key]) -> None:
        """Take members in that were not asked for before."""
        known = set(self.members)
        self.members += [key for key in keys if key not in known]

    def path(self, arm: int) -> list[int]:
        """The settings of an arm in the order in which a warm path takes them."""
        own = [number for number, each in enumerate(self.setting_arm) if each == arm]
        order = weak_to_strong(np.array([self.setting_values[number] for number in own]).reshape(len(own), -1))
        path = [own[position] for position in order] if len(own) > 1 else own
        return path[::-1] if self.prepared.question.warm_start == DECREASING else path

    def learning_rate(self, setting: int) -> float | None:
        """The learning rate of a setting's arm, where it is not the optimizer's."""
        return self.arms[self.setting_arm[setting]].learning_rate

    def strengths(self, setting: int) -> np.ndarray:
        """float32 (slot,): the traced setting of a member."""
        return self._exact(setting).astype(np.float32)

    def order(self, key: Key) -> FitRequest:
        """What is to be made for a member."""
        setting, seed, fold = key
        return order(self.strengths(setting), self.learning_rate(setting), seed, fold)

    def deliver(self, key: Key, outcome: FitResult, keep_variables: bool) -> None:
        """Enter one outcome; variables are dropped unless the member is a refit."""
        self.outcomes[key] = outcome if keep_variables else replace(outcome, variables=())
        self._pooled.pop(key[:2], None)

    def pooled(self, points: int) -> np.ndarray:
        """The pooled score of every member, shape (member, point, 1): NaN but for the last point.

        It is there once all folds of a setting and seed have finished.
        """
        column = np.full((len(self.members), points, 1), np.nan, np.float32)
        folds = range(len(self.prepared.folds))
        for number, (setting, seed, fold) in enumerate(self.members):
            got = [self.outcomes.get((setting, seed, each)) for each in folds]
            if fold == ALL_ROWS or any(outcome is None or outcome.diverged_at >= 0 for outcome in got):
                continue
            if (setting, seed) not in self._pooled:
                self._pool = self._pool or Pool(self.prepared)
                self._pooled[setting, seed] = self._pool.scores([outcome.predictions for outcome in got])
            column[number, -1] = self._pooled[setting, seed][fold]
        return column

    def result(self) -> StudyResult:
        """What is known now, as arrays. Members that have not run are there, marked as such."""
        engine = self.prepared.engine
        objective, points = engine.objective, len(engine.recipe.stops)
        measures = objective.measure_names
        quantities = (
            "fit/loss",
            *(f"penalty/{name}" for name in objective.part_names),
            *(f"{part}/{name}" for part in engine.recipe.sides for name in measures),
        )
        names = diagnostic_names(self.prepared.penalty_terms)
        got = [self.outcomes.get(key) for key in self.members]
        blank = np.full((points, len(quantities)), np.nan, np.float32)
        empty = np.full(len(names), np.nan, np.float32)
        missing = np.full(len(measures), np.nan, np.float32)
        setting, seed, fold = np.array(self.members, int).reshape(-1, 3).T
        units = self.prepared.units
        curves = _stacked([None if outcome is None else outcome.curves for outcome in got], blank)
        sides = np.tile(units.factors[fold], (1, len(engine.recipe.sides)))
        curves[:, :, -sides.shape[1] :] *= sides[:, None]
        if self.prepared.score.pooled:
            quantities += (f"validation/{self.prepared.score.name}",)
            curves = np.concatenate([curves, self.pooled(points)], axis=2)
        return StudyResult(
            arms=tuple(to_result_arm(arm) for arm in self.arms),
            slots=self.prepared.penalty_terms.slots,
            setting_arm=np.array(self.setting_arm, int),
            setting_strengths=np.array([self._exact(number) for number in range(len(self.setting_arm))]).reshape(
                len(self.setting_arm), len(self.prepared.penalty_terms.slots)
            ),
            members=Members(
                setting,
                seed,
                fold,
                np.array([outcome is not None and outcome.diverged_at < 0 for outcome in got], bool),
                *(
                    np.array([-1 if o is None else getattr(o, n) for o in got], int)
                    for n in ("diverged_at", "epochs", "kept_epoch")
                ),
            ),
            score=self.prepared.score,
            epochs=engine.recipe.stops,
            quantities=quantities,
            curves=curves,
            diagnostic_names=names,
            diagnostics=_stacked([None if outcome is None else outcome.diagnostics for outcome in got], empty),
            fold_rows=self.prepared.fold_rows,
            held_out_names=measures,
            held_out={
                name: _stacked([None if o is None else o.measures.get(name) for o in got], missing) * units.factors[-1]
                for name in self.held_out_rows
            },
            held_out_rows=dict(self.held_out_rows),
            weights={
                number: self.outcomes[key].variables
                for number, key in enumerate(self.members)
                if key[2] == ALL_ROWS and key in self.outcomes
            },
            weight_names=self.weight_names,
            probe=self.probe,
            picture=self.picture,
            activations=self.activations,
            model_json=model_json(self.prepared.model),
            protocol=describe(self.prepared),
            preparation=self.preparation,
            prepared_units=units.transformed,
        )

    def _exact(self, setting: int) -> np.ndarray:
        """float64 (slot,): the strengths as they were written."""
        arm, slots = self.arms[self.setting_arm[setting]], len(self.prepared.penalty_terms.slots)
        return arm.strength_row(self.setting_values[setting], slots)


def _stacked(values: Sequence[np.ndarray | None], missing: np.ndarray) -> np.ndarray:
    """One array for all members, with `missing` where there is none; also for no members at all."""
    return np.array([missing if value is None else value for value in values], missing.dtype).reshape(
        -1, *missing.shape
    )

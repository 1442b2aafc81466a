"""Simulated studies with the engine of bridle: row losses out of fold, and the scores of the same fits on fresh rows.

Each study draws its own rows. Its candidates are trained on five folds: with five seeds on one partition (passes 0 to
4), and with the last four seeds on a partition of their own each (passes 5 to 8). A protocol uses some of the passes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

FOLDS, FRESH, UNITS, BATCH, PIECE = 5, 1000, 32, 32, 25
PASSES = ((0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (1, 1), (2, 2), (3, 3), (4, 4))
"""Pairs (seed, partition)."""
ARMS = {"L2 weights": (1e-3, 5e-3, 2.5e-2), "L1 weights": (3e-4, 1.5e-3, 8e-3), "L1 activity": (1e-3, 1e-2, 1e-1)}
TARGETS = {"L2 weights": "*/kernel", "L1 weights": "*/kernel", "L1 activity": "hidden/output"}
ARM_OF = np.array([0, *(1 + arm for arm, strengths in enumerate(ARMS.values()) for _ in strengths)])
"""The arm of each candidate; candidate 0 has no penalty."""


@dataclass(frozen=True)
class Setting:
    """Rows of one kind and number. The candidates of "null" have no penalty, with a seed of their own in each fit.

    "null" has the rows of "moons", and "null-friedman" those of "friedman".
    """

    family: str
    rows: int

    @property
    def epochs(self) -> int:
        return 200 if self.rows <= 200 else 60

    @property
    def regression(self) -> bool:
        return self.family in ("friedman", "null-friedman")

    @property
    def useless(self) -> bool:
        return self.family.startswith("null")

    @property
    def name(self) -> str:
        return f"{self.family}-{self.rows}"


SETTINGS = tuple(
    Setting(family, rows)
    for rows in (60, 200, 1000)
    for family in ("moons", "sparse", "friedman", "null", "null-friedman")
)


def draw(setting: Setting, study: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of one study, and after them the fresh ones."""
    from sklearn.datasets import make_friedman1, make_moons

    count, rng = setting.rows + FRESH, np.random.default_rng([study, setting.rows])
    if setting.family == "sparse":
        x = rng.normal(size=(count, 20))
        return x.astype("f"), (x[:, 0] + x[:, 1] - x[:, 2] + rng.normal(size=count) > 0).astype(int)
    if setting.regression:
        x, y = make_friedman1(count, 10, noise=1.0, random_state=study)
        return x.astype("f"), ((y - 14.4) / 5).astype("f")
    x, y = make_moons(10 * count, noise=0.3, random_state=study)
    order = rng.choice(len(x), count, replace=False)
    return x[order].astype("f"), y[order]


def network(setting: Setting, columns: int) -> Any:
    import keras

    last = keras.layers.Dense(1, None if setting.regression else "sigmoid", name="out")
    model = keras.Sequential([keras.Input((columns,)), keras.layers.Dense(UNITS, "relu", name="hidden"), last])
    loss, metrics = ("mse", []) if setting.regression else ("binary_crossentropy", ["accuracy"])
    model.compile(keras.optimizers.Adam(0.02), loss, metrics=metrics)
    return model


def splitter(setting: Setting, study: int) -> Any:
    from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

    kind = RepeatedKFold if setting.regression else RepeatedStratifiedKFold
    return kind(n_splits=FOLDS, n_repeats=1 + max(part for _, part in PASSES), random_state=study)


def strengths_of(setting: Setting) -> np.ndarray:
    """Return the strengths of each candidate, (candidate, slot); weaker ones where there are many rows."""
    strengths = np.zeros((len(ARM_OF), len(ARMS)), np.float32)
    strengths[np.arange(1, len(ARM_OF)), ARM_OF[1:] - 1] = np.concatenate([*ARMS.values()])
    return strengths / (5 if setting.rows > 200 else 1)


def requests(setting: Setting, passes: Sequence[int]) -> list[tuple[int, int, int, Any]]:
    """Return (candidate, pass, fold) of every fit of some passes, with its request."""
    from bridle.study.execution._requests import make_request

    strengths = strengths_of(setting)
    listed = []
    for candidate in range(len(ARM_OF)):
        useless = setting.useless and candidate > 0
        own = strengths[0 if useless else candidate]
        for index in passes:
            seed, part = PASSES[index]
            for fold in range(FOLDS):
                drawn = 1000 * candidate + 100 * (1 + fold) + 10 * part + seed if useless else seed
                listed.append((candidate, index, fold, make_request(own, None, drawn, part * FOLDS + fold)))
    return listed


def row_losses(setting: Setting, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the losses of rows, (measure, row): squared error, or log loss and accuracy."""
    if setting.regression:
        return ((predicted - y) ** 2)[None]
    share = np.clip(predicted, 1e-7, 1 - 1e-7)
    return np.stack([-np.log(np.where(y > 0, share, 1 - share)), (predicted > 0.5) == y])


class Simulator:
    """Studies of one setting, by one compiled program."""

    def __init__(self, setting: Setting, passes: Sequence[int]) -> None:
        from bridle import L1, L2

        self.setting, self.passes, self._base, self._kinds = setting, passes, None, {"L1": L1, "L2": L2}

    def _prepared(self, rows: Any, study: int) -> Any:
        from dataclasses import replace

        from bridle.study.design._prepare import prepare, with_rows
        from bridle.study.design._question import Question

        folds = splitter(self.setting, study)
        if self._base is None:
            arms = {name: {TARGETS[name]: self._kinds[name[:2]](list(values))} for name, values in ARMS.items()}
            question = Question(
                *(network(self.setting, rows.x.shape[1]), arms),
                seeds=1,
                folds=folds,
                epochs=self.setting.epochs,
                batch_size=BATCH,
                score="pooled:loss",
                curve_points=1,
            )
            self._base = prepare(question, rows)
            return self._base
        base = replace(self._base, question=replace(self._base.question, folds=folds))
        return with_rows(base, rows)

    def run(self, study: int, threads: int = 1) -> dict[str, np.ndarray]:
        """Return row losses (measure, candidate, pass, row), folds (partition, row), scores on fresh rows, and training
        losses.
        """
        from bridle.study.data import Rows
        from bridle.study.design._prepare import refit_rows
        from bridle.study.execution import ExecutionContext, RowSet, run_requests

        setting, count = self.setting, self.setting.rows
        x, y = draw(setting, study)
        prepared = self._prepared(Rows(x[:count], y[:count], held_out={"fresh": (x[count:], y[count:])}), study)
        splits = list(splitter(setting, study).split(x[:count], y[:count]))
        listed = requests(setting, self.passes)
        measures = 1 if setting.regression else 2
        losses = np.full((measures, len(ARM_OF), len(PASSES), count), np.nan, np.float32)
        truth = np.full((measures, len(ARM_OF), len(PASSES), FOLDS), np.nan, np.float32)
        training = np.full(truth.shape[1:], np.nan, np.float32)
        width = 2 * len(prepared.engine.objective.measure_names)

        def deliver(index: int, fit: Any) -> None:
            candidate, pass_, fold, _ = listed[index]
            rows = splits[PASSES[pass_][1] * FOLDS + fold][1]
            predicted = np.asarray(fit.predictions[0], float).reshape(-1)
            losses[:, candidate, pass_, rows] = row_losses(setting, y[rows], predicted)
            truth[:, candidate, pass_, fold] = fit.measures["fresh"][:measures]
            trained, validated = fit.curves[-1, -width:].reshape(2, -1)[:, 0]
            training[candidate, pass_, fold] = trained
            if not np.isclose(losses[0, candidate, pass_, rows].mean(), validated, rtol=5e-2, atol=1e-3):
                raise AssertionError(f"row losses {losses[0, candidate, pass_, rows].mean()}, engine {validated}")

        whole = run_requests(
            prepared,
            [[request] for *_, request in listed],
            RowSet(prepared.folds, refit_rows(prepared).held_out),
            deliver=deliver,
            watch=lambda _: None,
            context=ExecutionContext(threads=threads),
        )
        if not whole:
            raise KeyboardInterrupt
        parts = 1 + max(part for _, part in PASSES)
        folds = np.zeros((parts, count), np.int8)
        for index, (_, rows) in enumerate(splits):
            folds[index // FOLDS, rows] = index % FOLDS
        return {
            "losses": losses,
            "folds": folds,
            "truth": truth,
            "training": training,
            "y": y[:count].astype(np.float32),
        }


def simulate(setting: Setting, studies: range, folder: Path, passes: Sequence[int], threads: int = 1) -> None:
    """Run the studies that `folder` lacks, in pieces of one file each."""
    simulator, start = None, perf_counter()
    for first in studies[::PIECE]:
        file = folder / f"{setting.name}-{first:04d}.npz"
        if file.exists():
            continue
        simulator = simulator or Simulator(setting, passes)
        runs = [simulator.run(study, threads) for study in range(first, min(first + PIECE, studies.stop))]
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, **{name: np.stack([run[name] for run in runs]) for name in runs[0]})
        print(f"{file.name}: {perf_counter() - start:.0f} s", flush=True)


def load(setting: Setting, folder: Path) -> dict[str, np.ndarray]:
    """Return what was simulated, studies first."""
    pieces = [dict(np.load(file)) for file in sorted(folder.glob(f"{setting.name}-*.npz"))]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]} if pieces else {}

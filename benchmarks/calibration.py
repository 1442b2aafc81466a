"""Do bridle's intervals and verdicts keep what they promise? Hundreds of simulated studies, run as one.

`python -m benchmarks.calibration` writes benchmarks/calibration.json, which docs/statistics.md shows.

Every simulated study has rows of its own, five folds and three seeds. One real study holds them all: its folds are
those of every simulated study, so that one compiled program trains them. The networks of each simulated study's first
fold are judged on fresh rows too; the mean of that over all studies is the truth that intervals should hold.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NUMBERS = Path(__file__).parent / "calibration.json"
ROWS, FOLDS, SEEDS, FRESH = 60, 5, 3, 10_000
EPOCHS, BATCH, UNITS, NOISE, STRENGTH = 40, 16, 16, 0.3, 0.01
FOLD_ROWS = np.array([[ROWS - ROWS // FOLDS, ROWS // FOLDS]] * FOLDS)
SIGNS = {"accuracy": 1, "loss": -1}


@dataclass(frozen=True)
class ManyStudies:
    """A splitter: the folds of every simulated study; where asked, each one's first training rows beside the fresh."""

    studies: int
    fresh: bool

    def get_n_splits(self, *given: object) -> int:
        return self.studies * (FOLDS + self.fresh)

    def split(self, x: object, y: np.ndarray, groups: object = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        from sklearn.model_selection import KFold

        fresh, again = np.arange(self.studies * ROWS, self.studies * ROWS + FRESH), []
        for study in range(self.studies):
            own = np.arange(study * ROWS, (study + 1) * ROWS)
            parts = KFold(FOLDS, shuffle=True, random_state=study).split(own)
            pairs = [(own[train], own[validation]) for train, validation in parts]
            again.append((pairs[0][0], fresh))
            yield from pairs
        yield from again if self.fresh else []


def rows(studies: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of every simulated study, then the fresh ones, all drawn from one large set.

    A small set of scikit-learn's moons would not do: its points lie at even distances along the moons.
    """
    from sklearn.datasets import make_moons

    x, y = make_moons(10 * (studies * ROWS + FRESH), noise=NOISE, random_state=1)
    drawn = np.random.default_rng(2).choice(len(x), studies * ROWS + FRESH, replace=False)
    return x[drawn].astype("float32"), y[drawn]


def network() -> object:
    import keras

    hidden = keras.layers.Dense(UNITS, "relu", name="hidden")
    model = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1, "sigmoid", name="out")])
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    return model


def scores(studies: int, arms: dict, seeds: range, *, fresh: bool) -> dict[str, np.ndarray]:
    """Accuracy and data loss of shape (setting, seed, fold), by cross-validation alone: nobody wants the refits."""
    from bridle.study import RunOptions, run_study
    from bridle.study.data import Rows
    from bridle.study.design import Question, prepare

    folds = ManyStudies(studies, fresh)
    question = Question(network(), arms, tuple(seeds), folds, epochs=EPOCHS, batch_size=BATCH, curve_points=1)
    result, whole = run_study(prepare(question, Rows(*rows(studies))), RunOptions(refit=False))
    if not whole:
        raise KeyboardInterrupt
    return {name: result.by_candidate(result.quantity(f"validation/{name}")[:, -1]) for name in SIGNS}


def by_study(table: np.ndarray, studies: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of (study, setting, seed, fold), and, where asked for, on fresh rows, (study, setting, seed)."""
    inside = table[:, :, : studies * FOLDS].reshape(*table.shape[:2], studies, FOLDS)
    return np.moveaxis(inside, 2, 0), np.moveaxis(table[:, :, studies * FOLDS :], 2, 0)


def false_claims(studies: int, strengths: int = 3) -> dict[str, dict[str, float]]:
    """How often arms that do the same as `none` are said to help: one strength, one arm of several, several arms.

    What does the same is the network without a penalty from other seeds.
    """
    from bridle.stats import compare_all, cross_select

    tables = scores(studies, {}, range(SEEDS * (1 + strengths)), fresh=False)
    found: dict[str, dict[str, float]] = {}
    for name, table in tables.items():
        claims = dict.fromkeys(("one strength", "one arm", "several arms", "either way"), 0)
        for own in by_study(table, studies)[0]:
            none, *others = SIGNS[name] * own[0].reshape(1 + strengths, SEEDS, FOLDS)
            path = cross_select(np.arange(strengths), np.stack(others), maximize=True)
            for kind, arms in (("one strength", others[:1]), ("one arm", [path]), ("several arms", others)):
                gains = compare_all(arms, none, FOLD_ROWS, share=name == "accuracy")
                claims[kind] += any(gain.low > 0 for gain in gains)
                claims["either way"] += kind == "one strength" and gains[0].clear
        found[name] = {kind: count / studies for kind, count in claims.items()}
    return found


def coverage(studies: int) -> dict[str, dict[str, float]]:
    """How often the 95 % interval of a real penalty holds the true difference on fresh rows."""
    from bridle.stats import compare

    tables = scores(studies, {"L2": {"*/kernel": f"l2({STRENGTH})"}}, range(SEEDS), fresh=True)
    found: dict[str, dict[str, float]] = {}
    for name, table in tables.items():
        inside, fresh = by_study(SIGNS[name] * table, studies)
        differences = (fresh[:, 1] - fresh[:, 0]).mean(axis=1)
        truth = float(differences.mean())
        gains = [compare(own[1], own[0], FOLD_ROWS, share=name == "accuracy") for own in inside]
        known = [gain for gain in gains if np.isfinite(gain.low)]
        found[name] = {
            "truth": truth,
            "truth error": float(differences.std(ddof=1) / np.sqrt(studies)),
            "mean difference": float(np.mean([gain.difference for gain in gains])),
            "covers": float(np.mean([gain.low <= truth <= gain.high for gain in known])),
            "too low": float(np.mean([gain.high < truth for gain in known])),
            "too high": float(np.mean([gain.low > truth for gain in known])),
            "no interval": 1 - len(known) / studies,
            "width": float(np.mean([gain.high - gain.low for gain in known])),
        }
    return found


def main(studies: int = 600) -> None:
    """Measure both, write them down and say them."""
    found = {"studies": studies, "coverage": coverage(studies), "false claims": false_claims(studies)}
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

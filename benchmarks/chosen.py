"""Who chooses better, the tutorial or cross-validation? Fifty drawn data sets each, judged on fresh rows.

`python -m benchmarks.chosen` measures and writes `benchmarks/chosen.json`; with `--markdown` it writes `docs/claims.md`
from that file and from `benchmarks/claims.json`, which `python -m benchmarks.claims` wrote.
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
from scipy import stats
from sklearn.datasets import make_circles, make_moons
from sklearn.model_selection import StratifiedKFold

ROOT = Path(__file__).parents[1]
NUMBERS, CLAIMS, PAGE = (ROOT / name for name in ("benchmarks/chosen.json", "benchmarks/claims.json", "docs/claims.md"))
WITHOUT = ROOT / "benchmarks/prior/without_moons_and_circles.json"
SETS, FIRST, ROWS, TRAIN, FOLDS = 50, 1000, 100, 30, 5
SEEDS, EPOCHS = 3, 4000
THEN = 1e-4 * TRAIN
"""The circles' 1e-4 as published: summed over the one batch of 30 rows, which bridle averages."""
DECADES = [1e-3, 1e-2, 1e-1]
"""What "auto" stands for here: a grid that all data sets share, so that one study carries them."""
WAYS = {
    "none": "no penalty",
    "tutorial": "the tutorial's way: one seed, best on 70 test rows",
    "honest": "cross-validation, rule best",
    "honest_1se": "cross-validation, rule 1se",
    "recommended": "cross-validation, rule recommended, with curves of neither moons nor circles",
    "same_rows": "bridle's arms, best on the same 70 test rows over all seeds",
    "verdict": "cross-validation, none where the verdict sees no evidence",
    "oracle": "the best on the fresh rows themselves (nobody can)",
}


@dataclass(frozen=True)
class Question:
    """One generator with the arms of both ways. `tried` are the tutorial's settings, `none` first."""

    name: str
    draw: Any
    tutorial: Mapping[str, Any]
    honest: Mapping[str, Any]
    tried: tuple[tuple[str, float | None], ...]


def questions() -> list[Question]:
    from bridle import L1, L2
    from bridle.cases._moons import ARM, GRID

    before, after, weights = "L1 before ReLU", "L1 after ReLU", "L2 all weights"
    summed = sorted({*DECADES, THEN})
    circles = {
        before: {"hidden/preactivation": L1(DECADES)},
        after: {"hidden/output": L1(DECADES)},
        weights: {"*/kernel": L2(DECADES)},
    }
    moons = {
        weights: {"*/kernel": L2(DECADES)},
        ARM: {"hidden/kernel": L2(DECADES)},
        "L1 hidden activity": {"hidden/output": L1(DECADES)},
    }
    none = ("none", None)
    return [
        Question(
            "circles",
            _circles,
            {**circles, before: {"hidden/preactivation": L1(summed)}, after: {"hidden/output": L1(summed)}},
            circles,
            (none, (before, THEN), (after, THEN)),
        ),
        Question(
            "moons",
            _moons,
            {**moons, ARM: {"hidden/kernel": L2(sorted(GRID))}},
            moons,
            (none, *((ARM, strength) for strength in sorted(GRID))),
        ),
    ]


def _circles(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return make_circles(n_samples=rows, noise=0.1, random_state=seed)


def _moons(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return make_moons(n_samples=rows, noise=0.2, random_state=seed)


class Given:
    """A splitter that has its splits already."""

    def __init__(self, splits: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        self.splits = splits

    def get_n_splits(self, *rows: Any) -> int:
        return len(self.splits)

    def split(self, *rows: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return iter(self.splits)


def measure(question: Question, sets: int, seeds: int, epochs: int) -> dict[str, Any]:
    """Both ways on every data set. Two studies carry all of them: each data set is some folds of its own."""
    began, used = perf_counter(), process_time()
    drawn = [question.draw(ROWS, FIRST + number) for number in range(sets)]
    x, y = (np.concatenate(parts) for parts in zip(*drawn, question.draw(20_000, 2), strict=True))
    whole = whole_fits(question, x, y, sets, seeds, epochs)
    inside = cross_validated(question, x, y, sets, seeds, epochs)
    lines = [one_set(question, whole, inside, number) for number in range(sets)]
    return {
        "seeds": seeds,
        "epochs": epochs,
        "fits": len(whole.members) + len(inside.members),
        "minutes": (perf_counter() - began) / 60,
        "cpu_minutes": (process_time() - used) / 60,
        "sets": lines,
        "summary": summary(lines),
        "settings": against_none(whole),
        "limit": limits(whole, inside, sets),
    }


def whole_fits(question: Question, x: np.ndarray, y: np.ndarray, sets: int, seeds: int, epochs: int) -> Any:
    """Every setting on the 30 training rows of every data set, judged on its 70 test rows and on the fresh ones."""
    from benchmarks.claims._studies import judged_apart, run_without_refits

    from bridle import Study
    from bridle.cases._case import hidden_network

    fresh = np.arange(sets * ROWS, len(x))
    own = [np.arange(number * ROWS, (number + 1) * ROWS) for number in range(sets)]
    splits = Given([(rows[:TRAIN], np.concatenate([rows[TRAIN:], fresh])) for rows in own])
    model = judged_apart(hidden_network(), ROWS - TRAIN)
    options = {"seeds": seeds, "folds": splits, "epochs": epochs, "curve_points": 1}
    study = Study(model, question.tutorial, score="max:accuracy", **options)
    return run_without_refits(study.prepare(x, y), lambda update: None)


def cross_validated(question: Question, x: np.ndarray, y: np.ndarray, sets: int, seeds: int, epochs: int) -> Any:
    """The honest arms on five folds inside the 30 training rows of every data set."""
    from benchmarks.claims._studies import run_without_refits

    from bridle import Study
    from bridle.cases._case import hidden_network

    splits = []
    for number in range(sets):
        rows = np.arange(number * ROWS, number * ROWS + TRAIN)
        cut = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(rows, y[rows])
        splits += [(rows[train], rows[validation]) for train, validation in cut]
    study = Study(hidden_network(), question.honest, seeds=seeds, folds=Given(splits), epochs=epochs, curve_points=1)
    return run_without_refits(study.prepare(x, y), lambda update: None)


def one_set(question: Question, whole: Any, inside: Any, number: int) -> dict[str, Any]:
    """What each way chooses on one data set, and its accuracy on fresh rows, averaged over seeds."""
    from benchmarks.claims._studies import FRESH, table_of

    from bridle.stats import weigh_evidence

    test, fresh = whole.scores()[:, 0, number], table_of(whole, FRESH)[:, :, number].mean(axis=1)
    tried = [place(whole, name, strength) for name, strength in question.tried]
    evidence = weigh_evidence(own_folds(inside, number))
    chosen = evidence.choices[evidence.best_arm]
    gain = evidence.gains.get(evidence.best_arm)
    best, one_se = (same(inside, setting, whole) for setting in (chosen.best, chosen.one_se))
    judged = whole.scores()[:, :, number].mean(axis=1)
    ours = [same(inside, setting, whole) for setting in range(len(inside.setting_arm))]
    picks = {
        "none": 0,
        "tutorial": tried[int(np.argmax(test[tried]))],
        "honest": best,
        "honest_1se": one_se,
        "recommended": same(inside, recommended(own_folds(inside, number), evidence), whole),
        "same_rows": ours[int(np.argmax(judged[ours]))],
        "verdict": best if gain is not None and gain.low > 0 else 0,
        "oracle": int(np.argmax(fresh)),
    }
    return {
        "data": FIRST + number,
        "chosen": {way: named(whole, setting) for way, setting in picks.items()},
        "fresh": {way: float(fresh[setting]) for way, setting in picks.items()},
    }


def recommended(result: Any, evidence: Any) -> int:
    """The candidate of the rule `recommended`, with curves that know neither moons nor circles."""
    from bridle.stats._prior import load_prior
    from bridle.stats._recommend import make_recommender

    return make_recommender(result, load_prior(WITHOUT), evidence.constant).recommend().candidate


def own_folds(result: Any, number: int) -> Any:
    """The part of a result that belongs to one data set, as a study of its own."""
    members, first = result.members, number * FOLDS
    kept = (members.fold >= first) & (members.fold < first + FOLDS)
    fields = {name: getattr(members, name)[kept] for name in members.__dataclass_fields__}
    fields["fold"] = fields["fold"] - first
    own, scores = slice(first, first + FOLDS), result.row_scores
    return replace(
        result,
        members=type(members)(**fields),
        row_scores=replace(scores, values=scores.values[kept], rows=scores.rows[own], weights=scores.weights[own]),
        curves=result.curves[kept],
        diagnostics=result.diagnostics[kept],
        fold_rows=result.fold_rows[own],
    )


def place(result: Any, arm: str, strength: float | None) -> int:
    """The number of a setting; the only one of its arm where no strength is given."""
    from benchmarks.claims import Side
    from benchmarks.claims._measure import settings_of

    (setting,) = settings_of(result, Side(arm, () if strength is None else (strength,)))
    return int(setting)


def same(result: Any, setting: int, other: Any) -> int:
    """The setting of another study with the same arm and strengths."""
    values = list(result.strengths(setting).values())
    return place(other, result.arms[result.setting_arm[setting]].name, values[0] if values else None)


def named(result: Any, setting: int) -> str:
    values = ", ".join(f"{value:g}" for value in result.strengths(setting).values())
    return f"{result.arms[result.setting_arm[setting]].name} {values}".strip()


def against_none(whole: Any) -> list[dict[str, Any]]:
    """Every setting minus none on fresh rows, over the drawn data sets: does it help on another draw?"""
    from benchmarks.claims._studies import FRESH, table_of

    fresh = table_of(whole, FRESH).mean(axis=1)
    return [{"setting": named(whole, n), **paired(fresh[n] - fresh[0])} for n in range(1, len(fresh))]


def limits(whole: Any, inside: Any, sets: int) -> dict[str, dict[str, float]]:
    """What a rule could gain over none that knows the other data sets of the generator, by what it sees of one."""
    from benchmarks.claims._studies import FRESH, table_of

    ours = [same(inside, setting, whole) for setting in range(len(inside.setting_arm))]
    fresh = table_of(whole, FRESH).mean(axis=1)[ours].T

    def seen(quantity: str) -> np.ndarray:
        return inside.scores_of(quantity).mean(axis=1).reshape(len(ours), sets, FOLDS).mean(axis=2).T

    accuracy = seen("validation/accuracy")
    more = [accuracy, np.log(seen("validation/loss")), np.log(seen("train/loss").clip(1e-6))]
    gains = fresh - fresh[:, :1]
    return {
        "accuracies": paired(gains_of_known_family(gains, [accuracy])),
        "accuracies and losses": paired(gains_of_known_family(gains, more)),
        "oracle": paired(gains.max(axis=1)),
    }


def gains_of_known_family(gains: np.ndarray, seen: Sequence[np.ndarray], ridge: float = 0.1) -> np.ndarray:
    """Gain on each data set, (set,), where the others of its family say how the gains follow from what is seen.

    The choice is the candidate with the largest expected gain, by the best linear prediction from the scores of all
    candidates: with normal gains and noise of known moments, no rule gains more on average. The matrix to invert gets
    `ridge` times its mean variance on the diagonal.

    Args:
        gains: gains over none on fresh rows, (set, candidate); candidate 0 is none.
        seen: scores of cross-validation, each (set, candidate).
        ridge: the share of the mean variance that is added.

    """
    scores = np.concatenate([table / max(float(table.std()), 1e-12) for table in seen], axis=1)
    reached = []
    for number in range(len(gains)):
        others = np.arange(len(gains)) != number
        middle, mean = scores[others].mean(axis=0), gains[others].mean(axis=0)
        apart = scores[others] - middle
        within = apart.T @ apart
        within += ridge * np.trace(within) / len(within) * np.eye(len(within))
        slopes = np.linalg.lstsq(within, apart.T @ (gains[others] - mean))[0]
        reached.append(gains[number, np.argmax(mean + (scores[number] - middle) @ slopes)])
    return np.array(reached)


def paired(gains: np.ndarray) -> dict[str, float]:
    """A mean over data sets with its standard error and 95 % interval."""
    middle, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
    half = float(stats.t.ppf(0.975, len(gains) - 1)) * error
    return {"difference": middle, "error": error, "low": middle - half, "high": middle + half}


def summary(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over data sets, and each way minus the tutorial's, paired by data set, with its 95 % interval."""
    found = {}
    for way in WAYS:
        scores = np.array([line["fresh"][way] for line in lines])
        gains = scores - np.array([line["fresh"]["tutorial"] for line in lines])
        none = sum(line["chosen"][way] == "none" for line in lines)
        found[way] = {
            "accuracy": float(scores.mean()),
            **paired(gains),
            "took_none": none,
            "better": int((gains > 1e-9).sum()),
            "worse": int((gains < -1e-9).sum()),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chosen", description=__doc__)
    parser.add_argument("--sets", type=int, default=SETS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--only", choices=("circles", "moons"), nargs="+", default=["circles", "moons"])
    parser.add_argument("--markdown", action="store_true", help=f"write {PAGE.relative_to(ROOT)} from the last numbers")
    options = parser.parse_args()
    if options.markdown:
        from benchmarks.chosen_page import page

        PAGE.write_text(page(json.loads(CLAIMS.read_text()), json.loads(NUMBERS.read_text())))
        return
    known = json.loads(NUMBERS.read_text()) if NUMBERS.is_file() else {}
    for question in (each for each in questions() if each.name in options.only):
        known[question.name] = measure(question, options.sets, options.seeds, options.epochs)
        print(json.dumps({**known[question.name], "sets": None}, indent=1))
        NUMBERS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

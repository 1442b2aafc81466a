"""`search`: arms built from the model, screened in a first stage and tested in a second one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import keras
import pandas as pd

from bridle._api._result import Result
from bridle._api._search_arms import best_of_groups, groups_of, search_arms
from bridle._api._study import Study, check_callbacks, run_prepared
from bridle._errors import InputError
from bridle.placement import by_target
from bridle.results import StudyResult
from bridle.stats import weigh_evidence
from bridle.study import RunOptions
from bridle.study.design import Prepared, join_arms, make_timed_plan

FINALISTS = 3
"""The number of arms that go from the first stage into the second one."""
PAIRS = 2
"""The number of arms of the second stage that join two of different kinds."""
STRENGTHS = 14
"""The estimated number of candidates of an arm, with its pilot."""
COMBINED = 34
"""The estimated number of candidates of an arm with two strengths."""
SCREENING = 0.4
"""The share of the time for the first stage."""
MOST_SEEDS = (3, 10)
"""The largest number of seeds in the first and in the second stage."""
LINES = 8
"""The number of arms in a printed result."""
FEW, LEAST = 4, 2
"""The number of arms of the first, timed program, and the least number of arms to screen."""
COMPILING = 0.1
"""The largest share of the second stage's time for compiling a separate program."""
REFITS = 2 * (FINALISTS + PAIRS) + 1
"""The largest number of refits for each seed of the second stage."""
Finalists = dict[str, tuple[str, ...]]
"""The arms of the second stage, each with the arms of the first stage that it joins."""


class SearchResult(Result):
    """Result of a search: a `Result` of the second stage. `screen` is the `Result` of the first stage."""

    def __init__(self, final: Result, screen: Result) -> None:
        vars(self).update(vars(final))
        self.screen = screen

    def __str__(self) -> str:
        lines = self.ranking().head(LINES).to_string(index=False, float_format="{:.3g}".format, na_rep="–")
        more = len(self.ranking()) - LINES
        rest = f"\n… and {more} more in ranking(); report(path) has everything" if more > 0 else ""
        return f"{self.verdict()}\n\n{lines}{rest}"

    __repr__ = __str__

    def ranking(self) -> pd.DataFrame:
        """Return every arm from best to worst: those of the second stage, then those dropped after the first.

        Columns: `stage`, `kind`, `arm`, `strengths`, the score, and `gain`, the difference to no regularizer, positive
        if better. `low` and `high` are its interval. The second stage corrects it for all arms of the search, the first
        stage for the arms that it screened.
        """
        last = _ranked(self.data, "final")
        names = {line["arm"] for line in last}
        left = [line for line in _ranked(self.screen.data, "screen") if line["arm"] not in names]
        return pd.DataFrame([*last, *left])


def search(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    seconds: float = 60.0,
    folds: Any = 5,
    epochs: int = 100,
    batch_size: int = 32,
    score: str | None = None,
    validation: tuple[Any, ...] | None = None,
    test: Any = None,
    groups: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    preprocessor: Any = None,
    target_preprocessor: Any = None,
    store: str | Path | None = None,
    progress: bool = True,
    callbacks: None = None,
) -> SearchResult:
    """Find the regularizer that helps: which kind, on which weights or activations, in one layer or in all of them.

    The first stage screens one arm of each kind that the model allows: L1 and L2 on weights and on activations, dropout
    (or the rates of the model's own dropout layers), noise on the inputs, weight decay, limits of norms, smoothed and
    mixed labels, averaged weights, and early stopping from 100 rows on; then penalties and dropout layer by layer. It
    uses few seeds, finds each range of strengths from the data, and stops strengths early that are clearly worse. The
    second stage trains the best three arms with new seeds, and the best one joined with the best of two other kinds.
    Both stages use the same rows, so the second stage corrects its intervals for all arms of the search.

    Args:
        model: compiled and built `keras.Model`, or a function without arguments that returns one.
        x, y: the rows, as in `bridle.Study.run`. Without y, the target is x.
        seconds: float > 0, the approximate time in seconds, with compilation. It decides the number of seeds and, if it
            is short, of arms. Programs for two shapes of rows are compiled in any case. Default 60.
        folds, epochs, batch_size, score: as in `bridle.Study`.
        validation, test, groups, sample_weight, class_weight, preprocessor, target_preprocessor, store, progress,
            callbacks: as in `bridle.Study.run`.

    Returns: `bridle.SearchResult`.

    Errors: those of `Study.run`; `InputError` if `seconds` is not above 0 or the model has no weights to penalize.

    >>> import bridle, keras
    >>> from sklearn.datasets import make_moons
    >>> x, y = make_moons(60, noise=0.2, random_state=1)
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
    >>> model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    >>> found = bridle.search(model, x, y, seconds=1, folds=2, epochs=3)
    >>> list(found.ranking().columns)
    ['stage', 'kind', 'arm', 'strengths', 'accuracy', 'gain', 'low', 'high']

    """
    check_callbacks(callbacks)
    if isinstance(seconds, bool) or not isinstance(cast(object, seconds), int | float) or not seconds > 0:
        raise InputError(f"Expected seconds as a number above 0, got {seconds!r}.")
    clock = Clock(float(seconds))
    options: dict[str, Any] = {"folds": folds, "epochs": epochs, "batch_size": batch_size, "score": score}
    rows: dict[str, Any] = {
        "validation": validation,
        "test": test,
        "groups": groups,
        "sample_weight": sample_weight,
        "class_weight": class_weight,
        "preprocessor": preprocessor,
        "target_preprocessor": target_preprocessor,
    }
    arms = search_arms(model if isinstance(model, keras.Model) else model(), x)

    def ask(arms: Mapping[str, dict[str, Any]]) -> tuple[Prepared, Pace]:
        prepared = Study(model, arms, seeds=1, **options).prepare(x, y, **rows)
        return prepared, _pace(prepared)

    first, pace = ask(dict(list(arms.items())[:FEW]))
    screened = dict(list(arms.items())[: max(LEAST, pace.arms(SCREENING * (clock.left - 3 * pace.compiling)))])
    if len(screened) > FEW:
        first, pace = ask(screened)
    room = SCREENING * (clock.left - pace.compiling)
    seeds = pace.seeds(room, STRENGTHS * len(screened), MOST_SEEDS[0])
    screening = _narrowed(first, screened, arms, range(seeds))
    screen_options = RunOptions(race=not first.score.pooled, refit=False, until=clock.until(room), progress=progress)
    screen = run_prepared(screening, screen_options)

    finalists = _finalists(screen.data, screened)
    room = clock.left - pace.compiling
    while len(finalists) > 1 and pace.cost(finalists) > room:
        finalists.popitem()
    new_seeds = range(seeds, seeds + pace.seeds(room, _fits(finalists), MOST_SEEDS[1]))
    final = _narrowed(first, finalists, arms, new_seeds)
    if pace.compiling < COMPILING * room:  # a program without the slots of all other arms is faster
        combined = {name: _terms(parts, arms) for name, parts in finalists.items()}
        final = Study(model, combined, seeds=tuple(new_seeds), **options).prepare(x, y, **rows)
    facts = {"screened": len({*screened, *finalists}), "not screened": len(arms) - len(screened)}
    until = clock.until(clock.left - pace.compiling - pace.refits(len(finalists), len(new_seeds)))
    final_options = RunOptions(store=store, progress=progress, until=until)
    return SearchResult(run_prepared(final, final_options, facts=facts), screen)


@dataclass(frozen=True)
class Clock:
    """Budget of seconds from now on."""

    seconds: float
    began: float = field(default_factory=lambda: perf_counter())

    @property
    def left(self) -> float:
        """The remaining seconds; negative after the end."""
        return self.began + self.seconds - perf_counter()

    def until(self, room: float) -> float:
        """Return the time of `perf_counter` in `room` seconds."""
        return perf_counter() + max(0.0, room)


@dataclass(frozen=True)
class Pace:
    """Measured speed of a study.

    `compiling`: seconds to compile the two programs for one shape of rows. `fit_seconds`: seconds of one fit with all
    cores busy. `folds`: the number of folds.
    """

    compiling: float
    fit_seconds: float
    folds: int

    def arms(self, room: float) -> int:
        """Return the number of arms that can be screened with one seed in `room` seconds."""
        return int(room / (self.fit_seconds * self.folds * STRENGTHS))

    def seeds(self, room: float, candidates: int, most: int) -> int:
        """Return the number of seeds for a number of candidates in `room` seconds, at least 1."""
        return max(1, min(most, int(room / (self.fit_seconds * (self.folds * candidates + REFITS)))))

    def cost(self, finalists: Finalists) -> float:
        """Return the seconds of a second stage with one seed."""
        return self.fit_seconds * self.folds * _fits(finalists) + self.refits(len(finalists), 1)

    def refits(self, arms: int, seeds: int) -> float:
        """Return the seconds of the refits."""
        return self.fit_seconds * (2 * arms + 1) * seeds


def _pace(prepared: Prepared) -> Pace:
    began = perf_counter()
    plan = make_timed_plan(prepared)
    compiling = perf_counter() - began
    fit_seconds = ((plan.seconds or 0.0) - prepared.engine.compile_seconds) / plan.fits
    return Pace(compiling, max(1e-4, fit_seconds), len(prepared.folds))


def _narrowed(
    prepared: Prepared, finalists: Finalists | Mapping[str, Any], arms: Mapping[str, Any], seeds: range
) -> Prepared:
    """Return a study with the same programs, for some of its arms, alone or joined, and for other seeds."""
    by_name = {arm.name: arm for arm in prepared.arms}
    parts = {name: finalists[name] if isinstance(finalists[name], tuple) else (name,) for name in finalists}
    candidates = [join_arms(name, [by_name[part] for part in names]) for name, names in parts.items()]
    arm_terms = {name: _terms(names, arms) for name, names in parts.items()}
    question = replace(prepared.question, arms=arm_terms, seeds=tuple(seeds))
    return replace(prepared, question=question, arms=(prepared.arms[0], *candidates))


def _terms(parts: tuple[str, ...], arms: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the terms of several arms as those of one; a list where several have one at the same target."""
    pairs: list[tuple[str, Any]] = []
    for part in parts:
        for target, value in arms[part].items():
            pairs += [(target, item) for item in cast("list[Any]", value if isinstance(value, list) else [value])]
    return by_target(pairs)


def _fits(finalists: Finalists) -> int:
    """Return the estimated number of candidates of a second stage, with the pilots."""
    return sum(STRENGTHS if len(parts) == 1 else COMBINED for parts in finalists.values())


def _finalists(screen: StudyResult, arms: Iterable[str]) -> Finalists:
    """Return the best arms of the first stage in order, and the best one joined with those of two other kinds."""
    order = [line["arm"] for line in _ranked(screen, "screen")] or list(arms)[:1]
    finalists: Finalists = {name: (name,) for name in order[:FINALISTS]}
    by_name = {arm.name: arm for arm in screen.arms}
    first, *others = best_of_groups(by_name[name] for name in order)
    for name in others[:PAIRS]:
        finalists[f"{first} with {name}"] = (first, name)
    return finalists


def _ranked(data: StudyResult, stage: str) -> list[dict[str, Any]]:
    """Return one line per penalized arm of a result, from best to worst."""
    evidence = weigh_evidence(data)
    sign = 1.0 if data.score.maximize else -1.0
    arms = [arm for arm in evidence.choices if arm != 0]
    lines: list[dict[str, Any]] = []
    for arm in sorted(arms, key=lambda arm: -sign * evidence.quoted[arm]):
        gain = vars(evidence.gains[arm]) if arm in evidence.gains else {}
        strengths = data.strengths(evidence.choices[arm].best)
        lines.append(
            {
                "stage": stage,
                "kind": " + ".join(groups_of(data.arms[arm])),
                "arm": data.arms[arm].name,
                "strengths": ", ".join(f"{value:g}" for value in strengths.values()),
                data.score.name: evidence.quoted[arm],
                "gain": gain.get("difference"),
                "low": gain.get("low"),
                "high": gain.get("high"),
            }
        )
    return lines

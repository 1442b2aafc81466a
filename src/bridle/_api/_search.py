"""`search`: arms built from the model, screened in a first stage and tested in a second one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, nan
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import keras
import pandas as pd

from bridle._api._result import Result
from bridle._api._rows import RowOptions, UnreadRows
from bridle._api._search_arms import SearchArms, Terms, groups_of, search_arms
from bridle._api._search_finalists import by_name, choose_finalists, count_candidates, join_terms, narrowed, ranked_arms
from bridle._api._search_frontier import search_frontier
from bridle._api._search_time import (
    FEW,
    LEAST,
    MAX_SEEDS,
    SCREENING,
    SHORT,
    TRACES,
    Clock,
    Pace,
    common_folds,
    compile_folds,
    measure_pace,
    refits,
    trace,
    with_arms,
)
from bridle._api._study import Study, check_callbacks, run_prepared
from bridle._cards import folded, table_box
from bridle._errors import InputError
from bridle.plots import counted_tensors, frontier_data
from bridle.report import result_card
from bridle.results import StudyResult
from bridle.sources._place import RowsIn
from bridle.stats import ArmAtZeros, compare_at_zeros, find_optimal, weigh_evidence
from bridle.study import RunOptions
from bridle.study.data import Rows
from bridle.study.design import Prepared, compile_ahead, prepare

LINES = 8
"""The number of arms in a printed result."""
AMPLE = 0.25
"""The largest share of the time for compiling programs of early stopping and of single layers."""


class SearchResult(Result):
    """Result of a search: a `Result` of the second stage. `screen` is the `Result` of the first stage."""

    def __init__(self, final: Result, screen: Result) -> None:
        vars(self).update(vars(final))
        self.screen = screen

    def __str__(self) -> str:
        sparse = self.evidence.sparse is not None
        table, name = (self.at_equal_zeros(), "at_equal_zeros") if sparse else (self.ranking(), "ranking")
        table = table.drop(columns="most zeros", errors="ignore")
        lines = table.head(LINES).to_string(index=False, float_format="{:.3g}".format, na_rep="–")
        more = len(table) - LINES
        rest = f"\n… and {more} more in {name}(); report(path) has everything" if more > 0 else ""
        return f"{self.verdict()}\n\n{lines}{rest}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the card of the second stage, with the ranking of all arms."""
        table = self.ranking().round(4)
        ranking = folded("All arms of the search", table_box(list(table.columns), table.to_numpy().tolist()))
        return result_card(self.data, self.evidence, self._code_or_none(), [ranking])

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

    def frontier(self, tensor: str | None = None) -> pd.DataFrame:
        """Return the candidates of both stages that no other one beats in both score and exact zeros, most zeros last.

        So the layers of an autoencoder are compared at equal sparsity of its code: `found.frontier("code/output")`.

        Args:
            tensor: weights or activations whose exact zeros count. Default: what each arm charges.

        Returns: columns `stage`, `arm`, `strengths`, `zeros` (share of exact zeros), the score, `error` (its standard
        error). Scores of the first stage are from one seed. A stage that does not count `tensor` is left out.

        Errors: `InputError` for a tensor whose zeros were not counted.

        """
        stages = {"final": self.data, "screen": self.screen.data}
        if tensor is not None and any(tensor in counted_tensors(data) for data in stages.values()):
            stages = {stage: data for stage, data in stages.items() if tensor in counted_tensors(data)}
        tables: list[pd.DataFrame] = []
        for stage, data in stages.items():
            found: Any = frontier_data(data, tensor=tensor)
            arms = [data.arms[int(arm)].name for arm in found.arm]
            values: dict[str, Any] = {"arm": arms, "strengths": found.strengths, "zeros": found.zeros}
            tables.append(pd.DataFrame({"stage": stage, **values, found.score: found.mean, "error": found.error}))
        table = pd.concat(tables, ignore_index=True)
        gain = table[self.data.score.name].to_numpy() * (1 if self.data.score.maximize else -1)
        front = table[find_optimal(table["zeros"].to_numpy(), gain)]
        return front.sort_values("zeros", kind="stable").reset_index(drop=True)

    def at_equal_zeros(self, zeros: float | None = None, tensor: str | None = None) -> pd.DataFrame:
        """Return the arms of the second stage at the same share of exact zeros of a tensor, the best first.

        The mean zeros over fits give the strength of each arm, from no regularizer on. The score of each fit is
        interpolated between the two strengths around it: linearly in the logarithm of the share of entries that are not
        zero. Arms with several strengths are left out.

        Args:
            zeros: float from 0 to below 1, the share of exact zeros. Default: that of the candidate in the verdict of a
                search along the frontier. The arm of that candidate then has its measured scores, and comes first.
            tensor: the activation or weight whose zeros count. Default: that of the search.

        Returns: columns `arm`; `strength`, the one that makes this share; the score, with its interval `low` to `high`;
        `cost`, how much worse that is than no regularizer, and `behind`, than the first arm, each with the ends of its
        interval, corrected over arms; `most zeros`, the largest mean share of a candidate. An arm that does not reach
        the share has no score.

        Errors: `InputError` for a share outside of the range, a tensor whose zeros were not counted, and, for a search
        without `frontier`, a missing argument.

        """
        sparse = self.evidence.sparse
        if sparse is None and (zeros is None or tensor is None):
            raise InputError("Expected a share of zeros and a tensor: at_equal_zeros(0.8, 'code/output'), got none.")
        if sparse is not None and zeros is None and tensor in (None, sparse.tensor):
            return pd.DataFrame([self._at_zeros(one) for one in sparse.arms])
        share, name = (zeros, tensor) if sparse is None else (zeros, tensor or sparse.tensor)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise InputError(f"Expected zeros as a share from 0 to below 1, such as 0.8, got {share!r}.")
        if name not in (counted := counted_tensors(self.data)):
            raise InputError(f"Expected a tensor whose exact zeros are counted, got {name!r}. Counted: {counted}.")
        return pd.DataFrame([self._at_zeros(one) for one in compare_at_zeros(self.data, name, float(share))])

    def _at_zeros(self, one: ArmAtZeros) -> dict[str, object]:
        """Return one arm at a share of zeros as a row."""
        row: dict[str, object] = {"arm": self.data.arms[one.arm].name, "strength": one.strength}
        row |= {self.data.score.name: one.score, "low": one.low, "high": one.high}
        for name, gain in (("cost", one.cost), ("behind", one.behind)):
            ends = (nan, nan, nan) if gain is None else (gain.difference, gain.low, gain.high)
            row |= dict(zip((name, f"{name} low", f"{name} high"), ends, strict=True))
        return row | {"most zeros": one.most}


def search(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    seconds: float = 60.0,
    frontier: str | None = None,
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
    rows_in: RowsIn = "auto",
    store: str | Path | None = None,
    progress: bool = True,
    callbacks: None = None,
) -> SearchResult:
    """Find the regularizer that helps: which kind, on which weights or activations, in one layer or in all of them.

    The first stage screens one arm of each kind that the model allows: L1 and L2 on weights and on activations, dropout
    (or the rates of the model's own dropout layers), noise on the inputs, weight decay, limits of norms, smoothed and
    mixed labels, averaged weights, and early stopping from 100 rows on. It uses one seed, finds each range of strengths
    from the data, and stops the worse half of the strengths of each arm fold by fold, from the second fold on. Where
    the rows do not divide evenly, it uses the folds of one size.

    The second stage tests, with new seeds: the best three arms, the best one joined with the best of two other groups
    (weights, activations, noise, constraint, labels, training), and the best arm that acts on several layers in each of
    them. It begins with the strengths near the best one and gives further seeds to the better half. Both stages use the
    same rows, so the second stage corrects its intervals for all arms of the search.

    With `frontier="code/output"`, the question is another one: which layer's penalty makes that activation sparse at
    the least cost of the score? The first stage screens L1 on the activation, on the outputs and the weights of each
    layer and of all, and Hoyer on the activation. Every fit counts the exact zeros there. From the frontier of score
    and zeros the search takes the share of zeros from which on more of them cost more than on average. The second
    stage tests the arms that reach it, from weak strengths to beyond it, and compares their scores at equal zeros. The
    verdict, `SearchResult.at_equal_zeros` and `model` answer that question. All candidates are trained on all rows too,
    so that `representation` can measure them.

    Args:
        model: compiled and built `keras.Model`, or a function without arguments that returns one.
        x, y: the rows, as in `bridle.Study.run`. Without y, the target is x.
        seconds: float > 0, the approximate time in seconds, with compilation. It decides the number of seeds and, if it
            is short, of arms. Programs for two shapes of rows are compiled in any case. Early stopping and single
            layers need further programs: they are tried if compiling takes a small part of the time. Default 60.
        frontier: name of an activation of a rectifier, such as `"code/output"`, to be made sparse. Default None: the
            search is for the best score.
        folds, epochs, batch_size, score: as in `bridle.Study`.
        validation, test, groups, sample_weight, class_weight, preprocessor, target_preprocessor, rows_in, store,
            progress, callbacks: as in `bridle.Study.run`.

    Returns: `bridle.SearchResult`.

    Errors: those of `Study.run`; `InputError` if `seconds` is not above 0, if the model has no weights to penalize, and
    if `frontier` is no activation of the model or is nowhere exactly zero before training.

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
    unread = UnreadRows(x, y, validation, test, groups, sample_weight, class_weight, preprocessor, target_preprocessor)
    rows = unread.read(RowOptions(rows_in, store, progress), folds)
    inquiry = Inquiry(model, rows, {"folds": folds, "epochs": epochs, "batch_size": batch_size, "score": score})
    built = model if isinstance(model, keras.Model) else model()
    if frontier is not None:
        options = RunOptions(store=store, progress=progress)
        return SearchResult(*search_frontier(built, frontier, inquiry.prepare, clock, options))
    first = _screen(inquiry, search_arms(built, rows.x), clock, progress)
    final, facts, until = _prepare_final(inquiry, first, clock)
    race = False if final.score.pooled else "rounds"
    final_options = RunOptions(store=store, race=race, progress=progress, until=until, pilot=False)
    return SearchResult(run_prepared(final, final_options, facts=facts), first.result)


@dataclass(frozen=True)
class Inquiry:
    """Everything that the studies of a search have in common."""

    model: Any
    rows: Rows
    options: Mapping[str, Any]

    def prepare(self, arms: Mapping[str, Terms], seeds: Sequence[int] = (0,)) -> Prepared:
        """Prepare the study of some arms."""
        return prepare(Study(self.model, arms, seeds=tuple(seeds), **self.options).question, self.rows)


@dataclass(frozen=True)
class FirstStage:
    """First stage of a search."""

    arms: SearchArms
    """All arms of the model."""
    prepared: Prepared
    """The study of the arms that were compiled, on all folds."""
    result: Result
    by_layer: Mapping[str, Mapping[str, Terms]]
    """The arms of single layers that there is time for."""
    pace: Pace

    @property
    def screened(self) -> list[str]:
        """The names of its arms."""
        return [arm.name for arm in self.result.data.arms[1:]]


def _screen(inquiry: Inquiry, arms: SearchArms, clock: Clock, progress: bool) -> FirstStage:
    """Compile one program for one arm of each kind, and screen as many of them as the time allows."""
    tried = arms.kinds
    prepared, traced = inquiry.prepare(tried), inf
    if clock.seconds > SHORT:
        traced = trace(common_folds(prepared))
    if TRACES * traced > clock.left:
        tried = dict(list(tried.items())[:FEW])
        prepared = inquiry.prepare(tried)
        traced = trace(common_folds(prepared))
    common = common_folds(prepared)
    pace = measure_pace(replace(common, rules=()), prepared.folds, traced)
    ample = pace.waiting < AMPLE * clock.left
    names = [arm.name for arm in prepared.arms[1:] if ample or arm.early_stopping is None]
    by_layer = {name: layers for name, layers in arms.by_layer.items() if ample and name in names}
    if not by_layer:
        compile_ahead(replace(prepared, rules=()))
    room = SCREENING * (clock.left - pace.waiting)
    names = names[: max(LEAST, pace.arms(room, len(common.folds)))]
    study = with_arms(common, {name: arms.kinds[name] for name in names}, by_name(prepared, names), (0,))
    compile_folds(study)
    began, race = perf_counter(), False if study.score.pooled else "halving"
    result = run_prepared(study, RunOptions(race=race, refit=False, until=-inf, progress=progress))
    fits = len(result.data.members) + cast(int, result.data.provenance.get("pilot", 0))
    return FirstStage(arms, prepared, result, by_layer, pace.after(perf_counter() - began, fits))


def _prepare_final(inquiry: Inquiry, first: FirstStage, clock: Clock) -> tuple[Prepared, dict[str, object], float]:
    """Return the study of the second stage, facts for its record, and the time at which its last seed begins."""
    finalists, pace = choose_finalists(first.result.data, first.by_layer), first.pace
    if first.by_layer:
        pace = replace(pace, shapes=pace.shapes + 1)
    room = clock.left - (pace.waiting if first.by_layer else 0.0)
    while len(finalists) > LEAST and pace.cost(count_candidates(finalists), len(finalists)) > room:
        finalists.popitem()
    terms = {name: join_terms(finalist.parts, first.arms.all) for name, finalist in finalists.items()}
    size, seeds = (count_candidates(finalists), len(finalists)), range(1, 1 + MAX_SEEDS)
    if first.prepared.score.pooled:
        seeds = seeds[: pace.seeds(room, *size, MAX_SEEDS)]
    if first.by_layer:  # a program of its own, with slots for layers and without those of other kinds
        final = inquiry.prepare(terms, seeds)
        bound = [narrowed(arm, finalists[arm.name].strengths) for arm in final.arms[1:]]
    else:
        final, compiled = first.prepared, {arm.name: arm for arm in first.prepared.arms}
        bound = [finalist.bound(name, compiled) for name, finalist in finalists.items()]
    final = with_arms(final, terms, bound, seeds)
    compile_ahead(final)
    compile_folds(final)
    names = {*first.screened, *finalists}
    facts: dict[str, object] = {"screened": len(names), "not screened": len(first.arms.all.keys() - names)}
    planned = pace.seeds(clock.left, *size, MAX_SEEDS)
    return final, facts, clock.until(clock.left - pace.fit_seconds * refits(len(finalists)) * planned)


def _ranked(data: StudyResult, stage: str) -> list[dict[str, Any]]:
    """Return one line per penalized arm of a result, from best to worst."""
    evidence = weigh_evidence(data)
    lines: list[dict[str, Any]] = []
    for name, arm in ranked_arms(data).items():
        gain = vars(evidence.gains[arm]) if arm in evidence.gains else {}
        strengths = data.strengths(evidence.choices[arm].best)
        lines.append(
            {
                "stage": stage,
                "kind": " + ".join(groups_of(data.arms[arm])),
                "arm": name,
                "strengths": ", ".join(f"{value:g}" for value in strengths.values()),
                data.score.name: evidence.quoted[arm],
                "gain": gain.get("difference"),
                "low": gain.get("low"),
                "high": gain.get("high"),
            }
        )
    return lines

"""Run a study: cross-validate every setting, extend open grids, refit what was selected, look at held-out rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

import numpy as np

from bridle._errors import InputError
from bridle._interrupts import raise_if_interrupted, remember_interrupts
from bridle.engine import FitResult, Progress
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import choose_candidates, summarize
from bridle.study._auto_range import find_ranges
from bridle.study._collector import Key, ResultCollector
from bridle.study._facts import facts
from bridle.study._leader import BestSoFar
from bridle.study._nested import check_nested, run_nested
from bridle.study._picture import picture
from bridle.study._probe import probe
from bridle.study._race import race_cells
from bridle.study._snapshots import activations, weight_names
from bridle.study._update import Update, Watch
from bridle.study.data import Splitter, as_splitter
from bridle.study.design import BoundArm, Prepared, refit_rows
from bridle.study.execution import Cluster, ExecutionContext, Keys, Line, RowSet, StudySpec, kept, plan_of, run_requests
from bridle.study.execution import Plan as Facts

ROUNDS = 2
"""How often open grids are extended at most."""
PANELS = 6
"""Decision surfaces drawn at most: `none`, each arm's `best`, then their `1se`."""


def run_study(
    prepared: Prepared,
    *,
    watch: Watch = lambda update: None,
    threads: int | None = None,
    width: int | None = None,
    race: bool = False,
    nested: int | Splitter | None = None,
    refit: bool = True,
    store: str | Path | None = None,
    extend: bool = False,
    client: Any = None,
    until: float | None = None,
) -> tuple[StudyResult, bool]:
    """Run everything; also whether it ran to its end (False after Ctrl-C, with what had finished).

    Stages: a pilot that finds the range of every open grid; every setting on every fold and seed; where the best of
    an open grid lies on its edge, that grid extended; settings around the best; then `none` and the selected settings
    of each arm on all rows, judged once on the held-out rows; with `nested`, all that again inside each outer fold.
    With `race`, strengths that are clearly worse get no further fits; without `refit`, nothing follows the folds.
    Past `until`, a time of `perf_counter`, grids are neither extended nor refined: what does not fit is left out.
    With `store`, members that the folder holds are not trained again, and the others are committed to it as they come;
    with `client`, a Dask client, they are trained on its workers.
    """
    for name, value in (("threads", threads), ("width", width)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise InputError(f"Expected {name} as a whole number ≥ 1, got {value!r}. Leave it out for the best one.")
    if race and prepared.question.warm_start is not None:
        raise InputError(
            "Expected warm_start=None for a race, since a warm start trains every strength. Leave race out."
        )
    if race and prepared.score.pooled:
        raise InputError(
            f"Expected the score of single folds for a race, got {prepared.score.name}, which needs the fits of all "
            "folds. Leave race out."
        )
    nested = as_splitter(nested)
    if nested is not None:
        check_nested(prepared, nested)
    prepared.engine.width = width

    def attentive(update: Update) -> None:
        raise_if_interrupted()
        watch(update)

    plan = {} if store is None and client is None else plan_of(prepared, race, nested)
    cluster = None if client is None else _cluster(client, prepared, plan, race, nested, threads)
    with kept(prepared, store, plan, extend) as vault, remember_interrupts():
        means = ExecutionContext(threads, vault, cluster)
        result, whole = _stages(prepared, attentive, means, race, refit, until)
        if whole and nested is not None:
            try:
                found = run_nested(prepared, nested, attentive, lambda *inner: _stages(*inner, means, race, refit))
            except KeyboardInterrupt:
                found = None
            result, whole = replace(result, nested=found), found is not None
        if vault is not None:
            vault.store.record(finished=whole)
        if cluster is not None:
            result = result.with_provenance(**cluster.facts)
        return result, whole


def _cluster(
    client: Any, prepared: Prepared, plan: Facts, race: bool, nested: int | Splitter | None, threads: int | None
) -> Cluster:
    spec = StudySpec(uuid4().hex, prepared.question, prepared.rows, plan, race, nested, threads)
    return Cluster(Line(client, spec), Keys(plan))


def _stages(
    prepared: Prepared, watch: Watch, means: ExecutionContext, race: bool, refit: bool, until: float | None = None
) -> tuple[StudyResult, bool]:
    began = perf_counter()
    ledger, before = ResultCollector(prepared, prepared.arms, preparation=prepared.preparer.stored()), means.found
    try:
        whole = _search(prepared, ledger, watch, means, race, until)
        whole = whole and (not refit or _refit(prepared, ledger, watch, means))
    except KeyboardInterrupt:
        whole = False
    if means.found > before:
        ledger.facts["fits from the store"] = means.found - before
    return ledger.result().with_provenance(
        **facts(prepared, perf_counter() - began, means.threads), **ledger.facts
    ), whole


def _search(
    prepared: Prepared, ledger: ResultCollector, watch: Watch, means: ExecutionContext, race: bool, until: float | None
) -> bool:
    if any(grid.open for arm in ledger.arms for grid in arm.grids):
        found = find_ranges(prepared, lambda progress: watch(Update("finding ranges", progress, None)), means)
        if found is None:
            return False
        ledger.arms, ledger.facts = found
    ground = RowSet(prepared.folds, {})
    cells = [(seed, fold) for seed in prepared.question.seed_numbers for fold in range(len(prepared.folds))]
    stages = [("fits", None), *[("extending", BoundArm.extended)] * ROUNDS, ("refining", BoundArm.refined)]
    began = perf_counter()
    for stage, grow in stages:
        if grow is not None:
            grown = _grown(ledger, grow)
            before, now = (sum(len(arm.candidates) for arm in arms) for arms in (ledger.arms, grown))
            pace = (perf_counter() - began) / before
            if until is not None and perf_counter() + (now - before) * pace > until:
                continue
            ledger.arms = grown

        def conduct(settings: Sequence[int], cells: Sequence[tuple[int, int]], stage: str = stage) -> bool:
            groups = _groups(prepared, ledger, settings)
            chains = [[(n, seed, fold) for n in group] for seed, fold in cells for group in groups]
            return not chains or _conduct(prepared, ledger, chains, ground, stage, watch, means)

        settings, first = ledger.add_settings(), grow is None
        if not (race_cells(ledger, settings, cells, conduct) if race and first else conduct(settings, cells)):
            return False
    return True


def _groups(prepared: Prepared, ledger: ResultCollector, settings: Sequence[int]) -> list[list[int]]:
    """Settings to be trained one after another: each alone, or on warm paths those of an arm, along its path.

    An arm with new settings is trained anew as a whole then, for a fit depends on those before it.
    """
    if prepared.question.warm_start is None:
        return [[setting] for setting in settings]
    return [ledger.path(arm) for arm in dict.fromkeys(ledger.setting_arm[setting] for setting in settings)]


def _grown(ledger: ResultCollector, grow: Callable[[BoundArm, tuple[float, ...]], BoundArm]) -> tuple[BoundArm, ...]:
    """The arms with open grids given more settings around their best, unless that scores exactly as `none` does."""
    result = ledger.result()
    choices, means = choose_candidates(result), summarize(result.scores()).mean
    found = list(ledger.arms)
    for arm, choice in choices.items():
        same = 0 in choices and means[choice.best] == means[choices[0].best]
        if any(grid.open for grid in found[arm].grids) and not same:
            found[arm] = grow(found[arm], ledger.setting_values[choice.best])
    return tuple(found)


def _refit(prepared: Prepared, ledger: ResultCollector, watch: Watch, means: ExecutionContext) -> bool:
    """Train `none` and each arm's `best` and `1se` on all rows, from every seed."""
    choices = choose_candidates(ledger.result())
    if not choices:
        return True
    fold, data, held_out, ledger.held_out_rows = refit_rows(prepared)
    ledger.preparation = prepared.preparer.stored()
    settings = sorted({setting for choice in choices.values() for setting in (choice.best, choice.one_se)})
    groups = _groups(prepared, ledger, settings)
    groups = [group[: 1 + max(n for n, setting in enumerate(group) if setting in settings)] for group in groups]
    chains = [[(n, seed, ALL_ROWS) for n in group] for seed in prepared.question.seed_numbers for group in groups]
    done = _conduct(prepared, ledger, chains, RowSet([fold], held_out), "refits", watch, means, only=settings)
    both = [choice.best for choice in choices.values()] + [choice.one_se for choice in choices.values()]
    shown = list(dict.fromkeys(both))[:PANELS]
    ledger.probe = probe(prepared, ledger, data)
    ledger.picture = picture(prepared, data, {s: _variables(ledger, s) for s in shown})
    ledger.weight_names = weight_names(prepared)
    ledger.activations = activations(prepared, ledger, data, {arm: choice.best for arm, choice in choices.items()})
    return done


def _variables(ledger: ResultCollector, setting: int) -> list[tuple[np.ndarray, ...]]:
    return [
        ledger.outcomes[key].variables
        for key in ledger.members
        if key[0] == setting and key[2] == ALL_ROWS and key in ledger.outcomes and ledger.outcomes[key].diverged_at < 0
    ]


def _conduct(
    prepared: Prepared,
    ledger: ResultCollector,
    chains: Sequence[Sequence[Key]],
    ground: RowSet,
    stage: str,
    watch: Watch,
    means: ExecutionContext,
    only: Sequence[int] | None = None,
) -> bool:
    """Run the members named in `chains` and enter their outcomes; False where the person stopped it.

    With `only`, members of other settings are trained on the way and not entered.
    """
    keys = [key for chain in chains for key in chain]
    entered = [key for key in keys if only is None or key[0] in only]
    ledger.expect(entered)
    wanted, leader = set(entered), BestSoFar(prepared, ledger)

    def deliver(number: int, outcome: FitResult) -> None:
        key = keys[number]
        if key in wanted:
            ledger.deliver(key, outcome, keep_variables=key[2] == ALL_ROWS)
            leader.hear(key, outcome)

    try:
        watch(Update(f"{stage}: compiling", Progress(len(keys), prepared.question.epochs), leader.best))
        return run_requests(
            prepared,
            [[ledger.order(key) for key in chain] for chain in chains],
            ground,
            deliver=deliver,
            watch=lambda progress: watch(Update(stage, progress, leader.best)),
            means=means,
            members=len(prepared.question.seed_numbers) * len(ledger.setting_arm),
        )
    except KeyboardInterrupt:
        return False

"""The stages of a study: cross-validate every candidate, extend and refine grids, refit the selected candidates."""

import contextlib
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from uuid import uuid4

import numpy as np

from bridle._errors import forget_interrupts, raise_if_interrupted, remember_interrupts
from bridle.engine import FitResult, Progress
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import RECOMMENDED, weigh_evidence
from bridle.study._answers import Answers
from bridle.study._auto_range import find_ranges
from bridle.study._collector import ResultCollector
from bridle.study._confidence import measure_confidence
from bridle.study._nested import check_nested, run_nested
from bridle.study._progress import BestSoFar, Course, Update, Watch
from bridle.study._provenance import provenance_facts
from bridle.study._rounds import (
    ROUNDS,
    Cell,
    Growth,
    check_race,
    grown_arms,
    promising,
    racing_candidates,
    rounds_sentence,
    rungs,
    seed_counts,
)
from bridle.study._row_scores import missing_text
from bridle.study._seed_mean import score_seed_mean, validation_predictions
from bridle.study._snapshots import activation_samples, decision_surface, path_networks, probe_predictions, weight_names
from bridle.study.data._arrays import Data
from bridle.study.design._arms import BoundArm
from bridle.study.design._plan import FIRST_ARM_ROUND, expected_fits
from bridle.study.design._prepare import refit_rows
from bridle.study.design._prepared import Prepared
from bridle.study.execution._cluster import Cluster
from bridle.study.execution._connection import DaskConnection
from bridle.study.execution._facts import fold_row_set, refit_row_set, study_facts
from bridle.study.execution._keys import FitKeys
from bridle.study.execution._options import RunOptions
from bridle.study.execution._requests import FitKey, FitRequest, RowSet
from bridle.study.execution._run import ExecutionContext, run_requests
from bridle.study.execution._stored import open_store_session
from bridle.study.execution._worker import StudySpec, run_task

MAX_EXTENSIONS = 2
"""Rounds that extend open grids."""


def run_study(
    prepared: Prepared, options: RunOptions | None = None, *, watch: Watch = lambda update: None
) -> tuple[StudyResult, bool]:
    """Run everything; return the result, and False after Ctrl-C, with the fits that had finished.

    Stages: a pilot that finds the range of every open grid; every candidate on every fold and seed; where the best of
    an open grid lies on its edge, that grid extended; candidates around the best; then `none` and the selected
    candidates of each arm on all rows, scored once on the held-out rows. With `nested`, all this runs again inside
    each outer fold. Past `until`, grids are neither extended nor refined, and a race adds no seed.

    Errors: `InputError` for options that do not fit the study; those of `open_context`.
    """
    options = options or RunOptions()
    if options.race:
        check_race(prepared)
    if options.nested is not None:
        check_nested(prepared, options.nested)
    prepared.engine.set_width(options.width)

    def watch_interrupts(update: Update) -> None:
        raise_if_interrupted()
        watch(update)

    with open_context(prepared, options) as context, remember_interrupts():
        result, finished = StudyRun(prepared, options, context, watch_interrupts).run()
        if finished and options.nested is not None:

            def run_inner(inner: Prepared, watch_inner: Watch) -> tuple[StudyResult, bool]:
                return StudyRun(inner, options.for_inner_study(), context, watch_inner).run()

            try:
                nested = run_nested(prepared, options.nested, watch_interrupts, run_inner)
            except KeyboardInterrupt:
                nested = None
            result, finished = replace(result, nested=nested), nested is not None
        if context.session is not None:
            context.session.store.record(finished=finished)
        if context.cluster is not None:
            result = result.with_provenance(**context.cluster.facts)
        return result, finished


@contextlib.contextmanager
def open_context(prepared: Prepared, options: RunOptions) -> Iterator[ExecutionContext]:
    """Open the store and the cluster of a run.

    Errors: `StoreError` where the folder holds another study, or cannot be used.
    """
    local = options.store is None and options.client is None
    facts = {} if local else study_facts(prepared, options.race, options.nested)
    cluster = None
    if options.client is not None:
        spec = StudySpec(
            *(uuid4().hex, prepared.question, prepared.rows, facts, options.race, options.nested, options.threads),
            keeps_folds=options.keep_folds,
        )
        cluster = Cluster(DaskConnection(options.client, spec, run_task), FitKeys(facts), facts["device"])
    with open_store_session(prepared.engine, options.store, facts, options.extend) as session:
        yield ExecutionContext(options.threads, session, cluster)


class StudyRun:
    """One run of a study, or of an inner study; its methods are the stages, which return False after Ctrl-C."""

    def __init__(self, prepared: Prepared, options: RunOptions, context: ExecutionContext, watch: Watch) -> None:
        self.prepared, self.options, self.context, self.watch = prepared, options, context, watch
        self.answers = Answers(context.session if prepared.outer is None else None)
        stored, looks, keeps = prepared.preparer.stored(), self.answers.facts(), options.keep_folds
        self.collector = ResultCollector(prepared, prepared.arms, preparation=stored, looks=looks, keeps_folds=keeps)
        self.fold_rows = fold_row_set(prepared, keeps)
        self.until = np.inf if options.until is None else options.until
        self.seeds = prepared.question.seed_numbers
        """The seeds of the refits: those of the fits that selected them."""
        self.course: Course | None = None
        """The progress of a race."""
        self.began = perf_counter()
        """The time at which its race began."""
        self.answered: tuple[FitKey, ...] = ()
        """The fits behind the last answer of a race; none once all have run."""

    def run(self) -> tuple[StudyResult, bool]:
        """Run all stages; return the result, and False after Ctrl-C."""
        began, reused = perf_counter(), self.context.reused_fits
        try:
            if finished := self.find_open_ranges() and self.cross_validate():
                self.collector.looks = self.answers.give(len({seed for _, seed, _ in self.collector.fits}))
            finished = finished and (not self.options.refit or self.refit_selected())
        except KeyboardInterrupt:
            finished = False
        if not finished and self.answered and self.options.refit:
            self.keep_answer()
        facts = self.collector.facts
        if self.context.reused_fits > reused:
            facts["fits from the store"] = self.context.reused_fits - reused
        result = self.collector.result()
        if result.row_scores is None:
            facts["row scores"] = missing_text(self.prepared)
        provenance = provenance_facts(self.prepared, perf_counter() - began, self.context.threads)
        return result.with_provenance(**provenance, **facts), finished

    def find_open_ranges(self) -> bool:
        """Find the range of every open grid by a pilot."""
        if not self.options.pilot or not any(grid.open for arm in self.collector.arms for grid in arm.grids):
            return True
        candidates = sum(len(arm.candidates) for arm in self.prepared.arms)

        def train(requests: Sequence[FitRequest], deliver: Callable[[int, FitResult], None]) -> bool:
            return run_requests(
                self.prepared,
                [[request] for request in requests],
                self.fold_rows,
                deliver=deliver,
                watch=lambda progress: self.watch(Update("finding ranges", progress, None)),
                context=self.context,
                total_fits=candidates * len(self.prepared.question.seed_numbers),  # their programs serve the study
            )

        ranges = find_ranges(self.prepared, train, self.options.range_steps)
        if ranges is None:
            return False
        self.collector.arms, self.collector.facts = ranges
        return True

    def cross_validate(self) -> bool:
        """Train every candidate on every seed and fold, then those of extended and refined grids."""
        seeds, folds = self.prepared.question.seed_numbers, range(len(self.prepared.folds))
        cells = [(seed, fold) for seed in seeds for fold in folds]
        began = perf_counter()
        candidates = self.collector.add_candidates()
        if self.options.race == ROUNDS:
            return self.race_by_seed(candidates)
        if self.options.race:
            finished = self.race(candidates, cells)
        else:
            finished = self.train(self._chains(candidates, cells), self.fold_rows, "fits")
        if not finished:
            return False
        rounds = [("extending", BoundArm.extended)] * MAX_EXTENSIONS + [("refining", BoundArm.refined)]
        for stage, grow in rounds:
            arms = self._grown_arms(grow)
            before = sum(len(arm.candidates) for arm in self.collector.arms)
            seconds = (perf_counter() - began) * (sum(len(arm.candidates) for arm in arms) - before) / before
            if perf_counter() + seconds > self.until:
                continue
            self.collector.arms = arms
            if not self.train(self._chains(self.collector.add_candidates(), cells), self.fold_rows, stage):
                return False
        return True

    def race(self, candidates: Sequence[int], cells: Sequence[Cell]) -> bool:
        """Train candidates on the first cells, and the promising ones on further cells.

        `none` and arms of a single candidate always continue. The facts record each stop.
        """
        remaining, done, seeds = list(candidates), 0, len(self.prepared.question.seed_numbers)
        stopped: dict[str, str] = self.collector.facts.setdefault("stopped", {})
        for end in rungs(self.options.race, seeds, len(cells) // seeds):
            if not self.train(self._chains(remaining, cells[done:end]), self.fold_rows, "fits"):
                return False
            done = end
            if done < len(cells):
                stays = promising(self.collector.result(), remaining, cells[:done], self.options.race)
                when = f"after {done} of {len(cells)} fits"
                stopped |= {self.collector.candidate_text(index): when for index in remaining if not stays[index]}
                remaining = [index for index in remaining if stays[index]]
        return True

    def race_by_seed(self, candidates: Sequence[int]) -> bool:
        """Train one seed at a time: first all candidates and extended grids, then those still in the race.

        Each seed ends with an answer; the second one refines grids. What would end after `until` is left out.
        """
        self.began = perf_counter()
        seeds, racing, arms = self.prepared.question.seed_numbers, list(candidates), self.collector.arms[1:]
        total = expected_fits(arms, len(seeds), len(self.prepared.folds))
        self.course = Course(total, self.prepared.question.epochs)
        for done, seed in enumerate(seeds, 1):
            if done > 1 and not self._has_time(len(racing)):
                break
            self.seeds = seeds[:done]
            if not self._train_seeds(racing, [seed]):
                return False
            for _ in range(MAX_EXTENSIONS if done == 1 and self.options.pilot else 0):
                racing += (added := self._grow(BoundArm.extended, racing))
                if not self._train_seeds(added, seeds[:1]):
                    return False
            if done == min(FIRST_ARM_ROUND, len(seeds)):
                racing += (added := self._grow(BoundArm.refined, racing, done))
                if not self._train_seeds(added, seeds[:done]):
                    return False
            self.collector.looks = self.answers.give(done, range(done + 1, len(seeds) + 1))
            result = self.collector.result()
            self.collector.closing = rounds_sentence(seed_counts(result))
            if done == len(seeds):
                break
            if self.prepared.outer is None:
                self.answered = tuple(self.collector.fits)
                self.watch(Update("fits", self.course.in_stage(Progress(0, 0)), None, result))
            racing = racing_candidates(result, racing, done)
        self.course, self.answered = None, ()
        return True

    def keep_answer(self) -> None:
        """After Ctrl-C, take back the fits after the last answer of a race, and refit what it selects.

        A second Ctrl-C leaves the refits out.
        """
        forget_interrupts()
        self.collector.take_back(self.answered)
        self.course, result = None, self.collector.result()
        self.seeds = tuple(int(seed) for seed in result.seeds)
        with contextlib.suppress(KeyboardInterrupt):
            self.refit_selected({0, weigh_evidence(result).winner or 0})

    def refit_selected(self, arms: Container[int] | None = None) -> bool:
        """Train on all rows `none`, `best` and `1se` of all or of some arms, and the recommended; or all candidates."""
        collector, prepared = self.collector, self.prepared
        evidence = weigh_evidence(collector.result())
        choices, recommended = evidence.choices, evidence.recommendation and evidence.recommendation.candidate
        recommended = self.context.recommended(prepared.outer, recommended, len(collector.results))
        if recommended is not None:
            collector.facts[RECOMMENDED] = recommended
        choices = {arm: choice for arm, choice in choices.items() if arms is None or arm in arms}
        if not choices:
            return True
        rows = refit_rows(prepared)
        collector.held_out_rows, collector.preparation = rows.held_out_counts, prepared.preparer.stored()
        selected = {candidate for choice in choices.values() for candidate in (choice.best, choice.one_se)}
        if self.options.refit == "all":
            selected |= {key[0] for key, fit in collector.results.items() if fit.diverged_at < 0}
        selected = sorted(selected if recommended is None else selected | {recommended})
        groups = self._chain_groups(selected)
        groups = [group[: 1 + max(n for n, candidate in enumerate(group) if candidate in selected)] for group in groups]
        chains = [[(candidate, seed, ALL_ROWS) for candidate in group] for seed in self.seeds for group in groups]
        finished = self.train(chains, refit_row_set(prepared, rows), "refits", only=selected)
        bests = {arm: choice.best for arm, choice in choices.items()}
        if recommended is not None:
            bests[collector.candidate_arm[recommended]] = recommended
        ranked = [*bests.values(), *(choice.one_se for choice in choices.values())]
        self._take_snapshots(rows.data, list(dict.fromkeys(ranked)), bests)
        if prepared.outer is None:
            size = len(collector.candidate_arm)
            collector.seed_mean = score_seed_mean(prepared, collector.results, size, selected, rows.held_out)
            collector.confidence = measure_confidence(prepared, collector.results, size, selected)
            named = [0, bests.get(evidence.winner or 0, 0) if recommended is None else recommended]
            collector.validation_predictions = validation_predictions(prepared, collector.results, named)
        return finished

    def train(
        self, chains: Sequence[Sequence[FitKey]], row_set: RowSet, stage: str, only: Sequence[int] | None = None
    ) -> bool:
        """Train the fits of chains and enter their results.

        With `only`, fits of other candidates are trained on the way and not entered.
        """
        if not chains:
            return True
        prepared, collector = self.prepared, self.collector
        keys = [key for chain in chains for key in chain]
        expected = [key for key in keys if only is None or key[0] in only]
        collector.expect(expected)
        entered, best_so_far = set(expected), BestSoFar(prepared, collector.candidate_text)
        course = self.course

        def deliver(index: int, result: FitResult) -> None:
            key = keys[index]
            if key in entered:
                collector.deliver(key, result)
                best_so_far.update(key, result)

        try:
            progress = Progress(len(keys), prepared.question.epochs)
            if course is None or not course.done:
                self.watch(Update(f"{stage}: compiling", progress, best_so_far.best))

            def watch_stage(progress: Progress) -> None:
                overall = progress if course is None else course.in_stage(progress)
                self.watch(Update(stage, overall, best_so_far.best))

            return run_requests(
                prepared,
                [[collector.request(key) for key in chain] for chain in chains],
                row_set,
                deliver=deliver,
                watch=watch_stage,
                context=self.context,
                total_fits=len(prepared.question.seed_numbers) * len(collector.candidate_arm),
            )
        except KeyboardInterrupt:
            return False
        finally:
            if course is not None:
                course.done += len(keys)

    def _chains(self, candidates: Sequence[int], cells: Sequence[Cell]) -> list[list[FitKey]]:
        """Return the fits of candidates on some seeds and folds, in chains."""
        groups = self._chain_groups(candidates)
        return [[(candidate, *cell) for candidate in group] for cell in cells for group in groups]

    def _chain_groups(self, candidates: Sequence[int]) -> list[list[int]]:
        """Return candidates that are trained one after another: each alone, or with a warm start those of an arm.

        An arm with new candidates is then trained as a whole, because a fit depends on those before it.
        """
        collector = self.collector
        if self.prepared.question.warm_start is None:
            return [[candidate] for candidate in candidates]
        return [collector.path(arm) for arm in dict.fromkeys(collector.candidate_arm[index] for index in candidates)]

    def _train_seeds(self, candidates: Sequence[int], seeds: Sequence[int]) -> bool:
        """Train candidates from some seeds on every fold."""
        cells = [(seed, fold) for seed in seeds for fold in range(len(self.prepared.folds))]
        return self.train(self._chains(candidates, cells), self.fold_rows, "fits")

    def _grow(self, grow: Growth, racing: Sequence[int], seeds: int = 1) -> list[int]:
        """Add candidates to the arms that have some in a race, if there is time; return the new ones."""
        arms, grown = {self.collector.candidate_arm[index] for index in racing}, self._grown_arms(grow)
        pairs = enumerate(zip(self.collector.arms, grown, strict=True))
        grown = tuple(after if index in arms else before for index, (before, after) in pairs)
        before, after = (sum(len(arm.candidates) for arm in arms) for arms in (self.collector.arms, grown))
        if not self._has_time((after - before) * seeds):
            return []
        self.collector.arms = grown
        return self.collector.add_candidates()

    def _has_time(self, candidates: int) -> bool:
        """Return True if candidates with one seed each end before `until`, at the pace of the race so far."""
        trained, now = len(self.collector.results), perf_counter()
        return now + (now - self.began) * candidates * len(self.prepared.folds) / max(1, trained) <= self.until

    def _grown_arms(self, grow: Growth) -> tuple[BoundArm, ...]:
        """Return the arms as `grown_arms` does."""
        return grown_arms(self.collector.result(), self.collector.arms, self.collector.candidate_values, grow)

    def _take_snapshots(self, data: Data, selected: Sequence[int], bests: dict[int, int]) -> None:
        """Enter pictures of the refits of selected candidates."""
        prepared, collector = self.prepared, self.collector
        refits = collector.finished_refits()
        collector.probe = probe_predictions(prepared, {**refits, **collector.kept_folds()}, data)
        trained = [(collector.fits[index][0], refit.variables) for index, refit in refits.items()]
        collector.picture = decision_surface(prepared, data, trained, selected)
        collector.weight_names = weight_names(prepared)
        mesh = None if collector.preparation else collector.picture
        collector.path_networks = path_networks(prepared, collector.first_networks, collector.weight_names, mesh)
        collector.activations = activation_samples(prepared, collector.arms, collector.results, data, bests)

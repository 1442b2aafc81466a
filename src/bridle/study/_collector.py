"""Fits that have run so far: the one object that changes while a study runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bridle._keras import model_json
from bridle.engine import FitResult
from bridle.results import (
    ALL_ROWS,
    Activation,
    Confidence,
    FoldNetworks,
    Members,
    PathNetworks,
    Picture,
    Probe,
    RowScores,
    SeedMean,
    StoredTransformer,
    StudyResult,
    weak_to_strong,
)
from bridle.study._pooled import PooledScorer
from bridle.study._provenance import (
    data_loss_facts,
    dependence_facts,
    describe_protocol,
    log_loss_facts,
    set_aside_facts,
)
from bridle.study._row_scores import collect_row_scores, varies
from bridle.study._snapshots import fold_rows, weight_names
from bridle.study.design._arms import BoundArm, to_result_arm
from bridle.study.design._objective import diagnostic_names
from bridle.study.design._prepared import Prepared
from bridle.study.design._question import DECREASING
from bridle.study.execution._requests import FitKey, FitRequest, keeps_variables, make_request


@dataclass
class ResultCollector:
    """Candidates and fits in the order of their requests, with the results so far."""

    prepared: Prepared
    arms: tuple[BoundArm, ...]
    candidate_arm: list[int] = field(default_factory=list)
    candidate_values: list[tuple[float, ...]] = field(default_factory=list)
    fits: list[FitKey] = field(default_factory=list)
    results: dict[FitKey, FitResult] = field(default_factory=dict)
    held_out_rows: dict[str, int] = field(default_factory=dict)
    probe: Probe | None = None
    picture: Picture | None = None
    activations: tuple[Activation, ...] = ()
    path_networks: PathNetworks | None = None
    weight_names: tuple[str, ...] = ()
    seed_mean: SeedMean | None = None
    confidence: Confidence | None = None
    validation_predictions: dict[int, np.ndarray] = field(default_factory=dict)
    preparation: dict[str, StoredTransformer] = field(default_factory=dict)
    first_networks: dict[int, tuple[np.ndarray, ...]] = field(default_factory=dict)
    """Trained variables of each candidate from the first seed and fold, of small networks."""
    looks: dict[str, object] = field(default_factory=dict)
    """The facts on answers that were given."""
    keeps_folds: bool = False
    """True if the result holds the networks of the folds."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Facts for the record, found during the run."""
    closing: str = ""
    """The sentence on a race that ends the protocol."""
    _fold_rows: FoldNetworks | None = None
    """The rows and preprocessors of the folds, without networks."""
    _scorer: PooledScorer | None = None
    _pooled_scores: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    """Pooled scores of the folds, by candidate and seed."""
    _pooled_rows: dict[tuple[int, int], list[np.ndarray]] = field(default_factory=dict)
    """Pooled scores of the rows of every fold, by candidate and seed."""

    def add_candidates(self) -> list[int]:
        """Add the candidates that the arms have now; return the indices of new ones."""
        before = set(zip(self.candidate_arm, self.candidate_values, strict=True))
        candidates = [(index, values) for index, arm in enumerate(self.arms) for values in arm.candidates]
        new = [candidate for candidate in candidates if candidate not in before]
        self.candidate_arm += [arm for arm, _ in new]
        self.candidate_values += [values for _, values in new]
        return list(range(len(self.candidate_arm) - len(new), len(self.candidate_arm)))

    def expect(self, keys: Sequence[FitKey]) -> None:
        """Add fits that were not expected before."""
        before = set(self.fits)
        self.fits += [key for key in keys if key not in before]

    def path(self, arm: int) -> list[int]:
        """Return the candidates of an arm in the order of a warm start."""
        candidates = [index for index, arm_index in enumerate(self.candidate_arm) if arm_index == arm]
        if len(candidates) > 1:
            values = np.array([self.candidate_values[index] for index in candidates]).reshape(len(candidates), -1)
            candidates = [candidates[position] for position in weak_to_strong(values, self.arms[arm].limits)]
        return candidates[::-1] if self.prepared.question.warm_start == DECREASING else candidates

    def candidate_text(self, candidate: int) -> str:
        """Return a candidate in words: its arm and its strengths."""
        values = ", ".join(f"{value:g}" for value in self.candidate_values[candidate])
        return f"{self.arms[self.candidate_arm[candidate]].name} {values}".strip()

    def request(self, key: FitKey) -> FitRequest:
        """Return the request for a fit."""
        candidate, seed, fold = key
        arm = self.arms[self.candidate_arm[candidate]]
        return make_request(self._strengths(candidate), arm.learning_rate, seed, fold, self.prepared.rule_of(arm))

    def deliver(self, key: FitKey, result: FitResult) -> None:
        """Enter one result; variables are dropped but for refits, `first_networks`, and folds that are kept."""
        candidate, seed, fold = key
        is_first = fold == 0 and keeps_variables(self.prepared.first_seed, seed, fold, result)
        if is_first and result.diverged_at < 0 and result.variables:
            self.first_networks[candidate] = result.variables
        kept = fold == ALL_ROWS or self.keeps_folds
        self.results[key] = result if kept else replace(result, variables=())
        self._pooled_scores.pop(key[:2], None)

    def take_back(self, fits: Sequence[FitKey]) -> None:
        """Leave out all fits but these."""
        remaining = set(fits)
        self.fits = list(fits)
        self.results = {key: result for key, result in self.results.items() if key in remaining}
        candidates = {candidate for candidate, _, _ in fits}
        self.first_networks = {one: values for one, values in self.first_networks.items() if one in candidates}

    def pooled_curves(self, points: int) -> np.ndarray:
        """Return the pooled score of every fit, shape (fit, point, 1): NaN but for the last point.

        A score exists once all folds of a candidate and seed have finished.
        """
        column = np.full((len(self.fits), points, 1), np.nan, np.float32)
        for index, (candidate, seed, fold) in enumerate(self.fits):
            scores = None if fold == ALL_ROWS else self._scores_over_folds(candidate, seed)
            if scores is not None:
                column[index, -1] = scores[fold]
        return column

    def _scores_over_folds(self, candidate: int, seed: int) -> np.ndarray | None:
        if (candidate, seed) not in self._pooled_scores:
            folds = range(len(self.prepared.folds))
            results = [self.results.get((candidate, seed, fold)) for fold in folds]
            finished = [result for result in results if result is not None and result.diverged_at < 0]
            if len(finished) < len(results):
                return None
            self._scorer = self._scorer or PooledScorer(self.prepared)
            predictions = [result.predictions for result in finished]
            self._pooled_scores[candidate, seed] = self._scorer.scores(predictions)
            if not self.prepared.no_row_scores:
                self._pooled_rows[candidate, seed] = self._scorer.row_scores(predictions)
        return self._pooled_scores[candidate, seed]

    def row_scores(self, means: np.ndarray) -> RowScores | None:
        """Return the row scores of all fits, whose scores are `means`; None if they say no more than the scores."""
        if self.prepared.no_row_scores:
            return None
        if self.prepared.score.pooled:
            means = np.full_like(means, np.nan)
            folds = [(self._pooled_rows.get((candidate, seed)), fold) for candidate, seed, fold in self.fits]
            scores = [None if rows is None or fold == ALL_ROWS else rows[fold] for rows, fold in folds]
        else:
            results = (self.results.get(key) for key in self.fits)
            scores = [None if result is None else result.row_scores for result in results]
        collected = collect_row_scores(self.prepared, self.fits, scores, means)
        return collected if varies(collected) else None

    def finished_refits(self) -> dict[int, FitResult]:
        """Return the refits that finished, by the index of the fit."""
        refits = {index: self.results.get(key) for index, key in enumerate(self.fits) if key[2] == ALL_ROWS}
        return {index: fit for index, fit in refits.items() if fit is not None and fit.diverged_at < 0}

    def kept_folds(self) -> dict[int, FitResult]:
        """Return the fits on folds that finished and whose networks are kept, by the index of the fit."""
        refitted = {candidate for candidate, _, fold in self.fits if fold == ALL_ROWS}
        keys = [
            (index, key)
            for index, key in enumerate(self.fits if self.keeps_folds else ())
            if key[2] != ALL_ROWS and (key[0] in refitted or not refitted)
        ]
        fits = {index: self.results.get(key) for index, key in keys}
        return {index: fit for index, fit in fits.items() if fit is not None and fit.diverged_at < 0}

    def result(self) -> StudyResult:
        """Return all results so far as arrays; fits that have not run are marked as such."""
        prepared = self.prepared
        engine, units = prepared.engine, prepared.units
        measures, quantities = engine.objective.measure_names, engine.quantities(engine.sides)
        results = [self.results.get(key) for key in self.fits]
        curves = self._curves(results, quantities)
        if prepared.score.pooled:
            quantities += (f"validation/{prepared.score.name}",)
            curves = np.concatenate([curves, self.pooled_curves(curves.shape[1])], axis=2)
        row_scores = self.row_scores(curves[:, -1, quantities.index(f"validation/{prepared.score.name}")])
        names = diagnostic_names(prepared.bound_terms)
        diagnostics = [None if result is None else result.diagnostics for result in results]
        blank = np.full(len(measures), np.nan, np.float32)
        shape = len(self.candidate_arm), len(prepared.bound_terms.slots)
        return StudyResult(
            arms=tuple(to_result_arm(arm) for arm in self.arms),
            slots=prepared.bound_terms.slots,
            setting_arm=np.array(self.candidate_arm, int),
            setting_strengths=np.array(
                [self._strengths(candidate) for candidate in range(len(self.candidate_arm))]
            ).reshape(shape),
            members=self._members(results),
            score=prepared.score,
            epochs=engine.recipe.stops,
            quantities=quantities,
            curves=curves,
            diagnostic_names=names,
            diagnostics=_stack(diagnostics, np.full(len(names), np.nan, np.float32)),
            fold_rows=prepared.fold_rows,
            held_out_names=measures,
            held_out={
                name: _stack([None if result is None else result.measures.get(name) for result in results], blank)
                * units.factors[-1]
                for name in self.held_out_rows
            },
            held_out_rows=dict(self.held_out_rows),
            weights={
                index: self.results[key].variables
                for index, key in enumerate(self.fits)
                if key[2] == ALL_ROWS and key in self.results
            },
            weight_names=self.weight_names or (weight_names(prepared) if self.keeps_folds else ()),
            probe=self.probe,
            picture=self.picture,
            activations=self.activations,
            path_networks=self.path_networks,
            model_json=model_json(prepared.model),
            protocol=f"{describe_protocol(prepared)} {self.closing}".strip(),
            preparation=self.preparation,
            prepared_units=units.transformed,
            seed_mean=self.seed_mean,
            confidence=self.confidence,
            row_scores=row_scores,
            validation_predictions=self.validation_predictions,
            fold_networks=self._fold_networks() if self.keeps_folds else None,
            provenance={
                **dependence_facts(prepared),
                **data_loss_facts(prepared),
                **log_loss_facts(prepared),
                **set_aside_facts(prepared),
                **self.looks,
            },
        )

    def _fold_networks(self) -> FoldNetworks:
        """Return the networks of the folds: those of candidates that are refitted, or of all before any refit."""
        self._fold_rows = self._fold_rows or fold_rows(self.prepared)
        return replace(self._fold_rows, weights={index: fit.variables for index, fit in self.kept_folds().items()})

    def _members(self, results: Sequence[FitResult | None]) -> Members:
        candidate, seed, fold = np.array(self.fits, int).reshape(-1, 3).T
        numbers = (
            np.array([-1 if result is None else getattr(result, name) for result in results], int)
            for name in ("diverged_at", "epochs", "kept_epoch")
        )
        finished = np.array([result is not None and result.diverged_at < 0 for result in results], bool)
        return Members(candidate, seed, fold, finished, *numbers)

    def _curves(self, results: Sequence[FitResult | None], quantities: Sequence[str]) -> np.ndarray:
        """Return float32 (fit, point, quantity), in the units of the target as it was given.

        What a fit does not measure is NaN: rows set aside, where its arm sets none aside.
        """
        engine, factors = self.prepared.engine, self.prepared.units.factors
        curves = np.full((len(results), len(engine.recipe.stops), len(quantities)), np.nan, np.float32)
        rules = [self.prepared.rule_of(arm) for arm in self.arms]
        columns = [
            [quantities.index(name) for name in engine.quantities(recipe.sides)]
            for recipe in (engine.recipe, *engine.arm_recipes)
        ]
        for index, (key, result) in enumerate(zip(self.fits, results, strict=True)):
            if result is not None:
                curves[index][:, columns[rules[self.candidate_arm[key[0]]]]] = result.curves
        fold = np.array(self.fits, int).reshape(-1, 3)[:, 2]
        sides = np.tile(factors[fold], (1, len(engine.sides)))
        curves[:, :, -sides.shape[1] :] *= sides[:, None]
        return curves

    def _strengths(self, candidate: int) -> np.ndarray:
        """Return float64 (slot,): the strengths of a candidate as written."""
        arm, values = self.arms[self.candidate_arm[candidate]], self.candidate_values[candidate]
        return arm.strength_row(values, self.prepared.bound_terms.absent)


def _stack(values: Sequence[np.ndarray | None], missing: np.ndarray) -> np.ndarray:
    """Return one array for all fits, with `missing` where there is none; also for no fits at all."""
    return np.array([missing if value is None else value for value in values], missing.dtype).reshape(
        -1, *missing.shape
    )

"""Preparation of a study before its first fit: model, arms, folds and programs, each checked."""

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import keras
import numpy as np

from bridle._interrupts import raise_if_interrupted
from bridle._keras import (
    InitialValues,
    Program,
    UntraceableError,
    layers_named,
    loss_name,
    make_program,
    mixes_rows,
    predicted_shapes,
    read_blueprint,
    require_jax,
)
from bridle.engine import (
    Fold,
    Objective,
    Programs,
    Recipe,
    Rows,
    Start,
    Training,
    choose_width,
    compile_programs,
    free_memory,
    on_accelerator,
    single_threaded_blas,
    time_short_call,
)
from bridle.placement import PenaltyTerms, Term, bind_terms, check_plain
from bridle.results import Score
from bridle.study.data import Data, RefitRows, RowPreparer, make_folds, make_refit_rows, unstratified_notes
from bridle.study.data import Rows as GivenRows
from bridle.study.design._arms import BoundArm, read_arms
from bridle.study.design._objective import check_eager, make_objective, try_out
from bridle.study.design._question import Question
from bridle.study.design._scores import check_pooled, choose_score, stopping_rule
from bridle.study.design._undefined import undefined_notes
from bridle.study.design._units import Units, powers, units

MIXED = (
    "A prediction of this model depends on the other rows of its batch. Measures are those of blocks of up to 1,024 "
    "rows, among which rows of several sides of a fold may stand together, and not those of "
    "model.evaluate(batch_size={})."
)
"""The note on a model that mixes rows."""
MAX_CACHED_SEEDS = 64
"""The number of seeds whose initial variables are cached."""


@dataclass
class StudyEngine:
    """Shared state of all fits: compiled programs by shape of rows, initial variables by seed."""

    objective: Objective
    recipe: Recipe
    strength_count: int
    program: Program
    weights: tuple[np.ndarray, ...] | None = None
    """The weights from which every fit starts; None for those that each seed draws."""
    untraced: str = ""
    """The reason why the model cannot be traced; fits then run operation by operation."""
    width: int | None = None
    """The number of fits in one call; None for one on a CPU, and as many as pay on an accelerator."""
    _programs: dict[Any, Programs] = field(default_factory=dict)
    _starts: InitialValues = field(init=False)
    _initial: dict[int, tuple[list[np.ndarray], list[np.ndarray]]] = field(default_factory=dict)
    _optimizers: dict[float | None, list[np.ndarray]] = field(default_factory=dict)
    _drawing: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._starts = InitialValues(self.program.blueprint.build)

    def start(self, seed: int, learning_rate: float | None = None) -> Start:
        """Return the initial state of a fit: the variables of Keras after `set_random_seed(seed)`, or given weights.

        With given weights, the seed still decides the states of random layers and the shuffling.
        """
        # Drawing moves the random state of the whole process for a moment; only the first draw finds the cores idle.
        with self._drawing, single_threaded_blas() if self._initial else contextlib.nullcontext():
            if seed not in self._initial:
                while len(self._initial) >= MAX_CACHED_SEEDS:
                    self._initial.pop(next(iter(self._initial)))
                self._initial[seed] = self._starts.variables(seed)
            trainable, non_trainable = self._initial[seed]
        if self.weights is not None:
            weights, split = list(self.weights), len(trainable)
            trainable = weights[:split]
            non_trainable = [
                weight if carried_over else initial
                for initial, weight, carried_over in zip(
                    non_trainable, weights[split:], self.objective.carried_over, strict=True
                )
            ]
        if learning_rate not in self._optimizers:
            self._optimizers[learning_rate] = self.program.optimizer_state(learning_rate)
        return Start(trainable, non_trainable, self._optimizers[learning_rate])

    def programs(self, fold: Fold, held_out: Mapping[str, Rows], members: int = 1) -> Programs:
        """Return the programs for rows of this shape, compiled on first use, for about `members` fits."""
        raise_if_interrupted()
        key = (fold.shape, tuple(sorted(held_out)))
        if key not in self._programs:
            self._programs[key] = self._compiled(fold, held_out, members)
        return self._programs[key]

    def _compiled(self, fold: Fold, held_out: Mapping[str, Rows], members: int) -> Programs:
        what = self.training, fold, self.start(0), self.strength_count, held_out
        if not self.untraced:
            try:
                with layers_named():
                    if self.width is None and on_accelerator():
                        timed = partial(time_short_call, self.recipe, fold, self.start(0), self.strength_count)
                        compiled = partial(compile_programs, *what)
                        return choose_width(lambda width: compiled(width=width), timed, members, free_memory())
                    return compile_programs(*what, width=self.width)
            except UntraceableError as error:
                self._run_untraced(error)
                check_eager(self.objective, self.start(0), self.strength_count, fold)
        return compile_programs(*what, eager=True)

    def set_width(self, width: int | None) -> None:
        """Set the number of fits in one call, for programs that are compiled from now on."""
        self.width = width

    def _run_untraced(self, error: UntraceableError) -> None:
        """Run all further fits operation by operation."""
        self.untraced = str(error)

    @property
    def training(self) -> Training:
        """Mathematics and recipe that all fits share."""
        return Training(self.objective, self.recipe)

    @property
    def compilations(self) -> int:
        """The number of compiled executables: one for training and one for evaluation per shape of rows."""
        return sum(programs.executables for programs in self._programs.values())

    @property
    def widths(self) -> list[int]:
        """The number of fits in one call, for each shape of rows."""
        return [programs.width or 1 for programs in self._programs.values()]

    @property
    def forms(self) -> list[str]:
        """Descriptions of the rewritten operations."""
        return list(dict.fromkeys(form for programs in self._programs.values() for form in programs.forms))

    @property
    def compile_seconds(self) -> float:
        """Time spent tracing and compiling."""
        return sum(programs.seconds for programs in self._programs.values())


@dataclass(frozen=True)
class Prepared:
    """A checked study that is ready to start."""

    question: Question
    rows: GivenRows
    preparer: RowPreparer
    arms: tuple[BoundArm, ...]
    terms: tuple[Term, ...]
    penalty_terms: PenaltyTerms
    score: Score
    folds: list[Fold]
    fold_rows: np.ndarray
    ordered: bool
    """True if every fold validates on rows after those it trains on, as in `TimeSeriesSplit`."""
    targets: tuple[Any, ...]
    """The preprocessor of the target fitted in each fold, or None."""
    engine: StudyEngine
    notes: tuple[str, ...] = ()
    """Notes on the rows, known before training."""
    outer: int | None = None
    """The outer fold whose training rows an inner study of nested cross-validation runs on."""

    @property
    def model(self) -> keras.Model:
        """The model whose copies are trained."""
        return self.engine.program.model

    @property
    def units(self) -> Units:
        """The units of measures: those of the original target where possible."""
        names, program = self.engine.objective.measure_names, self.engine.program
        refits = self.preparer.final[0][1] if self.preparer.final else None
        if "crossentropy" in self.preparer.loss.lower().replace("_", ""):  # classes have no units
            return Units(np.ones((len(self.folds) + 1, len(names)), np.float32))
        measure_powers = powers(self.model, program.metrics, names[1:])
        return units(measure_powers, names, (*self.targets, self.targets[0] if refits is None else refits))


def prepare(question: Question, rows: GivenRows) -> Prepared:
    """Check a question against its rows and build the shared parts of its fits. Train and compile nothing.

    Errors: those of `blueprint`, `read_arms`, `read_rows` and `split_rows`; `BackendError` off JAX.
    """
    require_jax()
    plan = read_blueprint(question.model)
    model = plan.template
    check_plain(model)
    arms, terms = read_arms(model, question.arms)
    preparer = RowPreparer(rows, loss_name(model), _outputs(model))
    folds = make_folds(preparer, question.folds, question.validation_fraction)
    compiled = make_program(plan, *folds.rows[0].rows)
    held_out = {name: preparer.outside(parts, preparer.fitted(None), name) for name, parts in rows.held_out.items()}
    for name, data in held_out.items():
        predicted_shapes(model, data.x, name)
    bound = bind_terms(terms)
    try_out(compiled, bound, folds.rows[0].rows.x)
    for arm in arms:
        compiled.optimizer_state(arm.learning_rate)
    score = choose_score(compiled, question.score)
    stopping = stopping_rule(compiled, question.early_stopping)
    notes = undefined_notes(compiled, score, stopping, folds.rows, {name: data.y for name, data in held_out.items()})
    if rows.validation is None:
        notes += unstratified_notes(preparer.all_rows(), question.folds, rows.groups)
    if mixes_rows(compiled, folds.rows[0].rows.x):
        notes.append(MIXED.format(question.batch_size))
    if score.pooled:
        check_pooled(compiled, score, folds.targets)
    points = min(question.curve_points, question.epochs)
    recipe = Recipe(question.epochs, question.batch_size, question.shuffle, points, stopping, predictions=score.pooled)
    weights = None if question.initial_weights == "random" else tuple(np.asarray(v.value) for v in compiled.variables)
    engine = StudyEngine(make_objective(compiled, bound), recipe, len(bound.slots), compiled, weights)
    cut_rows = (folds.rows, folds.counts, folds.ordered, folds.targets)
    return Prepared(question, rows, preparer, arms, terms, bound, score, *cut_rows, engine, tuple(notes))


def with_rows(prepared: Prepared, rows: GivenRows) -> Prepared:
    """Return the same study of other rows, with the programs that are already compiled."""
    preparer = RowPreparer(rows, prepared.preparer.loss, prepared.preparer.outputs)
    folds = make_folds(preparer, prepared.question.folds, prepared.question.validation_fraction)
    return replace(
        prepared,
        rows=rows,
        preparer=preparer,
        folds=folds.rows,
        fold_rows=folds.counts,
        ordered=folds.ordered,
        targets=folds.targets,
    )


def all_rows(prepared: Prepared) -> Data:
    """Return all rows of a study as arrays."""
    return prepared.preparer.all_rows()


def _outputs(model: keras.Model) -> tuple[int | None, ...]:
    """Return the shape of the first output; unknown for a subclassed model."""
    outputs = getattr(model, "outputs", None)
    return tuple(outputs[0].shape) if outputs else (None, None)


def refit_rows(prepared: Prepared) -> RefitRows:
    """Return all rows and the held-out ones, prepared in the same way."""
    return make_refit_rows(prepared.preparer, prepared.question.validation_fraction, prepared.ordered)


__all__ = ["Prepared", "StudyEngine", "all_rows", "prepare", "refit_rows", "with_rows"]

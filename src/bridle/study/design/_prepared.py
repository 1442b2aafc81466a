"""A study that is ready to start, and the compiled programs and initial variables that its fits share."""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np

from bridle._errors import raise_if_interrupted
from bridle._keras import InitialValues, Program, UntraceableError, layers_named
from bridle.engine import (
    Fold,
    Objective,
    Programs,
    Recipe,
    Start,
    StoredPrograms,
    Training,
    choose_width,
    compile_programs,
    compile_stored_programs,
    free_memory,
    is_stored,
    on_accelerator,
    single_threaded_blas,
    time_short_call,
)
from bridle.engine import Rows as DeviceRows
from bridle.placement import BoundTerms, Term
from bridle.regularizers import EarlyStopping
from bridle.results import Score
from bridle.study.data._rows import RowPreparer, Rows
from bridle.study.design._arms import BoundArm
from bridle.study.design._objective import check_eager
from bridle.study.design._question import Question
from bridle.study.design._units import Units, powers, units

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
    arm_recipes: tuple[Recipe, ...] = ()
    """The recipes of arms with a rule of their own, which are not trained by `recipe`."""
    _programs: dict[Any, Programs | StoredPrograms] = field(default_factory=dict)
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

    def programs(
        self, fold: Fold, held_out: Mapping[str, DeviceRows], members: int = 1, rule: int = 0
    ) -> Programs | StoredPrograms:
        """Return the programs for rows of this shape and a rule, compiled on first use, for about `members` fits.

        Rule 0 is that of the study; the others are those of `arm_recipes`.
        """
        raise_if_interrupted()
        key = (fold.shape, tuple(sorted(held_out)), rule)
        if key not in self._programs:
            self._programs[key] = self._compiled(fold, held_out, members, rule)
        return self._programs[key]

    def _compiled(
        self, fold: Fold, held_out: Mapping[str, DeviceRows], members: int, rule: int
    ) -> Programs | StoredPrograms:
        training = Training(self.objective, (self.recipe, *self.arm_recipes)[rule])
        what = training, fold, self.start(0), self.strength_count, held_out
        streams = fold.is_stored or is_stored(dict(held_out))
        if not self.untraced:
            try:
                with layers_named():
                    if streams:
                        return compile_stored_programs(*what)
                    if self.width is None and on_accelerator():
                        timed = partial(time_short_call, fold, self.start(0), self.strength_count)
                        compiled = partial(compile_programs, *what)
                        return choose_width(lambda width: compiled(width=width), timed, members, free_memory())
                    return compile_programs(*what, width=self.width)
            except UntraceableError as error:
                self._run_untraced(error)
                check_eager(self.objective, self.start(0), self.strength_count, fold)
        return (compile_stored_programs if streams else compile_programs)(*what, eager=True)

    def set_width(self, width: int | None) -> None:
        """Set the number of fits in one call, for programs that are compiled from now on."""
        self.width = width

    def _run_untraced(self, error: UntraceableError) -> None:
        """Run all further fits operation by operation."""
        self.untraced = str(error)

    @property
    def training(self) -> Training:
        """Mathematics of all fits, and the recipe of those without a rule of their own."""
        return Training(self.objective, self.recipe)

    @property
    def sides(self) -> tuple[str, ...]:
        """Sides of a fold that some fits measure, in the order of its rows."""
        return max((recipe.sides for recipe in (self.recipe, *self.arm_recipes)), key=len)

    def quantities(self, sides: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the quantities of a curve with these sides."""
        return (
            "fit/loss",
            *(f"penalty/{name}" for name in self.objective.part_names),
            *(f"{side}/{name}" for side in sides for name in self.objective.measure_names),
        )

    @property
    def compilations(self) -> int:
        """The number of compiled executables: per shape of rows one to train, one to evaluate, one for row scores."""
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
    rows: Rows
    preparer: RowPreparer
    arms: tuple[BoundArm, ...]
    terms: tuple[Term, ...]
    bound_terms: BoundTerms
    score: Score
    folds: list[Fold]
    fold_rows: np.ndarray
    ordered: bool
    """True if every fold validates on rows after those it trains on, as in `TimeSeriesSplit`."""
    by_share: Mapping[float, list[Fold]]
    """The folds with each share of the training rows set aside that an arm needs."""
    fitted: tuple[tuple[Any, Any], ...]
    """The preprocessors of the rows and the target fitted in each fold, or None."""
    validation_indices: tuple[np.ndarray, ...]
    """The indices of the validation rows of each fold in the study's rows, or in the given validation rows."""
    engine: StudyEngine
    no_row_scores: str = ""
    """The reason why scores of single rows are not computed; empty if they are."""
    notes: tuple[str, ...] = ()
    """Notes on the rows, known before training."""
    outer: int | None = None
    """The outer fold whose training rows an inner study of nested cross-validation runs on."""
    rules: tuple[EarlyStopping, ...] = ()
    """The rules of arms that stop early by a rule of their own, in the order of `StudyEngine.arm_recipes`."""

    @property
    def model(self) -> keras.Model:
        """The model whose copies are trained."""
        return self.engine.program.model

    @property
    def targets(self) -> tuple[Any, ...]:
        """The preprocessor of the target fitted in each fold, or None."""
        return tuple(target for _, target in self.fitted)

    @property
    def first_seed(self) -> int | None:
        """The seed whose networks of the first fold the report explores; None for an inner study."""
        return self.question.seed_numbers[0] if self.outer is None else None

    def rule_of(self, arm: BoundArm) -> int:
        """Return the number of the rule by which the fits of an arm end; 0 is that of the study."""
        return 1 + self.rules.index(arm.early_stopping) if arm.early_stopping in self.rules else 0

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the training rows that each of `rules` sets aside."""
        return tuple(rule.validation_fraction for rule in self.rules)

    @property
    def arm_folds(self) -> tuple[list[Fold], ...]:
        """The folds of each of `rules`."""
        return tuple(self.by_share[share] for share in self.shares)

    @property
    def units(self) -> Units:
        """The units of measures: those of the original target where possible."""
        names, program = self.engine.objective.measure_names, self.engine.program
        refits = self.preparer.final[0][1] if self.preparer.final else None
        if "crossentropy" in self.preparer.loss.lower().replace("_", ""):  # classes have no units
            return Units(np.ones((len(self.folds) + 1, len(names)), np.float32))
        measure_powers = powers(self.model, program.metrics, names[1:])
        return units(measure_powers, names, (*self.targets, self.targets[0] if refits is None else refits))

"""Everything a study needs before its first fit: model, arms, folds and programs, each checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from bridle._interrupts import check
from bridle._keras import Program, blueprint, loss_name, program, require_jax
from bridle.placement import Charges, Term, charges
from bridle.population import Fold, Objective, Programs, Recipe, Rows, compile_programs, starting
from bridle.results import Score
from bridle.study._arms import Treatment, read_arms
from bridle.study._data import Data
from bridle.study._folds import Reader, cut, everything
from bridle.study._objective import choose_score, make_objective, try_out
from bridle.study._question import Question
from bridle.study._question import Rows as GivenRows


@dataclass
class Workshop:
    """What is made once and used by every fit: compiled programs by shape of rows, initial variables by seed."""

    objective: Objective
    recipe: Recipe
    settings: int
    program: Program
    _programs: dict[Any, Programs] = field(default_factory=dict)
    _starts: dict[int, tuple[list[np.ndarray], list[np.ndarray]]] = field(default_factory=dict)

    def start(self, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The initial variables under a seed: those Keras gives after `set_random_seed(seed)`."""
        if seed not in self._starts:
            self._starts[seed] = self.program.blueprint.variables(seed)
        return self._starts[seed]

    def programs(self, fold: Fold, held_out: Mapping[str, Rows]) -> Programs:
        """The compiled programs for rows of this shape."""
        check()
        key = (fold.shape, tuple(sorted(held_out)))
        if key not in self._programs:
            state = starting(self.objective, *self.start(0))
            self._programs[key] = compile_programs(self.objective, self.recipe, fold, state, self.settings, held_out)
        return self._programs[key]

    @property
    def compilations(self) -> int:
        """How many executables there are: one that trains and one that looks, per shape of rows."""
        return 2 * len(self._programs)

    @property
    def compile_seconds(self) -> float:
        """Time spent tracing and compiling."""
        return sum(programs.seconds for programs in self._programs.values())


@dataclass(frozen=True)
class Prepared:
    """A study that could start now."""

    question: Question
    rows: GivenRows
    reader: Reader
    treatments: tuple[Treatment, ...]
    terms: tuple[Term, ...]
    charges: Charges
    score: Score
    folds: list[Fold]
    fold_rows: np.ndarray
    workshop: Workshop

    @property
    def model(self) -> keras.Model:
        """The template."""
        return self.workshop.program.model


def prepare(question: Question, rows: GivenRows) -> Prepared:
    """Check a question against its rows and make what its fits share. Trains nothing and compiles nothing.

    Errors: those of `blueprint`, `read_arms`, `read_rows` and `split_rows`; `BackendError` off JAX.
    """
    require_jax()
    plan = blueprint(question.model)
    model = plan.template
    treatments, terms = read_arms(model, question.arms)
    reader = Reader(rows, loss_name(model), _outputs(model))
    _, folds, fold_rows = cut(reader, question.folds)
    compiled = program(plan, folds[0].rows.x, folds[0].rows.y)
    bound = charges(terms)
    try_out(compiled, bound, folds[0].rows.x)
    recipe = Recipe(question.epochs, question.batch_size, question.shuffle, min(question.points, question.epochs))
    workshop = Workshop(make_objective(compiled, bound), recipe, len(bound.slots), compiled)
    score = choose_score(compiled, question.score)
    return Prepared(question, rows, reader, treatments, terms, bound, score, folds, fold_rows, workshop)


def _outputs(model: keras.Model) -> tuple[int | None, ...]:
    """The shape of the first output; unknown for a subclassed model."""
    outputs = getattr(model, "outputs", None)
    return tuple(outputs[0].shape) if outputs else (None, None)


def refit_rows(prepared: Prepared) -> tuple[Fold, Data, Mapping[str, Rows], Mapping[str, int]]:
    """All rows, and the held-out ones, prepared alike."""
    return everything(prepared.reader)


__all__ = ["Prepared", "Workshop", "prepare", "refit_rows"]

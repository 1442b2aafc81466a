"""Programs for rows on disk: they take a block of rows at a time, and together compute what those of `_programs` do."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridle.engine._averaging import measured_state
from bridle.engine._device import (
    COMPILE_OPTIONS,
    FAST_COMPILE_OPTIONS,
    QUICK_COMPILE_OPTIONS,
    Executable,
    find_libraries,
    run_eagerly,
)
from bridle.engine._draw import Moment
from bridle.engine._evaluate import measure_sides, predict_last_chunks
from bridle.engine._member import (
    batch_step,
    finish_training,
    mark_divergence,
    pass_over_block,
    plain_or_noisy,
    remember_epoch,
)
from bridle.engine._objective import Recipe, Training
from bridle.engine._programs import TRACING, Start, call_bytes, fast_objective, shapes_of_kernels, state_at_start
from bridle.engine._shuffle import shuffled
from bridle.engine._state import Block, Fold, Rows, State, row_count
from bridle.engine._stored import BLOCKS_HELD, row_bytes
from bridle.engine._stored_layout import Layout, make_layout, sides_of
from bridle.engine._sweep import Sweep, outline
from bridle.engine.rewrites import CannotTransposeError, for_once, with_transposed_kernels

POINT, END, ROWS = "point", "end", "rows"
"""When rows are predicted: while a fit trains, after it, and after it for the scores of single rows."""
OPTIONS = {POINT: COMPILE_OPTIONS, END: FAST_COMPILE_OPTIONS, ROWS: QUICK_COMPILE_OPTIONS}
"""Compiler options of the programs that predict: those of the program that does it for rows in memory."""


@dataclass(eq=False)
class StoredPrograms:
    """Executables for one shape of rows on disk, shared by all fits of all arms; mutable: they compile late."""

    parts: Mapping[str, Callable[..., Any]]
    """Programs by name; `compile_stored_programs` lists their arguments."""
    layout: Layout
    initial_state: Callable[[Start], State]
    recipe: Recipe
    cost_count: int
    """Quantities summed over the batches of an epoch."""
    block_bytes: int
    prediction_bytes: int
    """Size of the predictions of a row; 0 if it is not known."""
    trace_seconds: float
    forms: tuple[str, ...] = ()
    eager: bool = False
    """True if each operation is called by itself; one thread at a time then uses the model."""
    compile_seconds: float | None = None
    capacity: int = 1
    width: int | None = None
    is_streamed: bool = True
    _compiling: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self.parts[name]

    @cached_property
    def identity(self) -> str:
        """Hash of all programs; empty if nothing is compiled."""
        if self.eager:
            return ""
        texts = [f"{name} {part.identity}" for name, part in sorted(self._executables.items())]
        return sha256(" ".join(texts).encode()).hexdigest()

    def compile(self) -> None:
        """Compile the programs that train; others continue to compile during the first training."""
        with self._compiling:
            if self.eager or self.compile_seconds is not None:
                return
            began, pool = perf_counter(), ThreadPoolExecutor(2)
            pending = {name: pool.submit(part.compiled) for name, part in self._executables.items()}
            pool.submit(find_libraries)
            pool.shutdown(wait=False)
            for name, part in pending.items():
                if name.startswith("train"):
                    part.result()
            self.compile_seconds = perf_counter() - began

    def compile_fully(self) -> None:
        """Compile all programs and wait."""
        self.compile()
        for part in self._executables.values():
            part.compiled()

    @property
    def executables(self) -> int:
        """Number of executables that are compiled by now."""
        return 0 if self.compile_seconds is None else len(self.parts)

    @property
    def seconds(self) -> float:
        """Time that tracing took, and compiling as far as it happened."""
        return self.trace_seconds + (self.compile_seconds or 0.0)

    @cached_property
    def memory(self) -> int:
        """Bytes that training one group of fits holds: blocks of rows, and the call that trains on one."""
        self.compile()
        blocks = BLOCKS_HELD * self.block_bytes
        calls = [part for name, part in self._executables.items() if name.startswith("train")]
        return blocks + max((call_bytes(part.compiled()) for part in calls), default=0)

    @property
    def _executables(self) -> dict[str, Executable]:
        return {name: part for name, part in self.parts.items() if isinstance(part, Executable)}


def compile_stored_programs(
    training: Training,
    fold: Fold,
    start: Start,
    strength_count: int,
    held_out: Mapping[str, Rows],
    *,
    eager: bool = False,
) -> StoredPrograms:
    """Trace the programs for rows on disk; they are compiled when they first run.

    Args: those of `compile_programs`.
    """
    began, forms = perf_counter(), {}
    if not eager:
        training = replace(training, objective=fast_objective(training.objective, forms))
    trace = partial(_trace, training, fold, start, strength_count, held_out, eager)
    with TRACING:
        try:
            programs = trace(frozenset() if eager else shapes_of_kernels(training.objective, start))
        except CannotTransposeError:
            programs = trace(frozenset())
    return replace(programs, forms=tuple(forms), trace_seconds=perf_counter() - began)


def _trace(
    training: Training,
    fold: Fold,
    start: Start,
    strength_count: int,
    held_out: Mapping[str, Rows],
    eager: bool,
    shapes: frozenset[tuple[int, ...]],
) -> StoredPrograms:
    """Trace the programs, with kernels of these shapes transposed."""
    begin = partial(state_at_start, training, shapes)
    if shapes:
        training = replace(training, objective=with_transposed_kernels(training.objective))
    layout = make_layout(training, fold, None if eager else start, held_out)
    once = for_once if not eager and any(value.shape[1:] == (1,) for value in start.trainable) else _as_it_is
    outlines = _no_outline if eager else jax.eval_shape
    parts_list = _PartList(training, fold, layout, begin(start), once, outlines)
    parts_list.add_training(strength_count)
    parts_list.add_measures(held_out)
    parts_list.add_readings()
    parts = {
        name: run_eagerly(function) if eager else Executable(function, *arguments, options=options)
        for name, (function, arguments, options) in parts_list.parts.items()
    }
    block = max(layout.batches * layout.size * row_bytes(fold.rows), layout.every.size * row_bytes(fold.rows.x))
    return StoredPrograms(
        parts, layout, begin, training.recipe, training.cost_count, block, parts_list.prediction_bytes, 0.0, eager=eager
    )


Part = tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]
"""A function, the arguments or their shapes for which it is compiled, and compiler options."""


@dataclass
class _PartList:
    """Functions by name, added one after another, for one shape of rows and one state."""

    training: Training
    fold: Fold
    layout: Layout
    state: State
    once: Callable[..., Any]
    """Form of functions that run once a fit."""
    shapes_of: Callable[..., Any]
    """`jax.eval_shape`, if the model can be traced."""
    parts: dict[str, Part] = field(default_factory=dict)
    prediction_bytes: int = 0
    """Size of the predictions of a row."""

    def add_training(self, strength_count: int) -> None:
        """Add the steps of an epoch, the order of its rows, and its end."""
        layout, number, identity = self.layout, np.int32(0), np.zeros(2, np.uint32)
        cost = np.zeros(self.training.cost_count, np.float32)
        lengths = {"train": (layout.size, layout.batches), "train the rest": (layout.tail, 1)}
        for name, (length, batches) in lengths.items():
            if length:
                rows, order = outline(self.fold.rows, length * batches), np.zeros(length * batches, np.int32)
                start = self.state, cost, np.zeros(strength_count, np.float32)
                arguments = *start, rows, order, identity, number, number, number
                self.parts[name] = partial(_train, self.training, layout.count, length), arguments, COMPILE_OPTIONS
        if self.training.recipe.shuffle and layout.size < layout.count:
            self.parts["shuffle"] = partial(_order, layout.count), (identity, number), COMPILE_OPTIONS
        monitored = ()
        if layout.monitored is not None:
            rows = outline((self.fold.rows.y, self.fold.rows.weight), self.fold.watch)
            monitored = rows, self.add_prediction(POINT, layout.monitored, self.fold.rows.x)
        arguments = self.state, cost, number, *monitored
        self.parts["end of epoch"] = partial(_end_epoch, self.training), arguments, COMPILE_OPTIONS

    def add_measures(self, held_out: Mapping[str, Rows]) -> None:
        """Add the predictions and measures of points, of the end of a fit, and of held-out rows."""
        fold, layout, total = self.fold, self.layout, row_count(self.fold.rows.y)
        for sweep in layout.sweeps:
            predictions = self.add_prediction(POINT, sweep, fold.rows.x)
            for name, sides in sides_of(sweep, fold.cuts, total).items():
                self.add_measure(f"{POINT} {name}", POINT, fold.rows, (sides, sweep.first), predictions)
        if measures_again(self.training):
            sides = tuple(zip((0, *fold.cuts), (*fold.cuts, total), strict=True))
            predictions = self.add_prediction(END, layout.every, fold.rows.x)
            self.add_measure(END, END, fold.rows, (sides, 0), predictions)
        for name, sweep in layout.held_out.items():
            predictions = self.add_prediction(END, sweep, held_out[name].x)
            self.add_measure(f"{END} {name}", END, held_out[name], (((0, sweep.end),), 0), predictions)

    def add_readings(self) -> None:
        """Add the variables and diagnostics of a fit, and what is read of its validation rows."""
        fold, sweep, sample = self.fold, self.layout.validation, len(self.layout.diagnosed)
        arguments = self.state, outline(fold.rows.x, sample)
        self.parts["finish"] = self.once(partial(_finish, self.training)), arguments, FAST_COMPILE_OPTIONS
        if sweep is not None and self.training.recipe.predictions:
            self.add_prediction(END, sweep, fold.rows.x)
        if sweep is not None and self.training.objective.score_rows is not None:
            predictions = self.add_prediction(ROWS, sweep, fold.rows.x)
            rows = outline((fold.rows.y, fold.rows.weight), sweep.end - sweep.first)
            self.parts[ROWS] = partial(_score_rows, self.training), (*rows, predictions), QUICK_COMPILE_OPTIONS

    def add_prediction(self, mode: str, sweep: Sweep, x: Any) -> Any:
        """Add the predictions of a sweep; return their shapes."""
        arguments = self.state, outline(x, sweep.size * sweep.width), np.int32(0)
        function = partial(_predict, self.training, mode, sweep)
        form = self.once(function) if mode == END else function
        self.parts[prediction_name(mode, sweep)] = form, arguments, OPTIONS[mode]
        predictions = self.shapes_of(function, *arguments)
        self.prediction_bytes = max(self.prediction_bytes, row_bytes(predictions))
        return outline(predictions, sweep.end - sweep.first)

    def add_measure(self, name: str, mode: str, rows: Rows, sides: Any, predictions: Any) -> None:
        """Add the measures of some sides of rows, from predictions that begin at a row."""
        function = partial(_measure, self.training, mode, sides)
        arguments = self.state, outline((rows.y, rows.weight), row_count(rows.y)), predictions
        self.parts[name] = (self.once(function) if mode == END else function), arguments, OPTIONS[mode]


def prediction_name(mode: str, sweep: Sweep) -> str:
    """Return the name of the program that predicts a block of a sweep."""
    return f"predict {mode} {sweep.shape}"


def measures_again(training: Training) -> bool:
    """Return True if the variables that a fit returns are not those of its last epoch."""
    objective = training.objective
    return objective.finish is not None or training.recipe.stopping is not None or objective.average_decay is not None


def _train(
    training: Training, count: int, length: int, state: State, cost: Any, strengths: Any, *block_and_time: Any
) -> tuple[State, Any]:
    """Train on the batches of one block, given as (rows, order, identity, epoch, rows before it, batches)."""
    rows, order, identity, epoch, before, batches = block_and_time
    objective, clock, block = training.objective, Moment(identity, epoch, before), Block(rows, order)
    present = objective.at_epoch(strengths, epoch)

    def loop(draws: bool) -> tuple[State, Any]:
        one_step = batch_step(training, present, block, count, clock, draws)
        if len(order) == length:  # a single batch, such as a smaller last one, is no loop on rows in memory either
            after, share = one_step(state, 0, length)
            return after, cost + share
        return pass_over_block(one_step, (state, cost), length, batches)

    return plain_or_noisy(objective, strengths, partial(loop, False), partial(loop, True))


def _order(count: int, identity: Any, epoch: Any) -> Any:
    """Return the order of the training rows in an epoch."""
    return shuffled(identity, epoch, count)


def _predict(training: Training, mode: str, sweep: Sweep, state: State, x: Any, chunks: Any) -> Any:
    """Predict the last chunks of a block."""
    state = measured_state(state) if mode == POINT else finish_training(training, state)
    forward = jax.jit(partial(training.objective.predict, state.trainable, state.other))
    return forward(x) if sweep.is_single else predict_last_chunks(forward, x, sweep.size, chunks)


def _measure(training: Training, mode: str, sides: Any, state: State, answers: Any, predictions: Any) -> Any:
    """Return the measures of some sides, from predictions that begin at a row."""
    state = measured_state(state) if mode == POINT else finish_training(training, state)
    return measure_sides(training.objective, state, Rows(None, *answers), sides[0], sides[1], lambda: predictions)


def _end_epoch(
    training: Training, state: State, cost: Any, epoch: Any, answers: Any = None, predictions: Any = None
) -> State:
    """Enter divergence, and what early stopping remembers, after an epoch counted from 0."""
    state = mark_divergence(state, cost, epoch)
    if answers is None:
        return state
    return remember_epoch(training, state, measured_state(state), Rows(None, *answers), predictions, epoch + 1)


def _finish(training: Training, state: State, x: Any) -> tuple[list[Any], list[Any], Any]:
    """Return the variables of a fit after its last epoch, and its diagnostics over some training rows."""
    state = finish_training(training, state)
    facts = training.objective.diagnose(state.trainable, state.other, x)
    return state.trainable, state.other, jnp.stack(facts) if facts else jnp.zeros(0, "float32")


def _score_rows(training: Training, y: Any, weight: Any, predictions: Any) -> Any:
    """Return the scores of the validation rows one by one."""
    score = training.objective.score_rows
    return None if score is None else score(y, predictions, weight)


def _no_outline(*arguments: Any) -> tuple[()]:
    """Return no shapes: those of a model that cannot be traced are not known."""
    return ()


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function

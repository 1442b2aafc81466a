"""Compiled programs for one shape of rows: one that trains a fit, and one that reads off its results."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from time import perf_counter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bridle.engine._averaging import initial_averages
from bridle.engine._device import (
    FAST_COMPILE_OPTIONS,
    QUICK_COMPILE_OPTIONS,
    Executable,
    find_libraries,
    on_accelerator,
    run_eagerly,
    warm_up,
)
from bridle.engine._early_stopping import initial_memory
from bridle.engine._evaluate import evaluate, predict
from bridle.engine._member import finish_training, training_block
from bridle.engine._objective import Objective, Recipe, Training, always
from bridle.engine._state import Fold, Points, Rows, State, row_count, slice_rows
from bridle.engine.rewrites import (
    CannotTransposeError,
    for_loops,
    for_once,
    gradient_for_loops,
    shapes_to_transpose,
    transpose_kernels,
    with_transposed_kernels,
)

ENGINE = 5
"""Version of the numbers: rises where fits of the same programs and rows get other numbers than before."""
TRACING = threading.RLock()
"""Held while a program is traced: a trace replaces methods of the layers, which all threads share."""
MAX_POINTS = 1024
"""Measuring points in one call of the training program."""
FIRST_WIDTH = 8
"""First width that is tried on an accelerator."""
WIDTH_FACTOR = 4
"""Ratio of one width to the one tried before it."""
MIN_SPEEDUP = 1.2
"""Least ratio of the time per fit at which the wider program is chosen."""
MAX_MEMORY_SHARE = 0.6
"""Share of free memory that one call may hold."""


class Start(NamedTuple):
    """Initial variables of a fit."""

    trainable: list[Any]
    other: list[Any]
    optimizer: list[Any]


class Readings(NamedTuple):
    """Results read off a trained fit. Field names are part of a program's identity."""

    trainable: list[Any]
    other: list[Any]
    measures: Any
    """Data loss and metrics on every side of the fold, where other variables are kept than those of the last epoch."""
    facts: Any
    held_out: Mapping[str, Any]
    predictions: Any = None
    """Predictions of the validation rows of the fold, if the recipe requests them."""


class RowReadings(NamedTuple):
    """Results of the validation rows one by one."""

    scores: Any
    """float32 (row,)."""
    predictions: Any
    """Predictions of these rows, if the recipe requests them."""


@dataclass(eq=False)
class Programs:
    """Executables for one shape of rows, shared by all fits of all arms; mutable: they compile late and are timed."""

    train: Callable[..., tuple[State, Any]]
    """(state, strengths, rows, identity, first epoch, points, count) → (state, curves)."""
    read: Callable[..., Readings]
    """(state, rows, held-out rows by name) → readings."""
    initial_state: Callable[[Start], State]
    """Initial variables → the state before the first epoch."""
    recipe: Recipe
    """The options of its fits."""
    capacity: int
    """Most measuring points of one call."""
    width: int | None
    """Number of fits that run side by side in one call; None if each runs alone."""
    read_rows: Callable[..., RowReadings] | None = None
    """(state, rows) → row readings; None before `compile`, and without row scores."""
    trace_rows: Callable[[], Callable[..., RowReadings]] | None = None
    """() → `read_rows`, which has no part in the identity; None after `compile`, and without row scores."""
    trace_seconds: float = 0.0
    forms: tuple[str, ...] = ()
    """Operations that are computed in another form than as written, and rewrites that are missing."""
    identity: str = ""
    """Hash of both programs, the same wherever they compute the same; empty if nothing is compiled."""
    eager: bool = False
    """True if each operation is called by itself; one thread at a time then uses the model."""
    is_streamed: bool = False
    """True for programs that take rows from disk block by block."""
    compile_seconds: float | None = None
    """None before anything was compiled."""
    point_seconds: float | None = None
    """Time of one measuring point in the last call; None before the first call."""
    _compiling: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def compile(self) -> None:
        """Compile what is not compiled yet; programs that read continue to compile during the first training."""
        with self._compiling:
            if self.eager or self.compile_seconds is not None:
                return
            began = perf_counter()
            pool = ThreadPoolExecutor(2)
            trained = pool.submit(self.train.compiled)
            pool.submit(find_libraries)  # needed from the first fit on; here it waits for XLA anyway
            pool.submit(self.read.compiled)
            if (trace := self.trace_rows) is not None:  # in this thread, in which JAX has the caller's settings
                with TRACING:
                    self.read_rows, self.trace_rows = trace(), None
                pool.submit(self.read_rows.compiled)
            pool.shutdown(wait=False)
            trained.result()
            self.compile_seconds = perf_counter() - began

    def compile_fully(self) -> None:
        """Compile all programs and wait, so that no compilation disturbs timings."""
        self.compile()
        if not self.eager:
            self.read.compiled()
        if self.read_rows is not None and not self.eager:
            self.read_rows.compiled()

    @property
    def executables(self) -> int:
        """Number of executables that are compiled by now."""
        return 0 if self.compile_seconds is None else 2 + (self.read_rows is not None)

    @property
    def seconds(self) -> float:
        """Time that tracing took, and compiling as far as it happened."""
        return self.trace_seconds + (self.compile_seconds or 0.0)

    @cached_property  # XLA takes milliseconds to report it
    def memory(self) -> int:
        """Bytes that one call holds, without the rows; 0 if nothing is compiled."""
        self.compile()
        return 0 if self.eager else call_bytes(self.train.compiled())

    def stack(self, fits: Sequence[Any]) -> Any:
        """Return an argument of a call from those of its fits."""
        return fits[0] if self.width is None else jax.tree.map(lambda *leaves: np.stack(leaves), *fits)

    def points(self, first: int, count: int) -> Points:
        """Return `count` measuring points for a call, from the recipe's point `first` on."""
        part = slice(first, first + count)
        lengths, training = np.zeros(self.capacity, np.int32), np.zeros(self.capacity, bool)
        lengths[:count] = np.diff(self.recipe.stops, prepend=0)[part]
        training[:count] = self.recipe.trainings[part]
        return Points(lengths, training)

    def unstack(self, results: Any) -> list[Any]:
        """Return the results of each fit of a call, as NumPy arrays."""
        results = jax.device_get(results)
        if self.width is None:
            return [results]
        return [jax.tree.map(lambda leaf, i=index: leaf[i], results) for index in range(self.width)]


def compile_programs(
    training: Training,
    fold: Fold,
    start: Start,
    strength_count: int,
    held_out: Mapping[str, Rows],
    *,
    width: int | None = None,
    eager: bool = False,
) -> Programs:
    """Trace the programs; they are compiled when they first run.

    Strengths, seed and fold are arguments of the programs, which serve all fits on rows of the same shape.

    Args:
        training: mathematics and recipe of the fits.
        fold: rows of the shape to compile for.
        start: initial variables of any fit.
        strength_count: number of strengths of a fit.
        held_out: rows to score trained fits on, by name.
        width: number of fits that run side by side in one call; None for each alone.
        eager: call each operation by itself, for models that cannot be traced.

    """
    began = perf_counter()
    scores_rows = training.objective.score_rows is not None and fold.cuts[-1] < row_count(fold.rows.x)
    if eager:
        train, read = training_block(training, fold.cuts, 1), partial(_read, training, fold.cuts)
        initial_state = partial(state_at_start, training, frozenset())
        rows = run_eagerly(partial(_read_rows, training, fold.cuts)) if scores_rows else None
        recipe = training.recipe
        programs = Programs(run_eagerly(train), run_eagerly(read), initial_state, recipe, 1, None, rows, eager=True)
        programs.trace_seconds = perf_counter() - began
        return programs
    warm_up()
    forms: dict[str, None] = {}
    fast = replace(training, objective=fast_objective(training.objective, forms))
    trace = partial(_trace, fast, fold, start, strength_count, held_out, width)
    with TRACING:
        try:
            programs = trace(shapes_of_kernels(training.objective, start))
        except CannotTransposeError:
            programs = trace(frozenset())
    if not scores_rows:
        programs.trace_rows = None
    programs.trace_seconds, programs.forms = perf_counter() - began, tuple(forms)
    return programs


def fast_objective(objective: Objective, forms: dict[str, None]) -> Objective:
    """Return an objective with operations in the form that is fast in a loop; enter their texts into `forms`."""
    return replace(
        objective,
        loss=for_loops(objective.loss, forms.setdefault),
        predict=for_loops(objective.predict, forms.setdefault),
        gradient=gradient_for_loops,
    )


def shapes_of_kernels(objective: Objective, start: Start) -> frozenset[tuple[int, ...]]:
    """Return the shapes of the kernels that are trained in transposed form."""
    return frozenset() if on_accelerator() else shapes_to_transpose(objective.kernels, start.trainable)


def choose_width(
    compiled: Callable[[int], Programs], seconds: Callable[[Programs], float], fits: int, free: int
) -> Programs:
    """Return the programs of the width that trains a fit fastest on an accelerator.

    Args:
        compiled: width → programs.
        seconds: programs → time of one short call.
        fits: number of fits to train; no width is larger.
        free: bytes of memory that may be used.

    """
    width = min(FIRST_WIDTH, fits)
    best = compiled(width)
    cost = seconds(best) / width
    while width < fits and best.memory * WIDTH_FACTOR <= MAX_MEMORY_SHARE * free:
        width = min(width * WIDTH_FACTOR, fits)
        wider = compiled(width)
        new = seconds(wider) / width
        if new * MIN_SPEEDUP > cost:
            break
        best, cost = wider, new
    return best


def time_short_call(fold: Fold, start: Start, strength_count: int, programs: Programs, count: int = 1) -> float:
    """Return the seconds of a call of the training program up to its first points, the faster of two."""
    programs.compile_fully()
    arguments = programs.initial_state(start), np.zeros(strength_count, np.float32), np.zeros(2, np.uint32)
    state, strengths, identity = (programs.stack([argument] * (programs.width or 1)) for argument in arguments)
    points = programs.points(0, count)
    times = []
    for _ in range(2):
        began = perf_counter()
        jax.block_until_ready(
            programs.train(state, strengths, fold.rows, identity, np.int32(0), points, np.int32(count))
        )
        times.append(perf_counter() - began)
    return min(times)


def state_at_start(training: Training, shapes: frozenset[tuple[int, ...]], start: Start) -> State:
    """Return the state before the first epoch, with kernels of these shapes transposed."""
    trainable, other, optimizer = map(list, start)
    for slot, index in training.objective.mirrors:
        optimizer[slot] = trainable[index]
    trainable, optimizer = transpose_kernels(trainable, shapes), transpose_kernels(optimizer, shapes)
    averages = () if training.objective.average_decay is None else initial_averages(trainable)
    memory = initial_memory(training.recipe.stopping, trainable, other)
    return State(trainable, other, optimizer, np.int32(-1), memory, averages)


def _trace(
    training: Training,
    fold: Fold,
    start: Start,
    strength_count: int,
    held_out: Mapping[str, Rows],
    width: int | None,
    shapes: frozenset[tuple[int, ...]],
) -> Programs:
    """Trace the programs, with kernels of these shapes transposed."""
    initial_state = partial(state_at_start, training, shapes)
    if shapes:
        training = replace(training, objective=with_transposed_kernels(training.objective))
    if width is not None and training.objective.draws is not None:
        training = replace(training, objective=replace(training.objective, draws=always))
    capacity = min(len(training.recipe.stops), MAX_POINTS)
    train, read = training_block(training, fold.cuts, capacity), partial(_read, training, fold.cuts)
    if any(value.shape[1:] == (1,) for value in start.trainable):
        read = for_once(read)
    state, strengths, identity = initial_state(start), np.zeros(strength_count, np.float32), np.zeros(2, np.uint32)
    if width is not None:
        train = jax.vmap(train, in_axes=(0, 0, None, 0, None, None, None))
        read = jax.vmap(read, in_axes=(0, None, None))
        state, strengths, identity = jax.tree.map(lambda leaf: np.stack([leaf] * width), (state, strengths, identity))
    points = Points(np.zeros(capacity, np.int32), np.zeros(capacity, bool))
    train = Executable(train, state, strengths, fold.rows, identity, np.int32(0), points, np.int32(0))
    read = Executable(read, state, fold.rows, dict(held_out), options=FAST_COMPILE_OPTIONS)
    identities = f"{train.identity} {read.identity}"
    trace_rows = partial(_trace_rows, training, fold, state, width)
    recipe = training.recipe
    return Programs(train, read, initial_state, recipe, capacity, width, trace_rows=trace_rows, identity=identities)


def _trace_rows(training: Training, fold: Fold, state: State, width: int | None) -> Executable:
    """Trace the program that reads rows."""
    read_rows = partial(_read_rows, training, fold.cuts)
    if width is not None:
        read_rows = jax.vmap(read_rows, in_axes=(0, None))
    return Executable(read_rows, state, fold.rows, options=QUICK_COMPILE_OPTIONS)


def _read_rows(training: Training, cuts: tuple[int, ...], state: State, rows: Rows) -> RowReadings:
    """Score the validation rows of a fit after its last epoch one by one."""
    state, validation = finish_training(training, state), slice_rows(rows, cuts[-1], None)
    predictions = predict(training.objective, state.trainable, state.other, validation.x)
    score = training.objective.score_rows
    scores = None if score is None else score(validation.y, predictions, validation.weight)
    return RowReadings(scores, predictions if training.recipe.row_predictions else None)


def _read(
    training: Training, cuts: tuple[int, ...], state: State, rows: Rows, held_out: Mapping[str, Rows]
) -> Readings:
    """Read the results off a fit after its last epoch."""
    objective, recipe = training.objective, training.recipe
    state = finish_training(training, state)
    facts = objective.diagnose(state.trainable, state.other, slice_rows(rows.x, 0, cuts[0]))
    held_out_measures = {
        name: evaluate(objective, state, part, (row_count(part.x),))[: len(objective.measure_names)]
        for name, part in held_out.items()
    }
    others = objective.finish is not None or recipe.stopping is not None or objective.average_decay is not None
    measures = evaluate(objective, state, rows, cuts) if others else jnp.zeros(0)
    facts = jnp.stack(facts) if facts else jnp.zeros(0, "float32")
    predictions = None
    if recipe.predictions and cuts[-1] < row_count(rows.x):
        predictions = predict(objective, state.trainable, state.other, slice_rows(rows.x, cuts[-1], None))
    return Readings(state.trainable, state.other, measures, facts, held_out_measures, predictions)


_read.__name__ = "_look"  # the name in the programs of stored fits, which are known by their hash


def call_bytes(program: Any) -> int:
    """Return the bytes that a call holds besides its arguments: its results and its scratch space."""
    sizes = program.memory_analysis()
    return 0 if sizes is None else int(sizes.temp_size_in_bytes + sizes.output_size_in_bytes)

"""Compiled programs: one that trains and one that looks, for each shape of rows that a study has."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from time import perf_counter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bridle.engine._device import SELDOM, Executable, accelerated, as_written, find_libraries, warm_up
from bridle.engine._early_stopping import watch
from bridle.engine._evaluate import evaluate, predict
from bridle.engine._member import block, finished
from bridle.engine._objective import Objective, Recipe
from bridle.engine._state import Points, Rows, State, count_of, part_of
from bridle.engine.rewrites import (
    CannotTransposeError,
    for_loops,
    for_once,
    gradient_for_loops,
    shapes_to_turn,
    turn,
    turned,
)

ENGINE = 5
"""Rises where members of the same programs and rows get other numbers than before."""
MAX_POINTS = 1024
"""Measuring points in one call of the training program."""


@dataclass(frozen=True)
class Fold:
    """The rows of one split on the device: those to train on, those that early stopping watches, and the others."""

    rows: Rows
    train: int
    watch: int = 0

    @property
    def cuts(self) -> tuple[int, ...]:
        """Where one side ends and the next begins."""
        return (self.train, self.train + self.watch) if self.watch else (self.train,)

    @property
    def shape(self) -> tuple[Any, ...]:
        """What two folds must share to run on the same program."""
        return (*self.cuts, *((tuple(leaf.shape), str(leaf.dtype)) for leaf in jax.tree.leaves(self.rows)))


class Start(NamedTuple):
    """What a member begins with."""

    trainable: list[Any]
    other: list[Any]
    optimizer: list[Any]


class Seen(NamedTuple):
    """What is read off a trained member."""

    trainable: list[Any]
    other: list[Any]
    measures: Any
    """Data loss and metrics on every side of the fold, where other variables are kept than those of the last epoch."""
    facts: Any
    held_out: Mapping[str, Any]
    predictions: Any = None
    """Of the rows that judge the fold, where the recipe asks for them."""


@dataclass(frozen=True)
class Programs:
    """What is compiled for one shape of rows. Every member of every arm runs these same executables."""

    train: Callable[..., tuple[State, Any]]
    """(state, setting, rows, identity, first epoch, points, count) → (state, curves)."""
    look: Callable[..., Seen]
    """(state, rows, held-out rows by name) → what is read off."""
    begin: Callable[[Start], State]
    """What a member begins with → its state before the first epoch."""
    capacity: int
    width: int | None
    """How many members run side by side in one call; None where each runs alone."""
    tracing: float = 0.0
    """Seconds that tracing took."""
    forms: tuple[str, ...] = ()
    """Operations that are computed in another form than as written, which is faster in a loop."""
    pace: list[float] = field(default_factory=list)
    """Seconds that a measuring point took in the last call, once there was one."""
    identity: str = ""
    """A hash of both programs, the same wherever they compute the same; empty where nothing is compiled."""
    eager: bool = False
    """Whether each operation is called by itself; the model is then in one thread's hands at a time."""
    _compiling: list[float] = field(default_factory=list)

    def ready(self) -> None:
        """Compile what is not compiled yet; what looks goes on being compiled beside the first training."""
        if self.eager or self._compiling:
            return
        began = perf_counter()
        pool = ThreadPoolExecutor(1)
        pool.submit(find_libraries)  # wanted from the first fit on; here it waits for XLA anyway
        pool.submit(self.look.ready)
        pool.shutdown(wait=False)
        self.train.ready()
        self._compiling.append(perf_counter() - began)

    def settled(self) -> None:
        """Compile both programs to the end: nothing goes on beside what is timed then."""
        self.ready()
        if not self.eager:
            self.look.ready()

    @property
    def executables(self) -> int:
        """How many are compiled by now."""
        return 2 * bool(self._compiling)

    @property
    def seconds(self) -> float:
        """What tracing took, and compiling as far as it happened."""
        return self.tracing + sum(self._compiling[:1])

    @cached_property  # XLA takes milliseconds to say it
    def memory(self) -> int:
        """Bytes that one call holds, beside the rows; 0 where nothing is compiled."""
        self.ready()
        return 0 if self.eager else _bytes(self.train.ready())

    def stack(self, members: Sequence[Any]) -> Any:
        """The arguments of a call, from those of its members."""
        return members[0] if self.width is None else jax.tree.map(lambda *leaves: np.stack(leaves), *members)

    def points(self, recipe: Recipe, first: int, count: int) -> Points:
        """So many measuring points for a call, from one of the recipe's on."""
        part = slice(first, first + count)
        lengths, training = np.zeros(self.capacity, np.int32), np.zeros(self.capacity, bool)
        lengths[:count] = np.diff(recipe.stops, prepend=0)[part]
        training[:count] = recipe.trainings[part]
        return Points(lengths, training)

    def unstack(self, results: Any) -> list[Any]:
        """The results of each member of a call, as NumPy arrays."""
        results = jax.device_get(results)
        if self.width is None:
            return [results]
        return [jax.tree.map(lambda leaf, n=number: leaf[n], results) for number in range(self.width)]


def put(x: Any, y: Any, weight: Any, train: int, watch: int = 0) -> Fold:
    """Move copies of the rows of one split to the device, floats as float32.

    On a CPU the device's array is often NumPy's own, hence the copy; `jnp.array` compiles a program for each shape.
    """
    return Fold(Rows(*jax.device_put(jax.tree.map(np.array, (x, y, weight)))), train, watch)


def _begin(objective: Objective, recipe: Recipe, shapes: frozenset[tuple[int, ...]], start: Start) -> State:
    """A member's state before its first epoch, matrices of these shapes turned."""
    trainable, other, optimizer = map(list, start)
    for place, number in objective.mirrors:
        optimizer[place] = trainable[number]
    trainable, optimizer = turn(trainable, shapes), turn(optimizer, shapes)
    return State(trainable, other, optimizer, np.int32(-1), watch(recipe.stopping, trainable, other))


def compile_programs(
    objective: Objective,
    recipe: Recipe,
    fold: Fold,
    start: Start,
    settings: int,
    held_out: Mapping[str, Rows],
    *,
    width: int | None = None,
    eager: bool = False,
) -> Programs:
    """Trace once, to be compiled once: nothing is for another setting, seed or fold of the same shape.

    Args:
        objective, recipe: what is trained and how.
        fold: rows of the shape to compile for.
        start: what some member begins with.
        settings: how many numbers a setting has.
        held_out: rows that trained members are judged on, by name.
        width: how many members run side by side in one call; None for each alone.
        eager: call each operation by itself, for models that cannot be traced.

    """
    began = perf_counter()
    if eager:
        capacity, begin = 1, partial(_begin, objective, recipe, frozenset())
        train, look = block(objective, recipe, fold.cuts, capacity), partial(_look, objective, recipe, fold.cuts)
        spent = perf_counter() - began
        return Programs(as_written(train), as_written(look), begin, capacity, None, spent, eager=True)
    warm_up()
    forms: dict[str, None] = {}
    fast = replace(
        objective,
        loss=for_loops(objective.loss, forms.setdefault),
        predict=for_loops(objective.predict, forms.setdefault),
        gradient=gradient_for_loops,
    )
    traced = partial(_traced, fast, recipe, fold, start, settings, held_out, width)
    try:
        programs = traced(frozenset() if accelerated() else shapes_to_turn(objective.kernels, start.trainable))
    except CannotTransposeError:
        programs = traced(frozenset())
    return replace(programs, tracing=perf_counter() - began, forms=tuple(forms))


def _traced(
    objective: Objective,
    recipe: Recipe,
    fold: Fold,
    start: Start,
    settings: int,
    held_out: Mapping[str, Rows],
    width: int | None,
    shapes: frozenset[tuple[int, ...]],
) -> Programs:
    """Both programs, matrices of these shapes turned."""
    begin = partial(_begin, objective, recipe, shapes)
    if shapes:
        objective = turned(objective)
    capacity = min(len(recipe.stops), MAX_POINTS)
    train, look = block(objective, recipe, fold.cuts, capacity), partial(_look, objective, recipe, fold.cuts)
    if any(value.shape[1:] == (1,) for value in start.trainable):
        look = for_once(look)
    state, setting, identity = begin(start), np.zeros(settings, np.float32), np.zeros(2, np.uint32)
    if width is not None:
        train = jax.vmap(train, in_axes=(0, 0, None, 0, None, None, None))
        look = jax.vmap(look, in_axes=(0, None, None))
        state, setting, identity = jax.tree.map(lambda leaf: np.stack([leaf] * width), (state, setting, identity))
    points = Points(np.zeros(capacity, np.int32), np.zeros(capacity, bool))
    train = Executable(train, state, setting, fold.rows, identity, np.int32(0), points, np.int32(0))
    look = Executable(look, state, fold.rows, dict(held_out), options=SELDOM)
    both = f"{train.identity} {look.identity}"
    return Programs(train, look, begin, capacity, width, identity=both)


def _look(
    objective: Objective,
    recipe: Recipe,
    cuts: tuple[int, ...],
    state: State,
    rows: Rows,
    extra: Mapping[str, Rows],
) -> Seen:
    state = finished(objective, recipe, state)
    training = part_of(rows.x, 0, cuts[0])
    facts = objective.diagnose(state.trainable, state.other, training)
    held_out = {
        name: evaluate(objective, state, held, (len(jax.tree.leaves(held.x)[0]),))[: len(objective.measure_names)]
        for name, held in extra.items()
    }
    others = objective.finish is not None or recipe.stopping is not None
    measures = evaluate(objective, state, rows, cuts) if others else jnp.zeros(0)
    facts = jnp.stack(facts) if facts else jnp.zeros(0, "float32")
    predictions = None
    if recipe.predictions and cuts[-1] < count_of(rows.x):
        predictions = predict(objective, state.trainable, state.other, part_of(rows.x, cuts[-1], None))
    return Seen(state.trainable, state.other, measures, facts, held_out, predictions)


def _bytes(program: Any) -> int:
    """What a call holds beside its arguments: its results and its scratch space."""
    sizes = program.memory_analysis()
    return 0 if sizes is None else int(sizes.temp_size_in_bytes + sizes.output_size_in_bytes)

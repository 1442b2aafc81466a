"""Initial variables by seed, without building a model for each of them."""

import copy
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

import jax
import keras
import numpy as np

from bridle._keras._backend import seeded
from bridle._keras._internals import (
    initialize_variable,
    initializing_by,
    tensorflow_left_alone,
)

Values = list[np.ndarray]
LARGEST = int(1e9)
"""Keras draws seeds from 1 to this."""
SPARE = 1000
"""Seeds that are drawn beyond two for each variable, for initializers and random layers that make none."""


class _Draws:
    """The seeds that Keras takes from the process while it builds a model, drawn as far as they are asked for."""

    def __init__(self, seed: int):
        self._source = random.Random(seed)
        self._known: list[int] = []

    def __getitem__(self, place: int) -> int:
        while len(self._known) <= place:
            self._known.append(self._source.randint(1, LARGEST))
        return self._known[place]


Make = Callable[[_Draws], np.ndarray]
"""The seeds drawn → the first value of one variable."""
_making = threading.RLock()
COMPILED_FROM = 100
"""Where so many seeds are expected, drawing is compiled, which takes about as long as so many calls of Keras."""

ATTEMPTS = 5
"""Builds under one seed after which it is taken that a model draws numbers of its own, other ones each time."""


@dataclass(frozen=True, eq=False)
class _Initialized:
    """A variable whose first value an initializer draws."""

    initializer: Any
    place: int
    """Which of the seeds drawn is its own."""
    shape: tuple[int, ...]
    dtype: str

    def __call__(self, drawn: _Draws) -> np.ndarray:
        return np.asarray(self.by(drawn[self.place]))

    def by(self, seed: Any) -> Any:
        """The value under a seed, which may be traced as the pair of numbers that Keras makes of it."""
        fresh = copy.copy(self.initializer)
        fresh.seed = seed
        return keras.ops.convert_to_tensor(fresh(self.shape, dtype=self.dtype))


@dataclass
class InitialValues:
    """The variables that a script has after `set_random_seed(seed)` and building its model, bit for bit.

    The first two seeds build models. From the first one is learned which of the process's random numbers seeds which
    variable's initializer; the second one shows whether that is all that a seed does. If it is, further seeds call
    the initializers alone, as Keras does; if not, for example where a person's own function draws other numbers,
    every seed builds a model.
    """

    build: Callable[[], keras.Model]
    expected: int = 1
    """About how many seeds will be asked for."""
    seconds: float = field(default=0.0, init=False)
    """Time spent compiling."""
    _learned: list[Make] | None = None
    _compiled: list[_Initialized] = field(default_factory=list)
    _builds: int = 0
    _split: int = field(default=0, repr=False)

    def variables(self, seed: int) -> tuple[Values, Values]:
        """The initial (trainable, other) variables under a seed."""
        known = self._builds >= 2 and self._learned is not None
        values = self._replayed(seed) if known else self._built(seed)
        return values[: self._split], values[self._split :]

    def _built(self, seed: int) -> Values:
        values, used, variables = self._build(seed)
        if self._builds == 0 or self._learned is None:
            values, used, variables = self._agreed(seed, values)
        if self._builds == 0:
            drawn = _Draws(seed)
            places = {drawn[place]: place for place in reversed(range(2 * len(values) + SPARE))}
            self._learned = [
                _learn(variable, value, used.get(id(variable)), places)
                for variable, value in zip(variables, values, strict=True)
            ]
        if self._learned is not None and not _same(self._replayed(seed), values):
            values, *_ = self._agreed(seed, values)
            if not _same(self._replayed(seed), values):
                self._learned = None
        self._builds += 1
        if self._builds == 2 and self._learned is not None and self.expected >= COMPILED_FROM:
            self._compile(seed)
        return values

    def _agreed(self, seed: int, values: Values) -> tuple[Values, dict[int, Any], list[keras.Variable]]:
        """Build until two builds agree: another thread of the process may draw from its random numbers in between."""
        for _ in range(ATTEMPTS):
            before, (values, used, variables) = values, self._build(seed)
            if _same(before, values):
                break
        return values, used, variables

    @tensorflow_left_alone()
    def _build(self, seed: int) -> tuple[Values, dict[int, Any], list[keras.Variable]]:
        with seeded(seed), _initializers() as used:
            model = self.build()
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        self._split = len(model.trainable_variables)
        return [np.asarray(variable.value) for variable in variables], used, variables

    def _replayed(self, seed: int) -> Values:
        drawn = _Draws(seed)
        ready = dict(zip(map(id, self._compiled), _together(self._compiled, drawn), strict=True))
        return [ready[id(make)] if id(make) in ready else make(drawn) for make in self._learned]

    def _compile(self, seed: int) -> None:
        """One program for the initializers that give the same bits in it."""
        began = perf_counter()
        own = [make for make in self._learned if isinstance(make, _Initialized)]
        try:
            drawn = [_Draws(seed), _Draws(0)]
            compiled = [_together(own, each) for each in drawn]
        except Exception:  # a person's own initializer cannot be traced, in any of many ways; it is called as before
            return
        finally:
            self.seconds += perf_counter() - began
        written = [[make(each) for make in own] for each in drawn]
        equal = zip(own, zip(*compiled, strict=True), zip(*written, strict=True), strict=True)
        self._compiled = [make for make, found, wanted in equal if _same(list(found), list(wanted))]


def _together(makes: Sequence[_Initialized], drawn: _Draws) -> Values:
    """First values by one program, compiled for these initializers when it is first called."""
    if not makes:
        return []
    seeds = [np.array([drawn[make.place], 0], np.uint32) for make in makes]
    return [np.asarray(value) for value in jax.device_get(_by_seeds(tuple(makes), seeds))]


@partial(jax.jit, static_argnums=0)
def _by_seeds(makes: tuple[_Initialized, ...], seeds: list[Any]) -> list[Any]:
    return [make.by(seed) for make, seed in zip(makes, seeds, strict=True)]


def _learn(variable: keras.Variable, value: np.ndarray, used: Any, places: dict[int, int]) -> Make:
    """How a variable's first value follows from the seeds that were drawn."""
    seed = getattr(used, "seed", None)
    if isinstance(seed, int) and seed in places:
        return _Initialized(used, places[seed], tuple(variable.shape), variable.dtype)
    if value.shape == (2,) and value.dtype.kind == "u" and int(value[0]) in places:
        return _as_state(value, places[int(value[0])])
    return lambda drawn: value


def _as_state(value: np.ndarray, place: int) -> Make:
    """The state of a random layer: its seed, and how often it was used."""
    return lambda drawn: np.array([drawn[place], value[1]], value.dtype)


def _same(one: Values, other: Values) -> bool:
    return len(one) == len(other) and all(
        a.dtype == b.dtype and np.array_equal(a.view(np.uint8), b.view(np.uint8)) if a.ndim else a == b
        for a, b in zip(one, other, strict=True)
    )


@contextmanager
def _initializers() -> Iterator[dict[int, Any]]:
    """The initializer of every variable made inside the block, by the variable's identity."""
    used: dict[int, Any] = {}

    def noted(variable: keras.Variable, initializer: Any, own: Callable[[keras.Variable, Any], None]) -> None:
        used[id(variable)] = initializer
        own(variable, initializer)

    with _initializing(noted):
        yield used


def numpy_zeros() -> AbstractContextManager[None]:
    """A block in which zeros are made by NumPy: JAX compiles a program for zeros of each shape, 20 ms every time."""

    def made(variable: keras.Variable, initializer: Any, own: Callable[[keras.Variable, Any], None]) -> None:
        if type(initializer) is keras.initializers.Zeros and keras.distribution.distribution() is None:
            initialize_variable(variable, jax.device_put(np.zeros(variable.shape, variable.dtype)))
        else:
            own(variable, initializer)

    return _initializing(made)


@contextmanager
def _initializing(way: Callable[[keras.Variable, Any, Callable[[keras.Variable, Any], None]], None]) -> Iterator[None]:
    """Make the first values of variables by (variable, initializer, Keras's own way) inside the block.

    That is so for every thread; another one that comes here waits.
    """
    with _making, initializing_by(way):
        yield

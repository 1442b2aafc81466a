"""Initial variables by seed, without building a model for each of them."""

import copy
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import keras
import numpy as np

from bridle._keras._backend import seeded
from bridle._keras._internals import initialize_variable, initializing_by, tensorflow_left_alone

Values = list[np.ndarray]
MAX_SEED = int(1e9)
"""The largest seed that Keras draws; the smallest is 1."""
SPARE_SEEDS = 1000
"""Seeds drawn beyond two for each variable, for initializers and random layers that make none."""
MAX_BUILDS = 5
"""The number of builds under one seed after which the model is assumed to draw other numbers each time."""


class _SeedSequence:
    """The seeds that Keras takes from the process while it builds a model, drawn on demand."""

    def __init__(self, seed: int):
        self._source = random.Random(seed)
        self._drawn: list[int] = []

    def __getitem__(self, index: int) -> int:
        while len(self._drawn) <= index:
            self._drawn.append(self._source.randint(1, MAX_SEED))
        return self._drawn[index]


Draw = Callable[[_SeedSequence], np.ndarray]
"""The seeds of a build → the first value of one variable."""
_initializing_lock = threading.RLock()


@dataclass(frozen=True, eq=False)
class _Initialized:
    """A variable whose first value an initializer draws."""

    initializer: Any
    index: int
    """The index of its seed among those of the build."""
    shape: tuple[int, ...]
    dtype: str

    def __call__(self, seeds: _SeedSequence) -> np.ndarray:
        initializer = copy.copy(self.initializer)
        initializer.seed = seeds[self.index]
        return np.asarray(keras.ops.convert_to_tensor(initializer(self.shape, dtype=self.dtype)))


@dataclass
class InitialValues:
    """The variables that a script has after `set_random_seed(seed)` and building its model, bit for bit.

    The first two seeds build models. The first one shows which of the process's random numbers seeds which
    variable's initializer. The second one shows if that is all that a seed does. If it is, further seeds call the
    initializers alone, as Keras does. If not, for example where the model function draws other numbers, every seed
    builds a model.
    """

    build: Callable[[], keras.Model]
    _learned: list[Draw] | None = None
    _builds: int = 0
    _split: int = field(default=0, repr=False)

    def variables(self, seed: int) -> tuple[Values, Values]:
        """Return the initial (trainable, other) variables under a seed."""
        if self._builds >= 2 and self._learned is not None:
            values = self._replay(self._learned, seed)
        else:
            values = self._build_and_learn(seed)
        return values[: self._split], values[self._split :]

    def _build_and_learn(self, seed: int) -> Values:
        values, initializers, variables = self._build(seed)
        if self._builds == 0 or self._learned is None:
            values, initializers, variables = self._build_until_equal(seed, values)
        if self._builds == 0:
            seeds = _SeedSequence(seed)
            indices = {seeds[index]: index for index in reversed(range(2 * len(values) + SPARE_SEEDS))}
            self._learned = [
                _learn(variable, value, initializers.get(id(variable)), indices)
                for variable, value in zip(variables, values, strict=True)
            ]
        if self._learned is not None and not _are_same(self._replay(self._learned, seed), values):
            values, *_ = self._build_until_equal(seed, values)
            if not _are_same(self._replay(self._learned, seed), values):
                self._learned = None
        self._builds += 1
        return values

    def _build_until_equal(self, seed: int, values: Values) -> tuple[Values, dict[int, Any], list[keras.Variable]]:
        """Build until two builds agree: another thread of the process may draw from its random numbers in between."""
        before = values
        values, initializers, variables = self._build(seed)
        for _ in range(MAX_BUILDS - 1):
            if _are_same(before, values):
                break
            before = values
            values, initializers, variables = self._build(seed)
        return values, initializers, variables

    @tensorflow_left_alone()
    def _build(self, seed: int) -> tuple[Values, dict[int, Any], list[keras.Variable]]:
        with seeded(seed), _initializers_noted() as initializers:
            model = self.build()
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        self._split = len(model.trainable_variables)
        return [np.asarray(variable.value) for variable in variables], initializers, variables

    def _replay(self, learned: list[Draw], seed: int) -> Values:
        seeds = _SeedSequence(seed)
        return [draw(seeds) for draw in learned]


def _learn(variable: keras.Variable, value: np.ndarray, initializer: Any, indices: dict[int, int]) -> Draw:
    """Return the function that draws a variable's first value from the seeds of a build."""
    seed = getattr(initializer, "seed", None)
    if isinstance(seed, int) and seed in indices:
        return _Initialized(initializer, indices[seed], tuple(variable.shape), variable.dtype)
    if value.shape == (2,) and value.dtype.kind == "u" and int(value[0]) in indices:
        return _random_state(value, indices[int(value[0])])
    return lambda seeds: value


def _random_state(value: np.ndarray, index: int) -> Draw:
    """Return the function that draws the state of a random layer: its seed, and how often it was used."""
    return lambda seeds: np.array([seeds[index], value[1]], value.dtype)


def _are_same(values: Values, others: Values) -> bool:
    return len(values) == len(others) and all(
        a.dtype == b.dtype and np.array_equal(a.view(np.uint8), b.view(np.uint8)) if a.ndim else a == b
        for a, b in zip(values, others, strict=True)
    )


@contextmanager
def _initializers_noted() -> Iterator[dict[int, Any]]:
    """Collect the initializer of every variable made inside the block, by the variable's identity."""
    initializers: dict[int, Any] = {}

    def note(variable: keras.Variable, initializer: Any, initialize: Callable[[keras.Variable, Any], None]) -> None:
        initializers[id(variable)] = initializer
        initialize(variable, initializer)

    with _initializing(note):
        yield initializers


def numpy_zeros() -> AbstractContextManager[None]:
    """Make zeros by NumPy inside the block: JAX compiles a program for zeros of each shape, 20 ms every time."""

    def make(variable: keras.Variable, initializer: Any, initialize: Callable[[keras.Variable, Any], None]) -> None:
        if type(initializer) is keras.initializers.Zeros and keras.distribution.distribution() is None:
            initialize_variable(variable, jax.device_put(np.zeros(variable.shape, variable.dtype)))
        else:
            initialize(variable, initializer)

    return _initializing(make)


@contextmanager
def _initializing(make: Callable[[keras.Variable, Any, Callable[[keras.Variable, Any], None]], None]) -> Iterator[None]:
    """Make the first values of variables by (variable, initializer, Keras's own method) inside the block.

    That is so for every thread; another one that comes here waits.
    """
    with _initializing_lock, initializing_by(make):
        yield

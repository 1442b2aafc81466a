"""The question of a study: a plain value, checked on creation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bridle._errors import InputError, short_repr
from bridle.regularizers import EarlyStopping
from bridle.study.data._splitter import Splitter, as_splitter

MAX_SEED = 2**31 - 1
"""The largest seed."""
MAX_COUNT = 10**9
"""The largest number of epochs, rows of a batch, points of a curve, or epochs of patience."""
MAX_SEEDS = 100_000
"""The largest number of seeds."""
DECREASING = "decreasing"
"""Warm starts from the strongest candidate of a path to the weakest."""
INCREASING = "increasing"
"""Warm starts from the weakest candidate of a path to the strongest."""
WARM_STARTS = (None, DECREASING, INCREASING)
"""The values of `warm_start`; None starts every fit alone."""
INITIAL_WEIGHTS = ("random", "model")
"""The values of `initial_weights`."""


@dataclass(frozen=True)
class Question:
    """Model, arms, seeds, folds, epochs and score of a study: everything except the rows."""

    model: object
    arms: Mapping[str, Mapping[str, object]]
    seeds: int | tuple[int, ...] = 10
    folds: int | Splitter = 5
    epochs: int = 100
    batch_size: int = 32
    shuffle: bool = True
    score: str | None = None
    curve_points: int = 200
    initial_weights: str = "random"
    warm_start: str | None = None
    early_stopping: EarlyStopping | None = None

    def __post_init__(self) -> None:
        _one_of("initial_weights", self.initial_weights, INITIAL_WEIGHTS)
        _one_of("warm_start", self.warm_start, WARM_STARTS)
        if self.early_stopping is not None and not isinstance(self.early_stopping, EarlyStopping):
            raise InputError(f"Expected early_stopping=bridle.EarlyStopping(…), got {self.early_stopping!r}.")
        object.__setattr__(self, "folds", as_splitter(self.folds))
        for name in ("epochs", "batch_size", "curve_points"):
            _whole(name, getattr(self, name), 1)
        if isinstance(self.seeds, int | np.integer) and not isinstance(self.seeds, bool):
            _whole("seeds", self.seeds, 1, MAX_SEEDS)
        else:
            object.__setattr__(self, "seeds", _several(self.seeds))
        for seed in self.seed_numbers:
            _whole("a seed", seed, 0, most=None)
            if seed > MAX_SEED:
                raise InputError(f"Expected seeds up to {MAX_SEED}, got {short_repr(seed)}.")
        if len(set(self.seed_numbers)) != len(self.seed_numbers):
            raise InputError(f"Expected distinct seeds, got {short_repr(self.seeds)}.")

    @property
    def validation_fraction(self) -> float:
        """The share of training rows that early stopping watches; 0 without it."""
        return 0.0 if self.early_stopping is None else self.early_stopping.validation_fraction

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds themselves."""
        if isinstance(self.seeds, int | np.integer):
            return tuple(range(int(self.seeds)))
        return tuple(self.seeds)


def _one_of(name: str, value: object, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        raise InputError(f"Expected {name} as one of {', '.join(map(repr, allowed))}, got {value!r}.")


def _several(seeds: object) -> tuple[int, ...]:
    if isinstance(seeds, str | bool) or not isinstance(seeds, Iterable):
        raise InputError(f"Expected seeds as a whole number ≥ 1 or a list of them, got {short_repr(seeds)}.")
    numbers = tuple(seeds)
    if not numbers:
        raise InputError("Expected at least one seed, got none. Give a number of seeds, or the seeds themselves.")
    return numbers


def _whole(name: str, value: object, least: int, most: int | None = MAX_COUNT) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"Expected {name} as a whole number ≥ {least}, got {short_repr(value)}.")
    if most is not None and value > most:
        raise InputError(f"Expected {name} as a whole number up to {most:,}, got {short_repr(value)}.")

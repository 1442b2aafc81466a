"""The question a study asks, and the rows it is asked about; both are plain values, checked when they are made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bridle._errors import InputError
from bridle.study._splits import Splitter

LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Question:
    """Model, arms, seeds, folds, epochs, score: everything but the rows."""

    model: object
    arms: Mapping[str, Mapping[str, object]]
    seeds: int | tuple[int, ...] = 10
    folds: int | Splitter = 5
    epochs: int = 100
    batch_size: int = 32
    shuffle: bool = True
    score: str | None = None
    points: int = 200

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "points"):
            _whole(name, getattr(self, name), 1)
        if isinstance(self.seeds, int | np.integer) and not isinstance(self.seeds, bool):
            _whole("seeds", self.seeds, 1)
        else:
            object.__setattr__(self, "seeds", _several(self.seeds))
        if len(set(self.seed_numbers)) != len(self.seed_numbers):
            raise InputError(f"Expected seeds that differ, got {self.seeds!r}.")
        for seed in self.seed_numbers:
            _whole("a seed", seed, 0)
            if seed > LARGEST_SEED:
                raise InputError(f"Expected seeds up to {LARGEST_SEED}, got {seed}.")

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds themselves."""
        if isinstance(self.seeds, int | np.integer):
            return tuple(range(int(self.seeds)))
        return tuple(self.seeds)


@dataclass(frozen=True)
class Rows:
    """What a person gives to be learned from.

    `prepare` is a scikit-learn transformer of x (a scaler, an encoder), `prepare_target` one of y; each is fitted
    anew on the training rows of every fold. `validation=(x, y)` is one split instead of folds. `held_out` sets
    are looked at once, after selection.
    """

    x: Any
    y: Any
    weight: Any = None
    groups: Any = None
    validation: tuple[Any, Any] | None = None
    held_out: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    prepare: Any = None
    prepare_target: Any = None

    def __post_init__(self) -> None:
        for name, pair in {"validation": self.validation, **self.held_out}.items():
            if pair is not None and (not isinstance(pair, tuple | list) or len(pair) != 2):
                raise InputError(f"Expected {name}=(x, y), got {type(pair).__name__}.")


def _several(seeds: object) -> tuple[int, ...]:
    if isinstance(seeds, str | bool) or not isinstance(seeds, Iterable):
        raise InputError(f"Expected seeds as a whole number ≥ 1 or a list of them, got {seeds!r}.")
    found = tuple(seeds)
    if not found:
        raise InputError("Expected at least one seed, got none. Give a number of seeds, or the seeds themselves.")
    return found


def _whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"Expected {name} as a whole number ≥ {least}, got {value!r}.")

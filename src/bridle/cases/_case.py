"""What a shipped case study is: data, model, two protocols, and the numbers that were published."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

Pair = tuple[np.ndarray, np.ndarray]
FRESH_ROWS = 20_000


@dataclass(frozen=True)
class Published:
    """One published line: an arm at a strength, and its accuracies. `strength` is None for an arm without one."""

    arm: str
    strength: float | None
    train: float
    test: float


@dataclass(frozen=True)
class Protocol:
    """One way to run a case."""

    arms: Mapping[str, Mapping[str, Any]]
    train: Pair
    test: Pair
    folds: Any
    """None where the test rows are the validation rows; else folds inside the training rows."""
    seeds: Callable[[int], int]
    """How many seeds to use, where the person asks for a number of runs."""
    prepare: Any = None


@dataclass(frozen=True)
class Case:
    """A case study. `fresh` draws new rows from the same generator, where there is one: the truth."""

    name: str
    title: str
    question: str
    """What the case is about, in two or three sentences."""
    model: Callable[[], keras.Model]
    epochs: int
    batch_size: int
    tutorial: Protocol
    honest: Protocol
    published: tuple[Published, ...]
    tolerance: float
    """How far a measured mean may lie from a published value that still holds."""
    fresh: Pair | None = None
    claims: tuple[tuple[str, str, str], ...] = ()
    """Claims that compare: (sentence, arm said to be better on test rows, arm said to be worse)."""


def hidden_network(inputs: int = 2, units: int = 500) -> keras.Model:
    """The tutorials' network for two classes: one wide hidden layer, far more weights than rows."""
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(units, activation="relu", name="hidden"),
            keras.layers.Dense(1, activation="sigmoid", name="out"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def a_third(seeds: int) -> int:
    """A third of the runs asked for, at least one: folds multiply them again."""
    return max(1, seeds // 3)

"""Case studies: data, model, two protocols, and the published numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

Pair = tuple[np.ndarray, np.ndarray]
"""Inputs and labels."""
FRESH_ROWS = 20_000
"""New rows from a generator, to score networks on."""


@dataclass(frozen=True)
class Published:
    """Published accuracies of one arm at one strength; `strength` is None for an arm without one."""

    arm: str
    strength: float | None
    train: float
    test: float


@dataclass(frozen=True)
class Protocol:
    """One protocol of a case: its arms, rows, folds and seeds."""

    arms: Mapping[str, Mapping[str, Any]]
    train: Pair
    test: Pair
    folds: Any
    """Folds inside the training rows, or None if the test rows are the validation rows."""
    seeds: Callable[[int], int]
    """The number of seeds for a number of runs."""
    preprocessor: Any = None


@dataclass(frozen=True)
class Case:
    """A case study."""

    name: str
    title: str
    question: str
    """A description of the case in two or three sentences."""
    model: Callable[[], keras.Model]
    epochs: int
    batch_size: int
    tutorial: Protocol
    honest: Protocol
    published: tuple[Published, ...]
    tolerance: float
    """The largest distance of a measured mean from a published value that holds."""
    new_rows: Pair | None = None
    """New rows from the same generator, if there is one: the nearest thing to the truth."""
    claims: tuple[tuple[str, str, str], ...] = ()
    """Claims that compare: (sentence, arm that should be better on test rows, arm that should be worse)."""


def hidden_network(inputs: int = 2, units: int = 500) -> keras.Model:
    """Return the tutorials' network for two classes: one wide hidden layer, far more weights than rows."""
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(units, activation="relu", name="hidden"),
            keras.layers.Dense(1, activation="sigmoid", name="out"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def one_third(seeds: int) -> int:
    """Return a third of the seeds, at least one, since folds multiply the fits again."""
    return max(1, seeds // 3)

"""What a published claim says, where it is looked for, and the two studies that decide the claims of one network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import keras

from bridle.cases._case import Case

Arms = Mapping[str, Mapping[str, Any]]
READER = "left to the reader"
"""Stands for published numbers where a tutorial proposes something and measures nothing."""
SAID = "without numbers"
ACCURACY = "accuracy"


@dataclass(frozen=True)
class Side:
    """Settings of one arm: those with the given strengths, or all of them. Of several, the best on rows that choose."""

    arm: str
    strengths: tuple[float, ...] = ()


NONE = Side("none")
Pair = tuple[Side, Side]
"""The side said to have more of the quantity, and the side said to have less."""


@dataclass(frozen=True)
class Claim:
    """One claim: that the first side of each pair has more of a quantity than the second, or as much."""

    key: str
    says: str
    published: str
    tutorial: Pair
    honest: Pair
    quantity: str = ACCURACY
    """Accuracy on rows that were not trained on, or a diagnostic of the trained network: `norm/hidden/kernel`."""
    kind: Literal["more", "same"] = "more"


@dataclass(frozen=True)
class Experiment:
    """One network, the arms of both protocols, and the claims that they decide."""

    name: str
    title: str
    case: Case
    model: Callable[[], keras.Model]
    epochs: int
    tutorial: Arms
    honest: Arms
    claims: tuple[Claim, ...]
    warm_start: str | None = None
    cost: float = 1.0
    """What an epoch takes, in epochs of the moons network; for the progress bar only."""

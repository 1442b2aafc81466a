"""What the engine is told about one kind of fit: pure functions, without a word about what is charged."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np

from bridle.engine._early_stopping import Stopping

TRAINING_EVERY = 5
"""Training rows are measured at one point out of so many: mostly they are the most rows, and decide nothing."""


class Loss(NamedTuple):
    """What one batch costs, beside the total that is differentiated."""

    parts: Any
    """float32 of shape (part,): the shares of the total that are kept apart."""
    other: list[Any]
    """The variables that the optimizer does not train, after the batch."""


def written_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of a function that gives something else too, as JAX makes it."""
    return jax.grad(function, has_aux=True)


@dataclass(frozen=True)
class Objective:
    """One member's mathematics. `setting` is whatever distinguishes treatments: a traced array."""

    loss: Callable[[list[Any], list[Any], Any, Any, Any, Any], tuple[Any, Loss]]
    """(trainable, other, setting, x, y, sample weight) → (total, Loss) for one training batch."""
    scaled: Callable[[list[Any], Any], Any]
    """(optimizer state, total) → what is differentiated; `update` divides by the scale again."""
    update: Callable[[list[Any], list[Any], list[Any], Any], tuple[list[Any], list[Any]]]
    """(optimizer state, gradients, trainable, setting) → (trainable, optimizer state)."""
    finish: Callable[[list[Any], list[Any]], list[Any]] | None
    """(optimizer state, trainable) → trainable after the last epoch; None where that changes nothing."""
    at_epoch: Callable[[Any, Any], Any]
    """(setting, epoch) → the setting in that epoch, counted from 0."""
    predict: Callable[[list[Any], list[Any], Any], Any]
    """(trainable, other, x) → predictions, at evaluation."""
    measure: Callable[[Any, Any, Any], list[Any]]
    """(y, predictions, sample weight) → the data loss and each metric."""
    diagnose: Callable[[list[Any], list[Any], Any], list[Any]]
    """(trainable, other, x) → facts about the trained variables over some rows."""
    handed_on: tuple[bool, ...]
    """Which of the other variables a warm start takes over: weights do, states of random layers do not."""
    mirrors: tuple[tuple[int, int], ...]
    """Pairs (optimizer variable, trainable variable) of which the first begins as a copy of the second."""
    part_names: tuple[str, ...]
    measure_names: tuple[str, ...]
    kernels: tuple[bool, ...] = ()
    """Which of the trainable variables are kernels of dense layers; nothing where that is not known."""
    loss_at: Callable[[list[Any], list[Any], Any, Any, Any, Any], Any] | None = None
    """(trainable, other, x, y, predictions, sample weight) → the data loss, where that takes more than `measure` has.

    It replaces the first of the measures.
    """
    gradient: Callable[[Callable[..., Any]], Callable[..., Any]] = written_gradient
    """A function with a second result → its gradient and that result."""


@dataclass(frozen=True)
class Recipe:
    """How every member of a study is trained."""

    epochs: int
    batch_size: int
    shuffle: bool
    points: int
    """At how many epochs curves are measured; `points == epochs` measures every epoch."""
    stopping: Stopping | None = None
    predictions: bool = False
    """Whether the predictions of the rows that judge a fit are read off too."""

    @cached_property
    def stops(self) -> np.ndarray:
        """The epochs at which curves are measured, evenly spread, the last one included."""
        return np.unique(np.linspace(0, self.epochs, self.points + 1).round().astype(int)[1:])

    @cached_property
    def trainings(self) -> np.ndarray:
        """At which of the stops training rows are measured too: every fifth, counted from the last."""
        return np.arange(len(self.stops))[::-1] % TRAINING_EVERY == 0

    @property
    def keeps_best(self) -> bool:
        """Whether the best epoch is kept instead of the last."""
        return self.stopping is not None and self.stopping.keep_best

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides of a fold that are measured, in the order of its rows."""
        return ("train", "validation") if self.stopping is None else ("train", "watch", "validation")

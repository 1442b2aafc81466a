"""Mathematics of a fit as pure functions, and the recipe by which all fits of a study are trained."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from bridle.engine._draw import Moment
from bridle.engine._early_stopping import Stopping

TRAINING_INTERVAL = 5
"""Points from one measurement of the training rows to the next: they are mostly the most rows, and decide nothing."""

Variables = list[Any]
"""Arrays in the order of the model's variables."""


class Loss(NamedTuple):
    """Results of one batch besides the differentiated total."""

    parts: Any
    """float32 of shape (part,): the shares of the total that are recorded separately."""
    other: Variables
    """The variables that the optimizer does not train, after the batch."""


class LossFunction(Protocol):
    """Total loss of one training batch."""

    def __call__(
        self, trainable: Variables, other: Variables, strengths: Any, x: Any, y: Any, weight: Any, /, *moment: Moment
    ) -> tuple[Any, Loss]:
        """Return the total and its parts. Where the objective `draws`, the last argument is the step."""
        ...


class Update(Protocol):
    """Step of the optimizer."""

    def __call__(
        self, optimizer: Variables, gradients: Variables, trainable: Variables, strengths: Any, /
    ) -> tuple[Variables, Variables]:
        """Return the trainable variables and the optimizer's state after the step."""
        ...


class Prediction(Protocol):
    """Forward pass at evaluation."""

    def __call__(self, trainable: Variables, other: Variables, x: Any, /) -> Any:
        """Return the predictions of some rows."""
        ...


class Measurement(Protocol):
    """Measures of some predictions."""

    def __call__(self, y: Any, predictions: Any, weight: Any, /) -> list[Any]:
        """Return the data loss and each metric."""
        ...


class VariableLoss(Protocol):
    """Data loss that takes the variables and inputs besides the predictions."""

    def __call__(self, trainable: Variables, other: Variables, x: Any, y: Any, predictions: Any, weight: Any, /) -> Any:
        """Return the data loss."""
        ...


class RowScoring(Protocol):
    """Scores of single rows."""

    def __call__(self, y: Any, predictions: Any, weight: Any, /) -> Any:
        """Return float32 (row,)."""
        ...


class Diagnosis(Protocol):
    """Diagnostics of the trained variables over some rows."""

    def __call__(self, trainable: Variables, other: Variables, x: Any, /) -> list[Any]:
        """Return one number for each diagnostic."""
        ...


Gradient = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Transform of a function with a second result into its gradient with that result."""


def plain_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the gradient of a function with a second result, as JAX makes it."""
    return jax.grad(function, has_aux=True)


def always(strengths: Any) -> bool:
    """Return True: the `draws` of fits side by side, which share one branch."""
    return True


@dataclass(frozen=True)
class Objective:
    """Mathematics of one fit. `strengths` is a traced array: one program serves all candidates."""

    loss: LossFunction
    scaled: Callable[[Variables, Any], Any]
    """(optimizer state, total) → what is differentiated; `update` divides by the scale again."""
    update: Update
    finish: Callable[[Variables, Variables], Variables] | None
    """(optimizer state, trainable) → trainable after the last epoch; None if that changes nothing."""
    at_epoch: Callable[[Any, Any], Any]
    """(strengths, epoch) → the strengths in that epoch, counted from 0."""
    predict: Prediction
    measure: Measurement
    diagnose: Diagnosis
    carried_over: tuple[bool, ...]
    """True for the other variables that a warm start takes over: weights are, states of random layers are not."""
    mirrors: tuple[tuple[int, int], ...]
    """Pairs (optimizer variable, trainable variable) of which the first begins as a copy of the second."""
    part_names: tuple[str, ...]
    measure_names: tuple[str, ...]
    kernels: tuple[bool, ...] = ()
    """True for the trainable variables that are kernels of dense layers; empty if that is not known."""
    loss_at: VariableLoss | None = None
    """Replacement of the first measure, for a data loss that needs more than `measure` takes."""
    gradient: Gradient = plain_gradient
    score_rows: RowScoring | None = None
    """Scores of the validation rows one by one; None if they are not computed."""
    draws: Callable[[Any], Any] | None = None
    """(strengths) → whether the loss draws random numbers, and so takes the step; None if it never does."""
    average_decay: Callable[[Any], Any] | None = None
    """(strengths in an epoch) → the decay of the average of the weights, 0 for none; None if no fit averages."""


@dataclass(frozen=True)
class Recipe:
    """Training options that all fits of a study share."""

    epochs: int
    batch_size: int
    shuffle: bool
    points: int
    """Number of epochs at which curves are measured; `points == epochs` measures every epoch."""
    stopping: Stopping | None = None
    predictions: bool = False
    """True if reading a fit also returns the predictions of the validation rows."""
    row_predictions: bool = False
    """True if the predictions are returned with the row scores."""

    @cached_property
    def stops(self) -> np.ndarray:
        """Epochs at which curves are measured, evenly spread, the last one included."""
        return np.unique(np.linspace(0, self.epochs, self.points + 1).round().astype(int)[1:])

    @cached_property
    def trainings(self) -> np.ndarray:
        """Mask of the stops at which training rows are measured too: every fifth, counted from the last."""
        return np.arange(len(self.stops))[::-1] % TRAINING_INTERVAL == 0

    @property
    def keeps_best(self) -> bool:
        """True if the best epoch is kept instead of the last."""
        return self.stopping is not None and self.stopping.keep_best

    @property
    def sides(self) -> tuple[str, ...]:
        """Sides of a fold that are measured, in the order of its rows."""
        return ("train", "validation") if self.stopping is None else ("train", "watch", "validation")


@dataclass(frozen=True)
class Training:
    """Mathematics and recipe that all fits of a study share."""

    objective: Objective
    recipe: Recipe

    @property
    def cost_count(self) -> int:
        """Quantities summed over the batches of an epoch: the total loss and its parts."""
        return 1 + len(self.objective.part_names)

    @property
    def quantity_count(self) -> int:
        """Quantities at one point of a fit's curves."""
        return self.cost_count + len(self.recipe.sides) * len(self.objective.measure_names)

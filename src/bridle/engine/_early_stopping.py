"""Early stopping: the epoch at which a fit ends, and the epoch whose variables it keeps."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Stopping:
    """Rule applied after every epoch to a measure of rows that are used for neither training nor validation.

    The rule is that of `keras.callbacks.EarlyStopping`: an epoch improves where it beats the best so far by more
    than `min_delta`; training ends after `patience` epochs without improvement.
    """

    measure: int
    """Index of the monitored measure among the objective's measures."""
    maximize: bool
    patience: int | None
    """None never stops, and only keeps the best epoch."""
    min_delta: float
    keep_best: bool
    """True if the fit ends with the variables of its best epoch."""


class StoppingMemory(NamedTuple):
    """State of early stopping between epochs. Field names are part of a program's identity, as those of `State`."""

    best: Any
    """float32: the best value so far."""
    best_epoch: Any
    """int32, counted from 1; 0 before the first epoch."""
    waited: Any
    """int32: epochs since the last improvement."""
    stopped: Any
    """int32: the epoch after which training ended, or 0."""
    kept: Any
    """(trainable, other) of the best epoch; empty if they are not kept."""


def initial_memory(stopping: Stopping | None, trainable: list[Any], other: list[Any]) -> StoppingMemory | tuple[()]:
    """Return the memory before the first epoch; an empty tuple without early stopping."""
    if stopping is None:
        return ()
    worst = np.float32(-np.inf if stopping.maximize else np.inf)
    zero = np.int32(0)
    return StoppingMemory(worst, zero, zero, zero, (list(trainable), list(other)) if stopping.keep_best else ())


def update_memory(
    stopping: Stopping, memory: StoppingMemory, value: Any, epoch: Any, trainable: list[Any], other: list[Any]
) -> StoppingMemory:
    """Return the memory after an epoch, counted from 1, whose monitored measure has this value."""
    gain = value - memory.best if stopping.maximize else memory.best - value
    better = (gain > stopping.min_delta) | (memory.best_epoch == 0)
    waited = jnp.where(better, 0, memory.waited + 1)
    ends = jnp.zeros((), bool)
    if stopping.patience is not None:
        ends = (waited >= stopping.patience) & (epoch > 1) & ~better
    present = (trainable, other) if stopping.keep_best else ()
    return StoppingMemory(
        jnp.where(better, value, memory.best).astype("float32"),
        jnp.where(better, epoch, memory.best_epoch).astype("int32"),
        waited.astype("int32"),
        jnp.where(ends, epoch, memory.stopped).astype("int32"),
        jax.tree.map(lambda new, old: jnp.where(better, new, old), present, memory.kept),
    )

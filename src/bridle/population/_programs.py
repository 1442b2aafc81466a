"""Compiled programs: one that trains and one that looks, for each shape of rows that a study has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bridle.population._member import Rows, State, block, evaluate
from bridle.population._objective import Objective, Recipe

MAX_POINTS = 256
"""Measuring points in one call of the training program."""


@dataclass(frozen=True)
class Fold:
    """The rows of one split on the device; the first `train` of them are trained on."""

    rows: Rows
    train: int

    @property
    def shape(self) -> tuple[Any, ...]:
        """What two folds must share to run on the same program."""
        return (self.train, *(tuple(leaf.shape) for leaf in jax.tree.leaves(self.rows)))


@dataclass(frozen=True)
class Programs:
    """What is compiled for one shape of rows. Every member of every arm runs these same executables."""

    train: Callable[..., tuple[State, Any]]
    """(state, setting, rows, identity, first epoch, lengths, count) → (state, curves)."""
    look: Callable[..., tuple[Any, Mapping[str, Any]]]
    """(trainable, other, rows, held-out rows by name) → (diagnostics, measures by name)."""
    capacity: int
    seconds: float


def put(x: Any, y: Any, weight: Any, train: int) -> Fold:
    """Move the rows of one split to the device, floats as float32."""
    return Fold(Rows(*jax.tree.map(jnp.asarray, (x, y, weight))), train)


def starting(objective: Objective, trainable: list[np.ndarray], other: list[np.ndarray]) -> State:
    """A member's state before its first epoch."""
    return State(list(trainable), list(other), list(objective.optimizer_state), np.int32(-1))


def compile_programs(
    objective: Objective, recipe: Recipe, fold: Fold, state: State, settings: int, held_out: Mapping[str, Rows]
) -> Programs:
    """Trace and compile once; nothing is compiled again for another setting, seed or fold of the same shape."""
    began = perf_counter()
    capacity = min(len(recipe.stops), MAX_POINTS)
    setting = jnp.zeros(settings, "float32")
    integers = jnp.zeros(2, "int32"), np.int32(0), jnp.zeros(capacity, "int32"), np.int32(0)
    train = jax.jit(block(objective, recipe, fold.train, capacity))
    look = jax.jit(lambda trainable, other, rows, extra: _look(objective, fold.train, trainable, other, rows, extra))
    return Programs(
        train.lower(state, setting, fold.rows, *integers).compile(),
        look.lower(state.trainable, state.other, fold.rows, dict(held_out)).compile(),
        capacity,
        perf_counter() - began,
    )


def _look(
    objective: Objective, train: int, trainable: list[Any], other: list[Any], rows: Rows, extra: Mapping[str, Rows]
) -> tuple[Any, Mapping[str, Any]]:
    training = jax.tree.map(lambda leaf: leaf[:train], rows.x)
    facts = objective.diagnose(trainable, other, training)
    state = State(trainable, other, [], np.int32(-1))
    measures = {
        name: evaluate(objective, state, held, len(jax.tree.leaves(held.x)[0]))[: len(objective.measure_names)]
        for name, held in extra.items()
    }
    return jnp.stack(facts) if facts else jnp.zeros(0, "float32"), measures

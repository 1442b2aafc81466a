"""Averages of weights: an exponential moving average over the steps of a fit, which is what the fit returns."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bridle.engine._state import State
from bridle.engine.rewrites import untranspose_kernels


class Averages(NamedTuple):
    """State of weight averaging between steps. Field names are part of a program's identity, as those of `State`."""

    weights: list[Any]
    """The averages of the trainable variables; without meaning while `decay` is 0."""
    decay: Any
    """float32: the decay of the last step; 0 if it did not average."""


def initial_averages(trainable: list[Any]) -> Averages:
    """Return the averages before the first step."""
    return Averages(list(trainable), np.float32(0))


def update_averages(averages: Averages, trainable: list[Any], decay: Any) -> Averages:
    """Return the averages after a step: `decay * average + (1 - decay) * weight`, as Keras's `use_ema` has them.

    The average begins with the weights after the first step that has a decay above 0. Steps without one cost nothing.
    """

    def average(weights: list[Any], trainable: list[Any]) -> list[Any]:
        momentum = jnp.where(averages.decay > 0, decay, 0)

        def entry(mean: Any, weight: Any) -> Any:
            share = momentum.astype(weight.dtype)
            return share * mean + (1 - share) * weight

        return jax.tree.map(entry, weights, trainable)

    weights = lax.cond(decay > 0, average, lambda weights, trainable: weights, averages.weights, trainable)
    return Averages(weights, jnp.asarray(decay, "float32"))


def measured_state(state: State) -> State:
    """Return the state whose weights are measured while a fit trains: with the averages, if it averages."""
    if not state.averages:
        return state
    return state._replace(trainable=_selected(state.averages.decay, state.averages.weights, state.trainable))


def final_weights(averages: Averages, trainable: list[Any]) -> list[Any]:
    """Return the weights with which a fit ends: the averages, or the given ones if the last step did not average."""
    return _selected(averages.decay, untranspose_kernels(averages.weights), untranspose_kernels(trainable))


def _selected(decay: Any, averages: list[Any], trainable: list[Any]) -> list[Any]:
    """Return the averages where the decay is above 0; the weights, to the bit, where it is 0."""
    return jax.tree.map(lambda mean, weight: jnp.where(decay > 0, mean, weight), averages, trainable)

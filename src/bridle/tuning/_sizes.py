"""Size of a study by the number of its rows: seeds, folds, arms, epochs and batches of the default network."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import keras
import numpy as np

from bridle.tables import Problem
from bridle.tuning._network import (
    OWN_MODEL,
    Defaults,
    NetworkFunction,
    again,
    default_network,
    output_shape,
    outputs_of,
    own_network,
)

MANY_ROWS = 100_000
"""Rows from which on a study has fewer seeds and folds, and penalties on weights alone."""
MANY_SEEDS, MANY_FOLDS, MANY_TARGETS = 2, 3, ("weights",)
BATCH_ROWS = 10_000
"""Training rows up to which batches have their smallest size, and fits all their epochs."""
MOST_BATCH = 1024
BUDGET = 2.5e9
"""Weights times training rows times epochs of one fit: about three seconds of one core."""
FEWEST_EPOCHS = 2


@dataclass(frozen=True)
class Training:
    """Epochs, batches and learning rate of a fit; the rate is None for that of Keras."""

    epochs: int
    batch_size: int
    learning_rate: float | None


def training_of(defaults: Defaults, rows: int, weights: int) -> Training:
    """Return the training of a network with so many weights on so many rows.

    Args:
        defaults: the defaults; those without `sized` train small and large tables alike.
        rows: training rows of a fold.
        weights: the number of weights.

    >>> from bridle.tuning._network import VERSIONS
    >>> training_of(VERSIONS[3], 640, 4_000), training_of(VERSIONS[2], 10**6, 10**4).epochs
    (Training(epochs=100, batch_size=64, learning_rate=0.002), 100)

    """
    if not defaults.sized:
        return Training(defaults.epochs, defaults.batch_size, defaults.learning_rate)
    epochs = defaults.epochs
    if rows >= BATCH_ROWS:
        epochs = int(np.clip(round(BUDGET / (rows * weights)), FEWEST_EPOCHS, defaults.epochs))
    if defaults.learning_rate is None:
        return Training(epochs, defaults.batch_size, None)
    doublings = max(0, round(np.log2(max(rows, 1) / BATCH_ROWS)))
    batch_size = min(MOST_BATCH, defaults.batch_size * 2**doublings)
    return Training(epochs, batch_size, defaults.learning_rate * float(np.sqrt(batch_size / defaults.batch_size)))


def network_of(
    defaults: Defaults, model: NetworkFunction | None, inputs: int, problem: Problem, rows: int, score: str | None
) -> tuple[keras.Model, keras.Model | Callable[[], keras.Model], Training]:
    """Return the network of a table, what a study builds it from, and its training.

    Args:
        defaults: the defaults.
        model: the user's function `(inputs, outputs)`; None for the default network.
        inputs: the number of features.
        problem: what the network predicts.
        rows: training rows of a fold.
        score: another measure to compile into the default network.

    Errors: those of `default_network` and `own_network`.

    """
    outputs = outputs_of(problem)
    if model is None:
        sizes = (inputs, *defaults.hidden, int(np.prod(output_shape(outputs))))
        training = training_of(defaults, rows, sum(before * after for before, after in pairwise(sizes)))
        rate = training.learning_rate
        network = default_network(inputs, problem, hidden=defaults.hidden, learning_rate=rate, score=score)
        return network, network, training
    network = own_network(model, inputs, outputs)
    weights = network.count_params() if network.built else inputs
    training = training_of(replace(OWN_MODEL, sized=defaults.sized), rows, max(1, weights))
    return network, again(network, model, inputs, outputs), training


def counts_of(defaults: Defaults, rows: int) -> tuple[int, int]:
    """Return the seeds and folds for a table of so many rows."""
    return (MANY_SEEDS, MANY_FOLDS) if defaults.sized and rows >= MANY_ROWS else (5, 5)


def targets_of(defaults: Defaults, rows: int) -> tuple[str, ...]:
    """Return what the default arms penalize for a table of so many rows."""
    return MANY_TARGETS if defaults.sized and rows >= MANY_ROWS else defaults.targets

"""Default networks for sequences and for windows of series, and their training."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras

from bridle._api import Study
from bridle.tables import Problem
from bridle.tuning._job import TableStudy
from bridle.tuning._network import again, default_arms, ending, outputs_of, own_network

FILTERS, WIDTH = (64, 64), 5
"""Filters of the convolutions over the steps of a sequence, and the steps that each of them sees."""
HIDDEN = (64, 32)
"""Units of the dense layers over the steps of a window."""
ARM_KINDS, ARM_TARGETS = ("L1", "L2"), ("weights", "activations", "pre-activations")


@dataclass(frozen=True)
class SeriesTraining:
    """Training of a network of sequences or windows."""

    epochs: int
    batch_size: int
    learning_rate: float


TRAINING: Mapping[bool, SeriesTraining] = MappingProxyType(
    {True: SeriesTraining(60, 32, 2e-3), False: SeriesTraining(40, 64, 1e-3)}
)
"""Training of padded sequences (True), and of windows (False)."""


def series_study(design: TableStudy, shape: tuple[int, int], problem: Problem, folds: Any, padded: bool) -> Study:
    """Build the study of sequences (`padded`) or windows of `shape` (steps, features)."""
    outputs, training = outputs_of(problem), TRAINING[padded]
    if design.model is None:
        network = built = series_network(shape, problem, design.score, padded=padded)
    else:
        network = own_network(design.model, shape, outputs)
        built = again(network, design.model, shape, outputs)
    return Study(
        built,
        design.arms or default_arms(network, ARM_KINDS, ARM_TARGETS) | design.other_kinds(network),
        seeds=design.seeds,
        folds=folds,
        epochs=design.epochs or training.epochs,
        batch_size=training.batch_size,
        score=design.score,
    )


def series_network(
    shape: tuple[int, int], problem: Problem, score: str | None = None, *, padded: bool = True
) -> keras.Model:
    """Return a compiled default network for rows of `shape` (steps, features).

    For sequences: two convolutions over 5 steps with 64 filters each, and the mean over the steps that are no padding.
    For windows: dense layers of 64 and 32 units over all steps. The layers are `hidden1`, `hidden2` and `out`.

    Errors: `InputError` for a score that does not suit the problem.
    """
    last, loss, metrics = ending(problem, score)
    inputs = keras.Input(shape)
    steps = _convolved(inputs) if padded else _dense(inputs)
    out = keras.layers.Dense(outputs_of(problem), activation=last, name="out")(steps)
    model = keras.Model(inputs, out)
    model.compile(keras.optimizers.Adam(TRAINING[padded].learning_rate), loss=loss, metrics=metrics)
    return model


def _convolved(inputs: Any) -> Any:
    """Return the mean over steps of two convolutions; padding, where the last feature is 0, takes no part in it.

    A convolution of Keras drops masks, so each one is multiplied by the feature that marks the steps.
    """
    present = inputs[:, :, -1:]
    steps = inputs
    for index, filters in enumerate(FILTERS, 1):
        steps = keras.layers.Conv1D(filters, WIDTH, padding="same", name=f"convolution{index}")(steps)
        steps = keras.layers.Multiply(name=f"steps{index}")([steps, present])
        steps = keras.layers.Activation("relu", name=f"hidden{index}")(steps)
    return keras.ops.sum(steps, axis=1) / keras.ops.sum(present, axis=1)


def _dense(inputs: Any) -> Any:
    """Return dense layers over all steps."""
    steps = keras.layers.Flatten(name="steps")(inputs)
    for index, units in enumerate(HIDDEN, 1):
        steps = keras.layers.Dense(units, activation="relu", name=f"hidden{index}")(steps)
    return steps

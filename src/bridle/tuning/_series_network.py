"""Default networks for sequences and for windows of series, and their training."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import keras

from bridle._api import Study
from bridle.tables import Problem
from bridle.tuning._job import TableStudy
from bridle.tuning._network import again, default_arms, ending, outputs_of, own_network

FILTERS, WIDTH = (32, 32), 5
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
    {True: SeriesTraining(40, 32, 2e-3), False: SeriesTraining(40, 64, 1e-3)}
)
"""Training of padded sequences (True), and of windows (False)."""


def series_study(
    design: TableStudy, shape: tuple[int, int], problem: Problem, folds: Any, calendar: int | None = None
) -> Study:
    """Build the study of rows of `shape` (steps, features): of windows with `calendar`, of sequences without.

    `calendar` is the number of features, at the end of each step, that follow from its time.
    """
    outputs, training = outputs_of(problem), TRAINING[calendar is None]
    if design.model is None:
        build = sequence_network if calendar is None else partial(window_network, calendar=calendar)
        network = built = build(shape, problem, score=design.score)
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


def sequence_network(shape: tuple[int, int], problem: Problem, *, score: str | None = None) -> keras.Model:
    """Return the compiled default network for padded sequences of `shape` (steps, features).

    Two convolutions over 5 steps with 32 filters each (`hidden1`, `hidden2`), their mean over the steps that are no
    padding, and the output `out`. A convolution of Keras drops masks, so each one is multiplied by the last feature,
    which is 1 in a step and 0 in padding: the length of the padding changes nothing.

    Errors: `InputError` for a score that does not suit the problem.
    """
    layers = keras.layers
    inputs = steps = keras.Input(shape)
    present = layers.Reshape((shape[0], 1), name="present")(_part(inputs, "last_feature", before=(0, shape[1] - 1)))
    for index, filters in enumerate(FILTERS, 1):
        steps = layers.Conv1D(filters, WIDTH, padding="same", name=f"convolution{index}")(steps)
        steps = layers.Multiply(name=f"steps{index}")([steps, present])
        steps = layers.Activation("relu", name=f"hidden{index}")(steps)
    shares = layers.Softmax(axis=1, name="shares")(layers.Rescaling(1e4, offset=-1e4, name="padding")(present))
    mean = layers.Flatten(name="mean")(layers.Dot(axes=1, name="dot")([steps, shares]))
    return _compiled(inputs, mean, problem, score, TRAINING[True])


def window_network(
    shape: tuple[int, int], problem: Problem, *, score: str | None = None, calendar: int = 0
) -> keras.Model:
    """Return the compiled default network for windows of `shape` (steps, features).

    Dense layers of 64 and 32 units (`hidden1`, `hidden2`) over all steps of the window, and the output `out` of these
    and of the window itself, so that a linear forecast needs no hidden unit. The last `calendar` features are read from
    the last step alone: those of the others follow from them.

    Errors: `InputError` for a score that does not suit the problem.
    """
    layers = keras.layers
    inputs = keras.Input(shape)
    window = layers.Flatten(name="window")(_part(inputs, "columns", after=(0, calendar)) if calendar else inputs)
    if calendar:
        last = _part(inputs, "last_calendar", before=(shape[0] - 1, shape[1] - calendar))
        window = layers.Concatenate(name="window_and_calendar")([window, layers.Flatten(name="calendar")(last)])
    hidden = window
    for index, units in enumerate(HIDDEN, 1):
        hidden = layers.Dense(units, activation="relu", name=f"hidden{index}")(hidden)
    return _compiled(inputs, layers.Concatenate(name="all")([hidden, window]), problem, score, TRAINING[False])


def _part(inputs: Any, name: str, *, before: tuple[int, int] = (0, 0), after: tuple[int, int] = (0, 0)) -> Any:
    """Return the inputs without some steps and features at the begin and the end, with a last axis of 1.

    Slices would do the same, but Keras names their operations by how many the process has, and so no two models alike.
    """
    grid = keras.layers.Reshape((*inputs.shape[1:], 1), name=f"{name}_grid")(inputs)
    return keras.layers.Cropping2D(tuple(zip(before, after, strict=True)), name=name)(grid)


def _compiled(inputs: Any, last: Any, problem: Problem, score: str | None, training: SeriesTraining) -> keras.Model:
    """Return a compiled model with the output that suits the problem."""
    activation, loss, metrics = ending(problem, score)
    out = keras.layers.Dense(outputs_of(problem), activation=activation, name="out")(last)
    model = keras.Model(inputs, out)
    model.compile(keras.optimizers.Adam(training.learning_rate), loss=loss, metrics=metrics)
    return model

"""Measures of a prepared target, in the units of the original target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

POWERS = {
    keras.metrics.MeanSquaredError: 2,
    keras.metrics.MeanAbsoluteError: 1,
    keras.metrics.RootMeanSquaredError: 1,
    keras.metrics.R2Score: 0,
}
"""The power of a target's scale by which a metric grows."""
LOSSES = {
    keras.losses.MeanSquaredError: 2,
    keras.losses.mean_squared_error: 2,
    keras.losses.MeanAbsoluteError: 1,
    keras.losses.mean_absolute_error: 1,
}


@dataclass(frozen=True)
class Units:
    """Factors from measures of the prepared target to measures of the original target."""

    factors: np.ndarray
    """float32 (fold + 1, measure); the last row is that of the refits."""
    transformed: tuple[str, ...] = ()
    """Measures that stay in the units of the prepared target."""


def units(powers: Sequence[int | None], names: Sequence[str], targets: Sequence[Any]) -> Units:
    """Return the units of measures.

    A measure of power p is multiplied by s**p, where the fold's target was divided by s. It stays as it is where p is
    None, where the preparation does more than shift and scale, and where several columns differ in s and p is not 0.

    Args:
        powers: of each measure.
        names: of the measures.
        targets: the fitted preparation of the target, for each fold and then for the refits; None for none.

    """
    blank = np.ones((len(targets), len(names)), np.float32)
    if all(target is None for target in targets):
        return Units(blank)
    scales = [np.ones(1) if target is None else scale_of(target) for target in targets]
    scalable = [power is not None and all(_fits(scale, power) for scale in scales) for power in powers]
    for row, scale in zip(blank, scales, strict=True):
        for index, power in enumerate(powers):
            if scalable[index] and power and scale is not None:
                row[index] = scale[0] ** power
    return Units(blank, tuple(name for name, scaled in zip(names, scalable, strict=True) if not scaled))


def scale_of(transformer: Any) -> np.ndarray | None:
    """Return the divisor of each column of a fitted transformer; None if it does more than shift and scale."""
    kind = type(transformer)
    if kind in (StandardScaler, RobustScaler, MaxAbsScaler):
        return np.ones(1) if transformer.scale_ is None else np.asarray(transformer.scale_, float)
    if kind is MinMaxScaler and not transformer.clip:
        return 1 / np.asarray(transformer.scale_, float)
    return None


def powers(model: keras.Model, metrics: Sequence[keras.metrics.Metric], names: Sequence[str]) -> list[int | None]:
    """Return the powers of the loss and of each named metric; None for an unknown measure.

    Args:
        model: a compiled model.
        metrics: its metrics.
        names: one name for each number that they give, `r2[0]` for a part of one.

    """
    loss = model.loss
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    loss_power = LOSSES.get(type(loss))
    if loss_power is None and callable(loss):
        loss_power = next((power for function, power in LOSSES.items() if function is loss), None)
    bases = dict.fromkeys(name.partition("[")[0] for name in names)
    by_name = dict(zip(bases, metrics, strict=False))
    return [loss_power, *(POWERS.get(type(by_name.get(name.partition("[")[0]))) for name in names)]


def _fits(scale: np.ndarray | None, power: int) -> bool:
    return scale is not None and (power == 0 or np.allclose(scale, scale[0], rtol=1e-6))

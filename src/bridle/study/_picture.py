"""For studies with two inputs and two classes: the rows, and what the refitted networks predict over the plane."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from bridle.engine import predict
from bridle.results import Picture
from bridle.study.data import Data
from bridle.study.design import Prepared

MESH = 60
MOST_ROWS = 2000


def picture(
    prepared: Prepared, data: Data, variables: Mapping[int, Sequence[tuple[np.ndarray, ...]]]
) -> Picture | None:
    """Mean predictions over the refits of each setting on a mesh; None where rows cannot be drawn in a plane.

    Args:
        data: all rows, as the network sees them.
        variables: for each setting to draw, the trained variables of its refits.

    """
    outputs = getattr(prepared.model, "outputs", None) or ()
    shapes = outputs[0].shape if len(outputs) == 1 else ()
    plane = isinstance(data.x, np.ndarray) and data.x.ndim == 2 and data.x.shape[1] == 2
    if (
        not plane
        or data.labels is None
        or len(np.unique(data.labels)) != 2
        or len(shapes) != 2
        or shapes[1] not in (1, 2)
    ):
        return None
    axes = tuple(
        np.linspace(low - 0.15 * (high - low), high + 0.15 * (high - low), MESH) for low, high in _ranges(data.x)
    )
    mesh = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2).astype(np.float32)
    split = len(prepared.model.trainable_variables)
    objective = prepared.engine.objective
    ask = jax.jit(lambda trainable, other: predict(objective, trainable, other, mesh).values[:, -1])
    drawn = {number: runs for number, runs in variables.items() if runs}
    surfaces = [
        np.mean([np.asarray(ask(list(run[:split]), list(run[split:]))) for run in runs], axis=0).reshape(MESH, MESH)
        for runs in drawn.values()
    ]
    if not surfaces:
        return None
    return Picture(data.x[:MOST_ROWS], data.labels[:MOST_ROWS], axes, tuple(drawn), np.stack(surfaces))


def _ranges(x: np.ndarray) -> list[tuple[float, float]]:
    return list(zip(x.min(axis=0), x.max(axis=0), strict=True))

"""Targets against the model's output: rows without labels, and values that the last activation cannot reach."""

from typing import Any

import jax
import keras
import numpy as np

from bridle._errors import InputError, short_repr
from bridle._keras import Program, loss_name
from bridle.engine import Rows, is_stored
from bridle.study.data._arrays import Data

UNIT, SYMMETRIC, POSITIVE = (0.0, 1.0), (-1.0, 1.0), (0.0, np.inf)
RANGES = {
    "sigmoid": UNIT,
    "hard_sigmoid": UNIT,
    "softmax": UNIT,
    "tanh": SYMMETRIC,
    "softsign": SYMMETRIC,
    "relu": POSITIVE,
    "softplus": POSITIVE,
}
"""The values of activation functions of Keras that are bounded."""
NUMBERS = ("mean_squared_error", "mse", "mean_absolute_error", "mae", "huber", "huber_loss", "log_cosh")
"""Losses between numbers; the labels of other losses need not be values of the output."""
TOLERANCE = 1e-5
"""Distance from the range that counts as inside: rounding."""
IN_MEMORY = "Set rows_in='memory', with fewer rows if they do not fit."
"""What to do where rows on disk are refused."""


def check_target_in_memory(x: Any) -> None:
    """Raise `InputError` for rows on disk that would be their own target, before they are read."""
    if is_stored(x):
        raise InputError(f"Expected y for rows on disk, got none: x would be the target, in memory. {IN_MEMORY}")


def check_stored(program: Program, rows: Rows) -> None:
    """Raise `InputError` for rows on disk where a measure needs all of them at once."""
    if not is_stored(rows.x):
        return
    if program.has_own_loss:
        raise InputError(
            "Expected a compiled loss for rows on disk, got a model with its own compute_loss, which takes all "
            f"validation rows at once. {IN_MEMORY}"
        )


def check_reconstruction(model: keras.Model, x: Any) -> None:
    """Raise `InputError` for a model that cannot be trained to give its inputs.

    Such as one with a loss over classes, or with an output of another shape than its input.
    """
    loss = loss_name(model)
    kind = loss.lower().replace("_", "")
    if ("crossentropy" in kind and "binary" not in kind) or "hinge" in kind:
        raise InputError(
            f"Expected y for a model with the loss {loss!r}, which compares classes. Give y, or compile the model with "
            "a loss between numbers such as 'mse' to reconstruct x."
        )
    inputs = [np.shape(leaf)[1:] for leaf in jax.tree.leaves(x)]
    outputs = [tuple(output.shape)[1:] for output in getattr(model, "outputs", None) or ()]
    if outputs and not (len(inputs) == len(outputs) and all(map(_fits, inputs, outputs))):
        raise InputError(
            f"Expected y for a model whose output has the shape {_listed(outputs)} for rows of the shape "
            f"{_listed(inputs)}. Without y the target is x. Give y, or a model that ends in the shape of its input."
        )


def check_range(model: keras.Model, data: Data, reconstructs: bool) -> list[str]:
    """Return a note where most of the target lies outside of what the last activation can give.

    Errors: `InputError` where the target is x and any of it does.
    """
    layer, name = _last_activation(model)
    if layer is None or name not in RANGES or not isinstance(data.y, np.ndarray):
        return []
    if not reconstructs and (data.labels is not None or loss_name(model) not in NUMBERS):
        return []
    low, high = RANGES[name]
    outside = int(np.sum((data.y < low - TOLERANCE) | (data.y > high + TOLERANCE)))
    if outside <= (0 if reconstructs else data.y.size // 2):
        return []
    limits = "at least 0" if high == np.inf else f"from {low:g} to {high:g}"
    columns = int(np.prod(data.y.shape[1:]))
    facts = (
        f"{columns} {'value' if columns == 1 else 'values'} a row in {data.y.min():g}…{data.y.max():g} against the "
        f"{name} of layer {layer!r}"
    )
    advice = "Scale the rows, or change that activation"
    if reconstructs:
        raise InputError(f"Expected a target that is {limits}, got {facts}. {advice}.")
    return [f"The target should be {limits}: {facts}. The model cannot reach such values. {advice}."]


def _last_activation(model: keras.Model) -> tuple[str | None, str]:
    """Return the name of the layer that gives the only output, and of its activation function."""
    outputs = getattr(model, "outputs", None) or ()
    if len(outputs) != 1:
        return None, ""
    for layer in reversed(model.layers):
        try:
            is_last = layer.output is outputs[0]
        except (AttributeError, ValueError):  # a layer with several calls or without any
            continue
        if is_last:
            function = vars(layer).get("activation")
            name = getattr(function, "__name__", "") or type(layer).__name__.lower()
            return layer.name, name
    return None, ""


def _fits(shape: tuple[int, ...], output: tuple[int | None, ...]) -> bool:
    return len(shape) == len(output) and all(b is None or a == b for a, b in zip(shape, output, strict=True))


def _listed(shapes: list[Any]) -> str:
    return " and ".join(short_repr(tuple(shape)) for shape in shapes)

"""Penalties in words: as a person wrote them, and as the line that places them with bridle."""

from typing import Any

import keras

from bridle.regularizers import Penalty

K = keras.regularizers


def written(regularizer: Any) -> str:
    """A regularizer as a person reads it: `L2(0.01)`."""
    if regularizer is None or isinstance(regularizer, bool):
        return "?"
    if isinstance(regularizer, Penalty):
        return repr(regularizer)
    found = _amounts(regularizer)
    if found is not None:
        return f"{type(regularizer).__name__}({found})"
    return getattr(regularizer, "__name__", type(regularizer).__name__)


def placed(where: str, regularizer: Any) -> str:
    """What to do: the line that places a penalty with bridle instead."""
    return f"Instead: bridle.regularize(model, {{{_quoted(where)}: {as_bridle(regularizer)}}})."


def as_bridle(regularizer: Any) -> str:
    """A regularizer as the source of a bridle penalty."""
    if isinstance(regularizer, Penalty):
        return f"bridle.{regularizer!r}"
    if type(regularizer) in (K.L1, K.L2, K.L1L2):
        return f"bridle.{type(regularizer).__name__}({_amounts(regularizer)})"
    if type(regularizer) is K.OrthogonalRegularizer:
        return f"bridle.Orthogonality({float(regularizer.factor):g})"
    if regularizer is None or isinstance(regularizer, bool):
        return "bridle.L2(…)"
    name = getattr(regularizer, "__name__", None)
    return f"bridle.Custom({name or 'your_function'}, 1.0)"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def number(value: float) -> str:
    """A number of a table; a dash where there is none."""
    return "–" if value != value else f"{value:.4g}"


def _amounts(regularizer: Any) -> str | None:
    if type(regularizer) is K.L1:
        return f"{float(regularizer.l1):g}"
    if type(regularizer) is K.L2:
        return f"{regularizer.l2:g}"
    if type(regularizer) is K.L1L2:
        return f"l1={regularizer.l1:g}, l2={regularizer.l2:g}"
    if type(regularizer) is K.OrthogonalRegularizer:
        return f"{float(regularizer.factor):g}"
    return None


def _quoted(where: str) -> str:
    return '"' + where.replace('"', '\\"') + '"'

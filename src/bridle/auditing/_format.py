"""Regularizers and numbers as text: as the model declares them, and as the line that places them with bridle."""

from collections.abc import Callable
from typing import Any

import keras

from bridle.regularizers import Penalty

K = keras.regularizers
STRENGTHS: dict[type, Callable[[Any], str]] = {
    K.L1: lambda r: f"{float(r.l1):g}",
    K.L2: lambda r: f"{r.l2:g}",
    K.L1L2: lambda r: f"l1={r.l1:g}, l2={r.l2:g}",
    K.OrthogonalRegularizer: lambda r: f"{float(r.factor):g}",
}
"""The strengths of Keras's regularizers as text."""


def regularizer_text(regularizer: Any) -> str:
    """Return a regularizer in short form, such as `L2(0.01)`."""
    if regularizer is None or isinstance(regularizer, bool):
        return "?"
    if isinstance(regularizer, Penalty):
        return repr(regularizer)
    strengths = _strengths_text(regularizer)
    if strengths is not None:
        return f"{type(regularizer).__name__}({strengths})"
    return getattr(regularizer, "__name__", type(regularizer).__name__)


def advice(target: str, regularizer: Any) -> str:
    """Return the sentence with the line that places a regularizer with bridle instead."""
    return f"Instead: bridle.regularize(model, {{{_quoted(target)}: {penalty_source(regularizer)}}})."


def penalty_source(regularizer: Any) -> str:
    """Return the source of the bridle penalty that stands for a regularizer."""
    if isinstance(regularizer, Penalty):
        return f"bridle.{regularizer!r}"
    if type(regularizer) in (K.L1, K.L2, K.L1L2):
        return f"bridle.{type(regularizer).__name__}({_strengths_text(regularizer)})"
    if type(regularizer) is K.OrthogonalRegularizer:
        return f"bridle.Orthogonality({_strengths_text(regularizer)})"
    if regularizer is None or isinstance(regularizer, bool):
        return "bridle.L2(…)"
    name = getattr(regularizer, "__name__", None)
    return f"bridle.Custom({name or 'your_function'}, 1.0)"


def count_text(count: int, singular: str, plural: str | None = None) -> str:
    """Return a count and its noun."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def number_text(value: float) -> str:
    """Return a number with four digits; a dash for NaN."""
    return "–" if value != value else f"{value:.4g}"


def _strengths_text(regularizer: Any) -> str | None:
    text = STRENGTHS.get(type(regularizer))
    return None if text is None else text(regularizer)


def _quoted(target: str) -> str:
    return '"' + target.replace('"', '\\"') + '"'

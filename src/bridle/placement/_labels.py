"""Label treatments of a study or of a regularized model: joined for one batch, and checked before training."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from bridle._keras import (
    Mixing,
    Treatment,
    as_real,
    batch_size_of,
    check_mixing,
    check_smoothing,
    draw_mixing,
    mix_rows,
    no_mixing,
    own_smoothing,
)
from bridle.placement._bound_terms import BoundTerms
from bridle.placement._terms import Term
from bridle.regularizers import Draw, LabelTreatment

CHECKS = {"smoothing": check_smoothing, "mixing": check_mixing}
"""The check of a model for each effect."""
Guard = Callable[[Any, Callable[[], Any], Callable[[], Any]], Any]
"""(strength, mix, keep) → the result of one of the two."""
OWN_SMOOTHING = (
    "The loss has label_smoothing={:g}, which stays in the scores of all arms. In training, LabelSmoothing above 0 "
    "takes its place, so that labels are never smoothed twice."
)
"""The note on a loss that smooths labels itself."""


def always(strength: Any, mix: Callable[[], Any], keep: Callable[[], Any]) -> Any:
    """Return the mixed rows at any strength."""
    return mix()


class SeededDraw:
    """Random numbers from a seed generator of Keras, on any backend."""

    def __init__(self, seeds: keras.random.SeedGenerator) -> None:
        self._seeds = seeds

    def uniform(self, shape: tuple[Any, ...]) -> Any:
        """Return float32 numbers of this shape, evenly distributed in [0, 1)."""
        return keras.random.uniform(shape, dtype="float32", seed=self._seeds)

    def normal(self, shape: tuple[Any, ...]) -> Any:
        """Return float32 numbers of this shape from the standard normal distribution."""
        return keras.random.normal(shape, dtype="float32", seed=self._seeds)


def treat_labels(
    terms: BoundTerms, strengths: Sequence[Any], batch: tuple[Any, Any], draw: Draw | None, guard: Guard = always
) -> tuple[Any, Treatment]:
    """Return the inputs of a training batch, mixed where its labels are, and the treatment of its labels.

    Terms with the same effect belong to different arms, of which one has a strength above 0: their strengths add up.

    Args:
        terms: the terms of a study or of a model.
        strengths: the strength of every slot.
        batch: the inputs; and shape (row,), 0 for rows of weight 0, or None if all rows count.
        draw: the random numbers of this batch; None if nothing is mixed.
        guard: chooses between rows that are mixed and rows as they are. Default: always mixed.

    """
    x, counted = batch
    smoothing, alpha = (_total(terms, strengths, effect) for effect in ("smoothing", "mixing"))
    if alpha is None or draw is None:
        return x, Treatment(smoothing)
    count = batch_size_of(x)

    def mix() -> tuple[Any, Mixing]:
        mixing = draw_mixing(alpha, draw.uniform, count, counted)
        return mix_rows(x, mixing), mixing

    mixed, mixing = guard(alpha, mix, lambda: (as_real(x), no_mixing(count, counted)))
    return mixed, Treatment(smoothing, mixing)


def mixes_labels(terms: BoundTerms) -> bool:
    """Return True if a label treatment draws random numbers."""
    return any(slotted.regularizer.effect == "mixing" for slotted in terms.labels)


def check_labels(model: keras.Model, terms: Sequence[Term], x: Any = None, inner: Any = None) -> None:
    """Raise `InputError` for label treatments that the compiled model does not allow.

    Args:
        model: a compiled model.
        terms: the terms of a study or of a model.
        x: rows, for a subclassed model, which does not state its inputs. Default None.
        inner: the model that takes the inputs. Default `model`.

    """
    for term in terms:
        if isinstance(term.regularizer, LabelTreatment):
            where = f"{type(term.regularizer).__name__} at {term.target!r}"
            CHECKS[term.regularizer.effect](model, inner or model, where, x)


def label_notes(model: keras.Model, terms: Sequence[Term]) -> list[str]:
    """Return the note on a loss that smooths labels itself, where terms smooth them too."""
    effects = [term.regularizer.effect for term in terms if isinstance(term.regularizer, LabelTreatment)]
    smooth = own_smoothing(model)
    return [OWN_SMOOTHING.format(smooth)] if smooth and "smoothing" in effects else []


def _total(terms: BoundTerms, strengths: Sequence[Any], effect: str) -> Any:
    """Return the sum of the strengths of one effect; None if no term has it."""
    parts = [slotted.of(strengths)[0] for slotted in terms.labels if slotted.regularizer.effect == effect]
    return sum(parts[1:], start=parts[0]) if parts else None

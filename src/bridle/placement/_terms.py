"""Terms: one penalty at one target, bound to the places of a model; and the slots that hold their strengths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import keras

from bridle._errors import KindError, short_repr
from bridle.placement._checks import check_places
from bridle.placement._sites import Site
from bridle.placement._targets import EXAMPLE, match_target
from bridle.regularizers import KINDS, Penalty, Schedule, parse_penalty

LONGEST = 60
"""Characters of options in the name of a term."""
WHAT = "a penalty such as bridle.L2(1e-3), or its text 'l2(1e-3)'"


@dataclass(frozen=True)
class Term:
    """One penalty at one target, with the places that it charges."""

    target: str
    penalty: Penalty
    sites: tuple[Site, ...]

    @property
    def label(self) -> str:
        """Target and kind: what makes two terms the same but for their strengths."""
        options = _short(self.penalty.options_text())
        courses = [course.to_text("…") for course in self.penalty.schedules if course is not None]
        return " ".join([self.target, self.penalty.kind, *filter(None, [options]), *courses])

    @property
    def slots(self) -> tuple[str, ...]:
        """The name of each strength, in the order of `penalty.names`."""
        if len(self.penalty.names) == 1:
            return (self.label,)
        return tuple(f"{self.label}.{name}" for name in self.penalty.names)

    @property
    def schedules(self) -> tuple[Schedule | None, ...]:
        """The course of each slot's strength over the epochs."""
        return self.penalty.schedules

    def to_text(self) -> str:
        """The penalty in the language of penalties, with the name of its slot in place of each strength."""
        pairs = zip(self.slots, self.schedules, strict=True)
        amounts = (f"{{{slot}}}" if course is None else course.to_text(f"{{{slot}}}") for slot, course in pairs)
        return self.penalty.to_text(*amounts)


def _short(text: str) -> str:
    """Options that fit a line; long ones, as an anchor's numbers, by their beginning and a checksum."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… #{crc32(text.encode()):08x}"


def read_terms(model: keras.Model, terms: Mapping[str, object]) -> tuple[Term, ...]:
    """Bind `{target: penalty}` to a model.

    Errors: `TargetError` for a target that matches nothing; `InputError` for text that is no penalty, and for a
    penalty that has no meaning at its place (`check_places`); `KindError` for anything else than penalties.
    """
    if not isinstance(terms, Mapping):
        raise KindError(f"Expected a dictionary {{target: penalty}}, got {short_repr(terms)}. {EXAMPLE}")
    return tuple(_bind(model, target, what) for target, what in terms.items())


def distinct_terms(arms: Sequence[Sequence[Term]]) -> tuple[Term, ...]:
    """The terms of all arms, those that differ only in strength once."""
    found: dict[str, Term] = {}
    for arm in arms:
        for term in arm:
            found.setdefault(term.label, term)
    return tuple(found.values())


def _bind(model: keras.Model, target: str, what: Any) -> Term:
    penalty = parse_penalty(what) if isinstance(what, str) else what
    if isinstance(penalty, keras.regularizers.Regularizer) and not isinstance(penalty, Penalty):
        name = type(penalty).__name__
        raise KindError(f"Expected {WHAT} at {target!r}, got keras.regularizers.{name}. Use bridle.{name}.")
    if not isinstance(penalty, Penalty):
        raise KindError(f"Expected {WHAT} at {target!r}, got {short_repr(what)}. Known: {', '.join(KINDS)}.")
    found = tuple(match_target(model, target))
    check_places(target, penalty, found)
    return Term(target, penalty, found)

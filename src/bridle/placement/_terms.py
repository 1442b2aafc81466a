"""Terms: penalties at targets, bound to the sites of a model, and the slots of their strengths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import keras

from bridle._errors import KindError, short_repr
from bridle.placement._checks import check_sites
from bridle.placement._sites import Site
from bridle.placement._targets import EXAMPLE, match_target
from bridle.regularizers import KINDS, Penalty, Schedule, parse_penalty

LONGEST = 60
"""The largest number of characters of options in the name of a term."""
WHAT = "a penalty such as bridle.L2(1e-3), or its text 'l2(1e-3)'"


@dataclass(frozen=True)
class Term:
    """Penalty at one target, with its sites."""

    target: str
    penalty: Penalty
    sites: tuple[Site, ...]

    @property
    def label(self) -> str:
        """Target, kind, options and schedules. Terms with the same label differ in their strengths only."""
        options = _short(self.penalty.options_text())
        schedules = [schedule.to_text("…") for schedule in self.penalty.schedules if schedule is not None]
        return " ".join([self.target, self.penalty.kind, *filter(None, [options]), *schedules])

    @property
    def slots(self) -> tuple[str, ...]:
        """The name of each strength, in the order of `penalty.names`."""
        if len(self.penalty.names) == 1:
            return (self.label,)
        return tuple(f"{self.label}.{name}" for name in self.penalty.names)

    @property
    def schedules(self) -> tuple[Schedule | None, ...]:
        """The schedule of the strength of each slot, or None."""
        return self.penalty.schedules

    def to_text(self) -> str:
        """Return the penalty as text, with the names of slots in place of strengths."""
        pairs = zip(self.slots, self.schedules, strict=True)
        strengths = (f"{{{slot}}}" if schedule is None else schedule.to_text(f"{{{slot}}}") for slot, schedule in pairs)
        return self.penalty.to_text(*strengths)


def _short(text: str) -> str:
    """Shorten options, such as the numbers of an anchor, to their beginning and a checksum."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… #{crc32(text.encode()):08x}"


def read_terms(model: keras.Model, terms: Mapping[str, object]) -> tuple[Term, ...]:
    """Bind `{target: penalty}` to a model.

    Errors: `TargetError` for a target that matches nothing; `InputError` for text that is not a penalty, and for a
    penalty that is not defined at its site (`check_sites`); `KindError` for values of another type.
    """
    if not isinstance(terms, Mapping):
        raise KindError(f"Expected a dictionary {{target: penalty}}, got {short_repr(terms)}. {EXAMPLE}")
    return tuple(_bind(model, target, what) for target, what in terms.items())


def distinct_terms(arms: Sequence[Sequence[Term]]) -> tuple[Term, ...]:
    """Return the terms of all arms, without those that differ from an earlier one in strength only."""
    distinct: dict[str, Term] = {}
    for arm in arms:
        for term in arm:
            distinct.setdefault(term.label, term)
    return tuple(distinct.values())


def _bind(model: keras.Model, target: str, what: Any) -> Term:
    penalty = parse_penalty(what) if isinstance(what, str) else what
    if isinstance(penalty, keras.regularizers.Regularizer) and not isinstance(penalty, Penalty):
        name = type(penalty).__name__
        raise KindError(f"Expected {WHAT} at {target!r}, got keras.regularizers.{name}. Use bridle.{name}.")
    if not isinstance(penalty, Penalty):
        raise KindError(f"Expected {WHAT} at {target!r}, got {short_repr(what)}. Known: {', '.join(KINDS)}.")
    sites = tuple(match_target(model, target))
    check_sites(target, penalty, sites)
    return Term(target, penalty, sites)

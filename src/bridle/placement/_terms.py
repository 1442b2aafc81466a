"""Terms: regularizers at targets, bound to the sites of a model, and the slots of their strengths."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import keras

from bridle._errors import InputError, KindError, short_repr
from bridle.placement._checks import check_labels_once, check_sites
from bridle.placement._rate_sites import check_rates_once, is_rate_target, read_rate
from bridle.placement._sites import Site
from bridle.placement._targets import EXAMPLE, match_target
from bridle.placement._weight_checks import check_once
from bridle.regularizers import KINDS, Noise, Regularizer, Schedule, parse_regularizer

LONGEST = 60
"""The largest number of characters of options in the name of a term."""
WHAT = "a regularizer such as bridle.L2(1e-3), its text 'l2(1e-3)', or a list of them"


@dataclass(frozen=True)
class Term:
    """Regularizer at one target, with its sites."""

    target: str
    regularizer: Regularizer
    sites: tuple[Site, ...]

    @property
    def label(self) -> str:
        """Target, kind, options and schedules. Terms with the same label differ in their strengths only."""
        options = _short(self.regularizer.options_text())
        schedules = [schedule.to_text("…") for schedule in self.regularizer.schedules if schedule is not None]
        kind = [] if self.regularizer.allowed_on == ("rate",) else [self.regularizer.kind]  # the target tells it
        return " ".join([self.target, *kind, *filter(None, [options]), *schedules])

    @property
    def slots(self) -> tuple[str, ...]:
        """The name of each strength, in the order of `regularizer.names`."""
        if len(self.regularizer.names) == 1:
            return (self.label,)
        return tuple(f"{self.label}.{name}" for name in self.regularizer.names)

    @property
    def schedules(self) -> tuple[Schedule | None, ...]:
        """The schedule of the strength of each slot, or None."""
        return self.regularizer.schedules

    def to_text(self) -> str:
        """Return the regularizer as text, with the names of slots in place of strengths."""
        pairs = zip(self.slots, self.schedules, strict=True)
        strengths = (f"{{{slot}}}" if schedule is None else schedule.to_text(f"{{{slot}}}") for slot, schedule in pairs)
        return self.regularizer.to_text(*strengths)


def _short(text: str) -> str:
    """Shorten options, such as the numbers of an anchor, to their beginning and a checksum."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… #{crc32(text.encode()):08x}"


def read_terms(model: keras.Model, terms: Mapping[str, object]) -> tuple[Term, ...]:
    """Bind `{target: regularizer}` to a model; a list of regularizers at a target gives a term for each.

    Errors: `TargetError` for a target that matches nothing; `InputError` for text that is not a regularizer, for one
    that is not defined at its site (`check_sites`), and for two at a target that differ in strength only; `KindError`
    for values of another type.
    """
    if not isinstance(terms, Mapping):
        raise KindError(f"Expected a dictionary {{target: regularizer}}, got {short_repr(terms)}. {EXAMPLE}")
    bound: dict[str, Term] = {}
    for target, given in terms.items():
        value = read_rate(target, given) if is_rate_target(target) else given
        for what in value if isinstance(value, list | tuple) else (value,):
            term = _bind(model, target, what)
            if term.label in bound:
                raise InputError(f"Expected each regularizer once at {target!r}, got two {term.regularizer.kind}.")
            bound[term.label] = term
    check_rates_once([(term.target, term.sites) for term in bound.values()])
    check_once([(term.target, term.regularizer, term.sites) for term in bound.values()])
    check_labels_once([(term.target, term.regularizer) for term in bound.values()])
    _check_noise(list(bound.values()))
    return tuple(bound.values())


def _check_noise(terms: Sequence[Term]) -> None:
    """Raise `InputError` for two noises of one kind at one site: both would use the same random numbers."""
    targets: dict[tuple[str, str], str] = {}
    for term in terms:
        for site in term.sites if isinstance(term.regularizer, Noise) else ():
            place = term.regularizer.kind, site.name
            if place in targets:
                raise InputError(
                    f"Expected one {place[0]} at {site.name!r}, got those of {targets[place]!r} and {term.target!r}. "
                    "Leave one out, or write targets that do not overlap."
                )
            targets[place] = term.target


def by_target(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return (target, value) pairs as a dictionary, with a list where a target has several values."""
    groups: dict[str, list[Any]] = {}
    for target, value in pairs:
        groups.setdefault(target, []).append(value)
    return {target: group[0] if len(group) == 1 else group for target, group in groups.items()}


def is_active(regularizer: Regularizer) -> bool:
    """Return True if a strength differs from that of an absent regularizer, for strengths that are numbers."""
    return any(strength != regularizer.absent for strength in regularizer.base_strengths)


def distinct_terms(arms: Sequence[Sequence[Term]]) -> tuple[Term, ...]:
    """Return the terms of all arms, without those that differ from an earlier one in strength only."""
    distinct: dict[str, Term] = {}
    for arm in arms:
        for term in arm:
            distinct.setdefault(term.label, term)
    return tuple(distinct.values())


def _bind(model: keras.Model, target: str, what: Any) -> Term:
    regularizer = parse_regularizer(what) if isinstance(what, str) else what
    if isinstance(regularizer, keras.regularizers.Regularizer) and not isinstance(regularizer, Regularizer):
        name = type(regularizer).__name__
        raise KindError(f"Expected {WHAT} at {target!r}, got keras.regularizers.{name}. Use bridle.{name}.")
    if not isinstance(regularizer, Regularizer):
        raise KindError(f"Expected {WHAT} at {target!r}, got {short_repr(what)}. Known: {', '.join(KINDS)}.")
    sites = tuple(match_target(model, target))
    check_sites(target, regularizer, sites)
    return Term(target, regularizer, sites)

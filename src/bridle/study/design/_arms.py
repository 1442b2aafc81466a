"""Arms: named dictionaries of terms, laid out as settings (an arm with a number for each of its strengths)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import keras
import numpy as np

from bridle._errors import InputError, KindError
from bridle.placement import Term, distinct, read_terms
from bridle.regularizers import AUTO, Grid
from bridle.results import Arm

NONE = "none"
BROKEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What a name cannot hold: line breaks and other controls."""
RATE = "learning_rate"
"""What an arm may hold beside its penalties: one number, the learning rate of its fits."""
WEAKEST, STRONGEST = 1e-10, 1e5
"""An open grid is not extended past these."""


@dataclass(frozen=True)
class Treatment:
    """One arm: its terms, the slots of the study that it uses and the strengths to try in each."""

    name: str
    terms: tuple[Term, ...]
    slots: tuple[int, ...]
    grids: tuple[Grid, ...]
    learning_rate: float | None = None
    """Another one than that of the compiled optimizer."""
    between: tuple[tuple[float, ...], ...] = ()
    """Settings beside the combinations of the grids."""

    @property
    def settings(self) -> list[tuple[float, ...]]:
        """Every combination of strengths, one number for each of `slots`; then those between."""
        return [*product(*(grid.values for grid in self.grids)), *self.between]

    def extended(self, best: tuple[float, ...]) -> "Treatment":
        """The arm with each open grid continued where its best strength lies on the edge."""
        grids = tuple(_extend(grid, value) for grid, value in zip(self.grids, best, strict=True))
        return replace(self, grids=grids)

    def refined(self, best: tuple[float, ...]) -> "Treatment":
        """The arm with settings between its best one and the neighbours of that in the open grids.

        One open grid gets two strengths on either side; several get one on either side, in every combination of two.
        """
        opened = sum(grid.open for grid in self.grids)
        near = [
            _between(grid, value, 2 if opened == 1 else 1) if grid.open else (value,)
            for grid, value in zip(self.grids, best, strict=True)
        ]
        moved = (sum(a != b for a, b in zip(values, best, strict=True)) for values in product(*near))
        found = [values for values, count in zip(product(*near), moved, strict=True) if 0 < count <= 2]
        return replace(self, between=tuple(found))


def read_arms(
    model: keras.Model, arms: Mapping[str, Mapping[str, object]]
) -> tuple[tuple[Treatment, ...], tuple[Term, ...]]:
    """Bind a person's arms to a model; `none` comes first. Returns the arms and their distinct terms.

    Errors: `InputError` where a name is taken, empty or of several lines; those of `read_terms`, with the arm's name.
    """
    if not isinstance(arms, Mapping):
        raise KindError(f"Expected arms as a dictionary {{name: {{where: what(how much)}}}}, got {arms!r}.")
    named = {str(name): terms for name, terms in arms.items() if not (name == NONE and not terms)}
    for name in named:
        if not name.strip() or BROKEN.search(name):
            raise InputError(f"Expected the name of an arm as text on one line, got {name!r:.200}. Rename it.")
    if NONE in named:
        raise InputError(
            f"Expected another name than {NONE!r} for an arm with penalties: {NONE!r} is always there, without any."
        )
    bound: dict[str, tuple[Term, ...]] = {NONE: ()}
    rates: dict[str, float | None] = {NONE: None}
    for name, terms in named.items():
        try:
            rates[name] = _learning_rate(terms)
            bound[name] = read_terms(model, _without_rate(terms))
        except (InputError, KindError) as error:
            raise type(error)(f"In the arm {name!r}: {error}") from error
        if not bound[name] and rates[name] is None:
            raise InputError(f"Expected at least one penalty in the arm {name!r}, got none. {NONE!r} is always an arm.")
    terms = distinct(list(bound.values()))
    slots = [slot for term in terms for slot in term.slots]
    found = (replace(_treatment(name, own, slots), learning_rate=rates[name]) for name, own in bound.items())
    return tuple(found), terms


def _learning_rate(terms: object) -> float | None:
    value = terms.get(RATE) if isinstance(terms, Mapping) else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < np.inf:
        raise InputError(f"Expected a learning rate above 0, got {value!r}. For several, write an arm for each.")
    return float(value)


def _without_rate(terms: object) -> object:
    return {where: what for where, what in terms.items() if where != RATE} if isinstance(terms, Mapping) else terms


def _treatment(name: str, terms: tuple[Term, ...], slots: list[str]) -> Treatment:
    amounts = [value for term in terms for value in term.penalty.peaks]
    grids = [value if isinstance(value, Grid) else Grid((value,)) for value in amounts]
    crowded = sum(grid.open for grid in grids) > 1
    grids = [Grid(grid.values[::2], open=True) if crowded and grid == AUTO else grid for grid in grids]
    return Treatment(name, terms, tuple(slots.index(slot) for term in terms for slot in term.slots), tuple(grids))


def _extend(grid: Grid, best: float) -> Grid:
    low = grid.open and best == grid.values[0] and best > WEAKEST
    high = grid.open and best == grid.values[-1] and best < STRONGEST
    return grid.wider(low, high) if low or high else grid


def _between(grid: Grid, best: float, count: int) -> tuple[float, ...]:
    """The best strength, and so many on either side of it, evenly on a log scale, to two digits."""
    place = grid.values.index(best)
    shares = np.arange(1, count + 1) / (count + 1)
    found = {best}
    for neighbour in grid.values[max(0, place - 1) : place] + grid.values[place + 1 : place + 2]:
        found |= {float(f"{best * (neighbour / best) ** share:.2g}") for share in shares}
    return tuple(sorted(found))


def joined(name: str, parts: Sequence[Treatment]) -> Treatment:
    """One arm with the terms of several of the same study; open grids are thinned, as where an arm has several."""
    if len(parts) == 1:
        return parts[0]
    terms, slots, grids = (tuple(x for part in parts for x in getattr(part, n)) for n in ("terms", "slots", "grids"))
    grids = tuple(Grid(grid.values[::2], open=True) if grid == AUTO else grid for grid in grids)
    return Treatment(name, terms, slots, grids)


def as_terms(treatment: Treatment) -> Arm:
    """What a result keeps of an arm: no model, no Keras."""
    terms = tuple((term.target, term.written()) for term in treatment.terms)
    return Arm(treatment.name, terms, treatment.slots, treatment.learning_rate)


def table(treatments: tuple[Treatment, ...], width: int) -> tuple[np.ndarray, np.ndarray]:
    """All settings: the arm of each, and strengths of shape (setting, slot), zero where an arm lacks a slot."""
    arms: list[int] = []
    rows: list[np.ndarray] = []
    for number, treatment in enumerate(treatments):
        for values in treatment.settings:
            row = np.zeros(width)
            row[list(treatment.slots)] = values
            arms.append(number)
            rows.append(row)
    return np.array(arms), np.array(rows).reshape(len(rows), width)

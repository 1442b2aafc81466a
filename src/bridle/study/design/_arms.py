"""Arms bound to a model, and their candidates: an arm with a number for each of its strengths."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import keras
import numpy as np

from bridle._errors import InputError, KindError
from bridle.placement import Term, distinct_terms, read_terms
from bridle.regularizers import AUTO, RATES, EarlyStopping, Grid, WholeFit
from bridle.results import LIMIT, Arm

NONE = "none"
"""The name of the arm without regularizers, which every study has."""
CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Line breaks and other controls, which the name of an arm cannot hold."""
LEARNING_RATE_KEY = "learning_rate"
"""The key under which an arm sets the learning rate of its fits, among its targets."""
MIN_GRID_STRENGTH = 1e-10
"""An open grid is not extended below this strength."""
MAX_GRID_STRENGTH = 1e5
"""An open grid is not extended above this strength."""
MAX_MOVED_STRENGTHS = 2
"""A refining candidate differs from the best one in at most this many strengths."""


@dataclass(frozen=True)
class BoundArm:
    """One arm bound to a model: its terms, the slots of the study that it uses, the strengths to try in each."""

    name: str
    terms: tuple[Term, ...]
    slots: tuple[int, ...]
    grids: tuple[Grid, ...]
    learning_rate: float | None = None
    """The learning rate of its fits; None for that of the compiled optimizer."""
    between: tuple[tuple[float, ...], ...] = ()
    """Refining candidates in addition to the combinations of the grids."""

    @property
    def early_stopping(self) -> EarlyStopping | None:
        """The rule by which its fits end; None for that of the study."""
        rules = (term.regularizer for term in self.terms if isinstance(term.regularizer, EarlyStopping))
        return next(rules, None)

    @property
    def candidates(self) -> list[tuple[float, ...]]:
        """Every combination of strengths, one number for each of `slots`; then those between."""
        return [*product(*(grid.values for grid in self.grids)), *self.between]

    @property
    def limits(self) -> tuple[bool, ...]:
        """True for each of `grids` with limits, which are stronger where they are smaller."""
        return tuple(name == LIMIT for term in self.terms for name in term.regularizer.names)

    def strength_row(self, strengths: Sequence[float], absent: np.ndarray) -> np.ndarray:
        """Return strengths of this arm as a row over all slots of a study, `absent` where the arm lacks a slot."""
        row = absent.copy()
        row[list(self.slots)] = strengths
        return row

    def extended(self, best: tuple[float, ...]) -> "BoundArm":
        """Return the arm with each open grid continued where its best strength lies on the edge."""
        grids = tuple(_extend(grid, strength) for grid, strength in zip(self.grids, best, strict=True))
        return replace(self, grids=grids)

    def refined(self, best: tuple[float, ...]) -> "BoundArm":
        """Return the arm with candidates between its best one and the neighbours of that in the open grids.

        One open grid gets two strengths on either side; several get one on either side, in every combination of two.
        """
        open_count = sum(grid.open for grid in self.grids)
        near = [
            _between(grid, strength, 2 if open_count == 1 else 1) if grid.open else (strength,)
            for grid, strength in zip(self.grids, best, strict=True)
        ]
        moves = (sum(a != b for a, b in zip(strengths, best, strict=True)) for strengths in product(*near))
        between = [
            strengths
            for strengths, count in zip(product(*near), moves, strict=True)
            if 0 < count <= MAX_MOVED_STRENGTHS
        ]
        return replace(self, between=tuple(between))


def read_arms(
    model: keras.Model, arms: Mapping[str, Mapping[str, object]]
) -> tuple[tuple[BoundArm, ...], tuple[Term, ...]]:
    """Bind a user's arms to a model; return the arms, `none` first, and their distinct terms.

    Errors: `InputError` where a name is taken, empty or of several lines; those of `read_terms`, with the arm's name.
    """
    if not isinstance(arms, Mapping):
        raise KindError(f"Expected arms as a dictionary {{name: {{target: regularizer}}}}, got {arms!r}.")
    named = {str(name): terms for name, terms in arms.items() if not (name == NONE and not terms)}
    for name in named:
        if not name.strip() or CONTROL_CHARACTERS.search(name):
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
            _check_whole_fit(bound[name])
        except (InputError, KindError) as error:
            raise type(error)(f"In the arm {name!r}: {error}") from error
        if not bound[name] and rates[name] is None:
            raise InputError(f"Expected at least one penalty in the arm {name!r}, got none. {NONE!r} is always an arm.")
    terms = distinct_terms(list(bound.values()))
    slots = [slot for term in terms for slot in term.slots]
    bound_arms = (_bind(name, arm_terms, slots, rates[name]) for name, arm_terms in bound.items())
    return tuple(bound_arms), terms


def _learning_rate(terms: object) -> float | None:
    value = terms.get(LEARNING_RATE_KEY) if isinstance(terms, Mapping) else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < np.inf:
        raise InputError(f"Expected a learning rate above 0, got {value!r}. For several, write an arm for each.")
    return float(value)


def _check_whole_fit(terms: Sequence[Term]) -> None:
    """Raise `InputError` for two rules of early stopping, or two averages, in one arm."""
    kinds = [term.regularizer.kind for term in terms if isinstance(term.regularizer, WholeFit)]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise InputError(f"Expected {kind} once at 'training', got it {kinds.count(kind)} times. Write two arms.")


def _without_rate(terms: object) -> Any:
    if not isinstance(terms, Mapping):
        return terms
    return {target: regularizer for target, regularizer in terms.items() if target != LEARNING_RATE_KEY}


def _bind(name: str, terms: tuple[Term, ...], slots: list[str], learning_rate: float | None) -> BoundArm:
    strengths = [strength for term in terms for strength in term.regularizer.base_strengths]
    grids = [strength if isinstance(strength, Grid) else Grid((strength,)) for strength in strengths]
    if sum(grid.open for grid in grids) > 1:
        grids = [_thinned(grid) for grid in grids]
    arm_slots = tuple(slots.index(slot) for term in terms for slot in term.slots)
    return BoundArm(name, terms, arm_slots, tuple(grids), learning_rate)


def _thinned(grid: Grid) -> Grid:
    """Return every other strength of an automatic grid; any other grid as it is."""
    return Grid(grid.values[::2], open=True, linear=grid.linear) if grid in (AUTO, RATES) else grid


def _extend(grid: Grid, best: float) -> Grid:
    if grid.linear:
        return grid
    low = grid.open and best == grid.values[0] and best > MIN_GRID_STRENGTH
    high = grid.open and best == grid.values[-1] and best < MAX_GRID_STRENGTH
    return grid.wider(low, high) if low or high else grid


def _between(grid: Grid, best: float, count: int) -> tuple[float, ...]:
    """Return the best strength and `count` on either side, evenly on the scale of the grid, to two digits."""
    index = grid.values.index(best)
    shares = np.arange(1, count + 1) / (count + 1)
    strengths = {best}
    for neighbour in grid.values[max(0, index - 1) : index] + grid.values[index + 1 : index + 2]:
        points = best + (neighbour - best) * shares if grid.linear else best * (neighbour / best) ** shares
        strengths |= {float(f"{point:.2g}") for point in points}
    return tuple(sorted(strengths))


def join_arms(name: str, parts: Sequence[BoundArm]) -> BoundArm:
    """Return one arm with the terms of several of the same study; open grids are thinned, as for several in an arm."""
    if len(parts) == 1:
        return parts[0]
    terms, slots, grids = (tuple(x for part in parts for x in getattr(part, n)) for n in ("terms", "slots", "grids"))
    return BoundArm(name, terms, slots, tuple(_thinned(grid) for grid in grids))


def arm_rules(arms: Sequence[BoundArm], common: EarlyStopping | None) -> tuple[EarlyStopping, ...]:
    """Return the rules of arms that stop early by another rule than `common`, that of the study; each once."""
    rules = dict.fromkeys(arm.early_stopping for arm in arms)
    return tuple(rule for rule in rules if rule is not None and rule != common)


def to_result_arm(arm: BoundArm) -> Arm:
    """Return an arm as a result stores it: without the model, without Keras."""
    terms = tuple((term.target, term.to_text()) for term in arm.terms)
    return Arm(arm.name, terms, arm.slots, arm.learning_rate)


def candidate_table(arms: Sequence[BoundArm], absent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the arm index of every candidate, and strengths of shape (candidate, slot).

    `absent` holds the strength of each slot in an arm that lacks it.
    """
    indices: list[int] = []
    rows: list[np.ndarray] = []
    for index, arm in enumerate(arms):
        for strengths in arm.candidates:
            indices.append(index)
            rows.append(arm.strength_row(strengths, absent))
    return np.array(indices), np.array(rows).reshape(len(rows), len(absent))

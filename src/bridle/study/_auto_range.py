"""The range of an `"auto"` strength, derived from the data by a short pilot.

A pilot fit is a full fit of the first seed on the first fold. The range ends where the penalized network has
collapsed. It begins where the penalty can no longer be told from none: glmnet's λ_max and its small fractions,
for any penalty on any network.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bridle.engine import FitResult
from bridle.regularizers import Grid
from bridle.results import SPREAD_DIAGNOSTIC
from bridle.stats import COLLAPSE_SHARE
from bridle.study.design._arms import BoundArm
from bridle.study.design._objective import diagnostic_names
from bridle.study.design._prepared import Prepared
from bridle.study.execution._requests import FitRequest

LATTICE = (*(float(f"{digit}e{power}") for power in range(-10, 5) for digit in (1, 3)), 1e5)
"""The strengths that a pilot may try: two a decade. Limits are tried from the largest, which is the weakest, down."""
SAME_SHARE = 0.01
"""Two fits are alike where their losses differ by less than this share of the reference loss."""
MIN_RANGE_STEPS = 4
"""Steps of the lattice that a range spans at least."""
GRID_POINTS = {1: 9, 2: 5}
"""Strengths in a grid, for arms with one and two open grids; `MIN_GRID_POINTS` for more."""
MIN_GRID_POINTS = 3
"""Strengths in a grid of an arm with three or more open grids."""
MIN_LOSS_SCALE = 1e-12
"""The smallest loss that others are compared with."""

PilotKey = tuple[float | None, bytes, int]
"""Learning rate, strengths and rule of a pilot fit."""
TrainRequests = Callable[[Sequence[FitRequest], Callable[[int, FitResult], None]], bool]
"""(requests, called with the index and the result of each) → False if the user stopped it."""


@dataclass(frozen=True)
class PilotResult:
    """Losses and spread of predictions at the end of a pilot fit."""

    train: float
    validation: float
    spread: float

    @property
    def finite(self) -> bool:
        """True if the fit ran to its end."""
        return math.isfinite(self.train) and math.isfinite(self.validation)

    def is_like(self, reference: "PilotResult", scale: float) -> bool:
        """Return whether two fits cannot be told apart, on a scale of losses."""
        losses = max(abs(self.train - reference.train), abs(self.validation - reference.validation))
        return losses <= SAME_SHARE * scale and abs(self.spread - reference.spread) <= SAME_SHARE * reference.spread


@dataclass
class RangeSearch:
    """Two bisections over the lattice for one open grid of one arm.

    `faint`: strongest strength indistinguishable from none. `beyond`: weakest strength at which the network collapses
    or stops changing.
    """

    arm: int
    grid: int
    lattice: tuple[float, ...] = LATTICE
    """The strengths to try, from the weakest on."""
    faint: list[int] = field(default_factory=lambda: [-1, len(LATTICE)])
    """The strongest strength that is faint for sure, and the weakest that is not."""
    beyond: list[int] = field(default_factory=lambda: [-1, len(LATTICE)])
    """The strongest strength that is not beyond for sure, and the weakest that is."""
    steps: int | None = None
    """The steps of the lattice that the range spans below its end; None for those down to `faint`."""

    @property
    def open_positions(self) -> list[int]:
        """The positions of the lattice to try next; none once the range is settled."""
        pairs = (self.faint, self.beyond) if self.steps is None else (self.beyond,)
        return sorted({sum(pair) // 2 for pair in pairs if pair[1] - pair[0] > 1})

    def update(self, result_at: Callable[[int], PilotResult], none: PilotResult, strongest: PilotResult) -> None:
        """Halve the open intervals by the results at `open_positions`."""
        scale = max(none.validation, none.train, MIN_LOSS_SCALE)
        if self.steps is None and self.faint[1] - self.faint[0] > 1:
            middle = sum(self.faint) // 2
            result = result_at(middle)
            self.faint[0 if result.finite and result.is_like(none, scale) else 1] = middle
        if self.beyond[1] - self.beyond[0] > 1:
            middle = sum(self.beyond) // 2
            self.beyond[1 if is_too_strong(result_at(middle), none, strongest, scale) else 0] = middle

    @property
    def ends(self) -> tuple[int, int]:
        """The range, as positions of the lattice."""
        high = min(self.beyond[1], len(LATTICE) - 1)
        low = min(self.faint[0], high - MIN_RANGE_STEPS) if self.steps is None else high - self.steps
        return max(0, low), high


def is_too_strong(result: PilotResult, none: PilotResult, strongest: PilotResult, scale: float) -> bool:
    """Return whether a strength is too strong: diverged, collapsed to constants, or as the strongest of all."""
    if not result.finite or result.spread <= COLLAPSE_SHARE * none.spread:
        return True
    return strongest.finite and not strongest.is_like(none, scale) and result.is_like(strongest, scale)


@dataclass
class Pilot:
    """Pilot fits of one study, each trained once."""

    prepared: Prepared
    train: TrainRequests
    results: dict[PilotKey, PilotResult] = field(default_factory=dict)

    def key(self, arm: BoundArm, values: Sequence[float]) -> PilotKey:
        row = arm.strength_row(values, self.prepared.bound_terms.absent)
        return arm.learning_rate, row.astype(np.float32).tobytes(), self.prepared.rule_of(arm)

    def run(self, keys: Sequence[PilotKey]) -> bool:
        """Train the fits that are missing; return False if the user stopped it."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.results]
        seed = self.prepared.question.seed_numbers[0]

        def deliver(index: int, result: FitResult) -> None:
            self.results[missing[index]] = self._read(result)

        return self.train([FitRequest(strengths, rate, seed, 0, rule) for rate, strengths, rule in missing], deliver)

    def _read(self, result: FitResult) -> PilotResult:
        objective = self.prepared.engine.objective
        validation = -len(objective.measure_names)
        if result.diverged_at >= 0:
            return PilotResult(math.nan, math.nan, math.nan)
        last = result.curves[-1]
        spread = result.diagnostics[diagnostic_names(self.prepared.bound_terms).index(SPREAD_DIAGNOSTIC)]
        return PilotResult(float(last[1 + len(objective.part_names)]), float(last[validation]), float(spread))


def find_ranges(
    prepared: Prepared, train: TrainRequests, steps: int | None = None
) -> tuple[tuple[BoundArm, ...], dict[str, object]] | None:
    """Return the arms with a range for every open grid, and facts for the record; None if the user stopped it.

    Every slot is searched by itself, the other open ones of its arm at zero. A slot without whose penalty the fit
    diverges keeps the grid that it has. With `steps`, only the end of a range is searched, and it spans so many steps
    of the lattice below.
    """
    pilot, arms = Pilot(prepared, train), prepared.arms
    searches = [
        RangeSearch(arm_index, grid_index, LATTICE[::-1] if is_limit else LATTICE, steps=steps)
        for arm_index, arm in enumerate(arms)
        for grid_index, (grid, is_limit) in enumerate(zip(arm.grids, arm.limits, strict=True))
        if grid.open and not grid.linear
    ]

    def key(search: RangeSearch, strength: float) -> PilotKey:
        arm = arms[search.arm]
        values = [0.0 if grid.open else grid.values[0] for grid in arm.grids]
        values[search.grid] = strength
        return pilot.key(arm, values)

    pending = [key(search, strength) for search in searches for strength in (0.0, search.lattice[-1])]
    while pending:
        if not pilot.run(pending):
            return None
        pending = []
        for search in searches:
            none, strongest = pilot.results[key(search, 0.0)], pilot.results[key(search, search.lattice[-1])]
            while none.finite and search.open_positions:
                keys = [key(search, search.lattice[position]) for position in search.open_positions]
                if any(name not in pilot.results for name in keys):
                    pending += keys
                    break
                search.update(
                    lambda position, search=search: pilot.results[key(search, search.lattice[position])],
                    none,
                    strongest,
                )
    settled = [search for search in searches if pilot.results[key(search, 0.0)].finite]
    facts = {"pilot": len(pilot.results), "ranges": _range_facts(prepared, settled)} if settled else {}
    return _with_ranges(arms, settled), facts


def _with_ranges(arms: tuple[BoundArm, ...], searches: Sequence[RangeSearch]) -> tuple[BoundArm, ...]:
    ranged = list(arms)
    for search in searches:
        arm = ranged[search.arm]
        grids = list(arm.grids)
        points = GRID_POINTS.get(sum(grid.open for grid in grids), MIN_GRID_POINTS)
        grids[search.grid] = Grid(spaced_strengths(*search.ends, points, search.lattice), open=True)
        ranged[search.arm] = replace(arm, grids=tuple(grids))
    return tuple(ranged)


def spaced_strengths(low: int, high: int, points: int, lattice: tuple[float, ...] = LATTICE) -> tuple[float, ...]:
    """Return at most `points` strengths in equal steps of a lattice, from `high` down to `low` or just below."""
    step = max(1, -(-(high - low) // (points - 1)))
    return tuple(sorted(lattice[max(0, position)] for position in range(high, low - step, -step)))


def _range_facts(prepared: Prepared, searches: Sequence[RangeSearch]) -> dict[str, str]:
    facts = {}
    for search in searches:
        arm, (low, high) = prepared.arms[search.arm], search.ends
        slot = prepared.bound_terms.slots[arm.slots[search.grid]]
        facts[f"{arm.name}: {slot}"] = f"{search.lattice[low]:g} to {search.lattice[high]:g}"
    return facts

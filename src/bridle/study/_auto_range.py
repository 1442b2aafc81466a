"""The range of an `"auto"` strength, found from the data by a short pilot.

A pilot fit is a whole fit of the first seed on the first fold. The range ends where the penalized network has
collapsed, and begins where the penalty can no longer be told from none: glmnet's λ_max and what lies far enough below
it, for any penalty on any network.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bridle.engine import FitResult, Progress
from bridle.regularizers import Grid
from bridle.study.design import SPREAD, BoundArm, Prepared, diagnostic_names
from bridle.study.execution import ExecutionContext, FitRequest, RowSet, run_requests

LATTICE = (*(float(f"{digit}e{power}") for power in range(-10, 5) for digit in (1, 3)), 1e5)
"""The strengths that a pilot may try: two a decade."""
SAME = 0.01
"""Two fits are not told apart where their losses differ by less than this share of the loss to compare with."""
COLLAPSED = 0.01
"""A network is collapsed where its predictions differ between rows by less than this share of what they did."""
NARROWEST = 4
"""Steps of the lattice that a range spans at least."""
POINTS = {1: 9, 2: 5}
"""Strengths in a grid, for arms with one and two open grids; `FEW` for more."""
FEW = 3


@dataclass(frozen=True)
class Seen:
    """What a pilot fit ended with."""

    train: float
    validation: float
    spread: float

    @property
    def finite(self) -> bool:
        """Whether it ran to its end."""
        return math.isfinite(self.train) and math.isfinite(self.validation)

    def like(self, other: "Seen", scale: float) -> bool:
        """Whether the two cannot be told apart, on a scale of losses."""
        losses = max(abs(self.train - other.train), abs(self.validation - other.validation))
        return losses <= SAME * scale and abs(self.spread - other.spread) <= SAME * other.spread


@dataclass
class Search:
    """Two bisections over the lattice for one open grid of one arm.

    Below and at `faint` nothing can be told from no penalty; from `beyond` on the network has collapsed, or no longer
    changes.
    """

    arm: int
    place: int
    faint: list[int] = field(default_factory=lambda: [-1, len(LATTICE)])
    """The strongest known to be faint, the weakest known not to be."""
    beyond: list[int] = field(default_factory=lambda: [-1, len(LATTICE)])
    """The strongest known not to be beyond, the weakest known to be."""

    @property
    def wanted(self) -> list[int]:
        """The places of the lattice to try next; none where the range is found."""
        return sorted({sum(pair) // 2 for pair in (self.faint, self.beyond) if pair[1] - pair[0] > 1})

    def hear(self, seen: Callable[[int], Seen], none: Seen, last: Seen) -> None:
        """Take in what was wanted."""
        scale = max(none.validation, none.train, 1e-12)
        for pair, low in (
            (self.faint, lambda found: found.finite and found.like(none, scale)),
            (self.beyond, lambda found: not over(found, none, last, scale)),
        ):
            if pair[1] - pair[0] > 1:
                middle = sum(pair) // 2
                pair[0 if low(seen(middle)) else 1] = middle

    @property
    def ends(self) -> tuple[int, int]:
        """The range, as places of the lattice."""
        high = min(self.beyond[1], len(LATTICE) - 1)
        return max(0, min(self.faint[0], high - NARROWEST)), high


def over(found: Seen, none: Seen, last: Seen, scale: float) -> bool:
    """Whether a strength is too strong: diverged, collapsed to constant predictions, or as the strongest of all."""
    if not found.finite or found.spread <= COLLAPSED * none.spread:
        return True
    return last.finite and not last.like(none, scale) and found.like(last, scale)


@dataclass
class Pilot:
    """Pilot fits of one study, each made once."""

    prepared: Prepared
    watch: Callable[[Progress], None]
    means: ExecutionContext
    seen: dict[tuple[float | None, bytes], Seen] = field(default_factory=dict)

    def key(self, arm: BoundArm, values: Sequence[float]) -> tuple[float | None, bytes]:
        """Learning rate and strengths of a fit; arms share those that are alike."""
        row = arm.strength_row(values, len(self.prepared.penalty_terms.slots))
        return arm.learning_rate, row.astype(np.float32).tobytes()

    def run(self, keys: Sequence[tuple[float | None, bytes]]) -> bool:
        """Make the fits that were not made yet; False where the person stopped it."""
        keys = [key for key in dict.fromkeys(keys) if key not in self.seen]
        seed = self.prepared.question.seed_numbers[0]
        settings = sum(len(arm.candidates) for arm in self.prepared.arms)
        return run_requests(
            self.prepared,
            [[FitRequest(row, rate, seed, 0)] for rate, row in keys],
            RowSet(self.prepared.folds, {}),
            deliver=lambda number, outcome: self.seen.update({keys[number]: self._read(outcome)}),
            watch=self.watch,
            means=self.means,
            members=settings * len(self.prepared.question.seed_numbers),  # of the whole study: programs serve its fits
        )

    def _read(self, outcome: FitResult) -> Seen:
        objective = self.prepared.engine.objective
        side = len(objective.measure_names)
        train, validation = outcome.curves[-1, 1 + len(objective.part_names)], outcome.curves[-1, -side]
        if outcome.diverged_at >= 0:
            return Seen(math.nan, math.nan, math.nan)
        spread = outcome.diagnostics[diagnostic_names(self.prepared.penalty_terms).index(SPREAD)]
        return Seen(float(train), float(validation), float(spread))


def find_ranges(
    prepared: Prepared, watch: Callable[[Progress], None], means: ExecutionContext
) -> tuple[tuple[BoundArm, ...], dict[str, object]] | None:
    """The arms with the range of every open grid found, and facts for the record; None where it was stopped.

    Every slot is searched by itself, the other open ones of its arm at zero. A slot without whose penalty the fit
    diverges keeps the grid that it has.
    """
    pilot, arms = Pilot(prepared, watch, means), prepared.arms
    searches = [
        Search(number, place) for number, arm in enumerate(arms) for place, grid in enumerate(arm.grids) if grid.open
    ]

    def key(search: Search, strength: float) -> tuple[float | None, bytes]:
        arm = arms[search.arm]
        values = [0.0 if grid.open else grid.values[0] for grid in arm.grids]
        values[search.place] = strength
        return pilot.key(arm, values)

    wanted = [key(search, strength) for search in searches for strength in (0.0, LATTICE[-1])]
    while wanted:
        if not pilot.run(wanted):
            return None
        wanted = []
        for search in searches:
            none, last = pilot.seen[key(search, 0.0)], pilot.seen[key(search, LATTICE[-1])]
            while none.finite and search.wanted:
                asked = [key(search, LATTICE[place]) for place in search.wanted]
                if any(each not in pilot.seen for each in asked):
                    wanted += asked
                    break
                search.hear(lambda place, own=search: pilot.seen[key(own, LATTICE[place])], none, last)
    found = [search for search in searches if pilot.seen[key(search, 0.0)].finite]
    return _with_ranges(arms, found), {"pilot": len(pilot.seen), "ranges": _said(prepared, found)} if found else {}


def _with_ranges(arms: tuple[BoundArm, ...], searches: Sequence[Search]) -> tuple[BoundArm, ...]:
    made = list(arms)
    for search in searches:
        arm = made[search.arm]
        grids = list(arm.grids)
        points = POINTS.get(sum(grid.open for grid in grids), FEW)
        grids[search.place] = Grid(spaced(*search.ends, points), open=True)
        made[search.arm] = replace(arm, grids=tuple(grids))
    return tuple(made)


def spaced(low: int, high: int, points: int) -> tuple[float, ...]:
    """At most so many places of the lattice in equal steps, from `high` down to `low` or just below."""
    step = max(1, -(-(high - low) // (points - 1)))
    return tuple(LATTICE[max(0, place)] for place in range(high, low - step, -step)[::-1])


def _said(prepared: Prepared, searches: Sequence[Search]) -> dict[str, str]:
    said = {}
    for search in searches:
        arm, (low, high) = prepared.arms[search.arm], search.ends
        slot = prepared.penalty_terms.slots[arm.slots[search.place]]
        said[f"{arm.name}: {slot}"] = f"{LATTICE[low]:g} to {LATTICE[high]:g}"
    return said

"""Time of a search: the clock, the measured pace, and what fits into the rest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from bridle.engine import Fold, core_count
from bridle.study.design import BoundArm, Prepared, make_timed_plan

SCREENING = 0.35
"""The share of the time for the first stage."""
FEW, LEAST = 4, 2
"""The number of arms of a short search, and the least number of arms to screen."""
SHORT, TRACES = 5.0, 12
"""A search is short below this many seconds, or below this multiple of the time that tracing the program takes."""
MAX_SEEDS = 10
"""The largest number of seeds in the second stage."""
PILOT = 10
"""The estimated number of fits that find the range of an arm."""
SCREENED_SHARE = 6
"""The estimated number of candidates of an arm on each fold of the first stage, where half are stopped at each fold."""
COMMON_FOLDS = 3
"""The least number of folds of one shape on which arms are screened; with fewer, all folds are used."""


@dataclass(frozen=True)
class Clock:
    """Budget of seconds from now on."""

    seconds: float
    began: float = field(default_factory=lambda: perf_counter())

    @property
    def left(self) -> float:
        """The remaining seconds; negative after the end."""
        return self.began + self.seconds - perf_counter()

    def until(self, seconds: float) -> float:
        """Return the time of `perf_counter` in some seconds."""
        return perf_counter() + max(0.0, seconds)


@dataclass(frozen=True)
class Pace:
    """Measured speed of a study.

    `compiling`: seconds to compile the programs for one shape of rows. `fit_seconds`: seconds of one fit with all
    cores busy. `folds`: the number of folds. `shapes`: the number of further shapes to compile, with the refits.
    """

    compiling: float
    fit_seconds: float
    folds: int
    shapes: int = 1

    @property
    def waiting(self) -> float:
        """The seconds to compile all further shapes, one on each core."""
        return self.compiling * self.shapes / min(core_count(), self.shapes)

    def arms(self, seconds: float, folds: int) -> int:
        """Return the number of arms that can be screened on some folds with one seed."""
        return int(seconds / (self.fit_seconds * (PILOT + SCREENED_SHARE * folds)))

    def cost(self, candidates: int, arms: int) -> float:
        """Return the seconds of one seed of a second stage, with its refits."""
        return self.fit_seconds * (self.folds * candidates + refits(arms))

    def seeds(self, seconds: float, candidates: int, arms: int, most: int) -> int:
        """Return the number of seeds of a second stage, at least 1."""
        return max(1, min(most, int(seconds / self.cost(candidates, arms))))

    def after(self, seconds: float, fits: int) -> "Pace":
        """Return the pace that was measured over some fits."""
        return replace(self, fit_seconds=max(1e-4, seconds / fits)) if fits else self


def refits(arms: int) -> int:
    """Return the largest number of refits for each seed of a second stage."""
    return 2 * arms + 1


def trace(prepared: Prepared) -> float:
    """Trace the program of the first fold; return the seconds that it took."""
    began = perf_counter()
    prepared.engine.programs(prepared.folds[0], {})
    return perf_counter() - began


def measure_pace(prepared: Prepared, folds: Sequence[Fold], traced: float) -> Pace:
    """Compile the programs for the rows of `prepared`, time a fit, and count the further shapes of `folds`.

    `traced`: seconds that tracing the program of the first fold took.
    """
    began = perf_counter()
    compile_folds(prepared)
    shapes = {fold.shape for fold in prepared.folds}
    compiling = (perf_counter() - began + traced) / len(shapes)
    plan = make_timed_plan(prepared)
    further = {fold.shape for fold in folds} - shapes
    return Pace(compiling, max(1e-4, (plan.seconds or 0.0) / plan.fits), len(folds), 1 + len(further))


def compile_folds(prepared: Prepared) -> None:
    """Compile the programs of all folds and wait, so that no compilation disturbs the pace."""
    for rule, folds in enumerate((prepared.folds, *prepared.arm_folds)):
        for fold in folds:
            prepared.engine.programs(fold, {}, rule=rule).compile_fully()


def with_arms(
    prepared: Prepared, terms: Mapping[str, Mapping[str, object]], bound: Sequence[BoundArm], seeds: Sequence[int]
) -> Prepared:
    """Return a study with the same programs, for other arms and seeds. Rules that no arm has are left out."""
    rules = tuple(rule for rule in prepared.rules if any(arm.early_stopping == rule for arm in bound))
    question = replace(prepared.question, arms=terms, seeds=tuple(seeds))
    return replace(prepared, question=question, arms=(prepared.arms[0], *bound), rules=rules)


def common_folds(prepared: Prepared) -> Prepared:
    """Return the study on those folds that share the most common shape, so that one program trains them all.

    With fewer than three of them, or a score over all folds together, the study is returned as it is.
    """
    shapes = Counter(fold.shape for fold in prepared.folds)
    common = shapes.most_common(1)[0][0]
    indices = [index for index, fold in enumerate(prepared.folds) if fold.shape == common]
    return prepared if len(indices) < COMMON_FOLDS or prepared.score.pooled else with_folds(prepared, indices)


def with_folds(prepared: Prepared, indices: Sequence[int]) -> Prepared:
    """Return the study on some of its folds."""
    return replace(
        prepared,
        folds=[prepared.folds[index] for index in indices],
        fold_rows=prepared.fold_rows[list(indices)],
        by_share={share: [folds[index] for index in indices] for share, folds in prepared.by_share.items()},
        fitted=tuple(prepared.fitted[index] for index in indices),
        validation_indices=tuple(prepared.validation_indices[index] for index in indices),
    )

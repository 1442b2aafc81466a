"""Group-sequential correction: one question, answered after every few seeds on the same rows."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from bridle.results import StudyResult

LOOKS = "looks"
"""The entry of the provenance with the seeds at earlier answers, and at those that are planned."""
UNKNOWN_SEED_SHARE = 0.5
"""The share of the variance that seeds are taken to cause where there is one seed."""
NODES = 65
"""Points of the integration over one look."""
SAME_INFORMATION = 0.01
"""Looks whose information differs by less than this share are one look."""


@dataclass(frozen=True)
class Looks:
    """Answers to one question from a growing number of seeds, as the number of seeds at each."""

    earlier: tuple[int, ...] = ()
    planned: tuple[int, ...] = ()
    """Those that follow if the study goes on."""

    def times(self, seeds: int, seed_share: float) -> tuple[float, ...]:
        """Return the information of all looks in ascending order, the present one among them; the last one is 1.

        With the variance v of the present estimate, of which the seeds cause the share f, an estimate from m instead
        of M seeds has the variance v (1 - f + f M / m). Looks with nearly the same information are one.

        Args:
            seeds: their number at the present look.
            seed_share: the share f of the variance.

        """
        share = UNKNOWN_SEED_SHARE if seeds == 1 else min(max(seed_share, 0.0), 1.0)
        counts = [*(min(look, seeds) for look in self.earlier), *(max(look, seeds) for look in self.planned), seeds]
        last = 1 - share + share * seeds / max(counts)
        times: list[float] = []
        for count in sorted(counts):
            time = round(last / (1 - share + share * seeds / count), 4)
            if not times or time > times[-1] * (1 + SAME_INFORMATION):
                times.append(time)
        return (*times[:-1], 1.0)

    def time(self, seeds: int, seed_share: float) -> float:
        """Return the information of the present look, as a share of that of the last one."""
        share = UNKNOWN_SEED_SHARE if seeds == 1 else min(max(seed_share, 0.0), 1.0)
        return 1 - share + share * seeds / max(seeds, *self.planned, 1)


def read_looks(result: StudyResult) -> Looks:
    """Return the earlier and the planned answers of a study; none for one that was answered once."""
    entry = result.provenance.get(LOOKS)
    empty: Mapping[str, Sequence[int]] = {}
    facts = cast(Mapping[str, Sequence[int]], entry) if isinstance(entry, Mapping) else empty
    earlier, planned = (tuple(int(look) for look in facts.get(name, ()) if look > 0) for name in ("earlier", "planned"))
    return Looks(earlier, planned)


def level_of_look(level: float, times: Sequence[float], time: float = 1.0) -> float:
    """Return the confidence level of the look at one of the times, with which all looks together have `level`.

    Bounds are those of O'Brien and Fleming: |Z(t)| > C / sqrt(t), so that early looks, which see little, have wide
    intervals and the last one nearly that of a single look. C is at most 2.24 at 95 %, with any number of looks.

    >>> round(level_of_look(0.95, [0.5, 1.0]), 4), level_of_look(0.95, [1.0])
    (0.952, 0.95)

    Source: O'Brien and Fleming, "A multiple testing procedure for clinical trials", Biometrics 35, 1979.
    """
    if len(times) == 1:
        return level
    return 2 * float(_probability(np.array(_bound(level, tuple(times)) / math.sqrt(time)))) - 1


def p_of_look(p_value: float, times: Sequence[float], time: float = 1.0) -> float:
    """Return the probability that any look crosses a bound of `level_of_look` as high, where nothing helps.

    >>> round(p_of_look(0.05, [0.5, 1.0]), 3), p_of_look(0.05, [1.0])
    (0.052, 0.05)
    """
    if len(times) == 1 or not 0 < p_value < 1:
        return p_value
    return _crossing(_quantile(p_value / 2) * math.sqrt(time), tuple(times))


@functools.lru_cache(maxsize=256)
def _bound(level: float, times: tuple[float, ...]) -> float:
    least, most = (_quantile((1 - level) / part) for part in (2, 4))

    def excess(bound: float) -> float:
        return _crossing(bound, times) - (1 - level)

    return float(cast(float, brentq(excess, least, most + 1e-6, xtol=1e-6)))


def _quantile(tail: float) -> float:
    """Return the value that a standard normal variable exceeds with a probability."""
    return -float(cast(float, ndtri(tail)))


def _probability(values: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Return the standard normal distribution function."""
    return cast(np.ndarray, ndtr(values))


def _crossing(bound: float, times: tuple[float, ...]) -> float:
    """Return the probability that a Brownian motion is beyond ± `bound` at one of the times.

    Source: Armitage, McPherson and Rowe, "Repeated significance tests on accumulating data", Journal of the Royal
    Statistical Society A 132, 1969.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    points, weights = bound * nodes, bound * weights
    density = _bell(points / np.sqrt(times[0])) / np.sqrt(times[0]) * weights
    for before, after in itertools.pairwise(times):
        scale = np.sqrt(after - before)
        if after == times[-1]:
            inside = _probability((bound - points) / scale) - _probability((-bound - points) / scale)
            return float(1 - density @ inside)
        density = (density @ _bell((points - points[:, None]) / scale)) / scale * weights
    return float(1 - density.sum())


def _bell(values: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Return the density of the standard normal distribution."""
    return np.exp(-(values**2) / 2) / np.sqrt(2 * np.pi)

"""Does a claim hold? One rule, in words and in code."""

from typing import Protocol

from benchmarks.claims._claim import ACCURACY, Claim

SMALL = 0.005
"""Half a percentage point: a clear difference below it is too small to matter."""
YES, BARELY, ROWS_ONLY = "yes", "barely", "those rows only"
NO, REVERSE, UNKNOWN = "no", "no, the reverse", "no evidence"
RULE = """\
A claim holds by what comes nearest to the truth: the 95 % interval of the difference on 20,000 fresh rows where a
generator makes them; on iris, which has no more rows, that of the honest protocol; for what is said about the network
itself (zeros, means, norms), that over the seeds. **yes**: the whole interval lies on the claimed side of zero, and the
difference is at least half a percentage point; **barely**: the same, by less. **those rows only**: not so on fresh
rows, and yet clear over the seeds on the tutorial's own test rows. **no, the reverse**: the whole interval lies on the
other side. **no**: whatever difference there is, is below half a point. **no evidence**: the interval holds zero and
more, or there is none, as where all folds show the same. A claim that nothing changes holds where the whole interval
is below half a point. All this is about the published training rows: another draw of them may say otherwise."""


class Interval(Protocol):
    """A difference with its interval."""

    difference: float
    low: float
    high: float


class HasGain(Protocol):
    """The tutorial's protocol, of which only the difference is judged."""

    gain: Interval


def judge(claim: Claim, runs: HasGain, honest: Interval | None, truth: Interval | None) -> str:
    """The rule above."""
    about_network = claim.quantity != ACCURACY
    basis = runs.gain if about_network else truth or honest
    if basis is None:
        return UNKNOWN
    if claim.kind == "same":
        return YES if basis.low > -SMALL and basis.high < SMALL else _unlike(basis)
    said = word(basis, SMALL if not about_network else 0.0)
    only = not about_network and truth is not None and said not in (YES, BARELY) and runs.gain.low > 0
    return ROWS_ONLY if only else said


def word(found: Interval, small: float) -> str:
    """One difference in a word or three; NaN is no evidence."""
    if found.low > 0:
        return YES if found.difference >= small else BARELY
    if found.high < 0:
        return REVERSE if found.difference <= -small else NO
    return NO if -small <= found.low and found.high <= small else UNKNOWN


def _unlike(found: Interval) -> str:
    """For a claim of sameness that does not hold: whether that is known."""
    return NO if found.low > 0 or found.high < 0 else UNKNOWN

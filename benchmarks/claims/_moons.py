"""Claims about penalties on the weights of a wide network, on two moons: norms, places, grid, schedule, warm start."""

from collections.abc import Mapping
from typing import Any

from benchmarks.claims._claim import NONE, READER, Claim, Experiment, Side

from bridle.cases._case import hidden_network
from bridle.cases._moons import ARM, GRID, moons
from bridle.regularizers import L1, L1L2, L2
from bridle.schedule import steps

KERNEL, BIAS, OUT = "hidden/kernel", "hidden/bias", "out/kernel"
STRENGTH = 1e-3
FINE = (1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 1e-2)
"""Within the best order of magnitude of the published grid."""
L1_ARM, BOTH_ARM = "L1 hidden weights", "L1L2 hidden weights"
BIAS_ARM, WITH_BIAS = "L2 hidden bias", "L2 hidden weights and bias"
OUT_ARM, ALL_ARM = "L2 output weights", "L2 all weights"
LEVELS = {0: 0.0, 1200: 1e-5, 2500: 1e-4, 4000: 1e-3}
SCHEDULE, LONG = "L2 by schedule", 6000
"""The last level begins at epoch 4000, so that the published 4000 epochs would not reach it."""
CONTINUED = "L2 continued"
PUBLISHED = Side(ARM, (STRENGTH,))


def moons_claims() -> Experiment:
    """The grid of the case, and what the tutorial leaves to the reader."""
    return Experiment(
        name="moons",
        title="Two moons: penalties on the weights",
        case=moons(),
        model=hidden_network,
        epochs=4000,
        tutorial={ARM: {KERNEL: L2(sorted({*GRID, *FINE}))}, **_others([STRENGTH], [STRENGTH], STRENGTH)},
        honest={
            ARM: {KERNEL: L2(sorted({*GRID, *FINE}))},
            **_others([1e-5, 1e-4, 1e-3, 1e-2], [1e-4, 1e-3], [1e-4, 1e-3, 1e-2, 1e-1]),
        },
        claims=(*_grid(), *_norms(), *_places(), _finer()),
    )


def schedule_claims() -> Experiment:
    """Neural Smithing's schedule, which raises the weight decay of a network that has learned already."""
    arms = {SCHEDULE: {KERNEL: L2(steps(LEVELS))}, ARM: {KERNEL: L2(STRENGTH)}}
    what = "L2 0, 1e-5 from epoch 1200, 1e-4 from 2500, 1e-3 from 4000"
    return Experiment(
        name="schedule",
        title=f"Two moons: a schedule over {LONG} epochs",
        case=moons(),
        model=hidden_network,
        epochs=LONG,
        tutorial=arms,
        honest=arms,
        claims=(
            _claim("schedule", f"{what}, lifts test accuracy", READER, SCHEDULE),
            _claim("schedule-constant", f"{what}, beats 1e-3 throughout", READER, SCHEDULE, Side(ARM)),
        ),
    )


def continued_claims() -> Experiment:
    """A fitted model continued with rising strengths, 4000 epochs at each."""
    arms = {CONTINUED: {KERNEL: L2([0.0, *sorted(GRID)])}, ARM: {KERNEL: L2(STRENGTH)}}
    warm = Side(CONTINUED, (STRENGTH,))
    return Experiment(
        name="continued",
        title="Two moons: a fitted model continued with rising strengths",
        case=moons(),
        model=hidden_network,
        epochs=4000,
        tutorial=arms,
        honest=arms,
        claims=(
            Claim(
                "continued",
                "A fitted model continued with L2 1e-6, 1e-5 … 1e-3 has a higher test accuracy",
                READER,
                (warm, NONE),
                (Side(CONTINUED), NONE),
            ),
            Claim(
                "continued-fresh",
                "Continued up to L2 1e-3, it beats a fresh fit with 1e-3",
                READER,
                (warm, Side(ARM)),
                (warm, Side(ARM)),
            ),
        ),
        warm_start="increasing",
    )


def _others(l1: Any, both: Any, l2: Any) -> Mapping[str, Mapping[str, Any]]:
    """The other norms and places, each with its strengths."""
    return {
        L1_ARM: {KERNEL: L1(l1)},
        BOTH_ARM: {KERNEL: L1L2(both, both)},
        BIAS_ARM: {BIAS: L2(l2)},
        WITH_BIAS: {KERNEL: L2(l2), BIAS: L2(STRENGTH)},
        OUT_ARM: {OUT: L2(l2)},
        ALL_ARM: {"*/kernel": L2(l2)},
    }


def _grid() -> tuple[Claim, ...]:
    """The six published strengths, each against none."""
    lines = {line.strength: line.test for line in moons().published}
    none = lines.pop(None)
    return tuple(_line(strength, none, test) for strength, test in lines.items())


def _line(strength: float, none: float, test: float) -> Claim:
    side, published = Side(ARM, (strength,)), f"{none:.3f} → {test:.3f}"
    key, what = f"moons-{strength:g}", f"L2 {strength:g} on the hidden weights"
    if test == none:
        return Claim(key, f"{what} leaves test accuracy as it is", published, (side, NONE), (side, NONE), kind="same")
    pair = (side, NONE) if test > none else (NONE, side)
    return Claim(key, f"{what} {'lifts' if test > none else 'lowers'} test accuracy", published, pair, pair)


def _norms() -> tuple[Claim, ...]:
    smaller = (NONE, PUBLISHED)
    return (
        _claim("moons-l1", "L1 1e-3 on the hidden weights lifts test accuracy", READER, L1_ARM),
        _claim("moons-l1l2", "L1L2 1e-3 on the hidden weights lifts test accuracy", READER, BOTH_ARM),
        Claim("moons-norm", "L2 1e-3 makes the hidden weights smaller", READER, smaller, smaller, f"norm/{KERNEL}"),
    )


def _places() -> tuple[Claim, ...]:
    return (
        _claim("moons-bias", "L2 1e-3 on the hidden bias lifts test accuracy", READER, BIAS_ARM),
        _claim("moons-with-bias", "L2 1e-3 on the bias as well beats weights alone", READER, WITH_BIAS, PUBLISHED),
        _claim("moons-output", "L2 1e-3 on the output weights lifts test accuracy", READER, OUT_ARM),
        _claim("moons-all", "L2 1e-3 on both layers' weights beats the hidden ones alone", READER, ALL_ARM, PUBLISHED),
    )


def _finer() -> Claim:
    pair = (Side(ARM, FINE), Side(ARM, GRID))
    return Claim("moons-finer", "A finer grid from 1e-3 to 1e-2 beats the grid of decades", READER, pair, pair)


def _claim(key: str, says: str, published: str, arm: str, than: Side = NONE) -> Claim:
    """That an arm beats another side. In the honest protocol, each with the strength that it chooses."""
    return Claim(key, says, published, (Side(arm), than), (Side(arm), Side(than.arm)))

"""Claims about penalties on the activity of a hidden layer, on two circles."""

from benchmarks.claims._claim import NONE, READER, SAID, Claim, Experiment, Side

from bridle.cases._case import hidden_network
from bridle.cases._circles import circles
from bridle.regularizers import L1, L1L2, L2, Penalty

PLACES = {"before": "hidden/preactivation", "after": "hidden/output"}
STRENGTH, ROWS = 1e-4, 30
MEAN = STRENGTH * ROWS
"""The published strength, summed over a batch of 30 rows, as bridle writes it: averaged over the rows."""
GRID = [1e-4, 1e-3, MEAN, 1e-2, 1e-1]
FEW = [1e-3, 1e-2]
NORMS = ("L1", "L2", "L1L2")
TODAY = "L1 before ReLU, averaged over the batch"
ZEROS, MEAN_ACTIVATION = "zeros/hidden/output", "size/hidden/output"


def circles_claims() -> Experiment:
    """As published with standalone Keras 2, which summed activity penalties over the batch."""
    return Experiment(
        name="circles",
        title="Circles: penalties on the activity of the hidden layer",
        case=circles(),
        model=hidden_network,
        epochs=4000,
        tutorial={
            **{_name(norm, place): {PLACES[place]: _summed(norm)} for norm in NORMS for place in PLACES},
            TODAY: {PLACES["before"]: L1(STRENGTH)},
        },
        honest={_name(norm, place): {PLACES[place]: _ranged(norm)} for norm in NORMS for place in PLACES},
        claims=(*_placements(), *_norms(), *_sparsity()),
    )


def _name(norm: str, place: str) -> str:
    return f"{norm} {place} ReLU"


def _summed(norm: str) -> Penalty:
    if norm == "L1L2":
        return L1L2(STRENGTH, STRENGTH, per="batch")
    return {"L1": L1, "L2": L2}[norm](STRENGTH, per="batch")


def _ranged(norm: str) -> Penalty:
    return L1L2(FEW, FEW) if norm == "L1L2" else {"L1": L1, "L2": L2}[norm](GRID)


BEFORE, AFTER = (Side(_name("L1", place)) for place in PLACES)
BEFORE_THEN, AFTER_THEN = (Side(_name("L1", place), (MEAN,)) for place in PLACES)


def _placements() -> tuple[Claim, ...]:
    return (
        Claim(
            "circles-before",
            "L1 1e-4 before ReLU lifts test accuracy",
            "0.786 → 0.829",
            (BEFORE, NONE),
            (BEFORE, NONE),
        ),
        Claim(
            "circles-after",
            "L1 1e-4 after ReLU lowers test accuracy",
            "0.786 → 0.743",
            (NONE, AFTER),
            (NONE, AFTER_THEN),
        ),
        Claim(
            "circles-place",
            "Before ReLU is the better place for L1 1e-4",
            "0.743 → 0.829",
            (BEFORE, AFTER),
            (BEFORE_THEN, AFTER_THEN),
        ),
        Claim(
            "circles-today",
            "The same 1e-4 in today's Keras, 30 times weaker, lifts it too",
            SAID,
            (Side(TODAY), NONE),
            (Side(BEFORE.arm, (STRENGTH,)), NONE),
        ),
    )


def _norms() -> tuple[Claim, ...]:
    arms = [(norm, place) for norm in NORMS[1:] for place in PLACES]
    return tuple(
        Claim(
            f"circles-{norm}-{place}".lower(),
            f"{norm} 1e-4 {place} ReLU lifts test accuracy",
            READER,
            (Side(_name(norm, place)), NONE),
            (Side(_name(norm, place)), NONE),
        )
        for norm, place in arms
    )


def _sparsity() -> tuple[Claim, ...]:
    """What is said about the activations themselves: smaller, and true zeros."""
    zeros = "Penalise the linear pre-activation to learn true zeros"
    return (
        Claim("circles-zeros", f"{zeros}: more than without", SAID, (BEFORE, NONE), (BEFORE_THEN, NONE), ZEROS),
        Claim(
            "circles-zeros-place",
            f"{zeros}: more than after ReLU",
            SAID,
            (BEFORE, AFTER),
            (BEFORE_THEN, AFTER_THEN),
            ZEROS,
        ),
        Claim(
            "circles-mean-before",
            "L1 before ReLU makes the mean activation smaller",
            READER,
            (NONE, BEFORE),
            (NONE, BEFORE_THEN),
            MEAN_ACTIVATION,
        ),
        Claim(
            "circles-mean-after",
            "L1 after ReLU makes the mean activation smaller",
            READER,
            (NONE, AFTER),
            (NONE, AFTER_THEN),
            MEAN_ACTIVATION,
        ),
    )

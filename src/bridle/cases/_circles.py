"""Circles: L1 on the activity of a wide hidden layer, and three meanings of the same strength."""

from sklearn.datasets import make_circles

from bridle.cases._case import FRESH_ROWS, Case, Protocol, Published, hidden_network, one_third
from bridle.regularizers import L1, L2

NOISE = 0.1
"""Standard deviation of the noise."""
ROWS, TRAIN_ROWS = 100, 30
"""Rows in total, and training rows."""
STRENGTH = 1e-4
"""The published strength."""
BEFORE, AFTER = "L1 before ReLU, summed over the batch", "L1 after ReLU, summed over the batch"
TODAY = "L1 before ReLU, averaged over the batch (Keras ≥ 3.14)"
UNITS = "L1 before ReLU, averaged over batch and units"


def circles() -> Case:
    """Return the case as published with standalone Keras 2, which summed activity penalties over the batch."""
    x, y = make_circles(n_samples=ROWS, noise=NOISE, random_state=1)
    train, test = (x[:TRAIN_ROWS], y[:TRAIN_ROWS]), (x[TRAIN_ROWS:], y[TRAIN_ROWS:])
    arms = {
        BEFORE: {"hidden/preactivation": L1(STRENGTH, per="batch")},
        AFTER: {"hidden/output": L1(STRENGTH, per="batch")},
        TODAY: {"hidden/preactivation": L1(STRENGTH)},
        UNITS: {"hidden/preactivation": L1(STRENGTH, per="unit")},
    }
    return Case(
        name="circles",
        title="Circles: activity regularization",
        question=(
            "A network of 2,001 weights learns 30 points of two noisy circles. Does an L1 penalty on the activity "
            "of its hidden layer help it on new points? The published strength, 1e-4, was summed over the batch; "
            "today's Keras averages over it, so the same number is 30 times weaker here."
        ),
        model=hidden_network,
        epochs=4000,
        batch_size=32,
        tutorial=Protocol(arms, train, test, None, lambda seeds: seeds),
        honest=Protocol(
            {
                "L1 before ReLU": {"hidden/preactivation": L1()},
                "L1 after ReLU": {"hidden/output": L1()},
                "L2 all weights": {"*/kernel": L2()},
            },
            train,
            test,
            5,
            one_third,
        ),
        published=(
            Published("none", None, 1.0, 0.786),
            Published(BEFORE, STRENGTH, 0.967, 0.829),
            Published(AFTER, STRENGTH, 1.0, 0.743),
        ),
        tolerance=0.03,
        new_rows=make_circles(n_samples=FRESH_ROWS, noise=NOISE, random_state=2),
        claims=(
            (
                "L1 before the nonlinearity lifts test accuracy above none (summed over the batch, as it was then)",
                BEFORE,
                "none",
            ),
            ("L1 after the nonlinearity lowers test accuracy below none (summed over the batch)", "none", AFTER),
            ("The same 1e-4 under today's Keras still lifts test accuracy above none", TODAY, "none"),
            ("1e-4 averaged over units as well still lifts test accuracy above none", UNITS, "none"),
        ),
    )

"""Two moons: L2 on the weights of a wide hidden layer, six strengths."""

from sklearn.datasets import make_moons

from bridle.cases._case import FRESH_ROWS, Case, Protocol, Published, hidden_network, one_third
from bridle.regularizers import L1, L2

NOISE = 0.2
"""Standard deviation of the noise."""
ROWS = 100
"""Rows in total."""
TRAIN_ROWS = 30
"""Training rows."""
GRID = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""The published strengths."""
FOLDS = 5
"""Folds of the honest protocol."""
ARM = "L2 hidden weights"
"""The published arm."""
PUBLISHED = (
    (0.1, 0.967, 0.829),
    (0.01, 1.0, 0.943),
    (1e-3, 1.0, 0.943),
    (1e-4, 1.0, 0.929),
    (1e-5, 1.0, 0.929),
    (1e-6, 1.0, 0.914),
)
"""Each strength with its accuracy on the training and test rows, as published."""


def moons() -> Case:
    """Return the case as published: 30 training rows, 70 test rows, 4000 epochs of Adam in one batch."""
    x, y = make_moons(n_samples=ROWS, noise=NOISE, random_state=1)
    train, test = (x[:TRAIN_ROWS], y[:TRAIN_ROWS]), (x[TRAIN_ROWS:], y[TRAIN_ROWS:])
    return Case(
        name="moons",
        title="Two moons: weight regularization",
        question=(
            "A network of 2,001 weights learns 30 points of two noisy half-circles. "
            "Does an L2 penalty on the weights of its hidden layer help it on new points, and how strong should it be?"
        ),
        model=hidden_network,
        epochs=4000,
        batch_size=32,
        tutorial=Protocol({ARM: {"hidden/kernel": L2(list(GRID))}}, train, test, None, lambda seeds: seeds),
        honest=Protocol(
            {
                "L2 all weights": {"*/kernel": L2()},
                ARM: {"hidden/kernel": L2()},
                "L1 hidden activity": {"hidden/output": L1()},
            },
            train,
            test,
            FOLDS,
            one_third,
        ),
        published=(Published("none", None, 1.0, 0.914), *(Published(ARM, *line) for line in PUBLISHED)),
        tolerance=0.015,
        new_rows=make_moons(n_samples=FRESH_ROWS, noise=NOISE, random_state=2),
        claims=(("L2 on the hidden weights lifts test accuracy above the network without it", ARM, "none"),),
    )

"""The claim about a penalty on the activity of the first of four hidden layers, on iris."""

from benchmarks.claims._claim import NONE, Claim, Experiment, Side

from bridle.cases._iris import ARM, iris, network
from bridle.regularizers import L1

PLACE = "hidden1/output"


def iris_claims() -> Experiment:
    """As published, over ten random splits instead of one."""
    pair = (Side(ARM), NONE)
    says = "L1 1e-3 on the activity of the first layer lifts test accuracy"
    return Experiment(
        name="iris",
        title="Iris: a penalty on the activity of the first layer",
        case=iris(),
        model=network,
        epochs=350,
        tutorial={ARM: {PLACE: L1(1e-3)}},
        honest={ARM: {PLACE: L1([1e-4, 1e-3, 1e-2])}},
        claims=(Claim("iris", says, "0.921 → 0.947", pair, pair),),
        cost=40.0,
    )

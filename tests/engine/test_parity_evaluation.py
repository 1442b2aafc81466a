"""Validation measures are those of `model.evaluate`: for every model with a mask, a weight or several outputs."""

from typing import Any

import numpy as np
import pytest
from tests.engine._member import equal, keras_fit, member
from tests.engine._models import EVERY
from tests.engine._rows import COUNT, first, rest, rows

RNG = np.random.default_rng(4)
OF_ROWS = RNG.choice([0.0, 0.5, 1.0, 3.0], COUNT).astype("float32")
OF_STEPS = RNG.uniform(0.2, 3.0, (COUNT, 6)).astype("float32")
ALL_STEPS = np.repeat(OF_ROWS[:, None], 6, axis=1)

WEIGHTS = {
    "padded tags": {"rows": (OF_ROWS, ALL_STEPS), "steps": (OF_STEPS, OF_STEPS)},
    "masked numbers": {"rows": (OF_ROWS, ALL_STEPS), "steps": (OF_STEPS, OF_STEPS)},
    "padded tags and a number": {
        "rows": (OF_ROWS, {"tags": ALL_STEPS, "size": OF_ROWS}),
        "outputs": ({"tags": OF_STEPS, "size": OF_ROWS},) * 2,
    },
    "two named outputs": {
        "rows": (OF_ROWS, {"kind": OF_ROWS, "size": OF_ROWS}),
        "outputs": ({"kind": OF_ROWS, "size": OF_ROWS[::-1].copy()},) * 2,
    },
    "several outputs": {
        "rows": (OF_ROWS, (OF_ROWS, OF_ROWS)),
        "outputs": ((OF_ROWS, OF_ROWS[::-1].copy()),) * 2,
    },
    "focal loss, weighted metrics": {"rows": (OF_ROWS, OF_ROWS)},
    "class numbers from logits": {"rows": (OF_ROWS, OF_ROWS)},
}
"""By model and kind of weights: as bridle takes them, and as Keras does."""
CASES = [(model, kind) for model, kinds in WEIGHTS.items() for kind in kinds]


def listed(tree: Any) -> Any:
    """Tuples as the lists that Keras's rows have beside lists of labels."""
    return list(tree) if isinstance(tree, tuple) else tree


@pytest.mark.parametrize(("model", "kind"), CASES, ids=[" by ".join(case) for case in CASES])
def test_weighted_validation_measures_are_those_of_evaluate(model: str, kind: str) -> None:
    """Weights of rows, steps and outputs, in training and in judging, at every epoch."""
    build, of_rows = EVERY[model]
    (x, y), (ours, theirs) = rows(of_rows), WEIGHTS[model][kind]
    got = member(build, first(x), first(y), weight=first(ours), validation=(rest(x), rest(y), rest(ours)))
    y, theirs = listed(y), listed(theirs)
    expected = keras_fit(build, first(x), first(y), weight=first(theirs), validation=(rest(x), rest(y), rest(theirs)))
    measured = {name for name in got.curves if name.startswith("validation/")}
    assert measured <= set(expected.curves)
    equal(got, expected)

"""Traps and kinds of `bridle.audit`, on the backend of this process."""

import keras
from tests.auditing._kinds import CASES
from tests.auditing._traps import TRAPS, VECTOR, outermost, shared

import bridle

ON_JAX_ALONE = ("GroupQueryAttention", "half precision", "outermost model", "shared layer")
"""Traps with other numbers on the other backends."""


def checked() -> list[str]:
    """Return the names of the traps and cases that were audited; an assertion fails where one is wrong."""
    names = []
    for trap in TRAPS:
        if trap.name in ON_JAX_ALONE:
            continue
        keras.utils.set_random_seed(3)
        model = trap.build(trap.regularizer)
        found = bridle.audit(model, trap.x, sample_weight=trap.sample_weight)
        labels = [finding.label for row in found.findings for finding in row.findings if row.where == trap.where]
        assert trap.label in labels, (trap.name, str(found))
        assert abs(found.total - trap.keras_adds(model)) <= 1e-4 * abs(trap.keras_adds(model)), trap.name
        clean = bridle.regularize(trap.build(None), trap.terms)
        found = bridle.audit(clean, trap.x, sample_weight=trap.sample_weight)
        assert found.ok, (trap.name, str(found))
        expected = trap.bridle_adds(clean.inner)
        assert abs(sum(row.charged for row in found.rows) - expected) <= 1e-4 * abs(expected), trap.name
        names.append(trap.name)
    found = bridle.audit(shared(keras.regularizers.L2(1.0)), VECTOR)
    assert [row.label for row in found.findings] == ["charged 2 times"], str(found)
    assert bridle.audit(outermost(keras.regularizers.L2(1.0)), VECTOR).ok
    for case in CASES:
        model = case.build()
        found = bridle.audit(model, case.x)
        labels = [finding.label for row in found.findings for finding in row.findings if row.where == case.where]
        assert case.label in labels, (case.name, str(found))
        assert case.happens(model, case.x), case.name
        ends = "excludes everything" in labels and keras.backend.backend() == "torch"
        assert ("updates end with an error of PyTorch" in " ".join(str(found).split())) == ends, (case.name, str(found))
        names.append(case.name)
    return names

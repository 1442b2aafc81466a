"""The fingerprint of rows is the same for the same rows, and for nothing else."""

import numpy as np
import pandas as pd
import pytest

from bridle.store import fingerprint

X, Y = np.arange(12.0).reshape(6, 2), np.arange(6)
TABLE = pd.DataFrame({"a": [1.0, 2.0, np.nan], "colour": ["red", None, "blue"], "kind": pd.Categorical(list("xyx"))})


@pytest.mark.parametrize("x", [X, X.tolist(), (X, X), [X, Y], {"left": X, "right": Y}, TABLE, TABLE.colour, None])
def test_the_same_rows_have_the_same_fingerprint(x):
    """Whatever holds them, as often as they are asked; 64 hexadecimal digits."""
    found = fingerprint(x, Y)
    assert found == fingerprint(x, Y.copy())
    assert len(found) == 64
    assert int(found, 16) >= 0


def test_the_layout_in_memory_does_not_count():
    """A view that runs the other way has the same values."""
    assert fingerprint(np.asfortranarray(X), Y) == fingerprint(X, Y)
    assert fingerprint(np.repeat(X, 2, axis=0)[::2], Y) == fingerprint(X, Y)


DIFFERENT = {
    "rows": (X[::-1], Y),
    "labels": (X, Y[::-1]),
    "one value": (np.where(X == 3, 3.5, X), Y),
    "kind": (X.astype("float32"), Y),
    "shape": (X.reshape(4, 3), Y),
    "swapped": (Y, X),
    "together": ((X, Y),),
    "structure": ({"x": X}, Y),
    "column": (pd.DataFrame(X, columns=["a", "b"]), Y),
    "another column": (pd.DataFrame(X, columns=["a", "c"]), Y),
    "text": (np.array([["ab", "c"]], object), Y),
    "other text": (np.array([["a", "bc"]], object), Y),
    "missing": (X, None),
}


def test_other_rows_have_another():
    """Order, values, kind, shape, structure and the names of columns all count."""
    found = {name: fingerprint(*values) for name, values in {"as they are": (X, Y), **DIFFERENT}.items()}
    assert len(set(found.values())) == len(found)


def test_a_study_records_it(model, moons):
    """With the machine, for the report."""
    import bridle

    study = bridle.Study(model, {"L2": {"*/kernel": bridle.L2([0.01])}}, seeds=1, folds=2, epochs=2)
    facts = study.run(*moons, progress=False).data.provenance
    assert facts["data_sha256"] == fingerprint(*moons)
    assert facts["machine"]

"""A member is the fit that Keras would have given: penalties, weighted rows, folds. This is the ground of trust."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import KFold
from tests.engine._member import equal, keras_fit, member
from tests.engine._rows import first, rest, rows

from bridle import L1, L2
from bridle.placement import regularize

L = keras.layers
X, Y = rows("vector")


def build() -> keras.Model:
    """A hidden layer, with metrics that weigh rows and one that does not."""
    model = keras.Sequential([keras.Input((6,)), L.Dense(8, "relu", name="hidden"), L.Dense(1, "sigmoid", name="out")])
    model.compile(
        "adam", "binary_crossentropy", metrics=["mse"], weighted_metrics=["accuracy", keras.metrics.AUC(name="auc")]
    )
    return model


@pytest.mark.parametrize(
    "terms",
    [
        {"*/kernel": L2(0.03)},
        {"hidden/output": L1(0.02)},
        {"hidden/preactivation": L1(0.002, per="batch")},
        {"hidden/bias": L2(0.1), "hidden/output": "l1l2(0.01, 0.02)"},
    ],
    ids=lambda terms: " + ".join(terms),
)
def test_penalized_member_equals_penalized_fit(terms: dict) -> None:
    """The same terms, placed in a plain model and trained by Keras, give the same numbers."""
    got = member(build, first(X), first(Y), validation=(rest(X), rest(Y)), terms=terms)
    equal(got, keras_fit(lambda: regularize(build(), terms), first(X), first(Y), inner=lambda model: model.inner))
    assert sum(curve[-1] for name, curve in got.curves.items() if name.startswith("penalty/")) > 1e-4


def test_weighted_rows_equal_a_fit_with_sample_weight() -> None:
    """Some rows count twice and some not at all; validation rows count once; metrics weigh where they should."""
    weight = np.random.default_rng(5).choice([0.0, 0.5, 1.0, 2.0], 40).astype("float32")
    split = {"validation": (rest(X), rest(Y)), "weight": weight}
    got = member(build, first(X), first(Y), **split)
    expected = keras_fit(build, first(X), first(Y), **split, evaluated=True)
    equal(got, expected)
    measured = {name.removeprefix("train/"): curve[-1] for name, curve in got.curves.items() if "train/" in name}
    assert measured.keys() == expected.measures.keys()
    for name, value in expected.measures.items():
        assert measured[name] == pytest.approx(value, rel=2e-4)


@pytest.mark.parametrize("fold", [0, 2])
def test_a_member_of_unequal_folds_equals_the_fit_on_its_rows(fold: int) -> None:
    """Folds of 26 and 27 training rows: each member sees its own rows in their order."""
    folds = KFold(3)
    train, other = list(folds.split(first(X)))[fold]
    got = member(build, first(X), first(Y), folds=folds, fold=fold)
    equal(got, keras_fit(build, X[train], Y[train], validation=(X[other], Y[other])))

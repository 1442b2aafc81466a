"""The linear probe, against scikit-learn's own cross-validation."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bridle import BridleError
from bridle.representations import probe

X, Y = load_iris(return_X_y=True)


def test_all_labels() -> None:
    """The folds and scores of `cross_val_score`, and labels as text."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    expected = cross_val_score(model, X, Y, cv=StratifiedKFold(5, shuffle=True, random_state=3))
    result = probe(X, Y, seed=3)
    np.testing.assert_allclose(result.folds, expected)
    assert result.low < result.mean < result.high
    np.testing.assert_array_equal(probe(X, load_iris().target_names[Y], seed=3).folds, expected)


def test_few_labels() -> None:
    """Two rows a class know less than all, the same rows under the same seed."""
    few = probe(X, Y, per_class=2)
    assert 0.4 < few.mean < probe(X, Y).mean
    np.testing.assert_array_equal(few.folds, probe(2 * X, Y, per_class=2).folds)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": np.zeros(150)}, "at least two classes for a probe"),
        ({"labels": Y[:100]}, "one label for each row of the code, got 100 labels"),
        ({"labels": Y, "folds": 51}, "at least 51 rows of each class for 51 folds, got 50 of class 0"),
        ({"labels": Y, "per_class": 41}, "per_class from 1 to 40"),
    ],
)
def test_refusals(options, words) -> None:
    """Each in a sentence."""
    with pytest.raises(BridleError, match=words):
        probe(X, **options)

"""Categories as means of the target and frequencies."""

import numpy as np
import pytest
from sklearn.preprocessing import TargetEncoder

from bridle.tables._encoding import cross_fitted, learn_encoding

LABELS = np.array([f"c{number % 7}" for number in range(90)] + ["once"], object)
DRAW = np.random.default_rng(0)


def test_means_equal_scikit_learn():
    """A number: the means of `TargetEncoder`; an unknown category has that of all rows, and count 0."""
    y = DRAW.normal(size=91)
    features = learn_encoding(LABELS, y, 1).features(np.array([*LABELS, "new"], object))
    encoder = TargetEncoder(target_type="continuous").fit(LABELS[:, None], y)
    np.testing.assert_allclose(features[:91, 0], encoder.transform(LABELS[:, None])[:, 0])
    assert features[91].tolist() == [pytest.approx(y.mean()), 0.0]
    assert features[0, 1] == np.log1p(13)


def test_several_classes_and_several_targets_have_a_mean_each():
    """Each of three classes as whether a row has it; each of two targets as alone."""
    classes = DRAW.integers(0, 3, 91)
    shares = learn_encoding(LABELS, classes, 3).features(LABELS)
    np.testing.assert_allclose(shares[:, 2], learn_encoding(LABELS, classes == 2, 1).features(LABELS)[:, 0])
    targets = DRAW.normal(size=(91, 2))
    both = learn_encoding(LABELS, targets, 2).features(LABELS)
    np.testing.assert_allclose(both[:, 1], learn_encoding(LABELS, targets[:, 1], 1).features(LABELS)[:, 0])


def test_training_rows_leave_themselves_out():
    """Changing the target of one row never changes its own features; a category of one row has count 0."""
    y = DRAW.normal(size=91)
    before = cross_fitted(LABELS, y, 1)
    for row in (0, 45, 90):
        changed = y.copy()
        changed[row] += 100
        np.testing.assert_array_equal(cross_fitted(LABELS, changed, 1)[row], before[row])
        assert not np.array_equal(learn_encoding(LABELS, changed, 1).features(LABELS)[row], before[row])
    assert before[90, 1] == 0.0
    assert before[0, 1] == np.log1p(12)

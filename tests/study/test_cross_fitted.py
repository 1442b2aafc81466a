"""Preprocessors that give the rows they were fitted to other features than new rows."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin

from bridle._errors import InputError
from bridle.sources import StoredArray, read
from bridle.study.data import _preparation
from bridle.study.data._folds import make_folds, make_refit_rows
from bridle.study.data._rows import RowPreparer, Rows


class Marking(TransformerMixin, BaseEstimator):
    """Transformer whose only feature is 1 for training rows that it was fitted to, 2 for others, and 0 for new rows."""

    def fit(self, rows, y):
        """Remember the rows."""
        self.rows_ = set(rows[:, 0].tolist())
        return self

    def transform(self, rows):
        """Return 0 for each row."""
        return np.zeros((len(rows), 1))

    def transform_training(self, rows, y):
        """Return 1 for each row that was fitted."""
        assert len(rows) == len(y)
        return np.array([[1.0 if value in self.rows_ else 2.0] for value in rows[:, 0]])


@pytest.fixture(params=["memory", "disk"])
def preparer(request) -> RowPreparer:
    """40 rows in two classes, with some held out, in memory or on disk."""
    x, y = np.arange(40.0)[:, None], np.arange(40) % 2
    train, test = (read(part, y, rows_in=request.param).x for part in (x, x + 100))
    rows = Rows(train, y, held_out={"test": (test, y)}, preprocessor=Marking())
    return RowPreparer(rows, "binary_crossentropy", (None, 1))


@pytest.mark.parametrize("watch", [0.0, 0.25])
def test_training_rows_are_prepared_as_such(preparer, watch) -> None:
    """Rows that a fold was fitted to, the rows watched by other arms among them; no watched or validation row else."""
    folds = make_folds(preparer, 2, watch, shares=[0.5])
    for share, parts in folds.by_share.items():
        for fold in parts:
            features, (first, last) = np.asarray(fold.rows.x)[:, 0], (fold.train, fold.cuts[-1])
            assert (features[last:] == 0).all()
            if share == watch:
                assert (features[:first] == 1).all()
                assert (features[first:last] == 0).all()
            else:
                assert (features[:last] > 0).all()


def test_refits_and_held_out_rows(preparer) -> None:
    """All rows of a refit are training rows; held-out rows are new."""
    rows = make_refit_rows(preparer)
    assert (np.asarray(rows.fold.rows.x) == 1).all()
    test = rows.held_out["test"].x
    assert (np.asarray(test.load() if isinstance(test, StoredArray) else test) == 0).all()


def test_more_rows_on_disk_than_are_encoded_at_once(monkeypatch) -> None:
    """Refused with what to do, since no row may be encoded by its own target."""
    monkeypatch.setattr(_preparation, "MAX_FIT_BYTES", 100)
    rows = read(np.arange(40.0)[:, None], rows_in="disk").x
    with pytest.raises(InputError, match=r"training rows on disk for Marking, which encodes .* rows_in='memory'"):
        _preparation.transform_stored_training(Marking(), rows, np.arange(40), "x")

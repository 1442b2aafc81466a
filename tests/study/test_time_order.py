"""Order of time and groups hold on every way: folds, watched rows, refits, outer folds."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit, TimeSeriesSplit
from sklearn.preprocessing import StandardScaler
from tests.conftest import network

import bridle
from bridle.stats import DEPENDENT_ROWS
from bridle.study._provenance import dependence_facts
from bridle.study.data import Rows
from bridle.study.design import Question, inner_study, prepare
from bridle.study.design._prepare import refit_rows

STOPPING = bridle.EarlyStopping(patience=3, validation_fraction=0.25)


def numbered(rows: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose first feature is their place in time."""
    generator = np.random.default_rng(0)
    x = np.column_stack([np.arange(rows), generator.normal(size=rows)]).astype("float32")
    return x, generator.integers(0, 2, rows)


def sides(fold) -> tuple[list[int], list[int]]:
    """The places of the rows of a fold that are trained on, and of those that are watched."""
    places = np.asarray(fold.rows.x)[:, 0].astype(int).tolist()
    return places[: fold.train], places[fold.train : fold.train + fold.watch]


def test_a_refit_watches_the_last_rows_as_the_folds_of_a_time_series_do() -> None:
    x, y = numbered()
    prepared = prepare(Question(network(1), {}, folds=TimeSeriesSplit(3), early_stopping=STOPPING), Rows(x, y))
    for fold, (train, _) in zip(prepared.folds, TimeSeriesSplit(3).split(x), strict=True):
        count = round(0.25 * len(train))
        assert sides(fold) == (train[:-count].tolist(), train[-count:].tolist())
    assert sides(refit_rows(prepared).fold) == (list(range(36)), list(range(36, 48)))
    assert "the last 25% of the training rows" in bridle.study._provenance.describe_protocol(prepared)


def test_a_refit_watches_whole_last_groups_of_a_time_series() -> None:
    """Days are not cut in two: 12 rows of 48 would begin inside of day 4."""
    x, y = numbered()
    days = np.repeat([0, 1, 2, 3, 4, 5], [8, 8, 8, 8, 8, 8])
    with pytest.warns(UserWarning, match="ignored by TimeSeriesSplit"):  # by the folds, says scikit-learn
        prepared = prepare(
            Question(network(1), {}, folds=TimeSeriesSplit(3), early_stopping=STOPPING), Rows(x, y, groups=days)
        )
    assert sides(refit_rows(prepared).fold)[1] == list(range(32, 48))


def test_unshuffled_folds_are_no_time_series() -> None:
    """Only one of them happens to judge the last rows; all watch rows from everywhere."""
    x, y = numbered()
    prepared = prepare(Question(network(1), {}, folds=KFold(3), early_stopping=STOPPING), Rows(x, y))
    for fold in (*prepared.folds, refit_rows(prepared).fold):
        train, watched = sides(fold)
        assert min(watched) < max(train)


def test_outer_folds_of_a_time_series_keep_its_order(moons) -> None:
    """`nested=2` judges each choice on later rows: those of scikit-learn's TimeSeriesSplit, by hand."""
    x, y = moons
    options = {"seeds": 1, "folds": TimeSeriesSplit(2, test_size=10), "epochs": 6, "batch_size": 16}
    study = bridle.Study(network(), {"L2": {"*/kernel": bridle.L2(1e-2)}}, **options)
    nested = study.run(x, y, nested=2, progress=False).data.nested
    outer = list(TimeSeriesSplit(2, test_size=10).split(x))
    assert nested.rows.tolist() == [[40, 10], [50, 10]]
    for number, (train, rest) in enumerate(outer):
        own = study.run(x[train], y[train], test=(x[rest], y[rest]), progress=False).data
        np.testing.assert_allclose(nested.none[:, number], own.held_out_scores("test")[0], atol=1e-6)


def test_outer_folds_that_leave_too_few_rows_are_refused_before_the_first_fit() -> None:
    x, y = numbered(20)
    study = bridle.Study(network(1), {}, seeds=1, folds=TimeSeriesSplit(4, test_size=3), epochs=10**6)
    with pytest.raises(bridle.BridleError, match="inside outer fold 1 of nested=3"):
        study.run(x, y, nested=3, progress=False)


def test_a_splitter_of_other_rows_is_refused_in_nested_cross_validation(moons) -> None:
    """A PredefinedSplit names rows of the whole table, which an outer fold does not have."""
    x, y = moons
    study = bridle.Study(network(1), {}, seeds=1, folds=PredefinedSplit(np.arange(60) % 3), epochs=10**6)
    with pytest.raises(bridle.BridleError, match="row numbers below 40"):
        study.run(x, y, nested=3, progress=False)


@pytest.mark.parametrize("folds", [3, GroupKFold(3)], ids=["number", "GroupKFold"])
def test_watched_rows_are_whole_groups_everywhere(folds) -> None:
    """In folds, in the refit, and in the refit of an outer fold, which is made of whole groups too."""
    x, y = numbered()
    groups = np.arange(48) % 12
    prepared = prepare(Question(network(1), {}, folds=folds, early_stopping=STOPPING), Rows(x, y, groups=groups))
    inner = inner_study(prepared, 3, 0)
    for study in (prepared, inner):
        for fold in (*study.folds, refit_rows(study).fold):
            train, watched = (set(groups[side].tolist()) for side in sides(fold))
            assert watched
            assert not train & watched
    outside = np.asarray(refit_rows(inner).held_out["outer"].x)[:, 0].astype(int)
    assert not set(groups[outside].tolist()) & {
        group for side in sides(refit_rows(inner).fold) for group in groups[side]
    }


def test_a_refit_is_prepared_without_its_watched_rows_as_the_folds_are() -> None:
    """Means and deviations are those of the rows trained on."""
    x, y = numbered()
    x[36:] += 1000
    question = Question(network(1), {}, folds=TimeSeriesSplit(3), early_stopping=STOPPING)
    prepared = prepare(question, Rows(x, y, preprocessor=StandardScaler(), held_out={"test": (x, y)}))
    scaler = StandardScaler().fit(x[:36])
    rows = refit_rows(prepared)
    fold, held_out = rows.fold, rows.held_out
    np.testing.assert_allclose(np.asarray(fold.rows.x), scaler.transform(x), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(held_out["test"].x), scaler.transform(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("folds", "groups", "facts"),
    [
        (KFold(3), None, {}),
        (TimeSeriesSplit(3), None, {DEPENDENT_ROWS: "time order"}),
        (GroupKFold(3), np.repeat(np.arange(12), 4), {DEPENDENT_ROWS: "groups"}),
    ],
)
def test_the_record_says_why_rows_are_not_independent(folds, groups, facts) -> None:
    """Their differences are then compared on folds."""
    question = Question(network(), {}, seeds=1, folds=folds, epochs=1, batch_size=8)
    assert dependence_facts(prepare(question, Rows(*numbered(), groups=groups))) == facts

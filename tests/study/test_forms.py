"""Folds and rows in the forms that people have them, as scikit-learn and Keras take them."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.model_selection import KFold, LeaveOneOut
from tests.conftest import network

import bridle
from bridle._errors import InputError, StoreError

QUIET = {"progress": False, "refit": "none"}
"""Options of runs whose trained models nobody asks for."""
ARMS = {"L2": {"hidden/kernel": bridle.L2([1e-2])}}


def study(**options):
    """A study of one strength, two epochs."""
    return bridle.Study(network(3), ARMS, **{"seeds": 1, "folds": 3, "epochs": 2, **options})


def scores(result):
    """Validation losses and accuracies of all fits."""
    return result.members().drop(columns=[c for c in result.members() if "second" in c])


PAIRS = list(KFold(3, shuffle=True, random_state=1).split(np.zeros(60)))


def test_listed_folds_are_those_of_the_splitter(moons):
    """A list, a generator, and masks give every number of the splitter that they come from."""
    x, y = moons
    splitter = KFold(3, shuffle=True, random_state=1)
    expected = scores(study(folds=splitter).run(x, y, **QUIET))
    masks = [tuple(np.isin(np.arange(60), side) for side in pair) for pair in PAIRS]
    for folds in (PAIRS, splitter.split(x, y), [(train.tolist(), judge.tolist()) for train, judge in masks]):
        pd.testing.assert_frame_equal(scores(study(folds=folds).run(x, y, **QUIET)), expected)


BAD = {
    "none": ([], "at least one fold, got an empty list"),
    "no pairs": ([(1, 2, 3)], "pair of row numbers as fold 0"),
    "numbers": ([1, 2], "pair of row numbers as fold 0, got 1"),
    "text": ([(["a"], ["b"])], "row numbers in fold 0"),
    "floats": ([([0.0, 1.0], [2])], "row numbers in fold 0"),
    "ragged": ([([[0], [1, 2]], [2])], "row numbers in fold 0"),
    "empty": ([(np.arange(50), [])], "rows on both sides of fold 0, got none"),
    "beyond": ([PAIRS[0], (np.arange(50), [60])], "row numbers from 0 to 59 in fold 1, got 60"),
    "negative": ([(np.arange(50), [-1])], "row numbers from 0 to 59 in fold 0, got -1"),
    "overlap": ([(np.arange(50), [49, 48, 50])], "got row 48 in both and 1 more"),
    "short mask": ([([True, False], [False, True])], "mask of 60 rows in fold 0, got one of 2"),
}


@pytest.mark.parametrize(("folds", "sentence"), BAD.values(), ids=BAD)
def test_listed_folds_that_do_not_fit_get_a_sentence(moons, folds, sentence):
    """The message has expected, got and the fold."""
    with pytest.raises(InputError, match=sentence) as caught:
        study(folds=folds).plan(*moons)
    assert "scikit-learn says" not in str(caught.value)


def test_listed_folds_are_known_again(moons, tmp_path):
    """A stored study goes on with the same list and refuses another; a list is no fold inside outer ones."""
    x, y = moons
    first = scores(study(folds=PAIRS).run(x, y, store=tmp_path / "s", **QUIET))
    again = study(folds=list(PAIRS)).run(x, y, store=tmp_path / "s", **QUIET)
    pd.testing.assert_frame_equal(scores(again), first)
    with pytest.raises(StoreError, match="folds: 3 listed folds"):
        study(folds=PAIRS[::-1]).run(x, y, store=tmp_path / "s", **QUIET)
    with pytest.raises(InputError, match=r"nested cross-validation, got a list.*or a list as nested"):
        study(folds=PAIRS).run(x, y, nested=2, progress=False)


def test_leave_one_out_is_taken(moons):
    """Every row judges once; loss and accuracy of a fold are those of Keras on that row."""
    x, y = moons[0][8:16], moons[1][8:16]
    result = bridle.Study(network(3), ARMS, seeds=1, folds=LeaveOneOut(), epochs=2, shuffle=False).run(x, y, **QUIET)
    none = result.data.path(0)[0]
    losses, accuracies = (
        result.data.by_candidate(result.data.quantity(f"validation/{name}")[:, -1])[none, 0]
        for name in ("loss", "accuracy")
    )
    assert losses.shape == (8,)
    for fold in (0, 5):
        keras.utils.set_random_seed(0)
        model = network(3)
        rest = np.arange(8) != fold
        model.fit(x[rest], y[rest], epochs=2, shuffle=False, verbose=0)
        loss, accuracy = model.evaluate(x[[fold]], y[[fold]], verbose=0)
        assert losses[fold] == pytest.approx(loss, rel=1e-5)
        assert accuracies[fold] == accuracy


def test_a_sparse_matrix_is_its_array(moons, tmp_path):
    """As x, y, held-out and validation rows: the same numbers, and the same study in a store; also to predict."""
    x, y = moons
    run = {"progress": False, "store": tmp_path / "s"}
    dense = study().run(x[:40], y[:40], test=(x[40:], y[40:]), **run)
    matrices = [kind(x) for kind in (sparse.csr_matrix, sparse.coo_array)]
    for matrix in matrices:
        same = study().run(matrix.tocsr()[:40], y[:40], test=(matrix.tocsr()[40:], y[40:]), **run)
        pd.testing.assert_frame_equal(scores(same), scores(dense))
        np.testing.assert_array_equal(same.predict(matrix), dense.predict(x))
    other = x.copy()
    other[3] += 1
    with pytest.raises(StoreError, match="rows:"):
        study().run(sparse.csr_matrix(other)[:40], y[:40], test=(x[40:], y[40:]), **run)


def test_a_sparse_matrix_too_large_for_memory_gets_a_sentence():
    """It says how large it would be, and what to do: neither memory nor the disk of a study can hold it."""
    x = sparse.csr_matrix((10**6, 10**5))
    for place in ("memory", "auto"):
        with pytest.raises((InputError, StoreError), match=r"745.1 GiB.* take fewer columns, .*TruncatedSVD"):
            study().plan(x, np.zeros(10**6), rows_in=place)


def test_tables_and_lists_of_tables(moons):
    """Data frames with any index as x, series as y, weights and groups, and a list of frames for two inputs."""
    x, y = moons
    index = np.arange(60)[::-1] * 3
    frame, target = pd.DataFrame(x, columns=["a", "b"], index=index), pd.Series(y, index=index)
    weight = pd.Series(np.linspace(0.5, 2, 60), index=index)
    given = study().run(frame, target, sample_weight=weight, **QUIET)
    pd.testing.assert_frame_equal(scores(given), scores(study().run(x, y, sample_weight=weight.to_numpy(), **QUIET)))
    doors = [keras.Input((1,), name=name) for name in "ab"]
    hidden = keras.layers.Dense(3, "relu", name="hidden")(keras.layers.Concatenate()(doors))
    model = keras.Model(doors, keras.layers.Dense(1, "sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy")
    two = bridle.Study(model, ARMS, seeds=1, folds=3, epochs=2)
    arrays = scores(two.run([x[:, :1], x[:, 1:]], y, **QUIET))
    frames = scores(two.run([frame[["a"]], frame[["b"]]], target, **QUIET))
    pd.testing.assert_frame_equal(frames, arrays)

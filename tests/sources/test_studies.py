"""Studies of rows from files, datasets and streams: the numbers of arrays, also on disk, stopped and resumed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from tests._same import equal
from tests.conftest import network
from tests.sources._kinds import Batches, RowByRow, X, Y, sources, write_files

import bridle
from bridle._api import _search
from bridle._api._rows import RowOptions, UnreadRows
from bridle._errors import InputError, OtherStudyError
from bridle.sources import StoredArray, from_generator, read
from bridle.study.data import _preparation
from bridle.study.design._prepare import prepare, refit_rows
from bridle.study.execution import _stored

ARMS = {"L2": {"*/kernel": bridle.L2([1e-3])}}
MEASURED = ("members", "epochs", "curves", "diagnostics", "held_out", "weights", "row_scores")
EVERY = np.arange(len(X))


def study(**options: Any) -> bridle.Study:
    return bridle.Study(network(4), ARMS, **{"seeds": 1, "folds": 2, "epochs": 2, **options})


def alike(one: bridle.Result, two: bridle.Result) -> bool:
    """Return True if two results have the same bits."""
    return all(equal(getattr(one.data, name), getattr(two.data, name)) for name in MEASURED)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bridle.Result, Path]:
    """The study of arrays, and its folder."""
    folder = tmp_path_factory.mktemp("study") / "s"
    return study().run(X, Y, store=folder, refit="none", progress=False), folder


def test_every_kind_has_the_folds_of_the_array(tmp_path: Path) -> None:
    """Bit for bit, what a fit is trained on."""
    write_files(tmp_path)
    expected = jax.tree.leaves([fold.rows for fold in study().prepare(X, Y).folds])
    for name, given in sources(tmp_path, tensorflow=False).items():
        found = jax.tree.leaves([fold.rows for fold in study().prepare(*given).folds])
        assert all(map(np.array_equal, found, expected)), name


def test_a_stream_goes_on_where_an_array_began(whole, tmp_path: Path) -> None:
    """In memory, it is the same study: every fit comes from the store."""
    result = study().run(RowByRow(), store=whole[1], refit="none", progress=False)
    assert result.data.provenance["fits from the store"] == len(result.data.members)
    assert alike(result, whole[0])
    with pytest.raises(OtherStudyError, match=r"rows: 90 rows, .* there, 90 rows, .* now"):
        study().run(from_generator(lambda: iter([(X[::-1], Y)]), 90), store=whole[1], progress=False)


def test_rows_on_disk_give_the_bits_of_rows_in_memory_stopped_and_resumed(whole, tmp_path: Path, monkeypatch) -> None:
    """From a stream in the folder of the study, which holds its rows; a second run finds them there."""
    folder, options = tmp_path / "s", {"rows_in": "disk", "refit": "none", "progress": False}
    kept = _stored.StoreSession.keep

    def stop(self: Any, *arguments: Any) -> None:
        kept(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(_stored.StoreSession, "keep", stop)
    with pytest.raises(bridle.Interrupted):
        study().run(Batches(), store=folder, **options)
    monkeypatch.undo()
    stamp = (folder / "rows" / "x.npy").stat().st_mtime_ns
    result = study().run(Batches(), store=folder, **options)
    assert 0 < result.data.provenance["fits from the store"] < len(result.data.members)
    assert (folder / "rows" / "x.npy").stat().st_mtime_ns == stamp
    assert alike(result, whole[0])
    with pytest.raises(InputError, match=r"the rows of x that '.*x\.npy' holds from an earlier reading, got others"):
        study().run(from_generator(lambda: iter([(X[::-1], Y)]), 90), store=folder, **options)


def test_preparations_of_rows_on_disk_see_training_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fitted in passes where rows are many, in each fold; what cannot learn so is refused."""
    prepared = study().prepare(X, Y, preprocessor=StandardScaler(), options=RowOptions("memory"))
    expected = [np.asarray(fold.rows.x) for fold in prepared.folds]
    for most in (2**28, 0):
        monkeypatch.setattr(_preparation, "MAX_FIT_BYTES", most)
        monkeypatch.setattr("bridle.sources._stored.BLOCK_BYTES", 80)
        found = study().prepare(X, Y, preprocessor=StandardScaler(), options=RowOptions("disk"))
        for fold, rows in zip(found.folds, expected, strict=True):
            assert isinstance(fold.rows.x, StoredArray)
            (np.testing.assert_array_equal if most else np.testing.assert_allclose)(
                fold.rows.x.take(EVERY), rows, **({} if most else {"rtol": 1e-4, "atol": 1e-6})
            )
    chain = make_pipeline(MinMaxScaler(), Normalizer())
    fold = study().prepare(X, Y, preprocessor=chain, options=RowOptions("disk")).folds[0]
    expected = study().prepare(X, Y, preprocessor=chain, options=RowOptions("memory")).folds[0].rows.x
    np.testing.assert_allclose(fold.rows.x.take(EVERY), expected, rtol=1e-4)
    with pytest.raises(InputError, match=r"learns in passes \(partial_fit, .* got PCA\. Give one of these, or rows_in"):
        study().prepare(X, Y, preprocessor=PCA(2), options=RowOptions("disk"))


def test_missing_numbers_are_for_the_preparation(tmp_path: Path) -> None:
    """On disk as in memory: NaN is refused without one, and where one leaves it."""
    from sklearn.impute import SimpleImputer

    rows = np.where(EVERY[:, None] % 9 == 4, np.nan, X)
    prepared = [
        study().prepare(rows, Y, preprocessor=SimpleImputer(), options=RowOptions(place))
        for place in ("memory", "disk")
    ]
    assert_array_equal(prepared[1].folds[0].rows.x.take(EVERY), prepared[0].folds[0].rows.x)
    with pytest.raises(InputError, match=r"Expected finite numbers in x, got nan at \(4, 0\)"):
        study().prepare(rows, Y, options=RowOptions("disk"))
    left = study().prepare(rows, Y, preprocessor=MinMaxScaler(), options=RowOptions("disk"))
    with pytest.raises(InputError, match="Expected finite numbers after the preparation"):
        left.folds[0].rows.x.take(EVERY)


def test_validation_rows_go_where_the_rows_are() -> None:
    """A set of rows beside those on disk is written too, of another type as well."""
    for options in (RowOptions("disk"), RowOptions("memory")):
        fold = study().prepare(X, Y, validation=(X[:7].astype(float), Y[:7]), options=options).folds[0]
        rows = fold.rows.x.take(np.arange(97)) if options.rows_in == "disk" else fold.rows.x
        assert_array_equal(rows, np.concatenate([X, X[:7]]))
        assert fold.train == 90


def test_inputs_on_disk_and_in_memory_with_validation_and_test_rows(tmp_path: Path) -> None:
    """Each input of the validation rows goes where that of the study is, whatever holds it."""
    np.save(tmp_path / "x.npy", X)
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    out = keras.layers.Dense(1, "sigmoid", name="out")(keras.layers.Concatenate()([left, right]))
    model = keras.Model({"left": left, "right": right}, out)
    model.compile("adam", "binary_crossentropy")
    pair = bridle.Study(model, {"L2": {"out/kernel": bridle.L2([1e-3])}}, seeds=1, folds=2, epochs=1)
    expected = pair.prepare({"left": X, "right": X}, Y, validation=({"left": X[:7], "right": X[:7]}, Y[:7])).folds[0]
    path, table = tmp_path / "x.npy", pa.table({"a": X[:7, 0], "b": X[:7, 1]})
    others = (X[:7], from_generator(lambda: iter([X[:7]]), 7), csr_array(X[:7]), table)
    for right in others:
        left = X[:7] if right is table else right
        rows = UnreadRows({"left": path, "right": X}, Y, validation=({"left": left, "right": right}, Y[:7]))
        place = replace(RowOptions().place(2, None), limit=0)  # the file is on disk, the array in memory
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RowOptions, "place", lambda self, *given, where=place: where)
            fold = prepare(pair.question, rows.read(RowOptions(), 2)).folds[0]
        assert isinstance(fold.rows.x["left"], StoredArray)
        assert_array_equal(fold.rows.x["left"].take(np.arange(97)), expected.rows.x["left"])
        assert_array_equal(fold.rows.x["right"], expected.rows.x["right"])


def test_tables_and_sparse_matrices_at_every_door(tmp_path: Path) -> None:
    """As training, validation and held-out rows, to predict, to audit: the numbers of the array."""
    whole = study().run(X[:60], Y[:60], test=(X[60:], Y[60:]), progress=False)
    frame = pd.DataFrame(X, columns=["a", "b"])
    for kind in (pa.Table.from_pandas, csr_array):
        train, test, every = (kind(part) for part in (frame[:60], frame[60:], frame))
        result = study().run(train, Y[:60], test={"test": (test, Y[60:])}, progress=False)
        assert alike(result, whole)
        assert_array_equal(result.predict(every), whole.predict(X))
        assert bridle.audit(result.model(), every).batch == bridle.audit(result.model(), X).batch
        judged = study().prepare(train, Y[:60], validation=(test, Y[60:])).folds[0]
        assert_array_equal(judged.rows.x, X)
        monitor = bridle.callbacks.Monitor(["hidden/output"], x=every)
        assert np.shape(monitor.x) == X.shape


def test_groups_by_name_are_no_feature_of_other_files(tmp_path: Path) -> None:
    """In test and validation files that have the column, and in those that lack it."""
    columns = {"a": X[:, 0], "b": X[:, 1], "y": Y}
    paths = [tmp_path / "with.parquet", tmp_path / "without.parquet"]
    for path, more in zip(paths, ({"patient": EVERY}, {}), strict=True):
        pq.write_table(pa.table({**columns, **more}), path)
    rows = UnreadRows(paths[0], "y", groups="patient", test={path.stem: path for path in paths}).read(RowOptions(), 2)
    for x, y in rows.held_out.values():
        assert_array_equal(x, X)
        assert_array_equal(y, Y)
    for path in paths:
        judged = UnreadRows(paths[0], "y", groups="patient", validation=path).read(RowOptions(), 2)
        assert_array_equal(judged.validation[0], X)


def test_rows_in_time_watch_the_last_rows_of_one_split() -> None:
    """Beside validation rows too, in the refit as well; groups are no contradiction where no folds are made."""
    stopping = bridle.EarlyStopping(patience=3, validation_fraction=0.25)
    source = read(X, Y, time=EVERY)
    grouped = read(X, Y, groups=EVERY // 9, time=EVERY)
    for rows, first in ((source, 68), (grouped, 63)):
        prepared = study(early_stopping=stopping).prepare(rows, validation=(X[:7], Y[:7]))
        for fold in (*prepared.folds, refit_rows(prepared).fold):
            assert_array_equal(np.asarray(fold.rows.x)[:90], X)
            assert fold.cuts == (first, 90)


def test_rows_in_time_have_folds_in_time() -> None:
    """A number of folds means folds in the order of time; a splitter stays as it is."""
    source = read(X, Y, time=-EVERY)
    prepared = study().prepare(source)
    assert prepared.ordered
    assert prepared.fold_rows.tolist() == [[30, 30], [60, 30]]
    assert_array_equal(np.asarray(prepared.folds[1].rows.x)[0], X[-1])
    with pytest.raises(InputError, match="Expected at least 2 folds, got folds=1"):
        study(folds=1).prepare(source)
    with pytest.raises(InputError, match="Expected groups or a time of the rows, got both"):
        study().prepare(read(X, Y, groups=EVERY, time=EVERY))


def test_rows_of_the_same_time_are_on_one_side_of_each_cut() -> None:
    """Cuts move to the next change of time: of 90 rows in fours, 30 to 32, and 60 stays; watched rows too."""
    stopping = bridle.EarlyStopping(patience=3, validation_fraction=0.25)
    prepared = study(early_stopping=stopping).prepare(read(X, Y, time=EVERY // 4))
    assert prepared.fold_rows.tolist() == [[24, 28], [44, 30]]
    assert [fold.watch for fold in prepared.folds] == [8, 16]
    assert [(rows[0], rows[-1]) for rows in prepared.validation_indices] == [(32, 59), (60, 89)]
    assert refit_rows(prepared).fold.cuts == (68, 90)


def test_a_search_reads_its_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its studies takes them as they were read."""
    readings = []

    def batches() -> Iterator[Any]:
        readings.append(1)
        yield X, Y

    def prepare_all(inquiry: _search.Inquiry, *arguments: Any) -> Any:
        raise InterruptedError(inquiry.prepare(ARMS), inquiry.prepare(ARMS))

    monkeypatch.setattr(_search, "_screen", prepare_all)
    with pytest.raises(InterruptedError) as stopped:
        bridle.search(network(4), from_generator(batches, 90), folds=2)
    assert len(readings) == 1
    assert stopped.value.args[1].rows.x is stopped.value.args[0].rows.x

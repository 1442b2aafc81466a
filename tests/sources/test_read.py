"""Rows from every kind of source: bit for bit those of the array, in memory and on disk."""

import errno
import os
import pickle
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import coo_matrix, csr_array, csr_matrix
from tests.sources._kinds import Batches, Lazy, RowByRow, X, Y, sources, write_files, yield_batches

import bridle
from bridle._api._preparation import Preparation
from bridle._errors import InputError, KindError, StoreError
from bridle.sources import Source, StoredArray, from_generator, read
from bridle.sources._files import open_memmap
from bridle.sources._plain import plain_rows
from bridle.sources._read import head
from bridle.sources._streams import Stream
from bridle.store import fingerprint

EVERY = np.arange(len(X))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the rows in files of every kind."""
    path = tmp_path_factory.mktemp("rows")
    write_files(path)
    return path


@pytest.fixture(scope="module")
def kinds(folder: Path) -> dict[str, tuple[Any, ...]]:
    return sources(folder)


def test_every_kind_gives_the_rows_of_the_array(kinds) -> None:
    """The fingerprint too, so a study goes on with a source of another kind, wherever the rows are."""
    expected = fingerprint(X, Y)
    for name, given in kinds.items():
        for place in ("memory", "disk"):
            source = read(*given, rows_in=place)
            assert source.on_disk == (place == "disk"), name
            assert isinstance(source.x, StoredArray if place == "disk" else np.ndarray), name
            assert len(source) == len(X)
            assert source.fingerprint() == expected, name
            assert_array_equal(source.take(EVERY).x, X)
            assert_array_equal(np.concatenate([part.y for part in source.blocks(40)]), Y)


def test_arrays_and_tables_stay_as_they_are() -> None:
    """Without a copy, and a study knows them by the same fingerprint as ever."""
    table = pd.DataFrame(X, columns=["a", "b"])
    for x in (X, table, X.tolist(), {"a": X, "b": X}):
        assert read(x, Y).x is x or read(x, Y).x == x
    with pytest.raises(InputError, match=r"got a table\. Give x\.to_numpy\(\)"):
        read(table, Y, rows_in="disk")


def test_datasets_of_pytorch() -> None:
    """Rows, dictionaries of inputs and loaders; a stream without a length is refused."""
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bridle[torch]'")
    data = torch.utils.data

    class Named(data.Dataset):
        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, index: int) -> Any:
            x = torch.tensor(X[index], requires_grad=True)
            return {"a": x, "b": x[:1]}, int(Y[index])

    tensors = data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    for given in (tensors, data.DataLoader(tensors, batch_size=16), data.Subset(tensors, range(90))):
        for place in ("memory", "disk"):
            source = read(given, rows_in=place)
            assert source.fingerprint() == fingerprint(X, Y)
            assert source.on_disk == (place == "disk")
        assert_array_equal(head(given, 20).x, X[:20])
    for given in (Named(), data.DataLoader(Named(), batch_size=16)):
        source = read(given)
        assert_array_equal(source.x["b"], X[:, :1])
        assert_array_equal(source.y, Y)
    assert_array_equal(plain_rows(read(torch.tensor(X, requires_grad=True), torch.from_numpy(Y)).x), X)

    class Endless(data.IterableDataset):
        def __iter__(self) -> Any:
            return iter([])

    for given in (Endless(), data.DataLoader(Endless())):
        with pytest.raises(InputError, match="Expected x with a known length, got"):
            read(given)


def test_a_sparse_matrix_is_a_source_of_its_array(monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory, block by block, or on disk where it does not fit, with the length and the fingerprint of the array."""
    monkeypatch.setattr("bridle.sources._plain.BLOCK_BYTES", 80)
    for matrix in (csr_array(X), coo_matrix(X), csr_matrix(X)):
        for place in ("memory", "disk"):
            source = read(matrix, csr_array(Y[:, None]), rows_in=place)
            assert source.on_disk == (place == "disk")
            assert (len(source), source.fingerprint()) == (90, fingerprint(X, Y[:, None]))
            assert_array_equal(source.take(EVERY).x, X)
        assert_array_equal(read({"a": matrix, "b": X}, Y).x["a"], X)
        assert_array_equal(head(matrix, 7).x, X[:7])
    monkeypatch.setattr("bridle.sources._read.machine_memory", lambda: 8 * X.nbytes - 8)
    assert read(csr_array(X), Y).on_disk
    monkeypatch.setattr("bridle.sources._cache.machine_memory", lambda: X.nbytes - 1)
    with pytest.raises(InputError, match=r"GiB of free memory, got .*TruncatedSVD.* rows_in='disk'"):
        read(csr_array(X), Y, rows_in="memory")


def test_several_streams_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that does not fit beside the others is on disk; the numbers are the same."""
    inputs = {name: from_generator(lambda: iter([X]), 90) for name in "abc"}
    monkeypatch.setattr("bridle.sources._read.machine_memory", lambda: 8 * int(2.5 * X.nbytes))
    source = read(inputs, Y)
    assert [isinstance(part, StoredArray) for part in source.x.values()] == [False, False, True]
    assert_array_equal(source.take(EVERY).x["c"], X)


def test_tables_of_other_libraries_become_data_frames() -> None:
    """Through Arrow, as polars has it."""

    class Polars:
        columns = ("a", "b")

        def __arrow_c_stream__(self, schema: Any = None) -> Any:
            return table.__arrow_c_stream__(schema)

    table = pa.table({"a": X[:, 0], "b": [str(value) for value in Y]})
    for given in (table, Polars()):
        found = read(given, Y).x
        assert isinstance(found, pd.DataFrame)
        assert list(found.columns) == ["a", "b"]
        assert_array_equal(found["a"], X[:, 0])
    Polars.__arrow_c_stream__ = lambda self, schema=None: 1 / 0 if schema else None
    with pytest.raises(InputError, match="Expected x as a table that Arrow can read, got Polars: "):
        read(Polars(), Y)


def test_a_query_is_collected_once() -> None:
    """As x, as y and as one of several inputs; one that fails gets a sentence."""
    table = pa.table({"a": X[:, 0], "b": X[:, 1]})
    rows, labels = Lazy(table), Lazy(pa.table({"y": Y}))
    source = read(rows, labels)
    assert source.fingerprint() == read(table, pa.table({"y": Y})).fingerprint()
    assert (rows.collected, labels.collected) == (1, 1)
    assert read({"one": rows, "two": X}, Y).x["one"].equals(source.x)
    with pytest.raises(InputError, match="Expected x as a Lazy that can be collected, got KeyError: 'nope'"):
        read(Lazy(None), Y)


def test_columns_of_parquet(folder: Path) -> None:
    """By name; numbers are one array, text makes a data frame, and missing numbers are NaN."""
    table = pa.table({"n": [1, 2, None, 4], "f": [0.5, 1.5, 2.5, 3.5], "who": ["a", "a", "b", "b"], "y": [0, 1, 0, 1]})
    pq.write_table(table, folder / "mixed.parquet")
    source = read(folder / "mixed.parquet", "y", groups="who", sample_weight="f", rows_in="memory")
    assert_array_equal(source.x, [[1], [2], [np.nan], [4]])
    assert source.groups.tolist() == ["a", "a", "b", "b"]
    assert_array_equal(source.sample_weight, [0.5, 1.5, 2.5, 3.5])
    assert list(read(folder / "mixed.parquet", ["y", "n"]).x.columns) == ["f", "who"]
    assert read(folder / "mixed.parquet", ["y", "f"], groups="who").y.shape == (4, 2)
    with pytest.raises(InputError, match=r"Expected y as 'labl' in .*Nearest: 'label'"):
        read(folder / "table.parquet", "labl")
    with pytest.raises(InputError, match=r"finite numbers in x, got nan at \(2, 0\)"):
        read(folder / "mixed.parquet", "y", groups="who", sample_weight="f", rows_in="disk")


def test_parts_by_a_list_of_names_in_files_of_arrays(tmp_path: Path) -> None:
    """One name of a list is the array itself, several are the columns of one array."""
    arrays = {"x": X, "a": Y, "b": 2 * Y, "patient": EVERY, "few": Y[:5]}
    np.savez(tmp_path / "plain.npz", **arrays)
    np.savez_compressed(tmp_path / "small.npz", **arrays)
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        for name, rows in arrays.items():
            file[name] = rows
    for name in ("plain.npz", "small.npz", "rows.h5"):
        source = read(tmp_path / name, ["a", "b"], groups=["patient"], sample_weight=["a"])
        assert_array_equal(source.y, np.column_stack([Y, 2 * Y]))
        assert_array_equal(source.groups, EVERY)
        assert_array_equal(source.sample_weight, Y)
        with pytest.raises(InputError, match=r"as many rows as 'a', 'few' in .* got the shapes \(90,\), \(5,\)"):
            read(tmp_path / name, ["a", "few"])


def test_a_stream_without_rows_is_refused() -> None:
    for place in ("memory", "disk"):
        with pytest.raises(InputError, match=r"Expected at least one row in .*, got none\."):
            read(Stream(lambda: iter([]), "nothing"), rows_in=place)


def test_several_inputs_from_several_sources(folder: Path) -> None:
    """A dictionary of a memory map, a path, a stream and an array, all on disk or none."""
    inputs = {
        "map": np.load(folder / "x.npy", mmap_mode="r"),
        "path": str(folder / "x.npy"),
        "stream": from_generator(lambda: iter([X[:50], X[50:]]), 90),
        "array": X,
    }
    for place, kind in (("memory", np.ndarray), ("disk", StoredArray)):
        source = read(inputs, Y, rows_in=place)
        assert all(isinstance(part, kind) for part in source.x.values())
        assert source.fingerprint() == fingerprint(dict.fromkeys(inputs, X), Y)
    assert [part.shape for part in read([folder / "x.npy", X], Y).x] == [(90, 2), (90, 2)]
    batches = from_generator(lambda: iter([({"a": X, "b": X[:, :1]}, Y)]), 90)
    assert read(batches, rows_in="disk").x["b"].shape == (90, 1)


def test_a_memory_map_is_read_by_its_place_in_the_file(folder: Path) -> None:
    """Of a part of it too, and not where the map itself was changed."""
    mapped = np.load(folder / "x.npy", mmap_mode="r")
    assert_array_equal(open_memmap(mapped[10:20]).load(), X[10:20])
    assert open_memmap(mapped[::2]) is None
    assert open_memmap(np.load(folder / "x.npy", mmap_mode="c")) is None
    raw = np.memmap(folder / "raw.bin", np.float32, "w+", offset=5000, shape=(90, 2))
    raw[:] = X
    assert_array_equal(open_memmap(raw).load(), X)


def test_rows_in_the_order_of_time(folder: Path) -> None:
    """Sorted, equal times as they stand, with every part; each row needs a time."""
    times = pd.to_datetime(DAYS[np.arange(90) % 7]).to_numpy().copy()
    order = np.argsort(times, kind="stable")
    for place in ("memory", "disk"):
        source = read(folder / "x.npy", Y, groups=EVERY, time=times, rows_in=place)
        assert source.is_ordered
        assert_array_equal(source.groups, order)
        assert_array_equal(source.take(EVERY).x, X[order])
        assert source.fingerprint() == fingerprint(X[order], Y[order])
    assert_array_equal(read(X, Y, time=EVERY).x, X)
    times[4] = np.datetime64("NaT")
    with pytest.raises(InputError, match="Expected a time for every row, got none in row 4"):
        read(X, Y, time=times)
    with pytest.raises(InputError, match="Expected one time for each of 90 rows, got an array of shape"):
        read(X, Y, time=EVERY[:5])


DAYS = np.array(["2026-03-01", "2026-02-01", "2026-01-01", "2026-04-01", "2026-05-01", "2026-02-01", "2026-06-01"])


def test_a_stream_without_a_length_is_refused() -> None:
    """With what gives it one."""
    import tensorflow as tf

    endless = tf.data.Dataset.from_tensors((X, Y)).repeat()
    for stream, advice in (
        (yield_batches(), r"bridle\.sources\.from_generator\(function, length=…\)"),
        (endless, r"x\.apply\(.*or take\(batches\) of an endless one"),
        (
            endless.take(3).filter(lambda x, y: True),
            r"x\.apply\(tf\.data\.experimental\.assert_cardinality\(batches\)\)",
        ),
    ):
        with pytest.raises(InputError, match=rf"Expected x with a known length, got \w+ without one\. Give {advice}"):
            read(stream)
    with pytest.raises(KindError, match="Expected a function that returns an iterator, got <generator"):
        from_generator(yield_batches(), 90)
    with pytest.raises(InputError, match="a whole number ≥ 1, got 0"):
        from_generator(yield_batches, 0)


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ([(X[:50], Y[:50])], "Expected 90 rows in <lambda>, got 50"),
        ([(X, Y[:40])], r"x or \(x, y\) .* got x \(90, 2\), y \(40,\) as batch 1"),
        ([(X[0], Y[0])], r"got x \(2,\), y \(\) as batch 1\. Batch single rows first"),
        ([(X[:50], Y[:50]), X[50:]], r"got x \(40, 2\) as batch 2"),
        (
            [(X[:50], Y[:50]), (X[50:, :1], Y[50:])],
            r"shape \(2,\) and type float32 .* got \(1,\) and float32 from row 50",
        ),
        ([(np.where(EVERY[:, None] == 7, np.nan, X), Y)], r"Expected finite numbers in x, got nan at \(7, 0\)"),
        ([(np.full((90, 1), "word"), Y)], r"Expected numbers in x, got <U4"),
    ],
)
def test_batches_that_do_not_fit(batches: list[Any], said: str, tmp_path: Path) -> None:
    """Each with the batch or the row, and nothing is left in the folder."""
    with pytest.raises(InputError, match=said):
        read(from_generator(lambda: iter(batches), 90), rows_in="disk", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_rows_of_different_shapes_are_refused() -> None:
    """As from a dataset of images that were not resized."""

    class Ragged(RowByRow):
        def __getitem__(self, index: int) -> Any:
            return np.zeros(2 + index // 50), Y[index]

    with pytest.raises(InputError, match=r"one shape and type, got .* among rows 0 to 89 of Ragged\. Pad or resize"):
        read(Ragged())


def test_batches_of_growing_size_and_rows_alone() -> None:
    """More rows than the first batch promises; x alone is no pair."""

    class Growing(Batches):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            return X[[0, 5, 20][index] : [5, 20, 90][index]]

    source = read(Growing())
    assert_array_equal(source.x, X)
    assert source.y is None
    with pytest.raises(InputError, match="Expected y in the dataset or as y, got both"):
        read(RowByRow(), Y)
    with pytest.raises(InputError, match=r"as many rows in each part of the data, got 90 in x, 5 in y"):
        read(Growing(), Y[:5])


def test_other_rows_at_the_second_reading_are_refused(tmp_path: Path) -> None:
    """A folder keeps those of the first: shuffled rows, more of them, and fewer."""
    assert read(Batches(), rows_in="disk", folder=tmp_path).on_disk
    stamp = (tmp_path / "x.npy").stat().st_mtime_ns
    assert_array_equal(read(RowByRow(), rows_in="disk", folder=tmp_path).take(EVERY).x, X)
    for rows, said in (
        (X[::-1], "others among rows 0 to 89"),
        (np.tile(X, (2, 1)), "among rows 0 to"),
        (X[:9], "got 9 of 90"),
    ):
        with pytest.raises(InputError, match=rf"from an earlier reading, got .*{said.removeprefix('got ')}"):
            read(rows, np.zeros(len(rows)), rows_in="disk", folder=tmp_path)
    assert (tmp_path / "x.npy").stat().st_mtime_ns == stamp


def test_two_processes_read_into_one_folder(tmp_path: Path) -> None:
    """The file of the faster one stays, as it is in use; what a killed process left is removed after an hour."""
    for name, age in ((".x.npy.old", 4000), (".x.npy.new", 10)):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    faster = []

    def batches():
        yield X[:40], Y[:40]
        faster.append(read(RowByRow(), rows_in="disk", folder=tmp_path))
        yield X[40:], Y[40:]

    slower = read(from_generator(batches, 90), rows_in="disk", folder=tmp_path)
    assert_array_equal(slower.take(EVERY).x, X)
    assert_array_equal(faster[0].take(EVERY).x, X)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".x.npy.new", "x.npy"]


class FullDisk:
    """A file on a disk that is full after some bytes."""

    def __init__(self, file: Any) -> None:
        self._file, self._left = file, 300

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: Any) -> int:
        self._left -= len(bytes(data))
        if self._left < 0:
            raise OSError(28, "No space left on device")
        return self._file.write(data)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first row, where the space is known, or in the middle; with space the same call goes on."""
    from bridle.sources import _cache

    with monkeypatch.context() as patch:
        patch.setattr(_cache.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 100}))
        with pytest.raises(StoreError, match=r"GiB free in .* for rows, got 0\.0 GiB\. Free some space"):
            read(Batches(), rows_in="disk", folder=tmp_path)
    with monkeypatch.context() as patch:
        opened = _cache.os.fdopen
        patch.setattr(_cache.os, "fdopen", lambda *arguments: FullDisk(opened(*arguments)))
        with pytest.raises(StoreError, match=r"The disk is full in .*run the same again to go on"):
            read(Batches(), rows_in="disk", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert read(Batches(), rows_in="disk", folder=tmp_path).fingerprint() == fingerprint(X, Y)


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    """Half a file is no file."""

    def batches():
        yield X[:40], Y[:40]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(from_generator(batches, 90), rows_in="disk", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_ends_with_its_last_rows() -> None:
    """Rows of a fold keep it, too."""
    rows = read(Batches(), rows_in="disk").x.select(EVERY[:5])
    path = Path(rows.files[0].path)
    assert_array_equal(rows.load(), X[:5])
    assert path.exists()
    del rows
    assert not path.parent.exists()


def test_rows_stay_on_disk_where_they_do_not_fit(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """By their size, or that of all batches if each had as many rows as the first."""
    for free, on_disk in ((8 * X.nbytes - 8, True), (8 * (96 * X[0].nbytes), False)):
        monkeypatch.setattr("bridle.sources._read.machine_memory", lambda free=free: free)
        for given in (Batches(), np.load(folder / "x.npy", mmap_mode="r")):
            assert read(given).on_disk == on_disk
        assert read(X).on_disk is False
    with pytest.raises(InputError, match="Expected rows_in='auto', 'memory' or 'disk', got 'ram'"):
        read(X, rows_in="ram")


def test_files_that_are_none_of_rows(folder: Path) -> None:
    """Each by its path, with what to do."""
    (folder / "broken.npz").write_bytes(b"PK nothing")
    np.savez(folder / "other.npz", first=X, second=X)
    np.savez(folder / "words.npz", x=np.array(["a"], object))
    with h5py.File(folder / "single.h5", "w") as file:
        file["x"] = 3.0
    for name, said in (
        ("gone.npy", "which is none. Check the path"),
        ("rows.txt", "ends in .npy, .npz"),
        ("broken.npz", "cannot be read"),
        ("other.npz", "an array 'x' .* There are: 'first', 'second'"),
        ("words.npz", "one after another as 'x'"),
        ("single.h5", "got a single value"),
    ):
        with pytest.raises(InputError, match=said):
            read(folder / name)


def test_other_processes_read_files_by_path(folder: Path) -> None:
    """Rows in files do not travel; others do."""
    from bridle.study.data import Rows

    for given in ((folder / "x.npy", folder / "y.npy"), (folder / "table.parquet", "label"), (folder / "small.npz",)):
        source = read(*given, rows_in="memory")
        blob = pickle.dumps(Rows(source.x, source.y, paths=source.paths))
        assert len(blob) < 1500
        assert fingerprint(*[getattr(pickle.loads(blob).loaded(), part) for part in "xy"]) == fingerprint(X, Y)
    source = read(Batches())
    assert source.paths == {}
    assert_array_equal(pickle.loads(pickle.dumps(Rows(source.x, source.y))).loaded().x, X)


def test_a_source_is_read_once() -> None:
    """It comes with its parts, and other ones beside it are refused."""
    source = read(Batches(), sample_weight=np.ones(90))
    assert isinstance(source, Source)
    assert read(source) is source
    with pytest.raises(InputError, match="Expected groups in the Source, got a Source and other values"):
        read(source, groups=EVERY)
    assert sorted(bridle.sources.__all__) == ["Source", "StoredArray", "from_generator", "read"]


def test_a_source_moves_where_a_study_wants_its_rows() -> None:
    """From disk to memory; rows in memory are not written once more, but refused."""
    source = read(X, Y, rows_in="disk")
    assert isinstance(read(source, rows_in="auto").x, StoredArray)
    assert_array_equal(read(source, rows_in="memory").x, X)
    with pytest.raises(InputError, match="got one of rows in memory"):
        read(read(X, Y), rows_in="disk")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for the second of two inputs: the file of the first is removed."""
    make, calls = tempfile.mkstemp, []

    def second_fails(*arguments, **options):
        calls.append(options)
        if len(calls) == 2:
            raise PermissionError(errno.EACCES, "Permission denied")
        return make(*arguments, **options)

    monkeypatch.setattr(tempfile, "mkstemp", second_fails)
    with pytest.raises(StoreError, match=r"cannot be written: Permission denied in .* Give another folder"):
        read(from_generator(lambda: iter([({"a": X, "b": X}, Y)]), 90), rows_in="disk", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_first_rows_of_a_source(folder: Path) -> None:
    """Of a stream no further batch is read; of several inputs each."""
    readings = []

    def batches():
        for first in range(0, 90, 30):
            readings.append(first)
            yield X[first : first + 30], Y[first : first + 30], np.ones(30)

    first = head(from_generator(batches, 90), 40)
    assert readings == [0, 30]
    assert_array_equal(first.x, X[:40])
    assert len(first.sample_weight) == 40
    for given in ({"a": from_generator(lambda: iter([X]), 90), "b": str(folder / "x.npy")}, read({"a": X, "b": X})):
        assert_array_equal(head(given, 7).x["b"], X[:7])
        assert_array_equal(head(given, 7).x["a"], X[:7])
    assert len(head(folder / "mixed.parquet", 100).x) == 4


def test_audits_and_predictions_take_sources(folder: Path) -> None:
    """The same as of the array; of the labels and weights of a dataset only the weights count."""
    layer = keras.layers.Dense(2, activity_regularizer="l2", name="hidden")
    model = keras.Sequential([keras.Input((2,)), layer])
    for given in (Batches(), folder / "x.npy", np.load(folder / "x.npy", mmap_mode="r")):
        assert bridle.audit(model, given).rows == bridle.audit(model, X).rows
        assert_array_equal(Preparation({}).predict(model, given), model.predict(X, verbose=0))
    weight = (EVERY % 2).astype(float)
    weighted = bridle.audit(model, from_generator(lambda: iter([(X, Y, weight)]), 90))
    assert weighted.rows == bridle.audit(model, X, sample_weight=weight).rows != bridle.audit(model, X).rows

"""Rows on disk: read by index and in sequence, bit for bit those of the array that was written."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bridle._errors import InputError
from bridle.sources import StoredArray, _row_file
from bridle.sources._stored import join_stored, open_npy
from bridle.store import fingerprint

ROWS = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)


def saved(folder: Path, values: np.ndarray, name: str = "rows") -> StoredArray:
    """Write an array and open it."""
    np.save(folder / f"{name}.npy", values)
    return open_npy(folder / f"{name}.npy")


@pytest.mark.parametrize(("gap", "run", "read"), [(0, 1, 7000), (2**13, 2**22, 7000), (24, 100, 7000), (24, 400, 20)])
def test_rows_by_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gap: int, run: int, read: int) -> None:
    """Any order, doubled rows and none: however the reads are put together."""
    monkeypatch.setattr(_row_file, "MAX_GAP_BYTES", gap)
    monkeypatch.setattr(_row_file, "MAX_RUN_BYTES", run)
    monkeypatch.setattr(_row_file, "READ_BYTES", read)
    monkeypatch.setattr(_row_file, "DETOUR_BYTES", 30)
    rows, draw = saved(tmp_path, ROWS), np.random.default_rng(1)
    for count in (0, 1, 7, 400, 900):
        indices = draw.integers(0, len(ROWS), count)
        assert_array_equal(rows.take(indices), ROWS[indices])
    assert_array_equal(rows.slice(17, 300), ROWS[17:300])
    assert_array_equal(np.concatenate(list(rows.blocks(99))), ROWS)
    assert_array_equal(rows[-3:], ROWS[-3:])
    assert_array_equal(rows[4], ROWS[4])
    with pytest.raises(IndexError, match="rows -1 to 3 of 500"):
        rows.take(np.array([3, -1]))


def test_a_choice_of_rows_is_not_read(tmp_path: Path) -> None:
    """A choice of a choice, and several files in a row."""
    rows, more = saved(tmp_path, ROWS), saved(tmp_path, ROWS[::-1], "more")
    chosen = rows.select(np.arange(100, 400)).select(np.array([5, 0, 299]))
    assert_array_equal(chosen.load(), ROWS[[105, 100, 399]])
    joined = join_stored([chosen, more, rows.select(np.array([1]))])
    assert_array_equal(joined.load(), np.concatenate([ROWS[[105, 100, 399]], ROWS[::-1], ROWS[[1]]]))
    assert len(join_stored([chosen, rows]).files) == 1


@pytest.mark.parametrize("kind", ["float64", "float16", "bool", "uint8", ">f4", ">i2"])
def test_types_are_those_of_arrays(tmp_path: Path, kind: str) -> None:
    """A study reads float32 and integers; the fingerprint is that of the bytes in the file."""
    values = (ROWS * 3).astype(kind)
    rows = saved(tmp_path, values)
    expected = values if values.dtype.kind in "iu" else values.astype(np.float32)
    assert_array_equal(rows.slice(0, 500), expected)
    assert rows.dtype == rows.take(np.array([0])).dtype
    assert rows.dtype.isnative
    assert rows.fingerprint() == fingerprint(values)
    assert rows.select(np.array([3, 1])).fingerprint() == fingerprint(values[[3, 1]])


def test_a_transform_sees_the_rows_of_the_file(tmp_path: Path) -> None:
    """It is applied where rows are read, before they become float32, and has to leave finite numbers."""
    rows = saved(tmp_path, ROWS.astype(np.float64)).transformed(lambda block: block[:, :2] / 3)
    expected = (ROWS.astype(np.float64)[:, :2] / 3).astype(np.float32)
    assert (rows.shape, rows.dtype) == ((500, 2), np.float32)
    assert_array_equal(rows.take(np.arange(500)), expected)
    assert rows.fingerprint() == fingerprint(expected)
    with pytest.raises(InputError, match="Expected finite numbers after the preparation"):
        saved(tmp_path, ROWS).transformed(lambda block: block + np.inf).shape  # noqa: B018


def test_another_process_reads_by_path(tmp_path: Path) -> None:
    """No row travels."""
    big = saved(tmp_path, np.tile(ROWS, (50, 1)))
    blob = pickle.dumps(big)
    assert len(blob) < 1000
    assert_array_equal(pickle.loads(blob).slice(0, 500), ROWS)
    (tmp_path / "rows.npy").unlink()
    with pytest.raises(InputError, match=r"Expected the rows in '.*rows.npy', got: No such file .* every machine"):
        pickle.loads(blob).slice(0, 1)


def test_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    """Grown, cut off, or written again: rows never change while a study runs."""
    rows, path = saved(tmp_path, ROWS), tmp_path / "rows.npy"
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputError, match="got a file that changed"):
        rows.slice(0, 2)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"Expected 6,128 bytes .* got 3,000\. It was cut off"):
        open_npy(path)
    with pytest.raises(InputError, match="got the end of the file"):
        pickle.loads(pickle.dumps(rows)).slice(400, 500)


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    """With the file, and what is wrong."""
    for values, said in ((np.array(["a", "b"]), "rows of numbers"), (np.asfortranarray(ROWS), "columns first")):
        with pytest.raises(InputError, match=said):
            saved(tmp_path, values)
    (tmp_path / "text.npy").write_text("no array at all")
    with pytest.raises(InputError, match=r"Expected a \.npy file of numbers, got '.*text\.npy'"):
        open_npy(tmp_path / "text.npy")
    with pytest.raises(TypeError, match="read in blocks"):
        np.asarray(saved(tmp_path, ROWS))

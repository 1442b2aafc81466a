"""Folders of every format that was released open for ever."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import bridle
from bridle import store as stores
from bridle.store import _files, _index
from bridle.study.execution._requests import from_record

RELEASED = sorted((Path(__file__).parent / "released").glob("format-*"))


def test_the_present_format_is_among_them() -> None:
    """A new format comes with a folder: python -m tests.store.released."""
    assert f"format-{_files.FORMAT}-{_index.FORMAT}" in {folder.name for folder in RELEASED}


@pytest.mark.parametrize("kept", RELEASED, ids=lambda folder: folder.name)
def test_it_opens_and_answers(kept, tmp_path) -> None:
    """Verdict, table, model and code; every fit of the index is that of the result."""
    folder = shutil.copytree(kept, tmp_path / "s")
    result = bridle.load(folder)
    assert len(result.verdict().splitlines()) == 3
    assert "penalt" in result.details()
    assert result.table()["finished"].tolist() == ["4/4", "4/4", "0/4", "4/4"]
    assert result.data.nested is not None
    assert result.model().count_params() == 13
    assert "regularizer=" in result.code("L2")
    assert stores.verify(folder).wrong == []
    with stores.Store(folder, create=False) as store:
        assert store.fact("finished") is True
        assert store.fact("plan")["epochs"] == 3
        keys = [row[0] for row in store._index.execute("SELECT key FROM members")]
        records = store.find(keys)
    assert len(records) >= len(result.data.members)
    curves = {
        value.tobytes() for value in (from_record(r, ["test"] * ("measures/0" in r)).curves for r in records.values())
    }
    finished = result.data.curves[result.data.members.finished]
    assert all(np.ascontiguousarray(curve).tobytes() in curves for curve in finished)

"""Files of rows by their paths: read as large as they say, or refused with a sentence."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from tests.hostile._hostile import folder, survives, tries
from tests.hostile._strategies import spoiled_bytes
from tests.hostile.test_arrays import archives, arrays

from bridle.sources import read


def read_all(name: str, content: bytes) -> None:
    """Write a file, and read every row of it from memory and from disk."""
    with folder() as place:
        (place / name).write_bytes(content)
        for rows_in in ("memory", "disk"):
            with survives():
                source = read(place / name, rows_in=rows_in)
                source.take(np.arange(len(source)))


@tries(50)
@given(arrays())
def test_arrays_of_numpy(content: bytes) -> None:
    """True ones, spoiled ones, and those with a header that lies."""
    read_all("x.npy", content)


@tries(50)
@given(archives())
def test_archives_of_numpy(content: bytes) -> None:
    """Compressed members, whole and spoiled."""
    read_all("x.npz", content)


def parquet() -> bytes:
    """Return a table of numbers and text."""
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0, 2.0, 3.0], "b": [1, None, 3], "c": ["x", "y", "z"]}), buffer)
    return buffer.getvalue()


@tries(50)
@given(spoiled_bytes(parquet()))
def test_tables_of_parquet(content: bytes) -> None:
    """Bytes that are lost, added and changed."""
    read_all("x.parquet", content)

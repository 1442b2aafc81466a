"""The same rows in every kind of source."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bridle.sources import from_generator

DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(90, 2)).astype(np.float32)
Y = (X[:, 0] + 0.3 * DRAW.normal(size=90) > 0).astype(np.int64)
BATCH = 16


class Batches(keras.utils.PyDataset):
    """By batch."""

    def __len__(self) -> int:
        return -(-len(X) // BATCH)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(index * BATCH, (index + 1) * BATCH)
        return X[part], Y[part]


class RowByRow:
    """The protocol of a dataset of PyTorch, which is not installed: a length, and rows by number."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.int64]:
        return X[index], Y[index]


def yield_batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches without an end."""
    while True:
        for first in range(0, len(X), BATCH):
            yield X[first : first + BATCH], Y[first : first + BATCH]


def write_files(folder: Path) -> None:
    """Write the rows into files of every kind."""
    np.save(folder / "x.npy", X)
    np.save(folder / "y.npy", Y)
    np.savez(folder / "both.npz", x=X, y=Y)
    np.savez_compressed(folder / "small.npz", x=X, y=Y)
    pq.write_table(pa.table({"a": X[:, 0], "label": Y, "b": X[:, 1]}), folder / "table.parquet", row_group_size=40)
    with h5py.File(folder / "rows.h5", "w") as file:
        file["x"], file["y"] = X, Y
        file.create_dataset("chunked", data=X, chunks=(20, 2), compression="gzip")


def sources(folder: Path, *, tensorflow: bool = True) -> dict[str, tuple[Any, ...]]:
    """Return x, or x and y, of each kind, with rows from the files of `write_files`; TensorFlow takes long to load."""
    file = h5py.File(folder / "rows.h5")
    found: dict[str, tuple[Any, ...]] = {
        "memory map": (np.load(folder / "x.npy", mmap_mode="r"), Y),
        "npy": (folder / "x.npy", str(folder / "y.npy")),
        "npz": (str(folder / "both.npz"),),
        "npz, compressed": (str(folder / "small.npz"),),
        "HDF5": (folder / "rows.h5",),
        "h5py": (file["x"], file["y"]),
        "h5py in chunks": (file["chunked"], Y),
        "Parquet": (str(folder / "table.parquet"), "label"),
        "PyDataset": (Batches(),),
        "generator": (from_generator(yield_batches, len(X)),),
        "PyTorch": (RowByRow(),),
    }
    if tensorflow:
        import tensorflow as tf

        found["tf.data"] = (tf.data.Dataset.from_tensor_slices((X, Y)).batch(BATCH),)
    return found


class Lazy:
    """A query, as polars has it: it becomes a table when it is collected."""

    def __init__(self, table: Any) -> None:
        self.table, self.collected = table, 0

    @property
    def columns(self) -> Any:
        """Polars warns here, since the names need the whole query."""
        raise AssertionError("not asked")

    def collect_schema(self) -> Any:
        """Return the types of the columns."""
        return self.table.schema

    def collect(self) -> Any:
        """Return the table, or fail as a query of a missing column does."""
        self.collected += 1
        if self.table is None:
            raise KeyError("nope")
        return self.table

"""`read`: from arrays, tables, files, datasets and streams to a `Source`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bridle._errors import InputError, short_repr
from bridle.sources._cache import check_finite, collect
from bridle.sources._files import Columns, is_path, open_dataset, open_file, open_memmap
from bridle.sources._place import COPIES, Place, RowsIn, belongs_on_disk, check_place, machine_memory
from bridle.sources._plain import as_blocks, as_frame, is_sparse, is_table
from bridle.sources._source import NAMES, OnPath, Source, bytes_in_memory, in_memory
from bridle.sources._stored import StoredArray
from bridle.sources._streams import Stream, as_stream, parts_of
from bridle.sources._trees import count_rows, leaves_by_name, map_leaves, take_rows

MAX_INPUTS = 1000
"""Length of a list that may hold several inputs; longer lists are rows."""


def read(
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    groups: Any = None,
    time: Any = None,
    rows_in: RowsIn = "auto",
    folder: str | Path | None = None,
) -> Source:
    """Read rows from whatever holds them, for one study or several.

    Arrays and tables stay as they are. Files are read into memory, or stay on disk where they do not fit. Streams are
    read once.

    Args:
        x: array, pandas, polars (also lazy) or Arrow table; NumPy memory map, `h5py.Dataset`; path of a `.npy`, `.npz`,
            `.h5` or `.parquet` file; `keras.utils.PyDataset`, `tf.data.Dataset`, PyTorch `Dataset` or `DataLoader`,
            `from_generator(…)`; or a list or dictionary of these for several inputs.
        y: targets, as x, or with a file as x the name of an array or column, or a list of columns. Default None: what
            the dataset or the file (as `y`) holds; without it the target is x.
        sample_weight, groups: as in `bridle.Study.run`, or a name in the file, as y.
        time: times of the rows, by which they are sorted; or a name in the file. Folds given as a number are then
            those of `sklearn.model_selection.TimeSeriesSplit`. Default None.
        rows_in: `"memory"`; `"disk"`, which also writes arrays and streams into `folder`; `"auto"` (default) keeps on
            disk what takes more than an eighth of the free memory, since each fold of a study is a copy.
        folder: folder for rows of streams that stay on disk. Default None: a temporary one.

    Returns: `Source`.

    Errors: `InputError` for a stream without a length, parts of different length, unknown names, unreadable files, and
    numbers on disk that are not finite; `StoreError` if the folder is full or cannot be written.

    """
    check_place(rows_in)
    place = Place(rows_in, machine_memory() // COPIES, None if folder is None else Path(folder))
    return read_parts({"x": x, "y": y, "sample_weight": sample_weight, "groups": groups, "time": time}, place)


def read_parts(parts: Mapping[str, Any], place: Place) -> Source:
    """Return the rows of a study, given as x and, where there are any, `y`, `sample_weight`, `groups` and `time`."""
    x = parts["x"]
    given = {name: part for name, part in parts.items() if part is not None and name != "x"}
    if isinstance(x, Source):
        if given:
            raise InputError(
                f"Expected {', '.join(given)} in the Source, got a Source and other values. Read it with them."
            )
        return _moved(x, place.rows_in)
    opened: dict[str, Any] = {"x": x}
    if is_path(x):
        names = {name: part for name, part in given.items() if is_name(part)}
        opened = open_file(x, names)
        given = {name: part for name, part in given.items() if name not in names}
    opened |= given
    opened = {name: _opened(part, name) for name, part in opened.items()}

    def written(name: str, leaf: Any) -> Any:
        return _streamed(name, leaf) if place.of(name).rows_in == "disk" else leaf

    opened["x"] = map_leaves(written, opened["x"], "x")
    return _read_opened(opened, place)


def _moved(source: Source, rows_in: RowsIn) -> Source:
    """Return a source whose rows are where `rows_in` says.

    Errors: `InputError` for rows in memory that should be on disk: they are there already.
    """
    if rows_in == "disk" and not source.on_disk:
        raise InputError(
            "Expected a Source of rows on disk for rows_in='disk', got one of rows in memory. Read it with "
            "bridle.sources.read(…, rows_in='disk')."
        )
    if rows_in == "memory" and source.on_disk:
        return replace(source, x=map_leaves(lambda _, leaf: in_memory(leaf), source.x, "x"), paths={})
    return source


def is_source(value: Any) -> bool:
    """Return True for rows that need to be read or converted, or several of which some do.

    These are files, streams, datasets, rows on disk, tables of other libraries than pandas, and sparse matrices.
    """
    if isinstance(value, Source):
        return True
    return any(not _is_read(leaf) for _, leaf in leaves_by_name(_opened(value, "x"), "x"))


def rows_alone(x: Any) -> Any:
    """Return the rows of x in memory, without labels, as arrays and data frames.

    Those of a file, a dataset or a stream are read, tables of other libraries and sparse matrices are converted.
    """
    return read(x, rows_in="memory").x if is_source(x) else x


def head(x: Any, count: int) -> Source:
    """Return the first rows of a source, at most `count`, in memory; of a stream no further batches are read."""
    if isinstance(x, Source):
        return x.take(np.arange(min(count, len(x))))
    opened = {"x": _opened(x, "x")}
    if isinstance(opened["x"], Stream):
        some = Stream(partial(_first_batches, opened["x"], count), opened["x"].name)
        opened = dict(zip(("x", "y", "sample_weight"), collect(some, Place("memory")), strict=True))
    source = Source(**opened)

    def first(name: str, leaf: Any) -> Any:
        leaf = head(leaf, count).x if isinstance(leaf, Stream) else as_frame(leaf, name)
        leaf = leaf.load() if isinstance(leaf, Columns) else leaf
        return take_rows(leaf, np.arange(min(count, len(leaf))))

    parts = {name: map_leaves(first, getattr(source, name), name) for name in NAMES}
    return Source(**{name: map_leaves(lambda _, leaf: in_memory(leaf), part, name) for name, part in parts.items()})


def _first_batches(stream: Stream, count: int) -> Iterator[Any]:
    """Yield batches until they have `count` rows."""
    rows = 0
    for batch in stream:
        yield batch
        rows += count_rows(parts_of(batch)[0])
        if rows >= count:
            return


def is_name(part: Any) -> bool:
    """Return True for the name of a column, or a list of such names."""
    names = part if isinstance(part, list) else [part]
    return bool(names) and all(isinstance(name, str) and not is_path(name) for name in names)


def _opened(value: Any, name: str) -> Any:
    """Return rows as arrays and data frames, and those that are not read yet as rows on disk, streams or columns.

    A sparse matrix is a stream of its rows. A table of another library stays one until it is read.
    """
    if is_path(value):
        return open_file(value, {})["x"]
    if isinstance(value, dict):
        return {key: _opened(part, f"{name}[{key!r}]") for key, part in value.items()}
    if isinstance(value, tuple | list) and 0 < len(value) <= MAX_INPUTS and all(map(_has_rows, value)):
        return tuple(_opened(part, f"{name}[{index}]") for index, part in enumerate(value))
    if isinstance(value, np.memmap):
        stored = open_memmap(value)
        return value if stored is None else stored
    kind = type(value)
    if kind.__module__.startswith("h5py.") and kind.__name__ == "Dataset":
        return open_dataset(value)
    if is_table(value):
        return value
    if is_sparse(value):
        return as_blocks(value, name)
    stream = None if isinstance(value, StoredArray | Columns) else as_stream(value, name)
    return value if stream is None else stream


def _has_rows(part: Any) -> bool:
    """Return True for a part of a list that is one of several inputs, and no row."""
    if isinstance(part, StoredArray | Stream) or is_path(part) or is_table(part) or is_sparse(part):
        return True
    return hasattr(part, "__array__") and np.ndim(part) > 0


def _is_read(leaf: Any) -> bool:
    return not (isinstance(leaf, StoredArray | Stream | Columns) or is_table(leaf))


def _streamed(name: str, rows: Any) -> Any:
    """Return an array as a stream of its blocks, which is written to disk."""
    if hasattr(rows, "iloc") or is_table(rows):
        raise InputError(f"Expected {name} as an array or a file for rows_in='disk', got a table. Give x.to_numpy().")
    if not _is_read(rows):
        return rows
    rows = np.asarray(rows)
    if rows.ndim == 0:
        raise InputError(f"Expected {name} as an array with one entry per row, got {short_repr(rows)}.")
    return as_blocks(rows, name)


def _read_opened(opened: Mapping[str, Any], place: Place) -> Source:
    """Return the rows of opened parts, in memory or on disk."""
    paths = {name: OnPath(part) for name, part in opened.items() if name != "time" and _is_on_path(part, name)}
    parts = dict(opened)
    if isinstance(parts["x"], Stream):
        parts["x"], *rest = collect(parts["x"], place)
        for name, part in zip(("y", "sample_weight"), rest, strict=True):
            if part is not None and parts.get(name) is not None:
                raise InputError(f"Expected {name} in the dataset or as {name}, got both. Leave one of them out.")
            parts[name] = part if part is not None else parts.get(name)
    else:
        parts["x"] = _read_inputs(parts["x"], place)
    for name in set(parts) - {"x"}:
        parts[name] = map_leaves(
            lambda leaf_name, leaf: leaf if _is_read(leaf) else in_memory(leaf, leaf_name), parts[name], name
        )
    time = parts.pop("time", None)
    if any(not _is_read(leaf) for part, rows in opened.items() for _, leaf in leaves_by_name(rows, part)):
        _check_lengths(parts)
    stays = {
        name
        for name, part in parts.items()
        if any(isinstance(leaf, StoredArray) for _, leaf in leaves_by_name(part, name))
    }
    source = Source(**parts, paths={name: path for name, path in paths.items() if name not in stays})
    return source if time is None else source.in_time(time)


def _read_inputs(x: Any, place: Place) -> Any:
    """Return x with its files and streams read, or left on disk where they do not fit together."""
    stored = sum(leaf.nbytes for _, leaf in leaves_by_name(x, "x") if isinstance(leaf, StoredArray))
    on_disk = belongs_on_disk(stored, place.rows_in, place.limit)
    left = place if on_disk else place.without(stored)

    def read_leaf(name: str, leaf: Any) -> Any:
        nonlocal left
        if isinstance(leaf, StoredArray):
            if not on_disk:
                return leaf.load()
            if place.finite:
                for first, last in leaf.bounds():
                    check_finite(leaf.raw(np.arange(first, last)), name, first)
            return leaf
        if isinstance(leaf, Stream):
            rows, *others = collect(leaf, left.of(name), name)
            if any(other is not None for other in others) or isinstance(rows, dict | tuple):
                raise InputError(
                    f"Expected one array a batch as {name}, one of several inputs, got several. Give the dataset "
                    "itself as x, with dictionaries of its inputs."
                )
            left = left.without(bytes_in_memory(rows))
            return rows
        return in_memory(leaf, name)

    return map_leaves(read_leaf, x, "x")


def _is_on_path(part: Any, name: str) -> bool:
    """Return True if another process can read all of a part from files."""
    leaves = [leaf for _, leaf in leaves_by_name(part, name)]
    kinds = (isinstance(leaf, StoredArray | Columns) or (isinstance(leaf, Stream) and leaf.by_path) for leaf in leaves)
    return bool(leaves) and all(kinds)


def _check_lengths(parts: Mapping[str, Any]) -> None:
    """Raise `InputError` for parts of different numbers of rows."""
    lengths = {name: count_rows(part) for name, part in parts.items() if part is not None}
    if len(set(lengths.values())) > 1:
        sizes = ", ".join(f"{count:,} in {name}" for name, count in lengths.items())
        raise InputError(f"Expected as many rows in each part of the data, got {sizes}. Give one for each row.")

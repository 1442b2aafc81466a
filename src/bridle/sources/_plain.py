"""Tables of other libraries and sparse matrices, as the data frames and arrays that a study computes with."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bridle._errors import InputError, first_line
from bridle.sources._stored import BLOCK_BYTES
from bridle.sources._streams import Stream, to_numpy

FEWER_COLUMNS = (
    "A study computes with every entry of a sparse matrix: take fewer columns, for example "
    "sklearn.decomposition.TruncatedSVD(100).fit_transform(x), or float32. "
)
"""Advice for a sparse matrix that is too large as an array."""


def is_table(value: Any) -> bool:
    """Return True for a table of another library than pandas that Arrow can read, such as that of polars, also lazy."""
    if hasattr(value, "iloc") or isinstance(value, type):
        return False
    if is_lazy(value):
        return True
    return hasattr(value, "columns") and (hasattr(value, "__arrow_c_stream__") or hasattr(value, "__dataframe__"))


def is_lazy(value: Any) -> bool:
    """Return True for a query that becomes a table when it is collected, such as a `LazyFrame` of polars."""
    return hasattr(type(value), "collect_schema") and hasattr(type(value), "collect")


def is_sparse(value: Any) -> bool:
    """Return True for a sparse matrix or array."""
    return hasattr(value, "tocsr")


def as_frame(value: Any, name: str = "the table") -> Any:
    """Return a table of any library as a data frame of pandas; anything else as it is. A lazy one is collected.

    Errors: `InputError` for a table that Arrow cannot read, and for a query that fails.

    >>> import pyarrow
    >>> as_frame(pyarrow.table({"a": [1, 2]})).shape, as_frame([1, 2])
    ((2, 1), [1, 2])
    """
    if not is_table(value):
        return value
    if is_lazy(value):
        value = _collected(value, name)
    try:
        import pyarrow

        return pyarrow.table(value).to_pandas()
    except (ImportError, TypeError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"Expected {name} as a table that Arrow can read, got {type(value).__name__}: {first_line(error)} Give a "
            "data frame of pandas, or run pip install 'bridle[parquet]'."
        ) from error


def _collected(query: Any, name: str) -> Any:
    """Return the table that a query gives."""
    try:
        return query.collect()
    except Exception as error:  # a query fails in many ways: a missing file or column, types, memory
        raise InputError(
            f"Expected {name} as a {type(query).__name__} that can be collected, got {type(error).__name__}: "
            f"{first_line(error)} Call its collect() to see where it fails."
        ) from error


def plain_rows(value: Any, name: str = "x") -> Any:
    """Return rows as arrays and data frames, lists of them as tuples: sparse matrices, tensors of PyTorch, tables.

    Others are as given.

    >>> from scipy.sparse import eye
    >>> plain_rows(eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if is_sparse(value):
        return value.toarray()
    if hasattr(value, "detach"):
        return to_numpy(value)
    if isinstance(value, dict):
        return {key: plain_rows(part, f"{name}[{key!r}]") for key, part in value.items()}
    if isinstance(value, tuple | list) and value and all(map(_has_rows, value)):
        return tuple(plain_rows(part, f"{name}[{index}]") for index, part in enumerate(value))
    return as_frame(value, name)


def as_blocks(rows: Any, name: str) -> Stream:
    """Return an array or a sparse matrix as a stream of blocks of about 8 MiB, each of them an array."""
    advice = FEWER_COLUMNS if is_sparse(rows) else ""
    rows = rows.tocsr() if is_sparse(rows) else rows
    return Stream(partial(_array_blocks, rows), name, rows.shape[0], advice=advice)


def _array_blocks(rows: Any) -> Iterator[np.ndarray]:
    width = int(np.prod(rows.shape[1:], dtype=int)) * rows.dtype.itemsize
    count = max(1, BLOCK_BYTES // max(1, width))
    for first in range(0, rows.shape[0], count):
        block = rows[first : first + count]
        yield block.toarray() if is_sparse(block) else block


def _has_rows(part: Any) -> bool:
    return is_sparse(part) or is_table(part) or (hasattr(part, "__array__") and np.ndim(part) > 0)

"""Conversion of sparse matrices and lists of tables."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from bridle._errors import InputError

MAX_DENSE_BYTES = 2**31
"""The size in bytes up to which a sparse matrix is converted to an array."""


def plain_rows(value: Any, name: str = "x") -> Any:
    """Return rows with sparse matrices as arrays and lists of tables or arrays as tuples; others as they are.

    Errors: `InputError` for a sparse matrix of more than 2 GiB.

    >>> from scipy.sparse import eye
    >>> plain_rows(eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if issparse(value):
        size = int(np.prod(value.shape, dtype=object)) * value.dtype.itemsize
        if size > MAX_DENSE_BYTES:
            raise InputError(
                f"Expected {name} as an array of at most 2 GiB, got a sparse matrix of shape {value.shape}, which "
                f"takes {size / 2**30:.0f} GiB as one. Take fewer columns, for example "
                "sklearn.decomposition.TruncatedSVD(100).fit_transform(x), or float32."
            )
        return value.toarray()
    if isinstance(value, dict):
        return {key: plain_rows(part, f"{name}[{key!r}]") for key, part in value.items()}
    if isinstance(value, tuple | list) and value and all(_has_rows(part) for part in value):
        return tuple(plain_rows(part, f"{name}[{place}]") for place, part in enumerate(value))
    return value


def _has_rows(part: Any) -> bool:
    return issparse(part) or (hasattr(part, "__array__") and np.ndim(part) > 0)

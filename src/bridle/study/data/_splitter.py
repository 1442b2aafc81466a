"""Splitters: those of scikit-learn, and folds as a list of row numbers, `[(train, validation), …]`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bridle._errors import InputError, short_repr
from bridle.store import fingerprint

PAIRS = "Give [(train, validation), …] with the numbers of rows, from 0."
MAX_FOLDS = 100_000


class Splitter(Protocol):
    """A cross-validator of scikit-learn."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterable[tuple[np.ndarray, np.ndarray]]: ...  # noqa: N803


@dataclass(frozen=True, eq=False)
class ListedFolds:
    """Splitter with listed folds: row numbers to train on and row numbers to validate on."""

    pairs: tuple[tuple[np.ndarray, np.ndarray], ...]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803
        """Return the number of folds."""
        return len(self.pairs)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # noqa: N803
        """Yield the folds, after a check against the number of rows.

        Errors: `InputError` for row numbers beyond the rows, and masks of another length.
        """
        rows = len(X)
        for index, pair in enumerate(self.pairs):
            train, validation = (_numbers(side, rows, index) for side in pair)
            both = np.intersect1d(train, validation)
            if len(both):
                raise InputError(
                    f"Expected distinct training and validation rows in fold {index}, got row {both[0]} in "
                    f"both{f' and {len(both) - 1} more' if len(both) > 1 else ''}. Take them out of one side."
                )
            yield train, validation

    def __repr__(self) -> str:
        """Return the number of folds and a hash of their row numbers, by which a study knows them again."""
        return f"{len(self.pairs)} listed folds {fingerprint(*(side for pair in self.pairs for side in pair))[:16]}"


def as_splitter(folds: Any) -> Any:
    """Return a splitter for a list or a generator of folds, `KFold(5).split(x, y)`; anything else as it is.

    Errors: `InputError` for none, and for anything but pairs of row numbers or of masks.

    >>> as_splitter([([0, 1], [2, 3]), ([2, 3], [0, 1])]).get_n_splits(), as_splitter(5)
    (2, 5)
    """
    if isinstance(folds, str) or not isinstance(folds, Iterable) or hasattr(folds, "split"):
        return folds
    pairs = []
    for index, pair in enumerate(folds):
        if index >= MAX_FOLDS:
            raise InputError(f"Expected at most {MAX_FOLDS:,} folds, got more. {PAIRS}")
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"Expected a pair of row numbers as fold {index}, got {short_repr(pair)}. {PAIRS}")
        pairs.append((_array(pair[0], index), _array(pair[1], index)))
    if not pairs:
        raise InputError(f"Expected at least one fold, got an empty list. {PAIRS}")
    return ListedFolds(tuple(pairs))


def _array(side: Any, index: int) -> np.ndarray:
    try:
        array = np.asarray(side)
    except (TypeError, ValueError):
        array = np.zeros((0, 0))
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iub"):
        raise InputError(f"Expected row numbers in fold {index}, got {short_repr(side)}. {PAIRS}")
    if not array.size:
        raise InputError(f"Expected rows on both sides of fold {index}, got none on one. {PAIRS}")
    return array


def _numbers(side: np.ndarray, rows: int, index: int) -> np.ndarray:
    """Return row numbers, also of a mask."""
    if side.dtype.kind == "b":
        if len(side) != rows:
            raise InputError(f"Expected a mask of {rows} rows in fold {index}, got one of {len(side)}. {PAIRS}")
        return np.flatnonzero(side)
    if side.min() < 0 or side.max() >= rows:
        wrong = side[(side < 0) | (side >= rows)][0]
        raise InputError(f"Expected row numbers from 0 to {rows - 1} in fold {index}, got {wrong}. {PAIRS}")
    return side.astype(np.intp)

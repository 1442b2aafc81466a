"""Streams: rows that come batch by batch, as from a `PyDataset`, a `tf.data.Dataset`, a generator or PyTorch."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bridle._errors import InputError, KindError, short_repr
from bridle.sources._trees import leaves_by_name, map_leaves

STACKED_ROWS = 256
"""Rows of a dataset of single rows that are put together as a batch."""


@dataclass(frozen=True)
class Stream:
    """Rows that are read from the first to the last, as often as needed, in the same order each time.

    `batches` returns an iterable over batches: x, `(x, y)` or `(x, y, sample_weight)`, as `model.fit` takes them. The
    length is known, in rows or in batches.
    """

    batches: Callable[[], Iterable[Any]]
    name: str
    """What messages call it."""
    rows: int | None = None
    count: int | None = None
    """The number of batches."""
    is_cut: bool = False
    """True if batches may go on after the last row, as from a generator that never ends."""
    by_path: bool = False
    """True if another process can read it from the same files."""
    advice: str = ""
    """Sentence for rows that are too many for memory and disk, such as how to have fewer columns."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches())


def from_generator(function: Callable[[], Iterable[Any]], length: int) -> Stream:
    """Return rows that a generator function yields in batches, as a source for a study.

    The rows are read once and kept, in memory or on disk, so a study sees the same rows in every epoch.

    Args:
        function: function without arguments that returns a new iterator. It yields x, `(x, y)` or
            `(x, y, sample_weight)`, arrays of shape (rows of the batch, …), dictionaries or tuples of them.
        length: int, the number of rows. Reading ends after them, so an endless generator is fine.

    Errors: `KindError` if `function` is a generator and not a function; `InputError` if `length` is not a whole number
    ≥ 1, or, when the rows are read, if they are fewer.

    >>> import bridle, numpy as np
    >>> def batches():
    ...     for begin in range(0, 10, 4):
    ...         yield np.ones((4, 3)), np.arange(begin, begin + 4)
    >>> bridle.sources.read(bridle.sources.from_generator(batches, length=10)).y.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

    """
    if not callable(function):
        raise KindError(
            f"Expected a function that returns an iterator, got {short_repr(function)}. Give the function itself, "
            "without calling it: rows are read again when a study resumes."
        )
    if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
        raise InputError(f"Expected length as the number of rows, a whole number ≥ 1, got {short_repr(length)}.")
    return Stream(function, getattr(function, "__name__", "the generator"), rows=int(length), is_cut=True)


def as_stream(value: Any, name: str) -> Stream | None:
    """Return a dataset of another library as a stream; None for arrays, tables and anything else.

    Classes are known by their names, so that no library is imported that the user did not.

    Errors: `InputError` for a dataset or a generator whose length is not known.
    """
    if isinstance(value, Stream):
        return value
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(value).__mro__}
    if "keras.PyDataset" in names:
        return Stream(partial(_items, value), name, count=_known(value.num_batches, value, name))
    if "tensorflow.DatasetV2" in names:
        count = int(value.cardinality())
        return Stream(value.as_numpy_iterator, name, count=_known(count if count >= 0 else None, value, name))
    if "torch.DataLoader" in names:
        return Stream(partial(_pairs, value), name, count=_known(_length(value), value, name))
    if hasattr(value, "__next__") or "torch.IterableDataset" in names:
        return _known(None, value, name)
    if "torch.Dataset" in names or _is_row_dataset(value):
        rows = _known(_length(value), value, name)
        return Stream(partial(_stacked, value, rows), name, rows=rows)
    return None


def parts_of(batch: Any) -> tuple[Any, Any, Any]:
    """Return x, y and the sample weights of a batch as NumPy arrays, None for what it lacks."""
    parts = batch if isinstance(batch, tuple) and 1 <= len(batch) <= 3 else (batch,)
    x, y, weight = (map_leaves(lambda _, leaf: to_numpy(leaf), _plain(part), "") for part in (*parts, None, None)[:3])
    return x, y, weight


def to_numpy(value: Any) -> np.ndarray:
    """Return an array or a tensor of any library as a NumPy array."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):  # of PyTorch, perhaps with a gradient or on another device
        value = value.detach().cpu()
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)


def _plain(tree: Any) -> Any:
    """Return lists of arrays as tuples, and mappings as dictionaries."""
    if isinstance(tree, Mapping):
        return {key: _plain(part) for key, part in tree.items()}
    if isinstance(tree, tuple) or (isinstance(tree, list) and tree and hasattr(tree[0], "__array__")):
        return tuple(map(_plain, tree))
    return tree


def _items(dataset: Any) -> Iterator[Any]:
    """Yield the batches of a `PyDataset`."""
    for index in range(dataset.num_batches):
        yield dataset[index]


def _pairs(loader: Any) -> Iterator[Any]:
    """Yield the batches of a `DataLoader`, which collates rows into lists."""
    for batch in loader:
        yield tuple(batch) if isinstance(batch, list) else batch


def _stacked(dataset: Any, rows: int) -> Iterator[Any]:
    """Yield batches of a dataset of single rows."""
    for first in range(0, rows, STACKED_ROWS):
        items = [_plain(dataset[index]) for index in range(first, min(first + STACKED_ROWS, rows))]
        flat = [[to_numpy(leaf) for _, leaf in leaves_by_name(item, "")] for item in items]
        if len({tuple((leaf.shape, leaf.dtype) for leaf in leaves) for leaves in flat}) > 1:
            shapes = sorted({str([leaf.shape for leaf in leaves]) for leaves in flat})
            raise InputError(
                f"Expected rows of one shape and type, got {' and '.join(shapes[:2])} among rows {first} to "
                f"{first + len(items) - 1} of {type(dataset).__name__}. Pad or resize them in the dataset."
            )
        columns = iter([np.stack(column) for column in zip(*flat, strict=True)])
        yield map_leaves(lambda _, leaf, columns=columns: next(columns), items[0], "")


def _is_row_dataset(value: Any) -> bool:
    """Return True for an object with the protocol of a PyTorch dataset: a length, and rows by number."""
    kind = type(value)
    if isinstance(value, Sequence | Mapping | str) or not (hasattr(kind, "__len__") and hasattr(kind, "__getitem__")):
        return False
    return not any(hasattr(value, name) for name in ("__array__", "dtype", "iloc", "__dataframe__", "toarray"))


def _length(value: Any) -> int | None:
    try:
        return len(value)
    except TypeError:
        return None


def _known(length: int | None, value: Any, name: str) -> Any:
    """Return a length; raise `InputError` if it is not known."""
    if length is not None:
        return length
    advice = "bridle.sources.from_generator(function, length=…), with a function that returns an iterator"
    if type(value).__module__.startswith("tensorflow"):
        advice = f"{name}.apply(tf.data.experimental.assert_cardinality(batches)), or take(batches) of an endless one"
    raise InputError(f"Expected {name} with a known length, got {type(value).__name__} without one. Give {advice}.")

"""Rows in dictionaries and tuples, for several inputs: flat by name and back, counted, and by index."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bridle.sources._stored import StoredArray


def leaves_by_name(tree: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield each array with what messages call it, dictionaries in their order.

    >>> list(leaves_by_name({"a": 1, "b": (2, 3)}, "x"))
    [("x['a']", 1), ("x['b'][0]", 2), ("x['b'][1]", 3)]
    """
    if isinstance(tree, dict):
        for key, part in tree.items():
            yield from leaves_by_name(part, f"{name}[{key!r}]")
    elif isinstance(tree, tuple):
        for index, part in enumerate(tree):
            yield from leaves_by_name(part, f"{name}[{index}]")
    elif tree is not None:
        yield name, tree


def map_leaves(function: Callable[[str, Any], Any], tree: Any, name: str) -> Any:
    """Return the same structure with `function(name, array)` instead of each array; None stays None."""
    if isinstance(tree, dict):
        return {key: map_leaves(function, part, f"{name}[{key!r}]") for key, part in tree.items()}
    if isinstance(tree, tuple):
        return tuple(map_leaves(function, part, f"{name}[{index}]") for index, part in enumerate(tree))
    return None if tree is None else function(name, tree)


def count_rows(values: Any) -> int:
    """Return the number of rows of an array, a table, or a structure of arrays."""
    if isinstance(values, dict):
        return count_rows(next(iter(values.values())))
    if isinstance(values, tuple) or (isinstance(values, list) and values and isinstance(values[0], np.ndarray)):
        return count_rows(values[0])
    return len(values)


def take_rows(values: Any, rows: np.ndarray) -> Any:
    """Return rows by index, of an array, a table, or a structure of arrays; None of None.

    Rows on disk stay there: of them, the result is another selection.
    """
    if values is None:
        return None
    if isinstance(values, StoredArray):
        return values.select(rows)
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if isinstance(values, dict):
        return {key: take_rows(value, rows) for key, value in values.items()}
    if isinstance(values, tuple) or (isinstance(values, list) and values and isinstance(values[0], np.ndarray)):
        return tuple(take_rows(value, rows) for value in values)
    return np.asarray(values)[rows]

"""Rows of a study from whatever the user gives: arrays, files, datasets and streams."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from bridle._progress import reading_bar
from bridle.engine import free_memory
from bridle.sources._files import held_names, is_path
from bridle.sources._place import COPIES, Place, RowsIn, check_place, machine_memory
from bridle.sources._read import is_name, is_source, read_parts
from bridle.sources._source import Source, bytes_in_memory, in_memory
from bridle.sources._stored import StoredArray
from bridle.sources._trees import leaves_by_name, map_leaves
from bridle.study.data import Rows

FOLDER = "rows"
"""The folder, inside that of a study, for rows of streams that stay on disk."""


@dataclass(frozen=True)
class RowOptions:
    """Options of reading: where rows are kept, and whether progress is shown."""

    rows_in: RowsIn = "auto"
    store: str | Path | None = None
    """The folder of the study."""
    progress: bool = False

    def place(self, folds: Any, preprocessor: Any) -> Place:
        """Return where rows are kept in a study with these folds.

        Errors: `InputError` for an unknown `rows_in`.
        """
        check_place(self.rows_in)
        is_count = isinstance(folds, int | np.integer)
        copies = int(cast("int", folds)) + COPIES - 5 if is_count else COPIES
        folder = None if self.store is None else Path(self.store) / FOLDER
        free = min(free_memory(), machine_memory())  # rows are in this machine's memory before an accelerator has them
        return Place(self.rows_in, free // max(1, copies), folder, finite=preprocessor is None)


@dataclass(frozen=True)
class UnreadRows:
    """The rows of a study as `Study.run` takes them, under the names that they have there."""

    x: Any
    y: Any = None
    validation: Any = None
    test: Any = None
    groups: Any = None
    sample_weight: Any = None
    class_weight: Any = None
    preprocessor: Any = None
    target_preprocessor: Any = None

    def read(self, options: RowOptions, folds: Any) -> Rows:
        """Return the rows, read from their sources, for a study with these folds.

        Errors: those of `bridle.sources.read`, and of `Rows`.
        """
        place = options.place(folds, self.preprocessor)
        parts = {"x": self.x, "y": self.y, "sample_weight": self.sample_weight, "groups": self.groups}
        with reading_bar(options.progress) as watch:
            place = replace(place, watch=watch)
            source = read_parts(parts, place)
            place = place.without(bytes_in_memory(source.x))
            return Rows(
                source.x,
                source.y,
                source.sample_weight,
                source.groups,
                self.class_weight,
                self._validation(place, source),
                self._held_out(place),
                self.preprocessor,
                self.target_preprocessor,
                ordered=source.is_ordered,
                moments=source.moments,
                paths=source.paths,
            )

    def _validation(self, place: Place, source: Source) -> Any:
        """Return the validation rows; each of several inputs is where that of the study is."""
        if self.validation is None:
            return None
        stored = frozenset(name for name, leaf in leaves_by_name(source.x, "x") if isinstance(leaf, StoredArray))
        place = replace(_below(place, "validation"), rows_in="disk" if stored else "memory", inputs=stored)
        rows = _outside(self.validation, self._names, place, always=source.on_disk)

        def beside(name: str, leaf: Any) -> Any:
            return leaf if name in stored else in_memory(leaf, name)

        parts = cast("tuple[Any, ...]", rows) if isinstance(rows, tuple) else ()
        if not parts or (source.y is None and parts[1:] and parts[1] is not None):  # rows alone, of several inputs
            return map_leaves(beside, rows, "x")
        return (map_leaves(beside, parts[0], "x"), *parts[1:])

    def _held_out(self, place: Place) -> dict[str, Any]:
        """Return the held-out rows by name; those of all sets together fit where they are in memory."""
        test, sets = self.test, dict[str, Any]()
        if isinstance(test, Mapping):
            sets = dict(cast("Mapping[str, Any]", test))
        elif test is not None:
            sets = {"test": test}
        held_out = dict[str, Any]()
        for name, rows in sets.items():
            held_out[name] = _outside(rows, self._names, _below(place, name))
            place = place.without(bytes_in_memory(held_out[name]))
        return held_out

    @property
    def _names(self) -> dict[str, Any]:
        """The columns of y, of the weights and of the groups in a file, where they are given by name."""
        parts = {"y": self.y, "sample_weight": self.sample_weight, "groups": self.groups}
        return {name: part for name, part in parts.items() if is_name(part)}


def _below(place: Place, name: str) -> Place:
    """Return a place in a folder below, so that sets of rows do not mix."""
    return place if place.folder is None else replace(place, folder=place.folder / name)


def _held(names: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    """Return the names without that of the groups where a file does not have it, or all of several."""
    groups = names.get("groups", ())
    held = held_names(rows) if is_path(rows) else []
    absent = not set([groups] if isinstance(groups, str) else groups) <= set(held)
    return {name: part for name, part in names.items() if not (name == "groups" and absent)}


def _outside(rows: Any, names: Mapping[str, Any], place: Place, *, always: bool = False) -> Any:
    """Return rows beside those of the study as `(x, y)` or `(x, y, sample_weight)`; arrays as they are.

    Args:
        rows: a pair, a triple, or one source of them.
        names: the columns of y, the weights and the groups in the file of x, where they have such names. Those of the
            groups are no features, and a file may lack them.
        place: where to keep the rows.
        always: read arrays too, which then go to disk.

    """
    parts = tuple(cast("tuple[Any, ...]", rows)) if isinstance(rows, tuple | list) else ()
    if len(parts) in (2, 3):
        if not (always or any(map(is_source, parts))):
            return cast("Any", rows)
        source = read_parts(dict(zip(("x", "y", "sample_weight"), parts, strict=False)), place)
    elif isinstance(rows, Source) or is_source(rows):
        source = read_parts({"x": rows, **_held(names, rows)}, place)
    else:
        return cast("Any", rows)
    if source.y is None and source.sample_weight is None:
        return source.x
    return (source.x, source.y) if source.sample_weight is None else (source.x, source.y, source.sample_weight)

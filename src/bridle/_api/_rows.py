"""Rows of a study from whatever the user gives: arrays, files, datasets and streams."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from bridle._progress import reading_bar
from bridle.engine import free_memory
from bridle.sources._cache import Place
from bridle.sources._memory import COPIES, RowsIn, check_place
from bridle.sources._read import is_name, is_source, read_parts
from bridle.sources._source import Source
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
        copies = int(folds) + COPIES - 5 if isinstance(folds, int | np.integer) else COPIES
        folder = None if self.store is None else Path(self.store) / FOLDER
        return Place(self.rows_in, free_memory() // max(1, copies), folder, finite=preprocessor is None)


def read_rows(
    options: RowOptions,
    folds: Any,
    x: Any,
    y: Any,
    *,
    validation: Any,
    test: Any,
    groups: Any,
    sample_weight: Any,
    class_weight: Any,
    preprocessor: Any,
    target_preprocessor: Any,
) -> Rows:
    """Return the rows of a study, read from their sources; the arguments are those of `Study.run`.

    Errors: those of `bridle.sources.read`, and of `Rows`.
    """
    place = options.place(folds, preprocessor)
    names = {name: part for name, part in (("y", y), ("sample_weight", sample_weight)) if is_name(part)}
    parts = {"x": x, "y": y, "sample_weight": sample_weight, "groups": groups}
    with reading_bar(options.progress) as watch:
        place = replace(place, watch=watch)
        source = read_parts(parts, place)
        judge = replace(place, rows_in="disk" if source.on_disk else "memory")
        if validation is not None:
            validation = _outside(validation, names, _below(judge, "validation"), always=source.on_disk)
        held_out: dict[str, Any] = {} if test is None else {"test": test}
        if isinstance(test, Mapping) and not isinstance(test, Source):
            held_out = dict(cast("Mapping[str, Any]", test))
        held_out = {name: _outside(given, names, _below(place, name)) for name, given in held_out.items()}
    return Rows(
        source.x,
        source.y,
        source.sample_weight,
        source.groups,
        class_weight,
        validation,
        held_out,
        preprocessor,
        target_preprocessor,
        ordered=source.is_ordered,
        paths=source.paths,
    )


def _below(place: Place, name: str) -> Place:
    """Return a place in a folder below, so that sets of rows do not mix."""
    return place if place.folder is None else replace(place, folder=place.folder / name)


def _outside(given: Any, names: Mapping[str, str], place: Place, *, always: bool = False) -> Any:
    """Return rows beside those of the study as `(x, y)` or `(x, y, sample_weight)`; arrays as they are.

    Args:
        given: a pair, a triple, or one source of them.
        names: the columns of y and the weights in the file of x, where they have such names.
        place: where to keep the rows.
        always: read arrays too, which then go to disk.

    """
    if isinstance(given, tuple | list) and len(given) in (2, 3):
        if not (always or any(map(is_source, given))):
            return given
        source = read_parts(dict(zip(("x", "y", "sample_weight"), given, strict=False)), place)
    elif isinstance(given, Source) or is_source(given):
        source = read_parts({"x": given, **names}, place)
    else:
        return given
    if source.y is None:
        return source.x
    return (source.x, source.y) if source.sample_weight is None else (source.x, source.y, source.sample_weight)

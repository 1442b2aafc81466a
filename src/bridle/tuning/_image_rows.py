"""Rows of a study of images: from class folders or a table to pixels, labels and the sides of the held-out split."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from bridle._errors import InputError, nearest_names, short_repr
from bridle.images import (
    CLASS,
    FILE,
    TEST,
    Header,
    ImageForm,
    Images,
    check_damaged,
    choose_form,
    copies_sentences,
    damaged_sentence,
    find_image_column,
    form_sentence,
    missing_files_sentence,
    read_class_folders,
    read_headers,
    read_images,
)
from bridle.tables import Problem, Structure, Table, encode_target, find_problem, large_class, table_of
from bridle.tuning._image_network import DEFAULT_AUGMENTATION
from bridle.tuning._test_split import _check_classes, _sides


@dataclass(frozen=True)
class ImageOptions:
    """Options of a study of images.

    `size` is height and width, None for those of the images, at most 32 pixels. `augment` names random changes of
    training images. `strict` refuses damaged images.
    """

    size: tuple[int, int] | None = None
    augment: tuple[str, ...] = DEFAULT_AUGMENTATION
    strict: bool = False


class ImageDesign(Protocol):
    """Settings of a study that the split of images needs."""

    @property
    def task(self) -> str | None: ...
    @property
    def structure(self) -> Structure: ...
    @property
    def fold_count(self) -> int: ...
    @property
    def test_share(self) -> float: ...
    @property
    def images(self) -> ImageOptions: ...


@dataclass(frozen=True)
class ImageTable:
    """Rows with an image file each, of class folders or of a table.

    `column` holds paths from `root`. `test` are held-out rows of a folder of their own. `notes` say what was left out.
    """

    root: Path
    rows: pd.DataFrame
    column: str
    target: str
    test: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()

    @property
    def test_name(self) -> str:
        """The folder of the held-out rows, if they have one."""
        return "" if self.test is None else str(self.root / TEST)


@dataclass(frozen=True)
class ImageSplit:
    """Pixels and targets of the rows to learn from and of the held-out ones."""

    problem: Problem
    form: ImageForm
    learn: Images
    y: np.ndarray
    test: tuple[Any, ...]
    """Held-out pixels, targets and optional weights."""
    rows: dict[str, Any] = field(default_factory=dict)
    """Optional `groups` and `sample_weight` of the rows to learn from."""
    form_sentence: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def folder_rows(folder: str | Path, target: str | Sequence[str] | None) -> ImageTable:
    """Return the rows of class folders.

    Errors: those of `read_class_folders`; `InputError` for a target, since that is the folder.
    """
    if target not in (None, CLASS):
        raise InputError(
            f"Expected no target for a folder of images, got {short_repr(target)}: the class of an image is the name "
            "of its folder. Leave it out, or give a table with a column of file names."
        )
    folders = read_class_folders(folder)
    return ImageTable(folders.root, folders.rows, FILE, CLASS, folders.test, folders.notes)


def table_rows(source: pd.DataFrame | Table, folder: Path, target: str) -> ImageTable | pd.DataFrame | Table:
    """Return the rows of a table with a column of image files, whose paths count from a folder; else the table itself.

    Errors: `InputError` for several such columns.
    """
    frame = source.rows if isinstance(source, Table) else source
    column = find_image_column(frame, folder, target) if isinstance(frame, pd.DataFrame) else None
    if column is None:
        missing = missing_files_sentence(frame, folder, target) if isinstance(source, Table) else ""
        return replace(source, notes=(*source.notes, missing)) if isinstance(source, Table) and missing else source
    table = source if isinstance(source, Table) else table_of(source, target)
    return ImageTable(folder, table.rows, column, target, None, table.notes)


def split_images(table: ImageTable, design: ImageDesign) -> ImageSplit:
    """Read the images of a table in one form, find the problem, and hold rows out.

    Rows of damaged images are left out before anything else, or refused with `strict`. The held-out rows are those of
    the folder `test`, or a share: whole groups, the last in time, or random ones by class.

    Errors: those of `find_problem`, `read_images` and `Structure.check`.
    """
    options, structure, folds = design.images, design.structure, design.fold_count
    parts = [table.rows] if table.test is None else [table.rows, table.test]
    _check_target(table)
    parts = [part[part[table.target].notna()].reset_index(drop=True) for part in parts]
    headers, damaged = read_headers(table.root, [name for part in parts for name in _names(part, table.column)])
    empty = sum(int(part[table.column].isna().sum()) for part in parts)
    check_damaged(damaged, strict=options.strict, empty=empty)
    form = choose_form(headers, options.size)
    pairs = [_read(part, table, form, headers, options.strict) for part in parts]
    frames, images = [frame for frame, _ in pairs], [part for _, part in pairs]
    for part in images:
        damaged |= part.damaged
    problem = find_problem(frames[0], table.target, design.task, min_rows=folds + (table.test is None))
    problem = replace(problem, missing=int(table.rows[table.target].isna().sum()))
    structure.check(frames[0], table.target)
    split = _hold_out(problem, structure, frames, images, folds, design.test_share)
    return replace(
        split,
        form_sentence=form_sentence(headers, form),
        notes=(
            *filter(None, [damaged_sentence(damaged, sum(map(len, parts)), empty)]),
            *table.notes,
            *_left_out(table, structure),
            *structure.sentences(),
        ),
    )


def _check_target(table: ImageTable) -> None:
    """Raise `InputError` for a target that is no column, or that is the column of images."""
    if table.target not in table.rows.columns or table.target == table.column:
        names = [str(name) for name in table.rows.columns if name != table.column]
        raise InputError(
            f"Expected a column of the table as target, got {short_repr(table.target)}. "
            f"{nearest_names(table.target, names)}"
        )


def _names(rows: pd.DataFrame, column: str) -> list[str]:
    return [str(name) for name in rows[column].dropna()]


def _read(
    rows: pd.DataFrame, table: ImageTable, form: ImageForm, headers: dict[str, Header], strict: bool
) -> tuple[pd.DataFrame, Images]:
    """Return the rows whose images can be read, and these images."""
    rows = rows[rows[table.column].isin(list(headers))]
    images = read_images(table.root, _names(rows, table.column), form, strict=strict)
    return rows[images.readable].reset_index(drop=True), images


def _hold_out(
    problem: Problem,
    structure: Structure,
    frames: Sequence[pd.DataFrame],
    images: Sequence[Images],
    folds: int,
    share: float,
) -> ImageSplit:
    """Return the rows to learn from and the held-out ones, from two parts or by a split of one."""
    form = ImageForm(*images[0].pixels.shape[1:])
    if len(frames) == 2:
        learn, y = images[0], encode_target(problem, frames[0][problem.target])
        test = images[1].pixels, encode_target(problem, frames[1][problem.target])
        return ImageSplit(problem, form, learn, y, test, warnings=tuple(copies_sentences(*images[:2])))
    if not 0 < share < 1:
        raise InputError(f"Expected the held-out share between 0 and 1, got {share}. Try 0.2.")
    rows = structure.ordered(frames[0])
    order, pixels = rows.index.to_numpy(), images[0].pixels
    y, groups, weight = encode_target(problem, rows[problem.target]), structure.groups(rows), structure.weights(rows)
    learn, test = _sides(problem, rows, y, share, structure, folds)
    _check_classes(problem, y, learn, test, folds, structure)
    optional = {"groups": groups, "sample_weight": weight}
    taken, held = (
        Images(pixels[side], tuple(images[0].names[index] for index in side), np.ones(len(side), bool), {})
        for side in (order[learn], order[test])
    )
    test_rows = (held.pixels, y[test]) if weight is None else (held.pixels, y[test], weight[test])
    used = {name: values[learn] for name, values in optional.items() if values is not None}
    copies = tuple(copies_sentences(taken, held))
    return ImageSplit(problem, form, taken, y[learn], test_rows, used, warnings=copies)


def _left_out(table: ImageTable, structure: Structure) -> list[str]:
    """Return a sentence on the columns of a table that a network of images does not read."""
    roles = {table.column, table.target, *structure.columns.values()}
    others = [str(name) for name in table.rows.columns if name not in roles]
    if not others:
        return []
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    return [f"Left out, since the network reads images alone: {', '.join(map(short_repr, others[:5]))}{more}."]


def class_warning(split: ImageSplit, measure: str) -> list[str]:
    """Return a sentence if one class has most of the images, for an accuracy as score."""
    problem = split.problem
    if problem.classes is None or "acc" not in measure.lower():
        return []
    labels = pd.Series(np.array(problem.classes, object)[split.y], name=problem.target)
    sentence = large_class(problem, labels)
    return [sentence] if sentence else []


def problem_sentence(split: ImageSplit, held_out: str) -> str:
    """Return a sentence on the problem and the number of images on each side."""
    problem = split.problem
    first = f"{problem.task.capitalize()} of {problem.target!r:.80}"
    if problem.classes is not None:
        more = " …" if len(problem.classes) > 8 else ""
        first += f", {len(problem.classes)} classes: {', '.join(problem.classes[:8])}{more}"
    gap = f" Left out for want of a target: {problem.missing} rows." if problem.missing else ""
    return f"{first}. {len(split.y):,} images to learn from, {len(split.test[0]):,} held out{held_out}.{gap}"

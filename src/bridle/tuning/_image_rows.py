"""Rows of a study of images: from class folders or a table to pixels, labels and the sides of the held-out split."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bridle._errors import InputError, short_repr
from bridle.images import (
    CLASS,
    FILE,
    Header,
    ImageForm,
    Images,
    check_damaged,
    choose_form,
    copies_sentences,
    damaged_sentence,
    find_image_column,
    form_sentence,
    read_class_folders,
    read_headers,
    read_images,
)
from bridle.tables import Problem, Structure, Table, encode_target, find_problem, large_class, table_of
from bridle.tuning._test_split import _check_classes, _sides

NO_NAME = "the cell of its name is empty"


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
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def is_image_folder(source: object) -> bool:
    """Return True for the path of a folder."""
    return isinstance(source, str | Path) and Path(source).is_dir()


def folder_rows(folder: str | Path, target: str | None) -> ImageTable:
    """Return the rows of class folders.

    Errors: those of `read_class_folders`; `InputError` for a target, since that is the folder.
    """
    if target not in (None, CLASS):
        raise InputError(
            f"Expected no target for a folder of images, got {short_repr(target)}: the class of an image is the name of "
            "its folder. Leave it out, or give a table with a column of file names."
        )
    folders = read_class_folders(folder)
    return ImageTable(folders.root, folders.rows, FILE, CLASS, folders.test, folders.notes)


def table_rows(source: pd.DataFrame | Table, folder: Path, target: str) -> ImageTable | None:
    """Return the rows of a table with a column of image files, whose paths count from a folder; None without one."""
    frame = source.rows if isinstance(source, Table) else source
    column = find_image_column(frame, folder, target) if isinstance(frame, pd.DataFrame) else None
    if column is None:
        return None
    table = source if isinstance(source, Table) else table_of(source, target)
    return ImageTable(folder, table.rows, column, target, None, table.notes)


def split_images(
    table: ImageTable,
    *,
    task: str | None,
    structure: Structure,
    folds: int,
    test_share: float,
    size: tuple[int, int] | None,
    strict: bool,
) -> ImageSplit:
    """Read the images of a table in one form, find the problem, and hold rows out.

    Rows of damaged images are left out before anything else, or refused with `strict`. The held-out rows are those of
    the folder `test`, or a share: whole groups, the last in time, or random ones by class.

    Errors: those of `find_problem`, `read_images` and `Structure.check`.
    """
    parts = [table.rows] if table.test is None else [table.rows, table.test]
    parts = [part[part[table.target].notna()].reset_index(drop=True) for part in parts]
    headers, damaged = read_headers(table.root, [name for part in parts for name in _names(part, table.column)])
    empty = sum(int(part[table.column].isna().sum()) for part in parts)
    check_damaged(damaged | ({"": NO_NAME} if empty else {}), strict=strict)
    form = choose_form(headers, size)
    read = [_read(part, table, form, headers, strict) for part in parts]
    frames, images = [frame for frame, _ in read], [part for _, part in read]
    for part in images:
        damaged |= part.damaged
    known = table.rows[table.target].notna()
    problem = find_problem(frames[0], table.target, task, min_rows=folds + (table.test is None))
    problem = replace(problem, missing=int((~known).sum()))
    structure.check(frames[0], table.target)
    split = _hold_out(problem, structure, frames, images, folds, test_share)
    first = [_damaged_sentence(damaged, empty, sum(map(len, parts))), *copies_sentences(*images[:2])]
    notes = (form_sentence(headers, form), *table.notes, *_left_out(table, structure), *structure.sentences())
    return replace(split, warnings=tuple(filter(None, first)), notes=notes)


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
        return ImageSplit(problem, form, learn, y, test)
    if not 0 < share < 1:
        raise InputError(f"Expected the held-out share between 0 and 1, got {share}. Try 0.2.")
    rows = structure.ordered(frames[0])
    order, pixels = rows.index.to_numpy(), images[0].pixels
    y, groups, weight = encode_target(problem, rows[problem.target]), structure.groups(rows), structure.weights(rows)
    learn, test = _sides(problem, rows, y, share, structure, folds)
    _check_classes(problem, y, learn, test, folds, structure)
    optional = {"groups": groups, "sample_weight": weight}
    test_rows = (pixels[order[test]], y[test]) if weight is None else (pixels[order[test]], y[test], weight[test])
    names = tuple(images[0].names[index] for index in order[learn])
    taken = Images(pixels[order[learn]], names, np.ones(len(learn), bool), {})
    return ImageSplit(
        problem, form, taken, y[learn], test_rows, {k: v[learn] for k, v in optional.items() if v is not None}
    )


def _damaged_sentence(damaged: dict[str, str], empty: int, count: int) -> str:
    cells = f"{empty} rows without the name of an image are left out." if empty else ""
    return " ".join(filter(None, [damaged_sentence(damaged, count), cells]))


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


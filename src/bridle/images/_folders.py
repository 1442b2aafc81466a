"""Image files by name: in folders with one folder for each class, in any folder, and in the column of a table."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bridle._errors import InputError, short_repr
from bridle.images._decode import is_image_name

FILE, CLASS = "file", "class"
"""Columns of the rows of a folder."""
TRAIN, TEST = "train", "test"
"""Folders of class folders: images to learn from, and images to hold out."""
OTHER_PARTS = ("val", "valid", "validation", "dev", "training", "testing")
"""Names of folders that are parts of a data set and no classes."""
COMMAND_FILE = "command.json"
"""The file of a folder with the results of `bridle tune`, which may lie among the class folders."""
SAMPLE = 200
"""Files that are looked up to tell image files from other text."""
LISTED = 5
"""Names that a sentence lists."""


@dataclass(frozen=True)
class ClassFolders:
    """Images of class folders: one row for each, with its path from `root` and its class.

    `test` are the rows of a folder `test` beside `train`, None without one. `notes` say what was left out.
    """

    root: Path
    rows: pd.DataFrame
    test: pd.DataFrame | None
    notes: tuple[str, ...]


def read_class_folders(root: str | Path) -> ClassFolders:
    """List the images of a folder that has one folder for each class, or such folders in `train` and `test`.

    The class of an image is the name of the first folder; folders inside it belong to it. Names that begin with a point
    are passed over. No image is opened.

    Errors: `InputError` for a folder without class folders or without images, with one class only, with an empty class
    folder, with class names that differ in case alone, and with a class in `test` that `train` does not have.
    """
    root = Path(root)
    parts = {path.name for path in _folders(root)}
    if {TRAIN, TEST} <= parts:
        rows, notes = _class_rows(root, root / TRAIN)
        test, more = _class_rows(root, root / TEST, set(rows[CLASS]))
        notes += more
        beside = sorted(parts - {TRAIN, TEST})
        if beside:
            notes.append(f"Left out beside {TRAIN} and {TEST}: {_listed(beside)}.")
        return ClassFolders(root, rows, test, tuple(notes))
    wrong = sorted(parts & {TRAIN, TEST, *OTHER_PARTS})
    if wrong:
        raise InputError(
            f"Expected one folder for each class in {short_repr(str(root))}, or the folders {TRAIN} and {TEST}, got "
            f"{_listed(wrong)}. Name them {TRAIN} and {TEST}, or give one of them: {root / wrong[0]}. "
            "Validation rows are drawn from those to learn from."
        )
    rows, notes = _class_rows(root, root)
    return ClassFolders(root, rows, None, tuple(notes))


def list_images(path: str | Path) -> list[str]:
    """Return the paths of all images in a folder and below, from the folder; or the name of a single image.

    Errors: `InputError` for a folder without images, and for a path that does not exist.
    """
    path = Path(path)
    if path.is_file():
        return [path.name]
    if not path.is_dir():
        raise InputError(f"Expected a folder of images, got {str(path)!r}, which does not exist. Check the path.")
    images, others = _files(path, path)
    if not images:
        raise InputError(f"Expected images in the folder {str(path)!r}, got {_kinds_of(others)}. Give another folder.")
    return images


def has_images(folder: Path) -> bool:
    """Check for an image in a folder or below, without hidden folders and the results of a command."""
    for place, folders, names in os.walk(folder):
        folders[:] = [
            name for name in folders if _is_visible(name) and not (Path(place) / name / COMMAND_FILE).is_file()
        ]
        if any(is_image_name(name) for name in names if _is_visible(name)):
            return True
    return False


def find_image_column(table: pd.DataFrame, base: Path, target: str | None = None) -> str | None:
    """Return the column whose cells are names of image files, counted from the folder `base`; None without one.

    Missing cells do not count. Some of the files have to exist: a column of names whose files are elsewhere is text.

    Errors: `InputError` for two such columns.

    >>> find_image_column(pd.DataFrame({"photo": ["a.jpg", "b.jpg"], "label": [0, 1]}), Path("nowhere")) is None
    True
    """
    columns = [str(name) for name in table.columns if name != target and _names_images(table[name])]
    existing = [name for name in columns if any((base / cell).is_file() for cell in _cells(table[name])[:SAMPLE])]
    if len(existing) > 1:
        raise InputError(
            f"Expected one column of image files, got {', '.join(map(short_repr, existing))}. Remove all but one."
        )
    return existing[0] if existing else None


def missing_files_sentence(table: pd.DataFrame, base: Path, target: str | None = None) -> str:
    """Return a sentence on columns that name image files of which none was found, or ""."""
    columns = [str(name) for name in table.columns if name != target and _names_images(table[name])]
    if not columns:
        return ""
    example = _cells(table[columns[0]])[0]
    return (
        f"`{columns[0]}` names image files, such as {short_repr(example)}, of which none was found in {str(base)!r}: "
        "it is read as text. Paths count from the folder of the table."
    )


def _class_rows(root: Path, folder: Path, known: set[str] | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Return file and class of the images in class folders, and what was left out."""
    folders, where = _folders(folder), short_repr(str(folder))
    images = {path.name: _files(path, root) for path in folders}
    loose = [path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    if not any(names for names, _ in images.values()):
        others = [*loose, *(name for _, rest in images.values() for name in rest)]
        raise InputError(f"Expected one folder of images for each class in {where}, got {_kinds_of(others)}.")
    _check_classes(images, where, known)
    notes = [f"Left out, since it is in no class folder: {_listed(sorted(loose))}."] if loose else []
    others = sorted(name for _, rest in images.values() for name in rest)
    if others:
        notes.append(f"Left out, since the name is not that of an image: {_listed(others)}.")
    pairs = [(name, label) for label, (names, _) in images.items() for name in names]
    return pd.DataFrame(pairs, columns=[FILE, CLASS], dtype=object), notes


def _check_classes(images: dict[str, tuple[list[str], list[str]]], where: str, known: set[str] | None) -> None:
    """Raise `InputError` for class folders that cannot be used."""
    empty = [label for label, (names, _) in images.items() if not names]
    if empty:
        raise InputError(
            f"Expected images in every class folder of {where}, got none in {_listed(empty)}. Add some or remove it."
        )
    unreadable = [label for label in images if not label.isprintable()]
    if unreadable:
        raise InputError(
            f"Expected names of class folders that can be printed in {where}, got {_listed(unreadable)}. Rename them."
        )
    folded = Counter(label.casefold() for label in images)
    alike = sorted(label for label in images if folded[label.casefold()] > 1)
    if alike:
        raise InputError(
            f"Expected class folders whose names differ in more than upper and lower case in {where}, got "
            f"{_listed(alike)}. Join or rename them."
        )
    strange = [] if known is None else sorted(set(images) - known)
    if strange:
        raise InputError(
            f"Expected the classes of {TRAIN} in {where}, got {_listed(strange)}, which {TRAIN} does not have. "
            "Add images of it to learn from, or remove it."
        )
    if known is None and len(images) < 2:
        raise InputError(
            f"Expected at least two class folders in {where}, got one: {_listed(list(images))}. "
            "There is nothing to tell apart."
        )


def _folders(path: Path) -> list[Path]:
    """Return the folders in a folder by name, without hidden ones and the results of a command.

    Errors: `InputError` for a folder that does not exist or cannot be read.
    """
    try:
        inside = sorted(inner for inner in path.iterdir() if inner.is_dir() and _is_visible(inner.name))
    except OSError as error:
        raise InputError(f"Expected a folder of class folders, got {str(path)!r}: {error.strerror}.") from None
    return [inner for inner in inside if not (inner / COMMAND_FILE).is_file()]


def _files(folder: Path, root: Path) -> tuple[list[str], list[str]]:
    """Return the paths from `root` of the images in a folder and below, and of all other files, both sorted."""
    images, others = [], []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if _is_visible(name)]
        for name in filter(_is_visible, names):
            relative = (Path(place) / name).relative_to(root).as_posix()
            (images if is_image_name(name) else others).append(relative)
    return sorted(images), sorted(others)


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _kinds_of(names: list[str]) -> str:
    """Return in words what a folder has where images were expected."""
    if not names:
        return "no files"
    images = sorted(filter(is_image_name, names))
    if images:
        return f"{len(images)} images that are in no class folder, such as {short_repr(images[0])}"
    suffixes = Counter(Path(name).suffix.lower() or "no suffix" for name in names)
    return f"no image, but files with {', '.join(f'{suffix} ({count})' for suffix, count in suffixes.most_common(3))}"


def _listed(names: list[str]) -> str:
    """Return the first of some names, and the number of the others."""
    more = len(names) - LISTED
    return ", ".join(map(short_repr, names[:LISTED])) + (f" and {more} more" if more > 0 else "")


def _names_images(column: pd.Series) -> bool:
    cells = _cells(column)
    return bool(cells) and all(map(is_image_name, cells))


def _cells(column: pd.Series) -> list[str]:
    """Return the cells of a text column that are not missing; none for any other column."""
    if column.dtype != object and not pd.api.types.is_string_dtype(column):
        return []
    cells = column.dropna()
    return [str(cell) for cell in cells] if all(isinstance(cell, str) for cell in cells) else []

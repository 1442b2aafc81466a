"""The form of new images: saved as JSON, restored, and applied to folders, files and tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from sklearn.base import BaseEstimator, TransformerMixin

from bridle._errors import InputError, short_repr
from bridle.images import FILE, ImageForm, check_damaged, damaged_sentence, is_image_name, list_images, read_images
from bridle.tables import Layout, NewRows
from bridle.tables._layout import Column
from bridle.wording import escape_control_characters

IMAGE_FORMAT = "bridle images 1"
"""The format of a saved preparation of images."""


class ImagePreparation(TransformerMixin, BaseEstimator):
    """Read image files in one size and mode. It learns nothing from rows.

    Args:
        form: height, width and channels.
        column: the column of a table with the names of files.
        root: folder from which the names in a table count. Default: the current one.
        strict: whether to refuse damaged images instead of leaving them out.

    """

    def __init__(self, form: ImageForm, column: str = FILE, root: str = "", strict: bool = False) -> None:
        self.form = form
        self.column = column
        self.root = root
        self.strict = strict

    def at(self, root: Path, *, strict: bool) -> "ImagePreparation":
        """Return the same preparation for names that count from a folder."""
        return ImagePreparation(self.form, self.column, str(root), strict)

    @property
    def layout(self) -> Layout:
        """The one column of a table of new images."""
        return Layout((Column(self.column, "text", 0),), (), 0)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.form.shape

    def fit(self, rows: object, y: object = None) -> "ImagePreparation":
        """Return the preparation itself: the form was found before."""
        return self

    def transform(self, rows: UInt8[np.ndarray, "row height width channel"]) -> np.ndarray:
        """Return pixels unchanged: the network scales them."""
        return np.asarray(rows)

    def new_rows(self, table: pd.DataFrame | str | Path) -> NewRows:
        """Read new images: of a folder and all folders inside it, of a single file, or named in a table.

        Damaged images are left out and named in the notes; rows without a name are left out and counted.

        Errors: `InputError` where there is no image, none can be read, or with `strict` where one is damaged or a row
        has no name.
        """
        root, names, empty = self._names(table)
        check_damaged({}, strict=self.strict, empty=empty)
        images = read_images(root, names, self.form, strict=self.strict)
        note = damaged_sentence(images.damaged, len(names) + empty, empty)
        printable = pd.DataFrame({self.column: list(map(escape_control_characters, images.names))})
        return NewRows(images.pixels, printable, (note,) if note else ())

    def unknown_counts(self, table: object) -> dict[str, dict[str, int]]:
        """Return nothing: images have no categories."""
        return {}

    def to_json(self) -> dict[str, object]:
        """Return the preparation as strict JSON; `from_json` restores it."""
        return {"format": IMAGE_FORMAT, "form": self.form.to_json(), "column": self.column}

    @staticmethod
    def from_json(content: object) -> "ImagePreparation":
        """Restore a preparation from `to_json`; `InputError` names an invalid entry."""
        fields: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
        column = fields.get("column")
        if fields.get("format") != IMAGE_FORMAT or not isinstance(column, str):
            raise InputError(f"Expected a saved preparation of images, got {short_repr(content)}.")
        return ImagePreparation(ImageForm.from_json(fields.get("form")), column)

    def _names(self, table: pd.DataFrame | str | Path) -> tuple[Path, list[str], int]:
        """Return the folder of new images, their names from there, and the number of rows without a name."""
        if isinstance(table, str | Path):
            path = Path(table)
            if path.is_file() and not is_image_name(path.name):
                raise InputError(
                    f"Expected a folder of images, an image or a data frame of their names, got {str(path)!r}."
                )
            return path if path.is_dir() else path.parent, list_images(path), 0
        if self.column not in table.columns:
            raise InputError(
                f"Expected the column {self.column!r} with the names of images, got "
                f"{', '.join(map(short_repr, table.columns[:5]))}. Rename it, or give a folder of images."
            )
        present = table[self.column].dropna()
        return Path(self.root), [str(name) for name in present], len(table) - len(present)

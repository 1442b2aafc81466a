"""The one size and mode that all images of a study are brought to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from bridle._errors import InputError, short_repr

MAX_SIDE = 32
"""The longer side of the images of a study, in pixels, if no size is given."""
SMALLEST, LARGEST = 4, 1024
"""The sizes that can be given."""
SIZE = re.compile(r"(\d{1,6})(?:x(\d{1,6}))?")
SAME_SHAPE = 0.02
"""Relative difference of height over width up to which images have the same shape."""
DAMAGED = "The file was changed or damaged; run bridle tune again."


@dataclass(frozen=True)
class ImageForm:
    """Height, width and channels of images: 1 channel for grey images, 3 for colours."""

    height: int
    width: int
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.channels

    @property
    def mode(self) -> str:
        """The mode in words."""
        return "grey" if self.channels == 1 else "RGB"

    def __str__(self) -> str:
        return f"{self.height} × {self.width} {self.mode}"

    def to_json(self) -> dict[str, int]:
        """Return the form as strict JSON."""
        return asdict(self)

    @staticmethod
    def from_json(content: object) -> "ImageForm":
        """Restore a form from `to_json`.

        Errors: `InputError` for anything else.
        """
        values = [content.get(name) for name in ("height", "width", "channels")] if isinstance(content, Mapping) else []
        if len(values) != 3 or not all(type(value) is int and 1 <= value <= LARGEST for value in values):
            raise InputError(f"Expected height, width and channels of images, got {short_repr(content)}. {DAMAGED}")
        height, width, channels = (int(str(value)) for value in values)
        if channels not in (1, 3):
            raise InputError(f"Expected 1 or 3 channels of images, got {channels}. {DAMAGED}")
        return ImageForm(height, width, channels)


def read_size(size: str | int | Sequence[int] | None) -> tuple[int, int] | None:
    """Return height and width from a number, a pair, or text such as "64" and "48x64"; None of None.

    Errors: `InputError` for anything else, and for sides below 4 or above 1024 pixels.

    >>> read_size("64"), read_size("48x64"), read_size((48, 64))
    ((64, 64), (48, 64), (48, 64))
    """
    if size is None:
        return None
    text = size if isinstance(size, str) else "x".join(map(str, [size] if isinstance(size, int) else size))
    match = SIZE.fullmatch(text.strip().lower())
    sides = () if match is None else (int(match[1]), int(match[2] or match[1]))
    if not sides or not all(SMALLEST <= side <= LARGEST for side in sides):
        raise InputError(
            f"Expected a size of images such as 64 or 48x64 (height x width, {SMALLEST} to {LARGEST} pixels), got "
            f"{short_repr(size)}."
        )
    return sides[0], sides[1]


def choose_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the height and width for images of these sizes.

    Images of one shape keep it; others become squares. The longer side is that of the median image, and at most 32
    pixels.

    >>> choose_size([(480, 640), (240, 320)]), choose_size([(28, 28), (20, 30)])
    ((24, 32), (24, 24))
    """
    heights, widths = np.array(sizes, float).T
    ratios = heights / widths
    if ratios.max() / ratios.min() > 1 + SAME_SHAPE:
        side = int(np.clip(np.median(np.minimum(heights, widths)), SMALLEST, MAX_SIDE))
        return side, side
    longer = int(np.clip(np.median(np.maximum(heights, widths)), SMALLEST, MAX_SIDE))
    ratio = float(np.median(ratios))
    height, width = (longer, round(longer / ratio)) if ratio >= 1 else (round(longer * ratio), longer)
    return max(SMALLEST, height), max(SMALLEST, width)

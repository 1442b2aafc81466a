"""One image file as an array of one size and mode, decoded by Pillow."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from bridle._errors import InputError, first_line
from bridle.images._form import ImageForm

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Formats that Pillow may decode, whatever the name of the file says; JPEG stands for MPO too."""
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm"}
)
"""Suffixes of image files, in lower case."""
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"})
WIDE_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
"""Modes of 16 bits a pixel, whose values 0 to 65535 become 0 to 255."""
ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
ORIENTATION = 0x0112
"""The tag of EXIF that says how the camera was turned."""
TURNED = (5, 6, 7, 8)
"""Its values with height and width exchanged."""
HEADER_WITH_EXIF = ("JPEG", "MPO", "WEBP", "TIFF")
"""Formats whose EXIF data precede the pixels, so that reading them decodes nothing."""


class DamagedImage(InputError):
    """Image file that cannot be decoded; the message is the reason."""


@dataclass(frozen=True)
class Header:
    """Size and mode of an image file, read without its pixels."""

    height: int
    width: int
    mode: str
    transparent: bool

    @property
    def kind(self) -> str:
        """The kind of pixels, in words."""
        if self.mode in WIDE_MODES:
            return "16-bit grey"
        if self.transparent:
            return "transparent"
        return {"L": "grey", "1": "black and white", "RGB": "RGB", "P": "palette"}.get(self.mode, self.mode)


def is_image_name(name: str) -> bool:
    """Return True if a file name has the suffix of an image.

    >>> is_image_name("photos/CAT.JPG"), is_image_name("notes.txt")
    (True, False)
    """
    return Path(name).suffix.lower() in SUFFIXES


def read_header(path: Path) -> Header:
    """Return size and mode of an image file; turned as its EXIF orientation says.

    Errors: `DamagedImage` for a file that is missing or no image.
    """
    with _opened(path) as image:
        width, height = image.size
        if image.format in HEADER_WITH_EXIF and image.getexif().get(ORIENTATION) in TURNED:
            width, height = height, width
        return Header(height, width, image.mode, image.mode in ALPHA_MODES or "transparency" in image.info)


def read_image(path: Path, form: ImageForm) -> UInt8[np.ndarray, "height width channel"]:
    """Return the pixels of an image file in the size and mode of a form, from 0 to 255.

    The image is turned as its EXIF orientation says. Transparent pixels are laid on white, and 16 bits a pixel
    become 8. Of an animation the first frame counts.

    Errors: `DamagedImage` for a file that is missing, no image, cut off, or larger than Pillow's limit.
    """
    from PIL import Image, ImageOps

    with _opened(path) as image:
        if image.format in ("JPEG", "MPO"):  # decodes a large photograph at a half, a quarter or an eighth
            larger = max(form.height, form.width) * 2
            image.draft(None, (larger, larger))
        upright = ImageOps.exif_transpose(image)
        flat = _to_mode(upright, "L" if form.channels == 1 else "RGB")
        fitted = ImageOps.fit(flat, (form.width, form.height), method=Image.Resampling.BILINEAR)
        return np.asarray(fitted, np.uint8).reshape(form.shape)


def _to_mode(image: Any, mode: str) -> Any:
    """Return an image of 8 bits in the mode "L" or "RGB"."""
    from PIL import Image

    if image.mode in WIDE_MODES:
        values = np.clip(np.asarray(image, np.int64), 0, 65535)
        image = Image.fromarray((values / 257).round().astype(np.uint8))
    elif image.mode == "F":
        raise DamagedImage("its pixels are floating-point numbers, whose range is not known")
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == mode else image.convert(mode)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Yield an image of Pillow; turn every failure of reading it into `DamagedImage`."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > (
                Image.MAX_IMAGE_PIXELS or np.inf
            ):  # Pillow warns, and refuses twice as many
                raise Image.DecompressionBombError
            yield image
    except DamagedImage:
        raise
    except FileNotFoundError:
        raise DamagedImage("there is no such file") from None
    except IsADirectoryError:
        raise DamagedImage("it is a folder") from None
    except Image.UnidentifiedImageError:
        raise DamagedImage("it is no image of a known format") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DamagedImage("it has more pixels than Pillow accepts") from None
    except Exception as error:  # a damaged file fails in as many ways as there are formats
        raise DamagedImage(first_line(error).rstrip(".")) from error


def count_kinds(headers: Mapping[str, Header]) -> dict[str, int]:
    """Return the number of images of each kind of pixels, the most frequent first."""
    kinds = [header.kind for header in headers.values()]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds), key=lambda kind: (-kinds.count(kind), kind))}

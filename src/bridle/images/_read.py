"""Many image files as one array: their form, the damaged ones, and copies among them."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, UInt8

from bridle._errors import InputError, short_repr
from bridle.images._decode import GREY_MODES, DamagedImage, Header, count_kinds, read_header, read_image
from bridle.images._form import ImageForm, choose_size

NO_NAME = "the cell of its name is empty"
MAX_BYTES = 2**33
"""Size up to which the pixels of all images of a study are read."""
LISTED = 3
"""Damaged images and copies that a sentence names."""
Value = TypeVar("Value")


@dataclass(frozen=True)
class Images:
    """Pixels of the image files that could be read, and the reasons why the others could not.

    `names` are the paths of those that were read, in order; `readable` tells them among all that were asked for.
    """

    pixels: UInt8[np.ndarray, "image height width channel"]
    names: tuple[str, ...]
    readable: Bool[np.ndarray, "file"]
    damaged: Mapping[str, str]


def read_headers(root: Path, names: Iterable[str]) -> tuple[dict[str, Header], dict[str, str]]:
    """Return the headers of image files by name, and the reasons why others cannot be read."""
    return _try_all(lambda name: read_header(root / name), dict.fromkeys(names))


def choose_form(headers: Mapping[str, Header], size: tuple[int, int] | None = None) -> ImageForm:
    """Return the form for images with these headers: grey where all are, else RGB.

    Errors: `InputError` without any header.
    """
    if not headers:
        raise InputError("Expected at least one image that can be read, got none. Give other files.")
    grey = all(header.mode in GREY_MODES for header in headers.values())
    height, width = size or choose_size([(header.height, header.width) for header in headers.values()])
    return ImageForm(height, width, 1 if grey else 3)


def read_images(root: Path, names: Sequence[str], form: ImageForm, *, strict: bool = False) -> Images:
    """Read image files into one array.

    Args:
        root: folder from which the names count.
        names: paths of the files.
        form: size and mode of the result.
        strict: whether to refuse damaged images, instead of leaving them out.

    Errors: `InputError` for more than 8 GiB of pixels, for damaged images with `strict`, and where none can be read.

    """
    total = len(names) * int(np.prod(form.shape))
    if total > MAX_BYTES:
        raise InputError(
            f"Expected at most {MAX_BYTES / 2**30:.0f} GiB of pixels, got {len(names):,} images of {form}, which take "
            f"{total / 2**30:.0f} GiB. Give a smaller --size."
        )
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    pixels = np.empty((len(places), *form.shape), np.uint8)

    def fill(name: str) -> int:
        pixels[places[name]] = read_image(root / name, form)
        return places[name]

    filled, damaged = _try_all(fill, places)
    check_damaged(damaged, strict=strict)
    if not filled:
        raise InputError(f"Expected images that can be read, got none. {damaged_sentence(damaged, len(names))}")
    readable = np.array([name in filled for name in names], bool)
    used = tuple(name for name in names if name in filled)
    order = [filled[name] for name in used]
    return Images(pixels if order == list(range(len(pixels))) else pixels[order], used, readable, damaged)


def check_damaged(damaged: Mapping[str, str], *, strict: bool, empty: int = 0) -> None:
    """Raise `InputError` for damaged images, and for rows without a name, where they are refused."""
    damaged = {**damaged, **({"": NO_NAME} if empty else {})}
    if strict and damaged:
        raise InputError(
            f"Expected images that can be read, got {_listed(damaged)}. Repair or remove them, or leave out --strict."
        )


def damaged_sentence(damaged: Mapping[str, str], count: int, empty: int = 0) -> str:
    """Return sentences that count and name damaged images, and count rows without a name; or "" without any."""
    nameless = f"{empty} rows without the name of an image are left out." if empty else ""
    if not damaged:
        return nameless
    names, nameless = _listed(damaged), f" {nameless}" if nameless else ""
    return (
        f"{len(damaged)} of {count:,} images cannot be read and are left out: {names}. --strict refuses them.{nameless}"
    )


def form_sentence(headers: Mapping[str, Header], form: ImageForm) -> str:
    """Return a sentence on what is done to images to bring them to a form."""
    sizes = sorted({(header.height, header.width) for header in headers.values()}, key=lambda size: size[0] * size[1])
    kinds = count_kinds(headers)
    (first, *_, last) = (*sizes, *sizes)
    if len(sizes) == 1:
        sizes_text = f"Images of {first[0]} × {first[1]} pixels"
    else:
        sizes_text = f"Images of {len(sizes)} sizes, from {first[0]} × {first[1]} to {last[0]} × {last[1]} pixels"
    kinds_text = (
        ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()) if len(kinds) > 1 else next(iter(kinds))
    )
    if sizes == [(form.height, form.width)]:
        done = "kept" if set(kinds) == {form.mode} else f"brought to {form.mode}"
        return f"{sizes_text}, {kinds_text}: {done}."
    steps = (
        "scaled"
        if len({round(width / height, 2) for height, width in [*sizes, form.shape[:2]]}) == 1
        else ("scaled, what sticks out cut off evenly")
    )
    white = ", transparency laid on white" if "transparent" in kinds else ""
    return f"{sizes_text}, {kinds_text}: brought to {form} ({steps}{white})."


def copies_sentences(learn: Images, test: Images | None = None) -> list[str]:
    """Return sentences on images with equal pixels: within the rows to learn from, and in the held-out ones."""
    first: dict[bytes, str] = {}
    inside, across = [], []
    for name, digest in zip(learn.names, _digests(learn), strict=True):
        if first.setdefault(digest, name) != name:
            inside.append(f"{name!r:.80} = {first[digest]!r:.80}")
    for name, digest in () if test is None else zip(test.names, _digests(test), strict=True):
        if digest in first:
            across.append(f"{name!r:.80} = {first[digest]!r:.80}")
    lines = [
        (inside, "images are copies of others, so that validation rows may show what a network was trained on"),
        (across, "held-out images are copies of images to learn from, so that their score says too much"),
    ]
    return [f"{len(pairs)} {text}: {_first(pairs)}. Remove one of each." for pairs, text in lines if pairs]


def _digests(images: Images) -> list[bytes]:
    return [blake2b(pixels.tobytes(), digest_size=16).digest() for pixels in images.pixels]


def _try_all(read: Callable[[str], Value], names: Iterable[str]) -> tuple[dict[str, Value], dict[str, str]]:
    """Call a function for each name in threads; return its values, and the reasons of damaged images."""

    def attempt(name: str) -> Value | str:
        try:
            return read(name)
        except DamagedImage as error:
            return str(error)

    names = list(names)
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")  # remarks of Pillow on single files; the filters hold for all threads
        values = list(pool.map(attempt, names))
    outcomes = dict(zip(names, values, strict=True))
    damaged = {name: value for name, value in outcomes.items() if isinstance(value, str)}
    return {name: value for name, value in outcomes.items() if not isinstance(value, str)}, damaged


def _listed(damaged: Mapping[str, str]) -> str:
    return _first([f"{short_repr(name)} ({reason})" for name, reason in damaged.items()])


def _first(texts: Sequence[str]) -> str:
    more = len(texts) - LISTED
    return ", ".join(texts[:LISTED]) + (f" and {more} more" if more > 0 else "")

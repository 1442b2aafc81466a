"""Small generated images for the tests."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("bars", "dots")


def pixels(label: str, seed: int, side: int = 8) -> np.ndarray:
    """Bars or dots in a random colour on noise, (side, side, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 80, (side, side, 3))
    if label == "bars":
        image[:, ::2] = rng.integers(150, 255, 3)
    else:
        image[::3, ::3] = rng.integers(150, 255, 3)
    return image.astype(np.uint8)


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    """Write an array as an image file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def write_classes(root: Path, count: int, first: int = 0, classes: tuple[str, ...] = CLASSES) -> None:
    """Write some images of each class into class folders."""
    for label in classes:
        for index in range(first, first + count):
            save(root / label / f"{index}.png", pixels(label, index))

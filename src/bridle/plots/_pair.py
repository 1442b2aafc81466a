"""Two images in one axes, before and after, on one scale of colours."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize

from bridle.plots._style import Theme, colour_bar, style_text
from bridle.wording import shorten

GAP = 0.12
"""Space between the two images, as a share of the width of one."""
SIGNED = LinearSegmentedColormap.from_list("bridle signed", ["#081d58", "#4a6c9f", "#8f8f8f", "#c8a565", "#fff0b3"])
"""Dark blue below zero, grey at zero, light yellow above: told apart with any colour vision, and in grey."""
POSITIVE = colormaps["magma_r"]
"""Light at zero, dark where large."""
CUT = 0.995
"""The scale of colours ends at this quantile of the magnitudes; larger ones have the colour of the end."""


@dataclass(frozen=True)
class LabelledImage:
    """One setting: its name, an image whose gaps are NaN, and the share of exact zeros in the original tensor."""

    name: str
    image: Float[np.ndarray, "row column"]
    zeros: float

    @property
    def caption(self) -> str:
        """Name and share of zeros."""
        return f"{shorten(self.name, 38)}\n{100 * self.zeros:.0f} % exactly zero"


def block_means(values: Float[np.ndarray, "row column"], most: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Return means over blocks of neighbours, so that no side is longer than `most`, and the blocks' height and width.

    Blocks at the lower and right edges may be smaller.

    >>> import numpy as np
    >>> image, size = block_means(np.array([[1.0, 3.0, 5.0]]), 2)
    >>> image.tolist(), size
    ([[2.0, 5.0]], (1, 2))
    """
    sizes = tuple(max(1, -(-length // most)) for length in values.shape)
    image = values
    for axis, size in enumerate(sizes):
        starts = np.arange(0, values.shape[axis], size)
        counts = np.diff([*starts, values.shape[axis]])
        shape = (-1, 1) if axis == 0 else (1, -1)
        image = np.add.reduceat(image, starts, axis=axis) / counts.reshape(shape)
    return image, (sizes[0], sizes[1])


def colour_limit(images: tuple[np.ndarray, ...]) -> float:
    """Return the magnitude at which the scale of colours ends; 1 if everything is zero."""
    values = np.abs(np.concatenate([image[np.isfinite(image)] for image in images]))
    cut = float(np.quantile(values, CUT)) if len(values) else 0.0
    return cut or (float(values.max()) if len(values) and values.max() > 0 else 1.0)


def draw_pair(ax: Axes, look: Theme, pair: tuple[LabelledImage, LabelledImage], meaning: str) -> None:
    """Draw both images side by side with their captions above, and a bar for the colours with zero marked."""
    images = tuple(half.image for half in pair)
    end, signed = colour_limit(images), any((np.nan_to_num(image) < 0).any() for image in images)
    tints: Colormap = SIGNED if signed else POSITIVE
    norm = Normalize(-end if signed else 0.0, end)
    for index, half in enumerate(pair):
        left = index * (1 + GAP)
        box = (left, left + 1, 1, 0)
        masked = np.ma.masked_invalid(half.image)
        ax.imshow(masked, cmap=tints, norm=norm, extent=box, aspect="auto", interpolation="nearest")
        style_text(ax.text(left, -0.02, half.caption, ha="left", va="bottom"), look, 8.5)
    ax.set_xlim(0, 2 + GAP)
    ax.set_ylim(1, 0)
    ax.grid(False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    bar = colour_bar(ax, look, ScalarMappable(norm, tints), meaning)
    if signed:
        bar.axhline(0.0, color="#000000", linewidth=1.2)

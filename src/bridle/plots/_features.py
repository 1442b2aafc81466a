"""Pictures of codes as images: features, the same features in two seeds, reconstructions along a path."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from bridle._errors import InputError
from bridle.plots._codes import mean_of
from bridle.plots._pair import POSITIVE, SIGNED
from bridle.plots._style import colour_bar, get_theme, label_axes, prepare_axes, style_text
from bridle.representations import StudiedCodes, match_features
from bridle.wording import shorten

MAX_FEATURES = 64
"""Features in one picture."""
MAX_COLUMNS = 12
"""Columns of pairs and of reconstructions."""
SCALED = "feature / its maximum"
MAX_ROWS = 7
"""Rows of a strip of reconstructions, the original with them."""


@dataclass(frozen=True)
class Tiles:
    """Images of one size in a grid, row by row, with texts beside rows and above columns."""

    images: Float[np.ndarray, "row column high wide"]
    """NaN where the grid has no image."""
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    meaning: str
    """What the colours are."""
    title: str

    @property
    def signed(self) -> bool:
        """True if any value is below zero."""
        return bool((np.nan_to_num(self.images) < 0).any())


def image_shape(codes: StudiedCodes, image: tuple[int, int] | None = None) -> tuple[int, int]:
    """Return the height and width of a row as an image: as given, of the rows, or a square.

    Errors: `InputError` for a shape with another number of entries, and for rows that are no square.
    """
    size = int(np.prod(codes.rows.shape[1:]))
    if image is None:
        inner = tuple(length for length in codes.rows.shape[1:] if length > 1)
        side = round(size**0.5)
        image = (inner[0], inner[1]) if len(inner) == 2 else (side, side)
    if image[0] * image[1] != size:
        raise InputError(f"Expected image=(height, width) with {size} entries in all, got {image}. Give its shape.")
    return image


def features_data(codes: StudiedCodes, candidate: int, seed: int = 0, image: tuple[int, int] | None = None) -> Tiles:
    """Return the features of live units as images, from the most used unit to the least, each with maximum 1.

    Args:
        codes: measures of a study.
        candidate, seed: positions in `codes.names` and `codes.seeds`.
        image: height and width of a row. Default: those of the rows, or a square.

    Errors: `InputError` where there is no such dictionary.

    """
    features, density = _dictionary(codes, candidate, seed), codes.densities[candidate, seed]
    live = np.argsort(-density, kind="stable")[: max(1, int(np.sum(density > 0)))]
    order = live[:MAX_FEATURES]
    shape, side = image_shape(codes, image), int(np.ceil(len(order) ** 0.5))
    grid = np.full((-(-len(order) // side) * side, *shape), np.nan)
    grid[: len(order)] = np.stack([_scaled(feature).reshape(shape) for feature in features[order]])
    title = f"{codes.names[candidate]}, {codes.label(seed)}: {len(order)} of {len(live)} live"
    return Tiles(grid.reshape(-1, side, *shape), (), (), SCALED, title)


def matched_data(
    codes: StudiedCodes, candidate: int, seeds: tuple[int, int] = (0, 1), image: tuple[int, int] | None = None
) -> Tiles:
    """Return live features of one seed above their partners in another, from the best match to the worst.

    The cosine of each pair stands above it; pairs are evenly spaced in the order of their cosines.

    Args:
        codes: measures of a study.
        candidate: position in `codes.names`.
        seeds: two positions in `codes.seeds`.
        image: as in `features_data`.

    Errors: `InputError` where a dictionary is missing.

    """
    shape, live = image_shape(codes, image), []
    for seed in seeds:
        features, used = _dictionary(codes, candidate, seed), codes.densities[candidate, seed] > 0
        live.append(features[used] if used.any() else features)
    match = match_features(*live)
    places = np.unique(np.linspace(0, len(match.cosines) - 1, min(MAX_COLUMNS, len(match.cosines))).round().astype(int))
    pairs = [[live[0][match.first[place]] for place in places], [live[1][match.second[place]] for place in places]]
    images = np.array([[_scaled(feature).reshape(shape) for feature in row] for row in pairs])
    names = tuple(map(codes.label, seeds))
    cosines = tuple(f"{match.cosines[place]:.2f}" for place in places)
    title = f"{codes.names[candidate]}: cosines, mean {match.mean:.2f}"
    return Tiles(images, names, cosines, SCALED, title)


def reconstructions_data(
    codes: StudiedCodes, candidates: Sequence[int] | None = None, image: tuple[int, int] | None = None
) -> Tiles:
    """Return the first rows above their reconstructions by several candidates, with the L0 of each.

    Args:
        codes: measures of a study.
        candidates: positions in `codes.names`. Default: some along all paths.
        image: as in `features_data`.

    Errors: `InputError` for a model that does not reconstruct its input.

    """
    if not codes.reconstructions:
        raise InputError("Expected a model that reconstructs its input, got another one. There is nothing to compare.")
    shape = image_shape(codes, image)
    there = [index for index in range(len(codes.names)) if index in codes.reconstructions]
    spaced = np.unique(np.linspace(0, len(there) - 1, min(MAX_ROWS - 1, len(there))).round().astype(int))
    positions = [there[index] for index in spaced] if candidates is None else list(candidates)
    count = min(MAX_COLUMNS, len(codes.rows))
    strips = [codes.rows[:count], *(codes.reconstructions[index][:count] for index in positions)]
    images = np.stack([np.asarray(strip, float).reshape(count, *shape) for strip in strips])
    names = [f"{shorten(codes.names[index], 22)}, L0 {mean_of(codes, 'l0', index):.3g}" for index in positions]
    return Tiles(images, ("original", *names), (), "value", f"reconstructions with {codes.label(0)}")


def draw_tiles(data: Tiles, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw images in a grid on one scale of colours, grey at zero where there are values of both signs."""
    look = get_theme(theme)
    down, across, high, wide = data.images.shape
    width = 7.2
    height = min(9.0, 1.2 + (width - 2.2) * down * (high + 1) / (across * (wide + 1)))
    ax = prepare_axes(ax, look, width, height)
    framed = np.pad(data.images, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    joined = framed.transpose(0, 2, 1, 3).reshape(down * (high + 1), across * (wide + 1))[:-1, :-1]
    finite = joined[np.isfinite(joined)]
    end = float(np.abs(finite).max()) or 1.0
    tints, norm = (SIGNED, Normalize(-end, end)) if data.signed else (POSITIVE, Normalize(0, end))
    ax.imshow(np.ma.masked_invalid(joined), cmap=tints, norm=norm, interpolation="nearest", aspect="equal")
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_xticks([(wide + 1) * (index + 0.5) - 1 for index in range(len(data.columns))], data.columns)
    ax.set_yticks([(high + 1) * (index + 0.5) - 1 for index in range(len(data.rows))], data.rows)
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for text in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        style_text(text, look, 8)
    label_axes(ax, look, title=data.title, pad=20 if data.columns else 8)
    colour_bar(ax, look, ScalarMappable(norm, tints), data.meaning)
    return ax


def _dictionary(codes: StudiedCodes, candidate: int, seed: int) -> Float[np.ndarray, "feature input"]:
    features = codes.dictionaries.get((candidate, seed))
    size = int(np.prod(codes.rows.shape[1:]))
    if features is None or features.shape[1] != size:
        raise InputError(
            "Expected a candidate and a seed with a dictionary from the code to the input, got positions "
            f"({candidate}, {seed}) without one. Name the weight with dictionary=… in Result.representation."
        )
    return features


def _scaled(feature: np.ndarray) -> np.ndarray:
    """Return a feature over its largest magnitude."""
    return feature / (np.abs(feature).max() or 1.0)

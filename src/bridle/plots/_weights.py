"""Weight matrices and learned filters, before and after: without a penalty and with the best one."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from bridle._errors import InputError
from bridle.plots._pair import LabelledImage, block_means, draw_pair
from bridle.plots._style import get_theme, label_axes, prepare_axes
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Evidence, weigh_evidence
from bridle.wording import brief_name, leading_arm, regularized_tensors, resolve_name

MAX_SIDE = 128
"""Rows and columns of an image; blocks of a larger one are averaged."""
MAX_CHANNELS = 8
"""Input channels drawn, downward."""
MAX_FILTERS = 16
"""Filters drawn, to the right."""
MAX_SINGLE_FILTERS = 64
"""Filters drawn in all, if there is one input channel."""
MIN_TILE_DOTS = 8
"""Least number of dots along the longer side of a filter."""


@dataclass(frozen=True)
class WeightsData:
    """One weight in the refits of one seed: without a penalty and with the best candidate of an arm."""

    tensor: str
    arm: str
    seed: int
    shape: tuple[int, ...]
    images: tuple[LabelledImage, LabelledImage]
    filters: bool
    """True for grids of filters; False for matrices, inputs downward and units to the right."""
    note: str
    """A sentence about what was averaged or left out; empty if nothing was."""


def weights_data(
    result: StudyResult, arm: int | None = None, tensor: str | None = None, *, evidence: Evidence | None = None
) -> WeightsData:
    """Return one weight from the refits of `none` and of an arm's best candidate, of the first seed that has both.

    Args:
        result: what the study measured.
        arm: the index of the arm; by default the penalized one with the best mean.
        tensor: the weight by name; by default the first matrix that the arm charges, or the first of its layer.
        evidence: `weigh_evidence(result)`, if it is already computed.

    Errors: `InputError` if the names or the refits are missing, and for a tensor that is not a weight of two or
    more axes.

    """
    evidence = evidence or weigh_evidence(result)
    arm = leading_arm(result, evidence) if arm is None else arm
    pair = _refits(result, evidence, arm)
    if arm is None or pair is None or not result.weight_names:
        raise InputError(
            "Expected a study with trained weights of none and of a penalized arm, and their names; got one without. "
            "Run it again to its end."
        )
    names = matrices(result, arm, pair[0])
    missing = "Expected a network with a weight of two or more axes, got one without."
    tensor = resolve_name(tensor, names, "a weight of two or more axes", missing)
    position = result.weight_names.index(tensor)
    values = [np.asarray(result.weights[member][position], float) for member in pair]
    settings = [int(result.members.setting[member]) for member in pair]
    filters = _are_filters(values[0])
    arrays, note = weight_images(values)
    images = [
        LabelledImage(brief_name(result, setting), array, float((value == 0).mean()))
        for setting, array, value in zip(settings, arrays, values, strict=True)
    ]
    seed = int(result.members.seed[pair[0]])
    return WeightsData(tensor, result.arms[arm].name, seed, values[0].shape, (images[0], images[1]), filters, note)


def can_show(result: StudyResult, arm: int, evidence: Evidence) -> bool:
    """Return True if there are trained weights of two or more axes, with names, for `none` and for an arm."""
    pair = _refits(result, evidence, arm)
    return pair is not None and bool(result.weight_names) and bool(matrices(result, arm, pair[0]))


def _refits(result: StudyResult, evidence: Evidence, arm: int | None) -> tuple[int, int] | None:
    """Return the refits of `none` and of an arm's best from the first seed of which both finished."""
    if arm is None or arm not in evidence.choices or 0 not in evidence.choices:
        return None
    members = result.members
    usable = (members.fold == ALL_ROWS) & members.finished & np.isin(np.arange(len(members)), list(result.weights))
    for seed in result.seeds:
        refits = [
            np.flatnonzero(usable & (members.seed == seed) & (members.setting == evidence.candidate(index)))
            for index in (0, arm)
        ]
        if all(len(members_of_arm) for members_of_arm in refits):
            return int(refits[0][0]), int(refits[1][0])
    return None


def matrices(result: StudyResult, arm: int, member: int) -> list[str]:
    """Return the weights of two or more axes: those that an arm charges, then those of the same layers, then others."""
    targets = [name.partition("[")[0] for name in regularized_tensors(result, arm)]
    layers = [name.rpartition("/")[0] for name in targets]
    named = zip(result.weight_names, result.weights[member], strict=True)
    names = [name for name, value in named if value.ndim >= 2 and value.size > 1]
    return sorted(names, key=lambda name: (name not in targets, name.rpartition("/")[0] not in layers))


def weight_images(values: list[np.ndarray]) -> tuple[list[np.ndarray], str]:
    """Return one weight of several networks as images, grids of filters or matrices, and what was left out."""
    return _filters(values) if _are_filters(values[0]) else _matrix(values)


def _are_filters(value: np.ndarray) -> bool:
    return value.ndim == 4 and max(value.shape[:2]) > 1


def _matrix(values: list[np.ndarray]) -> tuple[list[np.ndarray], str]:
    flat = [value.reshape(-1, value.shape[-1]) for value in values]
    blocks = [block_means(value, MAX_SIDE) for value in flat]
    high, wide = blocks[0][1]
    note = f"means over blocks of {high} × {wide}" if high * wide > 1 else ""
    return [image for image, _ in blocks], note


def _filters(values: list[np.ndarray]) -> tuple[list[np.ndarray], str]:
    inputs, count = values[0].shape[2:]
    if inputs == 1:
        shown_count = min(count, MAX_SINGLE_FILTERS)
        side = int(np.ceil(np.sqrt(shown_count)))
        tiles = [_wrapped([value[:, :, 0, index] for index in range(shown_count)], side) for value in values]
        note = f"{shown_count} of {count} filters" if shown_count < count else ""
    else:
        down, right = min(inputs, MAX_CHANNELS), min(count, MAX_FILTERS)
        tiles = [[[value[:, :, row, column] for column in range(right)] for row in range(down)] for value in values]
        fewer = down < inputs or right < count
        note = f"{right} of {count} filters, {down} of {inputs} input channels" if fewer else ""
    return [_tiled(grid) for grid in tiles], note


def _wrapped(tiles: list[np.ndarray], side: int) -> list[list[np.ndarray]]:
    blank = np.full_like(tiles[0], np.nan)
    padded = tiles + [blank] * (-len(tiles) % side)
    return [padded[start : start + side] for start in range(0, len(padded), side)]


def _tiled(tiles: list[list[np.ndarray]]) -> np.ndarray:
    """Join filters to one image with an empty dot between them; each entry becomes a square of dots."""
    dots = -(-MIN_TILE_DOTS // max(tiles[0][0].shape))
    large = [[np.kron(tile, np.ones((dots, dots))) for tile in row] for row in tiles]
    framed = [[np.pad(tile, ((0, 1), (0, 1)), constant_values=np.nan) for tile in row] for row in large]
    return np.block(framed)[:-1, :-1]


def draw_weights(data: WeightsData, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw the weight without a penalty on the left and with the best one on the right, on one scale of colours."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, 7.2, 3.6)
    draw_pair(ax, look, data.images, "weight")
    shape = " × ".join(map(str, data.shape))
    grid = "filters →" if data.shape[-2:-1] == (1,) else "filters →, input channels ↓"
    label_axes(
        ax,
        look,
        x=(grid if data.filters else "units →") + (f"   ({data.note})" if data.note else ""),
        y="" if data.filters else "← inputs",
        title=f"{data.tensor}, {shape}",
        pad=34,
    )
    return ax

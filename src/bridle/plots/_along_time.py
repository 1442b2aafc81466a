"""Units along time: the activations of single rows as units × steps, early units first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from bridle._errors import InputError
from bridle.plots._pair import POSITIVE, SIGNED, colour_limit
from bridle.plots._style import colour_bar, get_theme, label_axes, prepare_axes, style_text, write_sentence
from bridle.representations import StudiedCodes
from bridle.wording import shorten

MAX_UNITS = 128
"""The most units in one picture: those with the largest mean magnitude."""
DEFAULT_ROWS = 3
GAP = 0.06
"""Space between rows, as a share of the width of one."""


@dataclass(frozen=True)
class AlongTime:
    """The activations of one network for some rows, step by step."""

    title: str
    rows: tuple[int, ...]
    """Positions of the rows among those measured."""
    values: Float[np.ndarray, "row unit step"]
    """Units in the order of the mean step of their activity, those without any last; NaN in padded steps."""
    units: int
    """The number of units of the layer."""

    @property
    def real(self) -> Bool[np.ndarray, "row step"]:
        """True for steps that are no padding."""
        return np.any(np.isfinite(self.values), axis=1)


def along_time_data(codes: StudiedCodes, candidate: int, rows: Sequence[int] | None = None) -> AlongTime:
    """Return the activations of the first network of a candidate, for some of the first rows.

    The mean step of the activity of a unit is that of `sum(step * |a|) / sum(|a|)` over the steps of these rows. Steps
    that are padding in all of them are left out at the end.

    Args:
        codes: measures of a study.
        candidate: position in `codes.names`.
        rows: positions of rows. Default: the first three.

    Errors: `InputError` for a layer without steps, a candidate whose first network did not finish, and other rows.

    """
    if not codes.activations:
        raise InputError(
            f"Expected a layer with an output of shape (row, step, unit), got {codes.layer!r} without steps. Name a "
            "recurrent layer with return_sequences=True, or a convolution along time."
        )
    if candidate not in codes.activations:
        raise InputError(
            f"Expected a candidate whose first network, {codes.label(0)}, finished, got {codes.names[candidate]!r}."
        )
    stored = np.asarray(codes.activations[candidate], float)
    positions = list(range(min(DEFAULT_ROWS, len(stored)))) if rows is None else [int(row) for row in rows]
    if not positions or min(positions) < 0 or max(positions) >= len(stored):
        raise InputError(f"Expected rows from 0 to {len(stored) - 1}, the first of those measured, got {rows}.")
    values = stored[positions]
    used = np.flatnonzero(np.isfinite(values).any(axis=(0, 2)))
    values = values[:, : int(used.max()) + 1 if len(used) else 1].transpose(0, 2, 1)
    sizes = np.nan_to_num(np.abs(values))
    total = sizes.sum(axis=(0, 2))
    centre = (sizes * np.arange(values.shape[2])).sum(axis=(0, 2)) / np.where(total > 0, total, 1.0)
    largest = np.sort(np.argsort(-total, kind="stable")[:MAX_UNITS])
    order = largest[np.argsort(np.where(total > 0, centre, np.inf)[largest], kind="stable")]
    title = f"{codes.names[candidate]}, {codes.label(0)}: {shorten(codes.layer, 16)}"
    return AlongTime(title, tuple(positions), values[:, order], codes.units)


def draw_along_time(data: AlongTime, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw units × steps of each row side by side on one scale of colours, with a frame around the steps of a row."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, 7.2, 3.8)
    count, units, steps = data.values.shape
    if not data.real.any():
        return write_sentence(ax, look, "Every step of these rows is padding.")
    signed, end = bool((np.nan_to_num(data.values) < 0).any()), colour_limit((data.values,))
    tints, norm = (SIGNED, Normalize(-end, end)) if signed else (POSITIVE, Normalize(0.0, end))
    ticks, names = [], []
    for index, (image, real) in enumerate(zip(data.values, data.real, strict=True)):
        left = index * steps * (1 + GAP)
        box = (left, left + steps, units, 0)
        ax.imshow(
            np.ma.masked_invalid(image), cmap=tints, norm=norm, extent=box, aspect="auto", interpolation="nearest"
        )
        style_text(ax.text(left, -0.02 * units, f"row {data.rows[index]}", ha="left", va="bottom"), look, 8.5)
        there = np.flatnonzero(real)
        if len(there):
            width = int(there[-1] - there[0]) + 1
            frame = {"fill": False, "edgecolor": look.muted, "linewidth": 0.7, "clip_on": False}
            ax.add_patch(Rectangle((left + int(there[0]), 0), width, units, **frame))
            ticks += [left + int(step) + 0.5 for step in there[[0, -1]]]
            names += [str(step) for step in there[[0, -1]]]
    ax.set_xlim(0, steps * (count + GAP * (count - 1)))
    ax.set_ylim(units, 0)
    ax.grid(False)
    ax.set_xticks(ticks, names)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    some = f"{units} of {data.units:,} units" if units < data.units else f"{units} units"
    label_axes(ax, look, x="step →", y=f"← {some}, early ones first", title=data.title, pad=20)
    bar = colour_bar(ax, look, ScalarMappable(norm, tints), "activation")
    if signed:
        bar.axhline(0.0, color="#000000", linewidth=1.2)
    return ax

"""The units of one tensor along the path, from the smallest to the largest."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes

from bridle.plots._strengths import axis_positions, choice_lines, strength_axis, zero_position
from bridle.plots._style import Theme, draw_legend, get_theme, label_axes, prepare_axes, write_sentence
from bridle.results import UNIT_SHARES, StudyResult
from bridle.stats import Evidence, nan_mean, weigh_evidence
from bridle.wording import (
    is_weight,
    leading_arm,
    measured_tensors,
    regularized_tensors,
    resolve_name,
    shorten,
    sparse_tensors,
)

LOW, QUARTER, MIDDLE, THREE_QUARTERS, HIGH = 1, 2, 3, 4, 5
"""Positions of the quantiles of 10, 25, 50, 75 and 90 percent; the smallest unit is first, the largest last."""


@dataclass(frozen=True)
class UnitsData:
    """Quantiles over the units of one tensor along one arm, averaged over seeds and folds."""

    tensor: str
    measure: str
    """The quantity measured of each unit."""
    arm_index: int
    arm: str
    strengths: Float[np.ndarray, "point"]
    sizes: Float[np.ndarray, "point quantile"]
    """The quantiles `UNIT_SHARES`: the first is the smallest unit, the last the largest."""
    none: Float[np.ndarray, "quantile"]
    slot: str
    """The slot that grows while others of the arm stay at those of the best candidate; empty for an arm of one slot."""
    marks: Mapping[str, float]
    """The strength that each rule selects, by its name."""
    zero_at: float | None


def unit_tensors(result: StudyResult, arm: int, sparse_only: bool = False) -> list[str]:
    """Return the tensors with several units: those that an arm charges first, or only those that it makes sparse."""
    targets = sparse_tensors(result, arm) if sparse_only else regularized_tensors(result, arm)
    names = [name for name in measured_tensors(result, "unit0") if _several(result, name)]
    names = [name for name in names if name in targets] if sparse_only else names
    return sorted(names, key=lambda name: targets.index(name) if name in targets else len(targets))


def _several(result: StudyResult, tensor: str) -> bool:
    smallest, largest = (result.diagnostic(f"unit{share}/{tensor}") for share in (UNIT_SHARES[0], UNIT_SHARES[-1]))
    return bool((np.nan_to_num(largest) > np.nan_to_num(smallest)).any())


def units_data(
    result: StudyResult, arm: int | None = None, tensor: str | None = None, *, evidence: Evidence | None = None
) -> UnitsData:
    """Return the quantiles over units, averaged over seeds and folds.

    If several strengths of the arm vary, the candidates are those on the line through its best one along which only
    the strength of the tensor grows.

    Args:
        result: what the study measured.
        arm: the index of the arm; by default the penalized one with the best mean.
        tensor: the tensor to show; by default the first that the arm charges.
        evidence: `weigh_evidence(result)`, if it is already computed.

    Errors: `InputError` for a tensor that was not measured, and if none was.

    """
    evidence = evidence or weigh_evidence(result)
    arm = (leading_arm(result, evidence) or min(1, len(result.arms) - 1)) if arm is None else arm
    missing = "Expected a study that measured the units of some tensor, got one that did not. Run it again."
    tensor = resolve_name(tensor, unit_tensors(result, arm), "a tensor whose units were measured", missing)
    choice = evidence.choices.get(arm)
    slot = _slot(result, arm, tensor)
    marks = evidence.marks(arm)
    path = _line(result, arm, slot, None if choice is None else choice.best)
    strengths = np.zeros(len(path)) if slot is None else result.setting_strengths[path, slot]
    strength_of = dict(zip(path.tolist(), strengths.tolist(), strict=True))
    columns = [result.by_candidate(result.diagnostic(f"unit{share}/{tensor}")) for share in UNIT_SHARES]
    sizes = np.stack([nan_mean(column, (1, 2)) for column in columns], axis=1)
    return UnitsData(
        tensor=tensor,
        measure="norm of each unit's weights" if is_weight(result, tensor) else "mean magnitude of each unit",
        arm_index=arm,
        arm=result.arms[arm].name,
        strengths=strengths,
        sizes=sizes[path],
        none=sizes[result.path(0)[0]],
        slot=result.slots[slot] if slot is not None and len(result.arms[arm].slots) > 1 else "",
        marks={rule: strength_of[candidate] for rule, candidate in marks.items() if candidate in strength_of},
        zero_at=zero_position(strengths),
    )


def _slot(result: StudyResult, arm: int, tensor: str) -> int | None:
    """Return the slot along which a tensor is shown: one that varies and charges it, or its layer, or any."""
    slots = result.arms[arm].slots
    vary = [slot for slot in slots if len(np.unique(result.setting_strengths[result.path(arm), slot])) > 1]
    terms = [target for target, _ in result.arms[arm].terms]
    targets = {slot: [at for at in terms if result.slots[slot].startswith(f"{at} ")] for slot in vary or slots}
    patterns = (tensor, f"{tensor.rpartition('/')[0]}/*")
    matches = [
        slot
        for pattern in patterns
        for slot, names in targets.items()
        for name in (part.strip() for name in names for part in name.split(","))
        if fnmatchcase(tensor, name) or fnmatchcase(name, pattern)
    ]
    return next(iter([*matches, *targets]), None)


def _line(result: StudyResult, arm: int, slot: int | None, best: int | None) -> Int[np.ndarray, "point"]:
    """Return the candidates of an arm that share all strengths but one with its best, ordered by that one."""
    path = result.path(arm)
    others = [candidate for candidate in result.arms[arm].slots if candidate != slot]
    if slot is None or not others:
        return path
    centre = result.setting_strengths[path[0] if best is None else best, others]
    line = path[(result.setting_strengths[path][:, others] == centre).all(axis=1)]
    return line[np.argsort(result.setting_strengths[line, slot], kind="stable")]


def draw_units(data: UnitsData, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw the median, bands of half and four fifths of the units, the extremes; `none` stands on the right edge."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, 5.8, 3.9)
    finite = np.isfinite(data.sizes).all(axis=1)
    if not finite.any() or not len(data.strengths):
        return write_sentence(ax, look, "No fit of this arm finished, so there are no units to draw.")
    x = axis_positions(data.strengths, data.zero_at)
    strength_axis(ax, look, x, data.zero_at)
    draw = _draw_fan if finite.sum() > 1 else _draw_post
    draw(ax, look, look.colour(data.arm_index), x[finite], data.sizes[finite].T)
    _draw_none(ax, look, data.none)
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    choice_lines(ax, look, data.marks, data.zero_at)
    label_axes(
        ax,
        look,
        x=f"{shorten(data.slot, 30)}, others as in best" if data.slot else "strength",
        y=data.measure,
        title=f"{shorten(data.tensor, 24)}: {data.arm}",
        pad=16,
    )
    draw_legend(ax, look, columns=2)
    return ax


def _draw_fan(ax: Axes, look: Theme, colour: str, x: np.ndarray, sizes: np.ndarray) -> None:
    ax.fill_between(x, sizes[LOW], sizes[HIGH], color=colour, alpha=0.16, linewidth=0, label="10 to 90 % of the units")
    ax.fill_between(x, sizes[QUARTER], sizes[THREE_QUARTERS], color=colour, alpha=0.34, linewidth=0, label="25 to 75 %")
    ax.plot(x, sizes[MIDDLE], color=colour, linewidth=1.9, marker="o", markersize=4.5, label="median")
    edges = {"color": colour, "linewidth": 1.0, "linestyle": (0, (2, 1.5))}
    ax.plot(x, sizes[0], **edges)
    ax.plot(x, sizes[-1], label="smallest and largest", **edges)


def _draw_post(ax: Axes, look: Theme, colour: str, x: np.ndarray, sizes: np.ndarray) -> None:
    """Draw a post for an arm of one strength, thick around the middle half of the units."""
    ax.vlines(x, sizes[0], sizes[-1], colors=colour, linewidths=1.0, label="smallest to largest")
    ax.vlines(x, sizes[QUARTER], sizes[THREE_QUARTERS], colors=colour, linewidths=5.0, alpha=0.5, label="25 to 75 %")
    ax.plot(x, sizes[MIDDLE], color=colour, linestyle="none", marker="o", markersize=5, label="median")


def _draw_none(ax: Axes, look: Theme, none: Float[np.ndarray, "quantile"]) -> None:
    if not np.isfinite(none).all():
        return
    edge = ax.get_yaxis_transform()
    ax.plot([0.985, 0.985], none[[LOW, HIGH]], color=look.muted, linewidth=2.0, transform=edge, alpha=0.6)
    ax.plot([0.97, 1.0], none[[MIDDLE, MIDDLE]], color=look.muted, linewidth=2.6, transform=edge)
    ax.plot([], [], color=look.muted, linewidth=2.2, label="none (right edge)")

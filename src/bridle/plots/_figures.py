"""The pictures of one study, each with a caption and an alternative text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bridle.plots._activations import ActivationsData, activation_tensors, activations_data, draw_activations
from bridle.plots._curves import compared_settings, curves_data, draw_curves
from bridle.plots._frontier import FrontierData, draw_frontier, frontier_data
from bridle.plots._gains import draw_gains, gains_data
from bridle.plots._heatmap import HeatmapData, draw_heatmap, heatmap_arms, heatmap_data
from bridle.plots._path import UNITS, PathData, draw_path, path_data
from bridle.plots._style import get_theme, new_figure, share_legend
from bridle.plots._surface import draw_surface, surface_data
from bridle.plots._sweep import Published, SweepData, draw_sweep, sweep_data
from bridle.plots._units import MIDDLE, UnitsData, draw_units, unit_tensors, units_data
from bridle.plots._weights import WeightsData, can_show, draw_weights, weights_data
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence
from bridle.wording import (
    decimal_text,
    join_names,
    leading_arm,
    needed_decimals,
    setting_name,
    strength_text,
    tried_kind,
)

MAX_OVERLAID_ARMS = 3
"""Arms that share one sweep; more get a panel each."""
MAX_PANEL_ARMS = 4
"""Arms whose paths and heat maps are drawn: those with the best means."""
MAX_UNIT_PANELS = 4
"""Tensors whose units are drawn."""


@dataclass(frozen=True)
class Drawing:
    """A finished figure: `name` for a file, `caption` below it, `alt` instead of it."""

    name: str
    caption: str
    alt: str
    figure: Figure


def drawings(
    result: StudyResult,
    *,
    published: Published | None = None,
    evidence: Evidence | None = None,
    theme: str = "light",
) -> tuple[Drawing, ...]:
    """Return every picture that the result has data for: scores, learning curves, then the inside of networks."""
    evidence = evidence or weigh_evidence(result)
    sparse = evidence.sparse is not None
    candidates = (
        _frontier(result, evidence, theme) if sparse else None,
        _sweep(result, evidence, published, theme),
        _heatmaps(result, evidence, theme),
        _gains(result, evidence, theme),
        None if sparse else _frontier(result, evidence, theme),
        _curves(result, evidence, result.score.measure, "curves", theme),
        None if result.score.measure == "loss" else _curves(result, evidence, "loss", "loss", theme),
        _paths(result, evidence, theme),
        _units(result, evidence, theme),
        _weights(result, evidence, theme),
        _activations(result, evidence, theme),
        _surface(result, theme),
    )
    return tuple(drawing for drawing in candidates if drawing is not None)


def main_drawing(result: StudyResult, evidence: Evidence, *, theme: str = "light") -> Drawing | None:
    """Return the one picture that shows the answer: the sweep of up to three arms, or the gains of more.

    For a search along the frontier it is the frontier.
    """
    if evidence.sparse is not None:
        return _frontier(result, evidence, theme)
    if len(result.arms) - 1 <= MAX_OVERLAID_ARMS:
        return _sweep(result, evidence, None, theme)
    return _gains(result, evidence, theme)


def _sweep(result: StudyResult, evidence: Evidence, published: Published | None, theme: str) -> Drawing | None:
    data = sweep_data(result, published=published, evidence=evidence)
    if not data.arms:
        return None
    if len(data.arms) <= MAX_OVERLAID_ARMS:
        figure = new_figure(7.2, 4.4)
        draw_sweep(data, figure.add_subplot(), theme=theme)
    else:
        figure, axes = _panels(len(data.arms), 2, 3.7, 3.3, sharey=True)
        for arm, ax in zip(data.arms, axes, strict=True):
            one = sweep_data(result, arms=[arm.arm_index], published=published, evidence=evidence)
            draw_sweep(one, ax, theme=theme)
        _keep_outer_labels(figure, 2)
        share_legend(figure, get_theme(theme), but=tuple(arm.label for arm in data.arms))
    bars = data.error_name or "none, since there is one fit each"
    caption = (
        f"Validation {data.score} against strength. Bars and grey band: {bars}. Thin dashes: training rows. "
        f"Circle: the best strength; square: the strongest within one standard error of it (1se){_star(evidence)}."
    )
    if result.folds == 1:
        caption += " One validation set gives no standard error over folds, so the two are the same."
    caption += " An arm with several strengths is placed at their sum." if any(arm.summed for arm in data.arms) else ""
    if (
        any(np.isfinite(arm.zeros).any() and arm.ordered for arm in data.arms)
        and not 1 < len(data.arms) <= MAX_OVERLAID_ARMS
    ):
        caption += " Above the axes: exact zeros in what the arm penalizes, in per cent."
    caption += " Diamonds: published values." if data.published else ""
    return Drawing("sweep", caption, _sweep_alt(result, data), figure)


def _star(evidence: Evidence) -> str:
    """Return the words for the star, if there is one."""
    marked = evidence.winner is not None and "recommended" in evidence.marks(evidence.winner)
    return "; star: the recommended one" if marked else ""


def _sweep_alt(result: StudyResult, data: SweepData) -> str:
    none = decimal_text(data.none_mean, needed_decimals([data.none_mean]))
    words = [f"Validation {data.score} against strength. Without a {tried_kind(result)} {none}."]
    for arm in data.arms:
        if "best" not in arm.marks:
            words.append(f"{arm.name}: no fit finished.")
        else:
            point = arm.marks["best"]
            mean = float(arm.mean[point])
            best = decimal_text(mean, needed_decimals([mean]))
            words.append(f"{arm.name}: best {best} at strength {strength_text(float(arm.strengths[point]))}.")
    return " ".join(words)


def _best_arms(result: StudyResult, evidence: Evidence, arms: list[int]) -> list[int]:
    """Return the arms with the best means, at most `MAX_PANEL_ARMS`, by index."""
    sign = 1.0 if result.score.maximize else -1.0
    return sorted(
        sorted(arms, key=lambda arm: -sign * evidence.validation.mean[evidence.choices[arm].best])[:MAX_PANEL_ARMS]
    )


def _heatmaps(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    arms = _best_arms(result, evidence, [arm for arm in heatmap_arms(result) if arm in evidence.choices])
    if not arms:
        return None
    data = [heatmap_data(result, arm, evidence=evidence) for arm in arms]
    figure, axes = _panels(len(data), 2, 5.6 if len(data) == 1 else 4.4, 4.2)
    for one, ax in zip(data, axes, strict=True):
        draw_heatmap(one, ax, theme=theme)
    share_legend(figure, get_theme(theme))
    caption = (
        f"Mean validation {result.score.name} over both strengths; brighter is better. "
        f"Circle: the best candidate; square: the strongest within one standard error of it (1se){_star(evidence)}."
    )
    caption += " Dots: candidates between those of the grid." if any(len(one.between) for one in data) else ""
    caption += " Hatched: no fit finished." if any(not np.isfinite(one.mean).all() for one in data) else ""
    return Drawing("heatmap", caption, " ".join(_heatmap_alt(one, evidence) for one in data), figure)


def _heatmap_alt(data: HeatmapData, evidence: Evidence) -> str:
    mean = float(evidence.validation.mean[evidence.choices[data.arm_index].best])
    pairs = zip(data.slots, data.marks["best"], strict=True)
    best = join_names([f"{slot} = {strength_text(value)}" for slot, value in pairs])
    low, high = (decimal_text(float(end), 3) for end in (np.nanmin(data.values), np.nanmax(data.values)))
    return (
        f"{data.arm}: mean {data.score} over {len(data.right)} strengths of {data.slots[0]} and {len(data.up)} of "
        f"{data.slots[1]}, from {low} to {high}; best {decimal_text(mean, 3)} at {best}."
    )


def _gains(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    data = gains_data(result, evidence=evidence)
    if not data.sources:
        return None
    figure = new_figure(7.2, 1.5 + 0.6 * len(data.names))
    draw_gains(data, figure.add_subplot(), theme=theme)
    first = data.sources[0]
    rows = zip(data.names, first.difference, first.low, first.high, strict=True)
    alt = " ".join(
        f"{name}: {decimal_text(d, 3)}, interval {decimal_text(low, 3)} to {decimal_text(high, 3)}."
        for name, d, low, high in rows
    )
    choice = ", each fold at the strength that the other folds choose" if result.folds > 1 else " at its best strength"
    pairs = "row" if any(gain.over == "rows" for gain in evidence.gains.values()) else "seed and fold"
    caption = (
        f"Each arm against no {tried_kind(result)}, paired by {pairs}{choice}; right of zero is better. "
        "The intervals are corrected for the number of arms. One that crosses zero is no evidence of a difference."
    )
    return Drawing("gains", caption, f"Differences to no {tried_kind(result)}. {alt}", figure)


def _frontier(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    sparse = evidence.sparse
    data = frontier_data(result, evidence=evidence, tensor=None if sparse is None else sparse.tensor)
    if not data.varies:
        return None
    figure = new_figure(7.2, 4.4)
    draw_frontier(data, figure.add_subplot(), theme=theme)
    where, these = (data.tensor, "there") if data.tensor else ("the tensors that an arm penalizes", "in these tensors")
    caption = (
        f"What sparsity costs: validation {data.score} against the exact zeros in {where}. "
        "Filled and joined: candidates that none beats in both. "
        f"Star: no {tried_kind(result)}, with its zeros {these}."
    )
    caption += f" Bars: {data.error_name}." if data.error_name else ""
    return Drawing("frontier", caption, _frontier_alt(data), figure)


def _frontier_alt(data: FrontierData) -> str:
    front = np.flatnonzero(data.optimal)[np.argsort(data.zeros[data.optimal], kind="stable")]
    some = front if len(front) <= 4 else front[np.linspace(0, len(front) - 1, 4).round().astype(int)]
    words = [
        f"{100 * data.zeros[p]:.0f} % zeros and {decimal_text(float(data.mean[p]), 3)} with {data.name[p]}"
        for p in some
    ]
    return f"Validation {data.score} against exact zeros; none is better in both than {'; '.join(words)}."


def _curves(result: StudyResult, evidence: Evidence, quantity: str, name: str, theme: str) -> Drawing | None:
    if f"validation/{quantity}" not in result.quantities:
        return None
    settings = compared_settings(result, evidence)
    figure, axes = _panels(len(settings), 2, 3.7, 3.2, sharey=True)
    for setting, ax in zip(settings, axes, strict=True):
        draw_curves(curves_data(result, quantity=quantity, settings=[setting], evidence=evidence), ax, theme=theme)
    _keep_outer_labels(figure, 2)
    share_legend(figure, get_theme(theme))
    compared = " and ".join(setting_name(result, setting) for setting in settings)
    kind = "Data loss (without penalties)" if quantity == "loss" else quantity.capitalize()
    caption = f"{kind} over the epochs, mean over seeds and folds with a band of one standard deviation."
    return Drawing(
        name, caption, f"Learning curves of {quantity} for {compared}, on training and validation rows.", figure
    )


def _paths(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    penalized = [arm for arm in evidence.choices if arm != 0]
    top = _best_arms(result, evidence, penalized)
    rows = [[path_data(result, arm, kind, evidence=evidence) for kind in ("zeros", "norm")] for arm in top]
    keep = [column for column in (0, 1) if any(_has_positive_values(row[column]) for row in rows)]
    data = [row[column] for row in rows for column in keep]
    if not data:
        return None
    figure, axes = _panels(len(data), len(keep), 3.7, 3.1)
    for one, ax in zip(data, axes, strict=True):
        draw_path(one, ax, theme=theme)
    share_legend(figure, get_theme(theme))
    caption = (
        f"Along the strengths, mean over seeds and folds: {join_names([UNITS[('zeros', 'norm')[k]] for k in keep])}."
    )
    caption += f" The {MAX_PANEL_ARMS} arms with the best scores." if len(penalized) > MAX_PANEL_ARMS else ""
    return Drawing("path", caption, " ".join(_path_alt(one) for one in data), figure)


def _has_positive_values(data: PathData) -> bool:
    values = np.concatenate([np.zeros(0), *(trail.values for trail in data.trails)])
    return bool((np.nan_to_num(values) > 0).any())


def _path_alt(data: PathData) -> str:
    parts = [
        f"{trail.tensor} from {decimal_text(float(trail.values[0]), 3)} to {decimal_text(float(trail.values[-1]), 3)}"
        for trail in data.trails
    ]
    what = {"zeros": "fraction of exact zeros", "norm": "norm", "size": "mean magnitude"}[data.kind]
    return f"{data.arm}, {what} from the weakest to the strongest: {join_names(parts) or 'not measured'}."


def _units(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    """Draw the units of what the leading arm penalizes; None for an arm of one strength, or without units."""
    arm = leading_arm(result, evidence)
    if arm is None or len(result.path(arm)) < 2:
        return None
    names = unit_tensors(result, arm, sparse_only=True)[:MAX_UNIT_PANELS]
    data = [units_data(result, arm, name, evidence=evidence) for name in names]
    if not data:
        return None
    figure, axes = _panels(len(data), 2, 3.7 if len(data) > 1 else 5.4, 3.5)
    for one, ax in zip(data, axes, strict=True):
        draw_units(one, ax, theme=theme)
    share_legend(figure, get_theme(theme))
    caption = (
        "How large the units of what is penalized are along the strengths: quantiles over the units, mean over seeds "
        "and folds. Units that a penalty switches off go to zero."
    )
    return Drawing("units", caption, " ".join(_units_alt(one) for one in data), figure)


def _units_alt(data: UnitsData) -> str:
    ends = [int(np.argmin(data.strengths)), int(np.argmax(data.strengths))]
    words = [
        f"median {data.sizes[end, MIDDLE]:.3g} and largest {data.sizes[end, -1]:.3g} "
        f"at strength {strength_text(float(data.strengths[end]))}"
        for end in ends
    ]
    return f"{data.measure.capitalize()} in {data.tensor} with {data.arm}: {'; '.join(words)}."


def _weights(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    """Draw the weights of the leading arm before and after; None without trained weights that have names."""
    arm = leading_arm(result, evidence)
    if arm is None or not can_show(result, arm, evidence):
        return None
    data = weights_data(result, arm, evidence=evidence)
    figure = new_figure(7.2, 3.6)
    draw_weights(data, figure.add_subplot(), theme=theme)
    caption = (
        f"{'The filters' if data.filters else 'The weights'} of {data.tensor} without a {tried_kind(result)} and "
        f"with the best one, refitted from seed {data.seed}. One scale of colours, grey at zero."
    )
    caption += f" Shown: {data.note}." if data.note else ""
    return Drawing("weights", caption, _weights_alt(data), figure)


def _weights_alt(data: WeightsData) -> str:
    return f"{data.tensor}: {join_names([_zeros_text(image.name, image.zeros) for image in data.images])}."


def _zeros_text(name: str, share: float) -> str:
    return f"{100 * share:.0f} % exactly zero with {name}"


def _activations(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    """Draw the activation that the best arm of its kind penalizes, as a map and histograms; None if none was stored."""
    if not any(activation_tensors(result, arm, evidence) for arm in evidence.choices if arm != 0):
        return None
    data = activations_data(result, evidence=evidence)
    figure = new_figure(7.2, 6.6)
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 2))
    draw_activations(data, upper, theme=theme)
    draw_activations(data, lower, kind="histogram", theme=theme)
    caption = (
        f"{data.tensor} on {len(data.images[0].image)} training rows without a {tried_kind(result)} and with "
        "the best one, refitted from one seed: rows and units as colours, and how the values that are not exactly "
        "zero are spread."
    )
    return Drawing("activations", caption, _activations_alt(data), figure)


def _activations_alt(data: ActivationsData) -> str:
    return f"{data.tensor}: {join_names([_zeros_text(image.name, image.zeros) for image in data.images])}."


def _surface(result: StudyResult, theme: str) -> Drawing | None:
    data = surface_data(result)
    if data is None or not data.panels:
        return None
    figure, axes = _panels(len(data.panels), 2, 3.7, 3.5, sharey=True)
    for panel, ax in enumerate(axes):
        draw_surface(data, ax, panel=panel, theme=theme)
    _keep_outer_labels(figure, 2)
    caption = "Mean predicted probability of the refits, blue for 0 and orange for 1, its 0.5 contour, and the rows."
    names = join_names([panel.name for panel in data.panels])
    return Drawing("surface", caption, f"Decision surfaces of {names}.", figure)


def _panels(count: int, columns: int, wide: float, high: float, sharey: bool = False) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure of `count` axes, each `wide` by `high` inches, in rows of `columns`."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = new_figure(max(4.6, wide * columns), high * rows)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=sharey).ravel().tolist()
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def _keep_outer_labels(figure: Figure, columns: int) -> None:
    """Remove the y labels of axes that share their y axis, except for the first in each row."""
    for index, ax in enumerate(figure.axes):
        if index % columns:
            ax.set_ylabel("")

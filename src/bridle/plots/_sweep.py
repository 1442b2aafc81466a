"""The sweep: the score against the strength of each arm, with no penalty as a level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes

from bridle.plots._strengths import (
    RULE_MARKS,
    Ticks,
    axis_positions,
    is_monotone,
    path_strengths,
    strength_axis,
    strength_ticks,
    write_top_row,
    zero_position,
)
from bridle.plots._style import (
    Theme,
    draw_legend,
    get_theme,
    label_axes,
    legend_name,
    marker,
    prepare_axes,
    style_text,
    write_sentence,
)
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence
from bridle.wording import shorten, sparse_tensors, zero_fractions

Published = Mapping[float | tuple[str, float], float]
"""Published scores by strength, or by (arm name, strength) if arms differ."""


@dataclass(frozen=True)
class Swept:
    """One arm along its strengths, weak to strong."""

    arm_index: int
    name: str
    strengths: Float[np.ndarray, "point"]
    mean: Float[np.ndarray, "point"]
    error: Float[np.ndarray, "point"]
    train: Float[np.ndarray, "point"]
    finished: Int[np.ndarray, "point"]
    total: Int[np.ndarray, "point"]
    summed: bool
    """True if `strengths` are sums over several slots."""
    ordered: bool
    """True if a line through the points has a meaning."""
    marks: Mapping[str, int]
    """The point that each rule selects, by its name; empty if nothing finished."""
    tensor: str
    """The first tensor that the arm charges; empty if none was measured."""
    zeros: Float[np.ndarray, "point"]
    """The fraction of its entries that are exactly zero, mean over seeds and folds."""

    @property
    def label(self) -> str:
        """The name in the legend."""
        return legend_name(shorten(self.name, 40))

    @property
    def drawn(self) -> Bool[np.ndarray, "point"]:
        """The points that have a mean."""
        return np.isfinite(self.mean)


@dataclass(frozen=True)
class SweepData:
    """Arms to be drawn on one axis of strengths, and the level of `none`."""

    score: str
    arms: tuple[Swept, ...]
    none_mean: float
    none_error: float
    error_name: str
    """The meaning of the bars and the band; empty if there is one fit each."""
    published: tuple[tuple[float, float], ...]
    zero_at: float | None

    @property
    def drawn_at(self) -> Float[np.ndarray, "point"]:
        """All positions, before arms are moved apart; empty if no penalized fit finished."""
        strengths = [arm.strengths for arm in self.arms if arm.drawn.any()] + [[s] for s, _ in self.published]
        return axis_positions(np.concatenate([np.zeros(0), *strengths]), self.zero_at)

    @property
    def ticks(self) -> Ticks | None:
        """The axis of strengths; None if nothing is drawn."""
        return strength_ticks(self.drawn_at, self.zero_at) if len(self.drawn_at) else None

    def positions(self, index: int) -> Float[np.ndarray, "point"]:
        """Return the positions of arm `index`, moved so that its bars do not hide those of other arms."""
        return axis_positions(self.arms[index].strengths, self.zero_at) * 10 ** (
            0.06 * (index - (len(self.arms) - 1) / 2)
        )

    @property
    def published_at(self) -> Float[np.ndarray, "value"]:
        """Positions of published values, moved so that they do not hide the measured ones."""
        return axis_positions(np.array([strength for strength, _ in self.published]), self.zero_at) * 10**0.06


def sweep_data(
    result: StudyResult,
    *,
    arms: Sequence[int] | None = None,
    published: Published | None = None,
    evidence: Evidence | None = None,
) -> SweepData:
    """Return the mean score of each candidate along the strengths of its arm.

    Means are over seeds, then folds. Bars are the standard error over folds, or, with one fold, the
    standard deviation over seeds. An arm with several slots is placed at the sum of their strengths.

    Args:
        result: what the study measured.
        arms: indices of the arms to show; all but `none` by default.
        published: scores published by others.
        evidence: `weigh_evidence(result)`, if it is already computed.

    """
    evidence = evidence or weigh_evidence(result)
    arms = range(1, len(result.arms)) if arms is None else arms
    swept = tuple(_swept(result, evidence, arm) for arm in arms)
    names = {arm.name for arm in swept}
    pairs = ((key if isinstance(key, tuple) else ("", key), value) for key, value in (published or {}).items())
    points = tuple((float(strength), float(value)) for (arm, strength), value in pairs if arm in {"", *names})
    everything = np.concatenate([np.zeros(0), *(arm.strengths for arm in swept), [strength for strength, _ in points]])
    none = int(result.path(0)[0])
    return SweepData(
        score=result.score.name,
        arms=swept,
        none_mean=float(evidence.validation.mean[none]),
        none_error=float(error_bars(result, evidence)[none]),
        error_name=error_bars_name(result),
        published=points,
        zero_at=zero_position(everything),
    )


def _swept(result: StudyResult, evidence: Evidence, arm: int) -> Swept:
    path = result.path(arm)
    finished, total = result.counts()
    point = {int(setting): index for index, setting in enumerate(path)}
    tensor = next(iter(sparse_tensors(result, arm)), "")
    return Swept(
        arm_index=arm,
        name=result.arms[arm].name,
        strengths=path_strengths(result, path, arm),
        mean=evidence.validation.mean[path],
        error=error_bars(result, evidence)[path],
        train=evidence.train.mean[path],
        finished=finished[path],
        total=total[path],
        summed=len(result.arms[arm].slots) > 1,
        ordered=is_monotone(result, path, arm),
        marks={rule: point[candidate] for rule, candidate in evidence.marks(arm).items()},
        tensor=tensor,
        zeros=zero_fractions(result, tensor)[path] if tensor else np.full(len(path), np.nan),
    )


def error_bars(result: StudyResult, evidence: Evidence) -> Float[np.ndarray, "setting"]:
    """Return the standard error over folds; with one fold, the standard deviation over seeds."""
    return evidence.validation.error if result.folds > 1 else evidence.validation.seed_sd


def error_bars_name(result: StudyResult) -> str:
    """Return the meaning of `error_bars`; empty if there is one fit each."""
    if result.folds > 1:
        return f"± 1 standard error over {result.folds} folds"
    return f"± 1 standard deviation over {len(result.seeds)} seeds" if len(result.seeds) > 1 else ""


def draw_sweep(data: SweepData, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw a sweep: bars, the training score as a thin line, `none` as a level, the rules as marks.

    One arm alone also gets the exact zeros of the first tensor that it charges, in a row above the axes.
    """
    look = get_theme(theme)
    ax = prepare_axes(ax, look)
    if not len(data.drawn_at):
        return write_sentence(ax, look, "No fit of a penalized arm finished, so there is no sweep to draw.")
    strength_axis(ax, look, data.drawn_at, data.zero_at)
    _draw_none(ax, look, data)
    for index, arm in enumerate(data.arms):
        _draw_arm(ax, look, arm, data.positions(index))
    if any((arm.ordered & arm.drawn).any() for arm in data.arms):
        ax.plot([], [], color=look.muted, linewidth=0.9, linestyle=(0, (4, 2)), label="train")
    for index, arm in enumerate(data.arms):
        _draw_rules(ax, look, arm, data.positions(index))
    _draw_published(ax, look, data)
    if any((arm.finished < arm.total).any() for arm in data.arms):
        low, high = ax.get_ylim()
        ax.set_ylim(low - 0.07 * (high - low), high)  # room for the counts
    summed, alone = any(arm.summed for arm in data.arms), len(data.arms) == 1
    above = _draw_zeros(ax, look, data.arms[0], data.zero_at) if alone else 0.0
    label_axes(
        ax,
        look,
        x="sum of the strengths" if summed else "strength",
        y=_ylabel(data),
        title=data.arms[0].name if alone else "",
        pad=6.0 + above,
    )
    draw_legend(ax, look)
    return ax


def _ylabel(data: SweepData) -> str:
    return f"validation {data.score}" + (f"\n{data.error_name}" if data.error_name else "\none fit each, no error bars")


def _draw_zeros(ax: Axes, look: Theme, arm: Swept, zero_at: float | None) -> float:
    """Write the exact zeros at each strength above the axes, and return the height in points."""
    points = np.isfinite(arm.zeros) & arm.ordered
    texts = [f"{100 * share:.0f}" for share in arm.zeros[points]]
    meaning = f"exact zeros in {shorten(arm.tensor, 30)}, %"
    return write_top_row(ax, look, axis_positions(arm.strengths[points], zero_at), texts, meaning)


def _draw_none(ax: Axes, look: Theme, data: SweepData) -> None:
    if not np.isfinite(data.none_mean):
        return
    ax.axhline(data.none_mean, color=look.muted, linewidth=1.4, linestyle=(0, (6, 2, 1, 2)), label="none", zorder=1.5)
    if np.isfinite(data.none_error):
        low, high = data.none_mean - data.none_error, data.none_mean + data.none_error
        ax.axhspan(low, high, color=look.muted, alpha=0.15, linewidth=0)


def _draw_arm(ax: Axes, look: Theme, arm: Swept, x: Float[np.ndarray, "point"]) -> None:
    colour, drawn = look.colour(arm.arm_index), arm.drawn
    if drawn.any():
        ax.errorbar(
            x[drawn],
            arm.mean[drawn],
            np.nan_to_num(arm.error[drawn]),
            color=colour,
            linestyle="none",
            elinewidth=1.1,
            capsize=2.5,
            zorder=3,
        )
        ax.plot(
            x[drawn],
            arm.mean[drawn],
            color=colour,
            marker=marker(arm.arm_index),
            markersize=5.5,
            linewidth=1.8,
            linestyle="-" if arm.ordered else "none",
            label=arm.label,
            zorder=3,
        )
        if arm.ordered:
            ax.plot(
                x[drawn],
                arm.train[drawn],
                color=colour,
                linewidth=0.9,
                linestyle=(0, (4, 2)),
                marker="_" if drawn.sum() == 1 else None,
                markersize=14,
            )
    _draw_unfinished(ax, look, arm, x)


def _draw_rules(ax: Axes, look: Theme, arm: Swept, x: Float[np.ndarray, "point"]) -> None:
    """Draw around the point of each rule: a ring for `best`, a square for `1se`, a star for `recommended`."""
    for rule, point in arm.marks.items():
        shape, size = RULE_MARKS[rule]
        ax.plot(
            x[point],
            arm.mean[point],
            marker=shape,
            markersize=size,
            linestyle="none",
            label=None if rule in ax.get_legend_handles_labels()[1] else rule,
            zorder=5,
            markeredgecolor=look.ink,
            markerfacecolor="none",
            markeredgewidth=1.3,
        )


def _draw_unfinished(ax: Axes, look: Theme, arm: Swept, x: Float[np.ndarray, "point"]) -> None:
    """Write `28/30` on the bottom edge under every strength with unfinished fits."""
    for point in np.flatnonzero(arm.finished < arm.total):
        text = ax.text(
            x[point],
            0.015,
            f"{arm.finished[point]}/{arm.total[point]}",
            ha="center",
            va="bottom",
            transform=ax.get_xaxis_transform(),
        )
        style_text(text, look, 7.5).set_color(look.colour(arm.arm_index))


def _draw_published(ax: Axes, look: Theme, data: SweepData) -> None:
    if not data.published:
        return
    ax.plot(
        data.published_at,
        [value for _, value in data.published],
        linestyle="none",
        marker="D",
        markersize=8,
        markerfacecolor="none",
        markeredgecolor=look.ink,
        markeredgewidth=1.3,
        label="published",
        zorder=6,
    )

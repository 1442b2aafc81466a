"""The frontier: score against the share of exact zeros in what is penalized."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes

from bridle._errors import InputError
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
from bridle.plots._sweep import error_bars, error_bars_name
from bridle.results import StudyResult
from bridle.stats import Evidence, find_optimal, nan_mean, weigh_evidence
from bridle.wording import measured_tensors, setting_name, shorten, sparse_tensors, strength_text, zero_fractions


@dataclass(frozen=True)
class FrontierData:
    """One point per candidate that has zeros and a score, `none` first."""

    score: str
    maximize: bool
    error_name: str
    arms: tuple[str, ...]
    """The names of all arms, by index."""
    setting: Int[np.ndarray, "point"]
    arm: Int[np.ndarray, "point"]
    name: tuple[str, ...]
    strengths: tuple[str, ...]
    """The strengths of each point, without the names of the slots."""
    zeros: Float[np.ndarray, "point"]
    """The fraction of exact zeros, mean over the tensors that the arm charges; for `none`, over those of all arms."""
    mean: Float[np.ndarray, "point"]
    error: Float[np.ndarray, "point"]
    optimal: Bool[np.ndarray, "point"]
    """True if no other point has at least as many zeros and at least as good a score, and more of one of them."""
    tensor: str = ""
    """The tensor whose zeros count for all arms; empty for what each arm charges."""

    @property
    def varies(self) -> bool:
        """True if the candidates differ in their zeros."""
        return len(self.zeros) > 1 and float(np.ptp(self.zeros)) > 0.005


def frontier_data(result: StudyResult, *, evidence: Evidence | None = None, tensor: str | None = None) -> FrontierData:
    """Return every candidate's mean score and the exact zeros in what its arm charges, or in one tensor for all arms.

    Both are means over seeds and folds. Pre-activations count through the outputs that follow them.

    Errors: `InputError` for a tensor whose zeros were not counted; those that were are listed.
    """
    evidence = evidence or weigh_evidence(result)
    share = np.full(len(result.setting_arm), np.nan) if tensor is None else _share_of(result, tensor)
    for arm in range(len(result.arms) if tensor is None else 0):
        share[result.path(arm)] = _share(result, arm)[result.path(arm)]
    mean, error = evidence.validation.mean, error_bars(result, evidence)
    order = np.concatenate([result.path(arm) for arm in range(len(result.arms))]).astype(int)
    points = order[np.isfinite(share[order]) & np.isfinite(mean[order])]
    sign = 1.0 if result.score.maximize else -1.0
    return FrontierData(
        score=result.score.name,
        maximize=result.score.maximize,
        error_name=error_bars_name(result),
        arms=tuple(arm.name for arm in result.arms),
        setting=points,
        arm=result.setting_arm[points],
        name=tuple(setting_name(result, int(setting)) for setting in points),
        strengths=tuple(", ".join(map(strength_text, result.strengths(int(setting)).values())) for setting in points),
        zeros=share[points],
        mean=mean[points],
        error=error[points],
        optimal=find_optimal(share[points], sign * mean[points]),
        tensor=tensor or "",
    )


def _share(result: StudyResult, arm: int) -> Float[np.ndarray, "setting"]:
    arms = [arm] if arm else range(1, len(result.arms))
    tensors = dict.fromkeys(name for index in arms for name in sparse_tensors(result, index))
    shares = [zero_fractions(result, tensor) for tensor in tensors]
    return nan_mean(np.stack(shares), 0) if shares else np.full(len(result.setting_arm), np.nan)


def _share_of(result: StudyResult, tensor: str) -> Float[np.ndarray, "setting"]:
    counted = counted_tensors(result)
    if tensor not in counted:
        raise InputError(
            f"Expected a tensor whose exact zeros are counted, as those that some arm charges, got {tensor!r}. "
            f"Counted: {', '.join(map(repr, counted)) or 'none'}."
        )
    return zero_fractions(result, tensor)


def counted_tensors(result: StudyResult) -> list[str]:
    """Return the tensors whose exact zeros are counted: those in which some arm can make zeros, then all others."""
    charged = dict.fromkeys(name for arm in range(1, len(result.arms)) for name in sparse_tensors(result, arm))
    return list(charged | dict.fromkeys(measured_tensors(result, "zeros")))


def draw_frontier(data: FrontierData, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw candidates as points with bars, the optimal ones filled and joined, the others hollow; `none` as a star."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, 6.4, 4.2)
    if not len(data.setting):
        return write_sentence(ax, look, "No exact zeros were measured, so there is no frontier to draw.")
    for arm in dict.fromkeys(data.arm.tolist()):
        _draw_arm(ax, look, data, arm)
    front = np.flatnonzero(data.optimal)[np.argsort(data.zeros[data.optimal], kind="stable")]
    ax.plot(
        100 * data.zeros[front],
        data.mean[front],
        color=look.ink,
        linewidth=1.2,
        linestyle=(0, (5, 2)),
        zorder=2.5,
        label="no candidate is better in both",
    )
    _annotate(ax, look, data, front)
    low, high = 100 * data.zeros.min(), 100 * data.zeros.max()
    margin = max(1.0, 0.06 * (high - low))
    ax.set_xlim(low - margin, high + margin)
    words = f"\n{data.error_name}" if data.error_name else ""
    where = shorten(data.tensor, 40) or "what the arm penalizes"
    label_axes(ax, look, x=f"exact zeros in {where}, %", y=f"validation {data.score}{words}")
    draw_legend(ax, look)
    return ax


def _draw_arm(ax: Axes, look: Theme, data: FrontierData, arm: int) -> None:
    points, colour = data.arm == arm, look.colour(arm)
    x, y = 100 * data.zeros, data.mean
    bars = {"color": colour, "linestyle": "none", "elinewidth": 0.9, "alpha": 0.55, "zorder": 2}
    ax.errorbar(x[points], y[points], np.nan_to_num(data.error[points]), **bars)
    shape, size = ("*", 13.0) if arm == 0 else (marker(arm), 6.5)
    for part, face in ((points & data.optimal, colour), (points & ~data.optimal, "none")):
        ax.plot(
            x[part],
            y[part],
            marker=shape,
            markersize=size,
            linestyle="none",
            markerfacecolor=face,
            markeredgecolor=colour,
            markeredgewidth=1.3,
            zorder=3,
        )
    style = {"marker": shape, "markersize": size, "linestyle": "none", "color": colour}
    ax.plot([], [], label=legend_name(shorten(data.arms[arm], 40)), **style)


def _annotate(ax: Axes, look: Theme, data: FrontierData, front: np.ndarray) -> None:
    """Write the strengths at both ends of the frontier."""
    for point in dict.fromkeys((front[0], front[-1])):
        if data.arm[point] == 0:
            continue
        right = data.zeros[point] < (data.zeros.min() + data.zeros.max()) / 2
        text = ax.annotate(
            data.strengths[point],
            (100 * data.zeros[point], data.mean[point]),
            xytext=(8 if right else -8, 7),
            textcoords="offset points",
            ha="left" if right else "right",
        )
        style_text(text, look, 8)

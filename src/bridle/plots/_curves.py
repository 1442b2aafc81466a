"""Learning curves: one quantity on training and validation rows over the epochs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes

from bridle._errors import InputError, nearest_names
from bridle.plots._style import (
    draw_legend,
    get_theme,
    label_axes,
    legend_name,
    line_style,
    prepare_axes,
    write_sentence,
)
from bridle.results import ALL_ROWS, StudyResult
from bridle.stats import Evidence, nan_mean, nan_sd, weigh_evidence
from bridle.wording import leading_arm, setting_name, shorten

LOG_AXIS_FACTOR = 30.0
"""A loss whose means span more than this factor gets a logarithmic axis."""


@dataclass(frozen=True)
class Curve:
    """One candidate over the epochs: means and standard deviations over its finished seeds and folds."""

    arm: int
    name: str
    finished: int
    total: int
    train: Float[np.ndarray, "point"]
    train_sd: Float[np.ndarray, "point"]
    validation: Float[np.ndarray, "point"]
    validation_sd: Float[np.ndarray, "point"]


@dataclass(frozen=True)
class CurvesData:
    """The curves of one quantity for some candidates, at the epochs `epochs`."""

    quantity: str
    epochs: Int[np.ndarray, "point"]
    curves: tuple[Curve, ...]

    @property
    def finished(self) -> tuple[Curve, ...]:
        """The curves of candidates with at least one finished fit."""
        return tuple(curve for curve in self.curves if curve.finished)

    @property
    def logarithmic(self) -> bool:
        """True for a logarithmic axis."""
        return self.quantity == "loss" and _spans(self.finished) > LOG_AXIS_FACTOR


def curves_data(
    result: StudyResult,
    *,
    quantity: str | None = None,
    settings: Sequence[int] | None = None,
    evidence: Evidence | None = None,
) -> CurvesData:
    """Average curves over seeds and folds. Unfinished fits are counted, not averaged.

    Args:
        result: what the study measured.
        quantity: a metric or `"loss"`, without `train/` or `validation/`; that of the score by default.
        settings: indices of candidates; `none` and the `best` of the leading arm by default.
        evidence: `weigh_evidence(result)`, if it is already computed.

    Errors: `InputError` for a quantity that was not measured.

    """
    quantity = quantity or result.score.measure
    if f"validation/{quantity}" not in result.quantities:
        measured = [name.removeprefix("validation/") for name in result.quantities if name.startswith("validation/")]
        raise InputError(
            f"Expected a quantity measured on validation rows, got {quantity!r}. {nearest_names(quantity, measured)}"
        )
    settings = compared_settings(result, evidence or weigh_evidence(result)) if settings is None else settings
    return CurvesData(quantity, result.epochs, tuple(_curve(result, setting, quantity) for setting in settings))


def compared_settings(result: StudyResult, evidence: Evidence) -> tuple[int, ...]:
    """Return the candidate of `none`, and the `best` of the penalized arm with the best mean."""
    arm, none = leading_arm(result, evidence), int(result.path(0)[0])
    return (none,) if arm is None else (none, evidence.candidate(arm))


def _curve(result: StudyResult, setting: int, quantity: str) -> Curve:
    fits = (result.members.setting == setting) & (result.members.fold != ALL_ROWS)
    finished = fits & result.members.finished
    parts = [
        result.quantity(f"{part}/{quantity}")[finished]
        if f"{part}/{quantity}" in result.quantities
        else np.full((int(finished.sum()), len(result.epochs)), np.nan)
        for part in ("train", "validation")
    ]
    (train, train_sd), (validation, validation_sd) = [(nan_mean(part, 0), nan_sd(part, 0)) for part in parts]
    return Curve(
        arm=int(result.setting_arm[setting]),
        name=setting_name(result, setting),
        finished=int(finished.sum()),
        total=int(fits.sum()),
        train=train,
        train_sd=train_sd,
        validation=validation,
        validation_sd=validation_sd,
    )


def draw_curves(data: CurvesData, ax: Axes | None = None, *, theme: str = "light") -> Axes:
    """Draw validation as thick lines and training as thin dashes, each with a band of one standard deviation."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look)
    curves, log = data.finished, data.logarithmic
    if not curves:
        return write_sentence(ax, look, "No fit finished, so there are no learning curves.")
    if log:
        ax.set_yscale("log")
    several, name = len(curves) > 1, ""
    for index, curve in enumerate(curves):
        name = _curve_name(curve)
        style = {"color": look.colour(curve.arm), "linewidth": 1.9, "linestyle": line_style(index)}
        _line(
            ax,
            data.epochs,
            curve.validation,
            curve.validation_sd,
            log,
            f"{name}: validation" if several else "validation",
            style,
        )
        style = {"color": look.colour(curve.arm), "linewidth": 1.0, "linestyle": (0, (3, 2))}
        _line(ax, data.epochs, curve.train, curve.train_sd, log, f"{name}: train" if several else "train", style)
    title = "" if several else name
    label_axes(ax, look, x="epoch", y=f"{data.quantity}, mean ± 1 sd", title=title)
    draw_legend(ax, look, columns=2)
    return ax


def _curve_name(curve: Curve) -> str:
    count = f" {curve.finished}/{curve.total}" if curve.finished < curve.total else ""
    return shorten(curve.name, 40) + count


def _line(ax: Axes, epochs: np.ndarray, mean: np.ndarray, sd: np.ndarray, log: bool, name: str, style: dict) -> None:
    finite = np.isfinite(mean)
    if not finite.any():
        return
    ax.plot(epochs[finite], mean[finite], label=legend_name(name), **style)
    low, high = band(mean[finite], sd[finite], log)
    ax.fill_between(epochs[finite], low, high, color=style["color"], alpha=0.14, linewidth=0)


def band(
    mean: Float[np.ndarray, "point"], sd: Float[np.ndarray, "point"], log: bool
) -> tuple[Float[np.ndarray, "point"], Float[np.ndarray, "point"]]:
    """Return the edges `mean ± sd`; on a logarithmic axis the lower one stays above a third of the mean."""
    spread = np.nan_to_num(sd)
    return np.maximum(mean - spread, mean / 3) if log else mean - spread, mean + spread


def _spans(curves: Sequence[Curve]) -> float:
    """Return the factor between the largest and the smallest mean; 1 if one of them is not positive."""
    means = np.concatenate([np.zeros(0), *(part for curve in curves for part in (curve.train, curve.validation))])
    means = means[np.isfinite(means)]
    return float(means.max() / means.min()) if len(means) and means.min() > 0 else 1.0

"""A penalized activation, before and after: rows × units as colours, and the distribution of its values."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes

from bridle._errors import InputError
from bridle.plots._pair import GAP, LabelledImage, draw_pair
from bridle.plots._style import draw_legend, get_theme, label_axes, legend_name, prepare_axes, write_sentence
from bridle.results import StudyResult
from bridle.stats import Evidence, weigh_evidence
from bridle.wording import brief_name, leading_arm, regularized_tensors, resolve_name, shorten

Kind = Literal["map", "histogram"]
BINS = 30


@dataclass(frozen=True)
class ActivationsData:
    """One activation on the same rows, without a penalty and with the best candidate of an arm."""

    tensor: str
    arm_index: int
    arm: str
    images: tuple[LabelledImage, LabelledImage]
    """Rows × units, the units that are largest after the penalty first."""
    classes: Int[np.ndarray, "row"]
    entries: int
    """Number of units in a row."""
    edges: Float[np.ndarray, "edge"]
    shares: Float[np.ndarray, "2 bin"]
    """The fraction of all values, before and after, that lies in each bin and is not exactly zero."""


def activation_tensors(result: StudyResult, arm: int, evidence: Evidence) -> list[str]:
    """Return the activations stored for `none` and the best candidate of an arm; those that it charges come first."""
    if arm not in evidence.choices or 0 not in evidence.choices:
        return []
    pair, targets = set(_pair(result, arm, evidence)), regularized_tensors(result, arm)
    names = [record.tensor for record in result.activations if pair <= set(record.settings)]
    return sorted(names, key=lambda name: targets.index(name) if name in targets else len(targets))


def activations_data(
    result: StudyResult, arm: int | None = None, tensor: str | None = None, *, evidence: Evidence | None = None
) -> ActivationsData:
    """Return one activation under `none` and under the best candidate of an arm, in refits of one seed.

    Args:
        result: what the study measured.
        arm: the index of the arm; by default the one with the best mean of those that penalize an activation.
        tensor: the activation by name; by default the first that the arm charges.
        evidence: `weigh_evidence(result)`, if it is already computed.

    Errors: `InputError` if no activation was stored, and for one that was not.

    """
    evidence = evidence or weigh_evidence(result)
    arm = _arm(result, evidence) if arm is None else arm
    missing = (
        f"Expected an arm that penalizes an activation, with refits that finished, got {result.arms[arm].name!r}. "
        "A study keeps the activations that its arms penalize."
    )
    tensor = resolve_name(tensor, activation_tensors(result, arm, evidence), "an activation that was kept", missing)
    record = next(record for record in result.activations if record.tensor == tensor)
    settings = _pair(result, arm, evidence)
    values = [np.asarray(record.values[record.settings.index(setting)], float) for setting in settings]
    order = np.argsort(-np.abs(values[1]).mean(axis=0), kind="stable")
    images = [
        LabelledImage(brief_name(result, setting), value[:, order], float((value == 0).mean()))
        for setting, value in zip(settings, values, strict=True)
    ]
    edges, shares = _histogram(values)
    return ActivationsData(
        tensor, arm, result.arms[arm].name, (images[0], images[1]), record.classes, record.entries, edges, shares
    )


def _pair(result: StudyResult, arm: int, evidence: Evidence) -> tuple[int, int]:
    """Return none and the candidate of an arm: the one that is handed over, or its best where only that was stored."""
    candidate = evidence.candidate(arm)
    stored = any(candidate in record.settings for record in result.activations)
    return evidence.choices[0].best, candidate if stored else evidence.choices[arm].best


def _arm(result: StudyResult, evidence: Evidence) -> int:
    """Return the penalized arm with the best mean of those whose activations were stored."""
    sign = 1.0 if result.score.maximize else -1.0
    arms = [arm for arm in evidence.choices if arm != 0 and activation_tensors(result, arm, evidence)]
    if not arms:
        leader = leading_arm(result, evidence)
        if leader is None:
            raise InputError("No fit of a penalized arm has finished, so there is no activation to show.")
        return leader
    return max(arms, key=lambda arm: sign * evidence.validation.mean[evidence.choices[arm].best])


def _histogram(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    finite = np.concatenate([value[np.isfinite(value)] for value in values])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts = [np.histogram(value[value != 0], edges)[0] / value.size for value in values]
    return edges, np.stack(counts)


def draw_activations(
    data: ActivationsData, ax: Axes | None = None, *, kind: Kind = "map", theme: str = "light"
) -> Axes:
    """Draw rows × units before and after (`kind="map"`), or both distributions in one histogram (`"histogram"`)."""
    look = get_theme(theme)
    ax = prepare_axes(ax, look, *((7.2, 3.6) if kind == "map" else (5.2, 3.6)))
    if kind == "histogram":
        return _draw_histogram(data, ax, theme)
    draw_pair(ax, look, data.images, "activation")
    rows, units = data.images[0].image.shape
    borders = (np.flatnonzero(np.diff(data.classes)) + 1) / rows
    for left in (0.0, 1.0 + GAP):
        ax.hlines(borders, left, left + 1, colors="#ffffff", linewidths=2.0)
        ax.hlines(borders, left, left + 1, colors="#000000", linewidths=0.7)
    some = f"{units} of {data.entries:,} units" if units < data.entries else f"{units} units"
    order = f"← {rows} rows by class" if len(data.classes) else f"← {rows} rows"
    label_axes(ax, look, x=f"{some}, largest after first →", y=order, title=f"{data.tensor}: {data.arm}", pad=34)
    return ax


def _draw_histogram(data: ActivationsData, ax: Axes, theme: str) -> Axes:
    look = get_theme(theme)
    if not data.shares.any():
        return write_sentence(ax, look, "Every value is exactly zero, before and after.")
    styles = (
        {"color": look.muted, "linewidth": 1.4, "linestyle": (0, (4, 2))},
        {"color": look.colour(data.arm_index), "linewidth": 1.9},
    )
    for image, shares, style in zip(data.images, data.shares, styles, strict=True):
        name = f"{shorten(image.name, 40)}: {100 * image.zeros:.0f} % exactly zero"
        ax.stairs(100 * shares, data.edges, label=legend_name(name), **style)
    ax.set_ylim(bottom=0)
    label_axes(ax, look, x=f"value in {shorten(data.tensor, 30)}", y="values that are not zero,\n% of all")
    draw_legend(ax, look, columns=1)
    return ax

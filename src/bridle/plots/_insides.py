"""The pictures of what lies inside trained networks: units, weights and activations, with captions and texts."""

import numpy as np

from bridle.plots._activations import ActivationsData, activation_tensors, activations_data, draw_activations
from bridle.plots._drawing import Drawing, panels
from bridle.plots._style import canvas, share_legend, themed
from bridle.plots._units import MIDDLE, UnitsData, draw_units, unit_tensors, units_data
from bridle.plots._weights import WeightsData, can_show, draw_weights, weights_data
from bridle.results import StudyResult
from bridle.stats import Evidence
from bridle.wording import join_names, leading_arm, strength_text

FANS = 4
"""The tensors whose units are drawn at most."""


def units_drawing(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    """The units of what the leading arm penalizes; None where it tried one strength, or no tensor has several units."""
    arm = leading_arm(result, evidence)
    if arm is None or len(result.path(arm)) < 2:
        return None
    names = unit_tensors(result, arm, own_only=True)[:FANS]
    data = [units_data(result, arm, name, evidence=evidence) for name in names]
    if not data:
        return None
    figure, axes = panels(len(data), 2, 3.7 if len(data) > 1 else 5.4, 3.5)
    for one, ax in zip(data, axes, strict=True):
        draw_units(one, ax, theme=theme)
    share_legend(figure, themed(theme))
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


def weights_drawing(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    """The weights of the leading arm before and after; None where no trained weights with names are there."""
    arm = leading_arm(result, evidence)
    if arm is None or not can_show(result, arm, evidence):
        return None
    data = weights_data(result, arm, evidence=evidence)
    figure = canvas(7.2, 3.6)
    draw_weights(data, figure.add_subplot(), theme=theme)
    caption = (
        f"{'The filters' if data.filters else 'The weights'} of {data.tensor} without a penalty and with the best one, "
        f"refitted from seed {data.seed}. One scale of colours, grey at zero."
    )
    caption += f" Shown: {data.note}." if data.note else ""
    return Drawing("weights", caption, _weights_alt(data), figure)


def _weights_alt(data: WeightsData) -> str:
    return f"{data.tensor}: {join_names([_zeros(shown.name, shown.zeros) for shown in data.shown])}."


def _zeros(name: str, share: float) -> str:
    return f"{100 * share:.0f} % exactly zero with {name}"


def activations_drawing(result: StudyResult, evidence: Evidence, theme: str) -> Drawing | None:
    """The activation that the best arm of its kind penalizes, as a map and as histograms; None where none was kept."""
    if not any(activation_tensors(result, arm, evidence) for arm in evidence.choices if arm != 0):
        return None
    data = activations_data(result, evidence=evidence)
    figure = canvas(7.2, 6.6)
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 2))
    draw_activations(data, upper, theme=theme)
    draw_activations(data, lower, kind="histogram", theme=theme)
    caption = (
        f"{data.tensor} on {len(data.shown[0].image)} training rows without a penalty and with the best one, refitted "
        "from one seed: rows and units as colours, and how the values that are not exactly zero are spread."
    )
    return Drawing("activations", caption, _activations_alt(data), figure)


def _activations_alt(data: ActivationsData) -> str:
    return f"{data.tensor}: {join_names([_zeros(shown.name, shown.zeros) for shown in data.shown])}."

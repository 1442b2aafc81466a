"""The learning curves as an interactive chart."""

import numpy as np

from bridle.plots import Curve, CurvesData, band
from bridle.report._chart_parts import (
    INK,
    TRAIN_DASH,
    Chart,
    Trace,
    axis_title,
    colour,
    faded,
    label,
    layout,
    numbers,
    toggle,
)
from bridle.wording import needed_decimals

STROKES = (("solid", "━"), ("9px,3px", "╍"), ("2px,2px", "┅"), ("dashdot", "┉"))
"""Line styles of the curves, repeated: plotly's dash, and a character for the toggle."""


def curves_chart(data: CurvesData) -> Chart | None:
    """Return a chart with thick validation and thin training curves and bands; None if no fit finished."""
    if not data.finished:
        return None
    decimals = needed_decimals([float(curve.validation[-1]) for curve in data.finished])
    traces: list[Trace] = []
    toggles: list[dict[str, str]] = []
    for index, curve in enumerate(data.finished):
        traces += _part(data, index, "train", decimals) + _part(data, index, "validation", decimals)
        toggles.append(toggle(f"setting {index}", _name(curve), STROKES[index % len(STROKES)][1], colour(curve.arm)))
    toggles += [toggle("validation", "validation", "━", INK), toggle("train", "train", "╌", INK)]
    y = {"title": axis_title(f"{data.quantity}, mean ± 1 sd"), "type": "log" if data.logarithmic else "linear"}
    first, last = float(data.epochs[0]), float(data.epochs[-1])
    x = {"title": axis_title("epoch"), "range": numbers([first, last + 0.02 * (last - first or 1.0)])}
    return {"traces": traces, "layout": layout(380, x, y), "toggles": toggles}


def _name(curve: Curve) -> str:
    return curve.name + (f" {curve.finished}/{curve.total}" if curve.finished < curve.total else "")


def _part(data: CurvesData, index: int, part: str, decimals: int) -> list[Trace]:
    """Return the mean curve of one candidate on the rows of one part, and its band of one standard deviation."""
    curve = data.finished[index]
    means, spreads = {
        "train": (curve.train, curve.train_sd),
        "validation": (curve.validation, curve.validation_sd),
    }[part]
    finite = np.isfinite(means)
    if not finite.any():
        return []
    epochs, mean, sd = data.epochs[finite], means[finite], spreads[finite]
    low, high = band(mean, sd, data.logarithmic)
    ink, needs = colour(curve.arm), [f"setting {index}", part]
    band_trace = {
        "mode": "lines",
        "x": numbers([*epochs, *epochs[::-1]]),
        "y": numbers([*low, *high[::-1]]),
        "fill": "toself",
        "fillcolor": faded(ink),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "meta": needs,
    }
    thick = part == "validation"
    dash = STROKES[index % len(STROKES)][0] if thick else TRAIN_DASH
    spread = f" ± %{{customdata:.{decimals}f}}" if np.isfinite(sd).any() else ""
    line = {
        "mode": "lines",
        "x": numbers(epochs),
        "y": numbers(mean),
        "customdata": numbers(sd),
        "line": {
            "color": ink,
            "width": 2.2 if thick else 1.1,
            "dash": dash,
        },
        # plotly does not expand variables inside the name that it puts into the template
        "name": label(curve.name),
        "hovertemplate": f"%{{fullData.name}}<br>epoch %{{x}}<br>{part} %{{y:.{decimals}f}}{spread}<extra></extra>",
        "meta": needs,
    }
    return [band_trace, line]

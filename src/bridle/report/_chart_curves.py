"""The learning curves as an interactive chart."""

import numpy as np

from bridle.plots import Curve, CurvesData, band
from bridle.report._literal import label
from bridle.report._plotly import INK, TRAIN, Chart, colour, faded, layout, numbers, titled, toggle
from bridle.wording import needed_decimals

STROKES = (("solid", "━"), ("9px,3px", "╍"), ("2px,2px", "┅"), ("dashdot", "┉"))


def curves_chart(data: CurvesData) -> Chart | None:
    """Validation thick and training thin for each setting, with bands; None where no fit finished."""
    if not data.finished:
        return None
    places = needed_decimals([float(curve.validation[-1]) for curve in data.finished])
    traces, toggles = [], []
    for number, curve in enumerate(data.finished):
        traces += _part(data, curve, number, "train", places) + _part(data, curve, number, "validation", places)
        toggles.append(toggle(f"setting {number}", _name(curve), STROKES[number % 4][1], colour(curve.arm)))
    toggles += [toggle("validation", "validation", "━", INK), toggle("train", "train", "╌", INK)]
    y = {"title": titled(f"{data.quantity}, mean ± 1 sd"), "type": "log" if data.logarithmic else "linear"}
    first, last = float(data.epochs[0]), float(data.epochs[-1])
    x = {"title": titled("epoch"), "range": numbers([first, last + 0.02 * (last - first or 1.0)])}
    return {"traces": traces, "layout": layout(380, x, y), "toggles": toggles}


def _name(curve: Curve) -> str:
    return curve.name + (f" {curve.finished}/{curve.total}" if curve.finished < curve.total else "")


def _part(data: CurvesData, curve: Curve, number: int, part: str, places: int) -> list[dict]:
    """A band of one standard deviation and the mean, on the rows of one part."""
    means, spreads = {
        "train": (curve.train, curve.train_sd),
        "validation": (curve.validation, curve.validation_sd),
    }[part]
    good = np.isfinite(means)
    if not good.any():
        return []
    epochs, mean, sd = data.epochs[good], means[good], spreads[good]
    low, high = band(mean, sd, data.logarithmic)
    ink, needs = colour(curve.arm), [f"setting {number}", part]
    around = {
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
    spread = f" ± %{{customdata:.{places}f}}" if np.isfinite(sd).any() else ""
    line = {
        "mode": "lines",
        "x": numbers(epochs),
        "y": numbers(mean),
        "customdata": numbers(sd),
        "line": {"color": ink, "width": 2.2 if thick else 1.1, "dash": STROKES[number % 4][0] if thick else TRAIN},
        # plotly does not look for variables in the name that it puts into the template
        "name": label(curve.name),
        "hovertemplate": f"%{{fullData.name}}<br>epoch %{{x}}<br>{part} %{{y:.{places}f}}{spread}<extra></extra>",
        "meta": needs,
    }
    return [around, line]

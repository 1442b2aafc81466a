"""The gains as an interactive chart: a forest plot."""

import math
from typing import Any

from bridle.plots import GainsData
from bridle.report._chart_parts import INK, MUTED, Chart, Trace, colour, label, layout, lines, numbers, toggle
from bridle.wording import decimal_text, needed_decimals

SHAPES = (("circle", "●"), ("diamond-open", "◇"), ("square-open", "□"), ("triangle-up-open", "△"))
"""Markers by source of rows, in the order of the picture: filled for validation, hollow for held-out parts."""
DASHES = ("solid", "dash", "dot", "dashdot")
"""Line styles by source of rows."""
NAME_PIXELS = 46
"""Height of the name of an arm above its intervals."""
INTERVAL_PIXELS = 20
"""Height of one interval."""


def gains_chart(data: GainsData) -> Chart | None:
    """Return a chart with one row per arm, an interval per source of rows, and a line at zero; None without any."""
    if not data.sources:
        return None
    row = NAME_PIXELS + INTERVAL_PIXELS * len(data.sources)
    traces = [
        _interval(data, index, arm)
        for arm in range(len(data.numbers))
        for index, source in enumerate(data.sources)
        if math.isfinite(source.difference[arm])
    ]
    names = [_heading(data, arm) for arm in range(len(data.numbers))]
    sense = lines([label(f"{data.score}: {_sense(data)}"), "right of zero is better"])
    zero = {"zeroline": True, "zerolinecolor": INK, "zerolinewidth": 1.5}
    x = {"title": {"text": sense, "standoff": 12}, "range": _axis_range(traces), **zero}
    y = {"visible": False, "range": [len(names) - 0.5, -0.5]}
    looks = layout(76 + row * len(names), x, y, annotations=names)
    needs = [[_key(data, arm)] for arm in range(len(names))]
    return {"traces": traces, "layout": looks, "toggles": _toggles(data), "needs": needs}


def _key(data: GainsData, arm: int) -> str:
    return f"arm {data.numbers[arm]}"


def _interval(data: GainsData, index: int, arm: int) -> Trace:
    """Return a line from end to end with a marker at the difference, or the marker alone without an interval."""
    source = data.sources[index]
    difference, low, high = (float(values[arm]) for values in (source.difference, source.low, source.high))
    decimals = needed_decimals([difference])
    bounded = math.isfinite(low) and math.isfinite(high)
    x = [low, difference, high] if bounded else [difference]
    y = (
        arm
        - 0.5
        + (NAME_PIXELS + INTERVAL_PIXELS * (index + 0.4)) / (NAME_PIXELS + INTERVAL_PIXELS * len(data.sources))
    )
    ink = colour(data.numbers[arm])
    bounds = f"interval {decimal_text(low, decimals)} to {decimal_text(high, decimals)}" if bounded else "no interval"
    hover = [
        label(data.names[arm]),
        label(data.strengths[arm], 80),
        label(f"{source.name} rows, over {source.over}"),
        f"difference {decimal_text(difference, decimals)}",
        bounds,
    ]
    return {
        "mode": "lines+markers",
        "x": numbers(x),
        "y": numbers([y] * len(x)),
        "line": {"color": ink, "width": 2, "dash": DASHES[index % len(DASHES)]},
        "marker": {
            "symbol": SHAPES[index % len(SHAPES)][0],
            "size": [0, 11, 0] if bounded else 11,
            "color": ink,
            "opacity": 1,
            "line": {"color": ink, "width": 1.8},
        },
        "hoverinfo": "text",
        "hovertext": lines(hover),
        "meta": [_key(data, arm), f"source {index}"],
    }


def _heading(data: GainsData, arm: int) -> dict[str, Any]:
    """Return the name of an arm and its strengths, above its intervals so that they fit on a narrow page."""
    return {
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "xshift": 4,
        "y": arm - 0.5,
        "yanchor": "top",
        "showarrow": False,
        "align": "left",
        "text": lines([label(data.names[arm], 44), label(data.strengths[arm], 50)]),
    }


def _sense(data: GainsData) -> str:
    return "arm minus none" if data.maximize else "none minus arm"


def _axis_range(traces: list[Trace]) -> list[float]:
    """Return the range of the axis: all intervals and zero, with some room on both sides."""
    values = [0.0, *(x for trace in traces for x in trace["x"])]
    room = 0.06 * (max(values) - min(values)) or 1.0
    return [float(f"{end:.6g}") for end in (min(values) - room, max(values) + room)]


def _toggles(data: GainsData) -> list[dict[str, str]]:
    """Return a button for each arm and each source, if there are several."""
    arms = [toggle(_key(data, arm), data.names[arm], "━", colour(index)) for arm, index in enumerate(data.numbers)]
    sources = [
        toggle(f"source {index}", source.name, SHAPES[index % len(SHAPES)][1], MUTED)
        for index, source in enumerate(data.sources)
    ]
    return [*(arms if len(arms) > 1 else []), *(sources if len(sources) > 1 else [])]

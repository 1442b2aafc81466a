"""The gains as an interactive chart: a forest plot."""

import math

from bridle.plots import GainsData, Source
from bridle.report._literal import label
from bridle.report._plotly import INK, MUTED, Chart, colour, layout, lines, numbers, toggle
from bridle.wording import decimal_text, needed_decimals

SHAPES = (("circle", "●"), ("diamond-open", "◇"), ("square-open", "□"), ("triangle-up-open", "△"))
"""Validation is filled; each held-out part is hollow, in the order of the picture."""
DASHES = ("solid", "dash", "dot", "dashdot")
NAME, INTERVAL = 46, 20
"""Pixels that the name of an arm takes above its intervals, and that each of them takes."""


def gains_chart(data: GainsData) -> Chart | None:
    """One row per arm with an interval for each source of rows, and a line at zero; None without any."""
    if not data.sources:
        return None
    row = NAME + INTERVAL * len(data.sources)
    traces = [
        _interval(data, source, place, arm)
        for arm in range(len(data.numbers))
        for place, source in enumerate(data.sources)
        if math.isfinite(source.difference[arm])
    ]
    names = [_name(data, arm) for arm in range(len(data.numbers))]
    sense = lines([label(f"{data.score}: {_sense(data)}"), "right of zero is better"])
    zero = {"zeroline": True, "zerolinecolor": INK, "zerolinewidth": 1.5}
    x = {"title": {"text": sense, "standoff": 12}, "range": _ends(traces), **zero}
    y = {"visible": False, "range": [len(names) - 0.5, -0.5]}
    looks = layout(76 + row * len(names), x, y, annotations=names)
    needs = [[_key(data, arm)] for arm in range(len(names))]
    return {"traces": traces, "layout": looks, "toggles": _toggles(data), "needs": needs}


def _key(data: GainsData, arm: int) -> str:
    return f"arm {data.numbers[arm]}"


def _interval(data: GainsData, source: Source, place: int, arm: int) -> dict[str, object]:
    """A line from end to end with a marker at the difference; the marker alone where there is no interval."""
    difference, low, high = (float(values[arm]) for values in (source.difference, source.low, source.high))
    places = needed_decimals([difference])
    known = math.isfinite(low) and math.isfinite(high)
    x = [low, difference, high] if known else [difference]
    y = arm - 0.5 + (NAME + INTERVAL * (place + 0.4)) / (NAME + INTERVAL * len(data.sources))
    ink = colour(data.numbers[arm])
    bounds = f"interval {decimal_text(low, places)} to {decimal_text(high, places)}" if known else "no interval"
    said = [
        label(data.names[arm]),
        label(data.strengths[arm], 80),
        label(f"{source.name} rows, over {source.over}"),
        f"difference {decimal_text(difference, places)}",
        bounds,
    ]
    return {
        "mode": "lines+markers",
        "x": numbers(x),
        "y": numbers([y] * len(x)),
        "line": {"color": ink, "width": 2, "dash": DASHES[place % len(DASHES)]},
        "marker": {
            "symbol": SHAPES[place % len(SHAPES)][0],
            "size": [0, 11, 0] if known else 11,
            "color": ink,
            "opacity": 1,
            "line": {"color": ink, "width": 1.8},
        },
        "hoverinfo": "text",
        "hovertext": lines(said),
        "meta": [_key(data, arm), f"source {place}"],
    }


def _name(data: GainsData, arm: int) -> dict[str, object]:
    """The name of an arm and its strengths, above its intervals: so that a narrow page has room for them."""
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


def _ends(traces: list[dict]) -> list[float]:
    """An axis that has all intervals and zero on it, with some room on both sides."""
    places = [0.0, *(x for trace in traces for x in trace["x"])]
    room = 0.06 * (max(places) - min(places)) or 1.0
    return numbers([min(places) - room, max(places) + room])


def _toggles(data: GainsData) -> list[dict[str, str]]:
    """A button for each arm and each source, where there are several."""
    arms = [toggle(_key(data, arm), data.names[arm], "━", colour(number)) for arm, number in enumerate(data.numbers)]
    sources = [
        toggle(f"source {place}", source.name, SHAPES[place % len(SHAPES)][1], MUTED)
        for place, source in enumerate(data.sources)
    ]
    return [*(arms if len(arms) > 1 else []), *(sources if len(sources) > 1 else [])]

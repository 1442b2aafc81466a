"""The sweep as an interactive chart: score against strength."""

import math
from typing import Any

import numpy as np

from bridle.plots import SweepData, Swept, Ticks
from bridle.report._chart_parts import (
    INK,
    MUTED,
    TRAIN_DASH,
    Chart,
    Trace,
    axis_title,
    colour,
    faded,
    label,
    layout,
    lines,
    numbers,
    symbol,
    toggle,
)
from bridle.wording import decimal_text, needed_decimals, score_decimals, strength_text

RULES = {
    "best": ("circle-open", "○", 17),
    "1se": ("square-open", "□", 21),
    "recommended": ("star-open", "☆", 23),
}
"""Selection rules: plotly's symbol, a character for the toggle, size in pixels."""


def sweep_chart(data: SweepData) -> Chart | None:
    """Return a chart of each arm along its strengths, with error bars, training scores, `none` and the rules.

    Return None if no fit finished.
    """
    ticks = data.ticks
    if ticks is None:
        return None
    traces = [*_level(data, ticks)]
    for index, arm in enumerate(data.arms):
        traces += _arm(data, index, arm)
    for index, arm in enumerate(data.arms):
        traces += _rules(data, index, arm)
    traces += _published(data)
    return {"traces": traces, "layout": _layout(data, ticks), "toggles": _toggles(data, traces)}


def _key(arm: Swept) -> str:
    return f"arm {arm.arm_index}"


def _level(data: SweepData, ticks: Ticks) -> list[Trace]:
    """Return a line at the score of `none`, with a point to hover at every strength, and its band."""
    if not math.isfinite(data.none_mean):
        return []
    low, high = _ends(data, ticks)
    x = numbers(sorted({low, *data.drawn_at.tolist(), high}))
    text = f"validation {data.score} {_with_error(data.none_mean, data.none_error)}"
    line = {
        "mode": "lines",
        "x": x,
        "y": numbers([data.none_mean] * len(x)),
        "line": {"color": MUTED, "width": 1.6, "dash": "dashdot"},
        "hoverinfo": "text",
        "hovertext": lines(["none", label(text)]),
        "meta": ["none"],
    }
    if not math.isfinite(data.none_error):
        return [line]
    below, above = data.none_mean - data.none_error, data.none_mean + data.none_error
    band = {
        "mode": "lines",
        "x": numbers([low, high, high, low]),
        "y": numbers([below, below, above, above]),
        "fill": "toself",
        "fillcolor": faded(MUTED),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "meta": ["none"],
    }
    return [band, line]


def _arm(data: SweepData, index: int, arm: Swept) -> list[Trace]:
    """Return the points of an arm with their bars and, if a line has a meaning, its training scores."""
    drawn, ink = arm.drawn, colour(arm.arm_index)
    if not drawn.any():
        return []
    x = numbers(data.positions(index)[drawn])
    points = {
        "mode": "lines+markers" if arm.ordered else "markers",
        "x": x,
        "y": numbers(arm.mean[drawn]),
        "error_y": {
            "type": "data",
            "array": numbers(np.nan_to_num(arm.error[drawn])),
            "color": ink,
            "thickness": 1.2,
            "width": 3,
        },
        "marker": {"symbol": symbol(arm.arm_index)[0], "size": 9, "color": ink},
        "line": {"color": ink, "width": 2},
        "hoverinfo": "text",
        "hovertext": [_hover_text(data, arm, int(point)) for point in np.flatnonzero(drawn)],
        "meta": [_key(arm)],
    }
    if not arm.ordered:
        return [points]
    train = {
        "mode": "lines" if len(x) > 1 else "markers",
        "x": x,
        "y": numbers(arm.train[drawn]),
        "line": {"color": ink, "width": 1, "dash": TRAIN_DASH},
        "marker": {"symbol": "line-ew-open", "size": 14, "color": ink},
        "hoverinfo": "skip",
        "meta": [_key(arm), "train"],
    }
    return [train, points]


def _hover_text(data: SweepData, arm: Swept, point: int) -> str:
    """Return the text of the point of one strength."""
    rules = [rule for rule, index in arm.marks.items() if index == point]
    train, finished, total = float(arm.train[point]), int(arm.finished[point]), int(arm.total[point])
    return lines(
        [
            label(arm.name),
            f"{'sum of the strengths' if arm.summed else 'strength'} {strength_text(float(arm.strengths[point]))}",
            label(f"validation {data.score} {_with_error(arm.mean[point], arm.error[point])}"),
            f"train {decimal_text(train, score_decimals(train, float(arm.error[point])))}"
            if math.isfinite(train)
            else "",
            f"{finished}/{total} fits finished" if finished < total else "",
            f"rule: {', '.join(rules)}" if rules else "",
        ]
    )


def _with_error(mean: float, error: float) -> str:
    decimals = score_decimals(float(mean), float(error))
    return decimal_text(float(mean), decimals) + (
        f" ± {decimal_text(float(error), decimals)}" if math.isfinite(error) else ""
    )


def _rules(data: SweepData, index: int, arm: Swept) -> list[Trace]:
    """Return a mark around the point that each rule selects."""
    x = data.positions(index)
    return [
        {
            "mode": "markers",
            "x": numbers([x[point]]),
            "y": numbers([arm.mean[point]]),
            "marker": {"symbol": RULES[rule][0], "size": RULES[rule][2], "color": INK, "line": {"width": 1.6}},
            "hoverinfo": "skip",
            "meta": [_key(arm), rule],
        }
        for rule, point in arm.marks.items()
    ]


def _published(data: SweepData) -> list[Trace]:
    """Return the published scores as diamonds."""
    if not data.published:
        return []
    return [
        {
            "mode": "markers",
            "x": numbers(data.published_at),
            "y": numbers(value for _, value in data.published),
            "marker": {"symbol": "diamond-open", "size": 12, "color": INK, "line": {"width": 1.6}},
            "hoverinfo": "text",
            "hovertext": [
                lines(["published", f"strength {strength_text(s)}", decimal_text(v, needed_decimals([v]))])
                for s, v in data.published
            ],
            "meta": ["published"],
        }
    ]


def _toggles(data: SweepData, traces: list[Trace]) -> list[dict]:
    """Return a button for each arm, then for the other traces of the chart."""
    keys = {key for trace in traces for key in trace["meta"]}
    others = [
        ("none", "┄", MUTED),
        ("train", "╌", MUTED),
        *((rule, glyph, INK) for rule, (_, glyph, _) in RULES.items()),
        ("published", "◇", INK),
    ]
    arms = [toggle(_key(arm), arm.name, symbol(arm.arm_index)[1], colour(arm.arm_index)) for arm in data.arms]
    return [*arms, *(toggle(name, name, glyph, ink) for name, glyph, ink in others if name in keys)]


def _ends(data: SweepData, ticks: Ticks) -> tuple[float, float]:
    """Return both ends of the axis, with room for arms that are drawn side by side."""
    positions = [data.positions(index) for index, arm in enumerate(data.arms) if arm.drawn.any()]
    x = np.concatenate([data.drawn_at, *positions])
    return min(ticks.low, float(x.min()) / 1.25), max(ticks.high, float(x.max()) * 1.25)


def _layout(data: SweepData, ticks: Ticks) -> dict[str, Any]:
    title = "sum of the strengths" if any(arm.summed for arm in data.arms) else "strength"
    x = {
        "type": "log",
        "range": numbers(math.log10(end) for end in _ends(data, ticks)),
        "tickvals": list(ticks.at),
        "ticktext": list(ticks.names),
        "title": axis_title(title),
    }
    bars = data.error_name or "one fit each, no error bars"
    y = {"title": {"text": lines([label(f"validation {data.score}"), label(bars)]), "standoff": 12}}
    borders = [] if ticks.zero_boundary is None else [_vertical_line(ticks.zero_boundary)]
    return layout(420, x, y, shapes=borders)


def _vertical_line(x: float) -> dict[str, Any]:
    line = {"color": MUTED, "width": 1, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}

"""Nine arms have nine distinct looks, also in grey and for readers who see few colours."""

from itertools import combinations

import pytest
from matplotlib.colors import to_rgb

from bridle.plots import THEMES, draw_sweep, marker, sweep_data
from bridle.report._chart_parts import colour, symbol

ARMS = range(1, 10)
LEAST_DISTANCE = 20.0
"""The least distance of two colours in CIELAB; 2 is just visible side by side."""


def lab(code: str) -> tuple[float, float, float]:
    """Return a colour in CIELAB."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(code))
    parts = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in parts)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nine_colours_differ(theme: str) -> None:
    """Between each other and from the grey of `none`."""
    colours = [lab(THEMES[theme].colour(arm)) for arm in (0, *ARMS)]
    for one, two in combinations(colours, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) ** 0.5 > LEAST_DISTANCE


def test_nine_markers_differ_in_pictures_and_charts() -> None:
    """They tell arms apart where there is no colour."""
    assert len({marker(arm) for arm in ARMS}) == 9
    assert len({symbol(arm) for arm in ARMS}) == 9
    assert len({(marker(arm), colour(arm)) for arm in range(1, 91)}) == 90


def test_the_lines_of_nine_arms_differ(study) -> None:
    """As they are drawn."""
    result = study(arms={f"arm {i}": {f"layer{i}/kernel l1": [1e-3, 1e-2]} for i in ARMS})
    lines = {line.get_label(): line for line in draw_sweep(sweep_data(result)).lines}
    looks = [lines[f"arm {i}"] for i in ARMS]
    assert len({line.get_marker() for line in looks}) == 9
    assert len({line.get_color() for line in looks}) == 9

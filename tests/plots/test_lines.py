"""Lines over a number: what is drawn is what was given."""

import numpy as np
import pytest

from bridle._errors import InputError
from bridle.plots import THEMES, LineSeries, draw_lines, lines_alt

X = np.array([9.0, 16.0, 300.0])
SERIES = [LineSeries("published", X, np.array([3.0, 5.0, 2.0])), LineSeries("ours", X, X / 100, np.full(3, 0.5))]


@pytest.mark.parametrize("theme", THEMES)
def test_lines_and_intervals_are_those_given(theme: str) -> None:
    """Positions, values, ends of the intervals, and a tick at each position; the first line is grey."""
    (ax,) = draw_lines(SERIES, x="units", y="error, %", theme=theme).axes
    first, second = (container.lines[0] for container in ax.containers)
    assert first.get_xydata().tolist() == [[9.0, 3.0], [16.0, 5.0], [300.0, 2.0]]
    assert first.get_color() == THEMES[theme].muted
    assert second.get_color() == THEMES[theme].hues[0]
    bars = ax.containers[1].lines[2][0].get_segments()
    assert bars[0][:, 1].tolist() == pytest.approx([-0.41, 0.59])
    assert ax.get_xscale() == "log"
    assert [ax.xaxis.get_major_formatter()(tick) for tick in ax.get_xticks()] == ["9", "16", "300"]
    (ax,) = draw_lines(SERIES, x="units", y="error, %", log=False).axes
    assert ax.get_xscale() == "linear"


def test_words_for_the_picture() -> None:
    """Both ends and the highest point of each line."""
    assert lines_alt(SERIES[:1], "units", "error") == (
        "error against units. published: 3 at 9, 2 at 300, highest 5 at 16."
    )


def test_lines_of_other_length_are_refused() -> None:
    """In a sentence."""
    with pytest.raises(InputError, match="Expected as many values as positions, got 2 for 3"):
        LineSeries("short", X, X[:2])

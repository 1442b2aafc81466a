"""Strengths, grids and the text of penalties."""

import numpy as np
import pytest

import bridle
from bridle import BridleError
from bridle.regularizers import AUTO, Grid, parse_penalty


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("l2(1e-3)", "L2(strength=0.001)"),
        ("L1(auto)", "L1(strength=auto)"),
        ("l1", "L1(strength=auto)"),
        ("l1('auto', per='batch')", "L1(strength=auto, per='batch')"),
        ("l1l2(l1=1e-4, l2=grid(1e-6, 1e-1))", "L1L2(l1=0.0001, l2=1e-06..0.1)"),
        ("l1l2(0.1, 0.2, per=unit)", "L1L2(l1=0.1, l2=0.2, per='unit')"),
        ("l2([0, 0.1])", "L2(strength=0..0.1)"),
    ],
)
def test_reads_text(text: str, shown: str) -> None:
    """The same dictionary in Python, in a file and on the command line."""
    assert repr(parse_penalty(text)) == shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("l3(1)", "known regularizer"),
        ("l1(-1)", "≥ 0 and finite"),
        ("l1(1e999)", "finite"),
        ("l1(nan)", "the text 'nan'"),
        ("l1([])", "empty grid"),
        ("l2(", "Write for example"),
        ("", "Write for example"),
        ("l1(1, 2)", "arguments strength, per"),
        ("l1(1, strength=2)", "each argument of l1 once"),
        ("l1(strength=1, strength=2)", "each argument of l1 once"),
        ("l2(steps({0: 1, 0: 2}))", "each once"),
        ("l2(grid(1e-6, 1e-1, 1000000000000))", "10,000 points"),
        ("l2(0x" + "f" * 5000 + ")", "a larger one"),
        ("l1(per=row)", "per='sample', 'batch' or 'unit'"),
        ("l1(grid(1, 0.1))", "0 < low < high"),
        ("l1(__import__('os'))", "Expected a number"),
        ("l1(True)", "Expected a strength"),
        ("l1(1)(2)", "Write for example"),
    ],
)
def test_refuses_text_with_a_sentence(text: str, said: str) -> None:
    """Expected, got, what next."""
    with pytest.raises(BridleError, match="Expected") as refused:
        parse_penalty(text)
    assert said in str(refused.value)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "strong", [], [0.1, -1], None, object()])
def test_refuses_strengths(value: object) -> None:
    """A strength is a real number, finite and not negative."""
    with pytest.raises(ValueError, match=r"Expected .*strength"):
        bridle.L2(value)


def test_grid_is_logarithmic_and_exact_at_decades() -> None:
    """One point per decade unless more are asked for; decades are the numbers a person writes."""
    assert bridle.grid(1e-4, 1e-1).values == (1e-4, 1e-3, 1e-2, 1e-1)
    assert len(bridle.grid(1e-4, 1e-1, 7).values) == 7
    assert np.allclose(np.diff(np.log10(bridle.grid(1e-4, 1e-1, 7).values)), 0.5)


def test_grid_continues_in_its_own_steps() -> None:
    """Extending adds whole decades beyond the edge and moves nothing."""
    assert AUTO.wider(low=False, high=True).values[-2:] == (10.0, 100.0)
    assert Grid((1e-5, 1e-3, 1e-1), open=True).wider(low=True, high=False, decades=2).values[0] < 1e-6


def test_a_range_cannot_be_called() -> None:
    """`auto` needs a study."""
    with pytest.raises(ValueError, match="Give a number, or let"):
        bridle.L1("auto")(np.ones(3))

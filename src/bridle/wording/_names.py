"""How settings and numbers are written, in pictures and in words alike."""

import math

from bridle._text import escape_control_characters
from bridle.results import StudyResult


def strength_text(value: float) -> str:
    """A strength as a person writes it.

    >>> strength_text(0.003), strength_text(1e-05), strength_text(0.0)
    ('0.003', '1e-5', '0')
    """
    if value == 0 or 1e-3 <= value < 1e5:
        return f"{value:.6g}"
    digits, _, exponent = f"{value:.5e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"


def strengths_text(result: StudyResult, setting: int) -> str:
    """The strengths of one setting: `hidden/output l1 = 0.003`; empty where its arm has none."""
    return ", ".join(f"{slot} = {strength_text(value)}" for slot, value in result.strengths(setting).items())


def setting_name(result: StudyResult, setting: int) -> str:
    """One setting in words: its arm, and its strengths in brackets."""
    arm = result.arms[result.setting_arm[setting]].name
    strengths = strengths_text(result, setting)
    return f"{arm} ({strengths})" if strengths else arm


def brief_name(result: StudyResult, setting: int) -> str:
    """One setting in few words: its arm, and its strengths without the names of their slots."""
    arm = result.arms[result.setting_arm[setting]].name
    strengths = ", ".join(map(strength_text, result.strengths(setting).values()))
    return f"{shorten(arm, 30)}: {strengths}" if strengths else arm


def shorten(name: str, width: int) -> str:
    """`name` in at most `width` characters, its middle left out, since names often differ at the end.

    What is not seen in it is written as codes.

    >>> shorten("encoder/block_1/attention/kernel", 20)
    'encoder/block…kernel'
    """
    name = escape_control_characters(name)
    if len(name) <= width:
        return name
    tail = width // 3
    return f"{name[: width - tail - 1]}…{name[len(name) - tail :]}"


def needed_decimals(values: list[float]) -> int:
    """How many decimals show three digits of the largest of `values`.

    >>> needed_decimals([0.77, 1.0]), needed_decimals([0.051]), needed_decimals([2900.0])
    (3, 4, 0)
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return min(8, max(0, 3 - math.ceil(math.log10(largest)))) if largest > 0 else 3


def score_decimals(mean: float, error: float) -> int:
    """Return the decimals that show three digits of a mean and one of its standard error, as far as single precision
    has them.

    >>> score_decimals(0.8123, 0.02), score_decimals(17.1, 9.3), score_decimals(0.31214, 0.00041)
    (3, 1, 4)
    """
    if not math.isfinite(mean):
        return 3
    most = max(0, 6 - math.floor(math.log10(abs(mean)))) if mean else 7
    digits = -math.floor(math.log10(error)) if math.isfinite(error) and error > 0 else 0
    return max(needed_decimals([mean]), min(digits, most))


def decimal_text(value: float, places: int) -> str:
    """`value` with `places` decimals, or with two digits where that would leave only zeros.

    >>> decimal_text(0.8123, 3), decimal_text(0.000412, 3), decimal_text(float("nan"), 3)
    ('0.812', '0.00041', 'unknown')
    """
    if not math.isfinite(value):
        return "unknown"
    if value and abs(value) < 0.95 * 10.0**-places:
        return f"{float(f'{value:.2g}'):.{min(12, 1 - math.floor(math.log10(abs(value))))}f}"
    return f"{value + 0.0:.{places}f}"


def join_names(names: list[str]) -> str:
    """Names as a person lists them.

    >>> join_names(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""

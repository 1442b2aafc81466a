"""Settings and numbers as text, the same in pictures and reports."""

import math

from bridle._text import escape_control_characters
from bridle.results import StudyResult


def strength_text(value: float) -> str:
    """Return a strength in short form.

    >>> strength_text(0.003), strength_text(1e-05), strength_text(0.0)
    ('0.003', '1e-5', '0')
    """
    if value == 0 or 1e-3 <= value < 1e5:
        return f"{value:.6g}"
    digits, _, exponent = f"{value:.5e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"


def strengths_text(result: StudyResult, setting: int) -> str:
    """Return the strengths of one setting, such as `hidden/output l1 = 0.003`; empty for an arm without any."""
    return ", ".join(f"{slot} = {strength_text(value)}" for slot, value in result.strengths(setting).items())


def setting_name(result: StudyResult, setting: int) -> str:
    """Return the name of a setting: its arm, and its strengths in brackets."""
    arm = result.arms[result.setting_arm[setting]].name
    strengths = strengths_text(result, setting)
    return f"{arm} ({strengths})" if strengths else arm


def brief_name(result: StudyResult, setting: int) -> str:
    """Return a short name of a setting: its arm, and its strengths without the names of their slots."""
    arm = result.arms[result.setting_arm[setting]].name
    strengths = ", ".join(map(strength_text, result.strengths(setting).values()))
    return f"{shorten(arm, 30)}: {strengths}" if strengths else arm


def shorten(name: str, width: int) -> str:
    """Shorten a name to at most `width` characters by leaving out its middle, since names often differ at the end.

    Control characters are escaped.

    >>> shorten("encoder/block_1/attention/kernel", 20)
    'encoder/block…kernel'
    """
    name = escape_control_characters(name)
    if len(name) <= width:
        return name
    tail = width // 3
    return f"{name[: width - tail - 1]}…{name[len(name) - tail :]}"


def needed_decimals(values: list[float]) -> int:
    """Return the decimals that show three digits of the largest of `values`.

    >>> needed_decimals([0.77, 1.0]), needed_decimals([0.051]), needed_decimals([2900.0])
    (3, 4, 0)
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return min(8, max(0, 3 - math.ceil(math.log10(largest)))) if largest > 0 else 3


def score_decimals(mean: float, error: float) -> int:
    """Return the decimals that show three digits of a mean and one of its standard error, limited by
    single precision.

    >>> score_decimals(0.8123, 0.02), score_decimals(17.1, 9.3), score_decimals(0.31214, 0.00041)
    (3, 1, 4)
    """
    if not math.isfinite(mean):
        return 3
    most = max(0, 6 - math.floor(math.log10(abs(mean)))) if mean else 7
    digits = -math.floor(math.log10(error)) if math.isfinite(error) and error > 0 else 0
    return max(needed_decimals([mean]), min(digits, most))


def decimal_text(value: float, decimals: int) -> str:
    """Return a value with some decimals, or with two digits if the decimals would be only zeros.

    >>> decimal_text(0.8123, 3), decimal_text(0.000412, 3), decimal_text(float("nan"), 3)
    ('0.812', '0.00041', 'unknown')
    """
    if not math.isfinite(value):
        return "unknown"
    if value and abs(value) < 0.95 * 10.0**-decimals:
        return f"{float(f'{value:.2g}'):.{min(12, 1 - math.floor(math.log10(abs(value))))}f}"
    return f"{value + 0.0:.{decimals}f}"


def join_names(names: list[str]) -> str:
    """Join names with commas and a final "and".

    >>> join_names(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""

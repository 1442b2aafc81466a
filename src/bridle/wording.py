"""Numbers, names and tensors of a result as text, and text that is safe to display."""

import math
import re
from fnmatch import fnmatchcase

import numpy as np
from jaxtyping import Float

from bridle._errors import InputError, nearest_names
from bridle.results import StudyResult
from bridle.stats import Evidence, nan_mean, rank_arms

__all__ = [
    "CONTROL_CHARACTERS",
    "brief_name",
    "decimal_text",
    "escape_control_characters",
    "has_valid_characters",
    "is_weight",
    "join_names",
    "leading_arm",
    "measured_tensors",
    "needed_decimals",
    "regularized_tensors",
    "resolve_name",
    "score_decimals",
    "setting_name",
    "shorten",
    "sparse_tensors",
    "strength_text",
    "strengths_text",
    "zero_fractions",
]


def measured_tensors(result: StudyResult, kind: str) -> list[str]:
    """Return the tensors that have the diagnostic `kind`."""
    return [name.partition("/")[2] for name in result.diagnostic_names if name.startswith(f"{kind}/")]


def is_weight(result: StudyResult, target: str) -> bool:
    """Return True if a target, perhaps several joined by commas, names weights, which alone have a norm."""
    return any(_is_named(name, target) for name in measured_tensors(result, "norm"))


def regularized_tensors(result: StudyResult, arm: int) -> list[str]:
    """Return the measured tensors that an arm charges, and the outputs of layers whose activations it charges."""
    weights = measured_tensors(result, "norm")
    targets = [part.strip() for target, _ in result.arms[arm].terms for part in target.split(",")]
    targets += [f"{target.rpartition('/')[0]}/output" for target in targets if not is_weight(result, target)]
    tensors = {name for name in measured_tensors(result, "zeros") for target in targets if _is_named(name, target)}
    return sorted(tensors, key=lambda name: (name in weights, name))


def _is_named(name: str, target: str) -> bool:
    patterns = (part.strip() for part in target.split(","))
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def zero_fractions(result: StudyResult, tensor: str) -> Float[np.ndarray, "setting"]:
    """Return the fraction of exact zeros of one tensor for every candidate, averaged over seeds and folds."""
    return nan_mean(result.by_candidate(result.diagnostic(f"zeros/{tensor}")), (1, 2))


def sparse_tensors(result: StudyResult, arm: int) -> list[str]:
    """Return the tensors in which an arm can make zeros: those it charges, but outputs instead of pre-activations."""
    names = regularized_tensors(result, arm)
    before = {f"{name.rpartition('/')[0]}/preactivation" for name in names if name.endswith("/output")}
    return [name for name in names if name not in before]


def leading_arm(result: StudyResult, evidence: Evidence) -> int | None:
    """Return the arm that is handed over, or the one with the largest gain where that is none.

    None if no arm has finished fits. Without fits of `none` to compare with, return the arm with the best mean.
    """
    if evidence.winner and evidence.winner in evidence.gains:
        return evidence.winner
    compared = rank_arms(evidence.gains)
    if compared:
        return compared[0]
    sign = 1.0 if result.score.maximize else -1.0
    mean = evidence.validation.mean
    arms = [arm for arm in evidence.choices if arm != 0]
    return max(arms, key=lambda arm: sign * mean[evidence.choices[arm].best], default=None)


def resolve_name(name: str | None, names: list[str], what: str, missing: str) -> str:
    """Return `name` if it is among `names`; the first of `names` for None.

    Errors: `InputError` that lists the nearest names, or with the sentence `missing` if there are no names.
    """
    if not names:
        raise InputError(missing)
    if name is not None and name not in names:
        raise InputError(f"Expected {what}, got {name!r}. {nearest_names(name, names)}")
    return names[0] if name is None else name


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
    """Return the strengths of one candidate, such as `hidden/output l1 = 0.003`; empty for an arm without any."""
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


LAST_CODE_POINT = 0x10FFFF
"""The largest code point of Unicode."""
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters, surrogates, and marks of direction, which could make numbers read backwards."""


def escape_control_characters(text: object) -> str:
    r"""Return text with control and bidirectional characters as codes, so that a terminal does not obey them.

    Tabs and line breaks stay.

    >>> escape_control_characters("gain \u202e38.0")
    'gain \\u202e38.0'
    """
    return CONTROL_CHARACTERS.sub(lambda match: f"\\u{ord(match[0]):04x}", str(text))


def has_valid_characters(array: np.ndarray) -> bool:
    """Return False for an array of text with invalid code points: NumPy takes any four bytes for a character.

    >>> has_valid_characters(np.array(["a", "b"])), has_valid_characters(np.array([2**21], "u4").view("U1"))
    (True, False)
    """
    if array.dtype.kind != "U":
        return True
    kind = np.dtype("u4").newbyteorder(array.dtype.byteorder)
    return not (np.ascontiguousarray(array).reshape(-1).view(kind) > LAST_CODE_POINT).any()


def tried_kinds(result: StudyResult) -> str:
    """Return "penalties" where every arm only adds to the loss, as the recorded parts of the loss show."""
    parts = {name.removeprefix("penalty/") for name in result.quantities if name.startswith("penalty/")}
    terms = [[result.slots[slot] for slot in arm.slots] for arm in result.arms if arm.terms]
    has_others = "model" in parts and not all(slots and parts.issuperset(slots) for slots in terms)
    return "regularizers" if has_others else "penalties"


def tried_kind(result: StudyResult) -> str:
    """Return one of what `tried_kinds` returns: "penalty" or "regularizer"."""
    return "penalty" if tried_kinds(result) == "penalties" else "regularizer"

"""Numbers and names as text."""

from bridle.wording._names import (
    brief_name,
    decimal_text,
    join_names,
    needed_decimals,
    score_decimals,
    setting_name,
    shorten,
    strength_text,
    strengths_text,
)
from bridle.wording._tensors import (
    is_weight,
    leading_arm,
    measured_tensors,
    regularized_tensors,
    resolve_name,
    sparse_tensors,
    zero_fractions,
)

__all__ = [
    "brief_name",
    "decimal_text",
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

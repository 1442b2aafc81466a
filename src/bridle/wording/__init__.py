"""Numbers and names as text."""

from bridle.wording._names import (
    brief_name,
    decimals,
    named_list,
    score_places,
    setting_name,
    shorten,
    spell,
    strength_text,
    strengths_text,
)
from bridle.wording._tensors import is_weight, lead, measured, one_of, penalized, sparse_tensors, zeros

__all__ = [
    "brief_name",
    "decimals",
    "is_weight",
    "lead",
    "measured",
    "named_list",
    "one_of",
    "penalized",
    "score_places",
    "setting_name",
    "shorten",
    "sparse_tensors",
    "spell",
    "strength_text",
    "strengths_text",
    "zeros",
]

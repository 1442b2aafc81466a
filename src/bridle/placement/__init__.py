"""WHERE penalties go: targets, terms, what they charge, and models that carry them."""

from bridle.placement._callbacks import Monitor, PenaltyLog, StrengthSchedule
from bridle.placement._charges import Charges, charges, watched, weighted
from bridle.placement._code import code_lines
from bridle.placement._files import unwrapped
from bridle.placement._penalize import check_plain, penalize, plain_copy, unpenalize
from bridle.placement._penalized import Penalized, measuring
from bridle.placement._places import Place, places
from bridle.placement._targets import match
from bridle.placement._terms import Term, distinct, read_terms

__all__ = [
    "Charges", "Monitor", "Penalized", "PenaltyLog", "Place", "StrengthSchedule", "Term", "charges", "check_plain",
    "code_lines", "distinct", "match", "measuring", "penalize", "places", "plain_copy", "read_terms", "unpenalize",
    "unwrapped", "watched", "weighted",
]  # fmt: skip

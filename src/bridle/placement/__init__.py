"""WHERE penalties go: targets, terms, what they charge, and models that carry them."""

from bridle.placement._callbacks import Monitor, PenaltyLog, StrengthSchedule
from bridle.placement._charges import PenaltyTerms, charges, watched, weighted
from bridle.placement._code import code_lines
from bridle.placement._files import unwrapped
from bridle.placement._penalize import check_plain, plain_copy, regularize, strip
from bridle.placement._penalized import Regularized, measuring
from bridle.placement._places import Place, places
from bridle.placement._targets import match
from bridle.placement._terms import Term, distinct, read_terms

__all__ = [
    "Monitor",
    "PenaltyLog",
    "PenaltyTerms",
    "Place",
    "Regularized",
    "StrengthSchedule",
    "Term",
    "charges",
    "check_plain",
    "code_lines",
    "distinct",
    "match",
    "measuring",
    "places",
    "plain_copy",
    "read_terms",
    "regularize",
    "strip",
    "unwrapped",
    "watched",
    "weighted",
]  # fmt: skip
